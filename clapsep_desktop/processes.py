"""Which process something on the disk belongs to, and whether that one still runs."""

from __future__ import annotations

import getpass
import os
import socket
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import psutil

_STARTTIME = 22 - 3  # its place in /proc/PID/stat, from the third field on; see proc(5)
_SAME_START = 1.0  # s; two readings of when a process began differ by less


@dataclass(frozen=True)
class Owner:
    """A process.

    Attributes:
        pid: its number.
        host: the name of the computer it runs on.
        machine: the same by its network hardware: names change with the network, and what tells
            the hardware may change with what is plugged in, but seldom do both at once.
        user: who runs it.
        started: when it began, seconds since 1970: numbers are given again, times are not.
        birth: the same whatever becomes of the clock; empty where the system does not tell it.
    """

    pid: int
    host: str
    machine: str
    user: str
    started: float
    birth: str = ""

    @classmethod
    def this(cls) -> Owner:
        """The process that asks."""
        pid, began = os.getpid(), psutil.Process().create_time()
        return cls(pid, socket.gethostname(), _machine(), _user(), began, _birth(pid))

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: object) -> Owner:
        """What `to_dict` gave, whatever else stands beside it; raises ValueError otherwise."""
        match value:
            case Mapping():
                match [value.get(each.name) for each in fields(cls)]:
                    case [
                        int(pid),
                        str(host),
                        str(machine),
                        str(user),
                        int() | float() as began,
                        str() | None as birth,
                    ]:
                        return cls(pid, host, machine, user, float(began), birth or "")
        raise ValueError("no process")

    @property
    def is_here(self) -> bool:
        """Whether it runs on this computer."""
        return self.host == socket.gethostname() or self.machine == _machine()

    @property
    def is_live(self) -> bool:
        """Whether it may still run; of one on another computer that is not known."""
        if not self.is_here:
            return True
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:  # it ended, and its parent did not look
                return False
            began = process.create_time()
        except (psutil.NoSuchProcess, ValueError, OverflowError):
            return False
        except psutil.AccessDenied:
            return True
        birth = _birth(self.pid)
        if self.birth and birth:
            return self.birth == birth
        return bool(abs(began - self.started) < _SAME_START)


def _birth(pid: int) -> str:
    """The start of the system and the tick since then in which a process began, on Linux.

    There the time of day at which it began is reckoned anew whenever it is asked for, and moves
    with the clock when that is set, as it is after a start with a wrong one.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        after_name = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return f"{boot} {int(after_name[_STARTTIME])}"
    except (OSError, ValueError, IndexError):
        return ""


def _machine() -> str:
    return f"{uuid.getnode():012x}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user that the system has no name for
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
