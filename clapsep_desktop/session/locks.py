"""Who has a project open: a small file beside it that names a live process.

The file appears whole or not at all, and one of two processes that try at once makes it. A lock
whose process is gone is taken over. Of a process on another computer that cannot be known, so its
lock counts until the user says otherwise.
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from clapsep_desktop.errors import ProjectInUseError
from clapsep_desktop.processes import Owner


class ProjectLock:
    """The lock of a project file, held until `release`; a context manager.

    Args:
        project: the project file, which need not exist yet.
        force: take the lock from whoever holds it.

    Attributes:
        is_held: whether there is a lock; False on a disk that is full or may not be written,
            where nobody can save either.

    Raises:
        ProjectInUseError: another live process has the project open.
    """

    def __init__(self, project: Path, *, force: bool = False) -> None:
        self.project = Path(os.path.realpath(project))
        self.path = self.project.with_name(f".{self.project.name}.lock")
        self.is_held = False
        self._text = json.dumps(Owner.this().to_dict() | {"token": secrets.token_hex(8)})
        with suppress(OSError):
            self._acquire(force)

    def _acquire(self, force: bool) -> None:
        for _ in range(8):  # each turn somebody else was quicker
            if self._created():
                self.is_held = True
                return
            text = _content(self.path)
            if text is None:
                continue
            owner = _owner(text)
            if owner is not None and owner.is_live and not force:
                raise ProjectInUseError(_in_use(self.project, owner))
            self._take_away(text)
        raise ProjectInUseError(f"“{self.project.name}” is being opened elsewhere. Try again.")

    def _created(self) -> bool:
        """Make the file with all its content in one step; False where there is one already."""
        staged = self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}")
        try:
            staged.write_text(self._text, encoding="utf-8")
            try:
                os.link(staged, self.path)
            except FileExistsError:
                return False
            except OSError:  # no hard links on this file system
                return self._created_directly()
            return True
        finally:
            with suppress(OSError):
                staged.unlink(missing_ok=True)

    def _created_directly(self) -> bool:
        try:
            handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return False
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(self._text)
        return True

    def _take_away(self, text: str) -> None:
        """Remove a lock of known content; one that was made meanwhile is put back."""
        aside = self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}")
        with suppress(FileNotFoundError):
            self.path.rename(aside)
            if _content(aside) != text:
                with suppress(OSError):
                    os.link(aside, self.path)
            aside.unlink(missing_ok=True)

    def is_of(self, project: Path) -> bool:
        """Whether it is the lock of a project, by whatever links that is reached."""
        return Path(os.path.realpath(project)) == self.project

    def release(self) -> None:
        """Give the project free; a lock that another process took meanwhile stays."""
        if self.is_held and _content(self.path) == self._text:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)
        self.is_held = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _content(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _owner(text: str) -> Owner | None:
    """Whom a lock names; None for one that is damaged, which counts as left behind."""
    try:
        return Owner.from_dict(json.loads(text))
    except ValueError:
        return None


def _in_use(project: Path, owner: Owner) -> str:
    if owner.is_here:
        where = "another window of CLAPSep Desktop"
    else:
        where = f"CLAPSep Desktop on the computer “{owner.host}”"
    since = datetime.fromtimestamp(owner.started).astimezone()
    return (
        f"“{project.name}” is open in {where} (user {owner.user}, running since "
        f"{since:%Y-%m-%d %H:%M}). Close it there first, or open a copy of the project."
    )
