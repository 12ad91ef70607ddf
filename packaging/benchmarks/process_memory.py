"""How much memory this process has held."""

from __future__ import annotations

import sys
from pathlib import Path


def peak_memory() -> int:
    """The most this process has held, bytes."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    elif sys.platform == "linux":  # noqa: RET505 - where getrusage counts the parent's memory too
        return status("VmHWM")
    else:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def status(field: str) -> int:
    """A field of Linux's account of this process, bytes; 0 elsewhere."""
    path = Path("/proc/self/status")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))
