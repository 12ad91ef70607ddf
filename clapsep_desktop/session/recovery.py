"""What a crash left behind: found at the next start, offered, and removed when it is settled.

Each running window has a folder of its own under one root; `autosave` tells what lies in it. A
folder whose process is dead is a session that was not closed.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Collection, Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import platformdirs

from clapsep_desktop.audio.store import in_use, remove_orphans
from clapsep_desktop.errors import ProjectDamagedError, ProjectVersionError
from clapsep_desktop.session.autosave import FinishedStep, Snapshot, finished_steps, read_snapshot
from clapsep_desktop.session.history import History
from clapsep_desktop.session.project import Opened, Progress, Project, Results, taking_in
from clapsep_desktop.session.session import Session

_NAME = re.compile("[0-9a-f]{32}")  # what `new_folder` gives; other folders are the user's
_YOUNG = 60.0  # s; a folder this new may be one that a process is just making


def sessions_root() -> Path:
    """Where the folders of all sessions are: $CLAPSEP_SESSIONS or the data folder.

    Not the cache folder: systems empty that one as they like.
    """
    chosen = os.environ.get("CLAPSEP_SESSIONS")
    if chosen:
        return Path(chosen).expanduser()
    return Path(platformdirs.user_data_dir("clapsep-desktop", appauthor=False)) / "sessions"


def new_folder(root: Path) -> Path:
    """The folder of one more session; it is not made yet."""
    return root / uuid4().hex


@dataclass(frozen=True)
class Recoverable:
    """A session that was not closed.

    Attributes:
        folder: what is left of it.
        snapshot: its state, with every step that was finished.
    """

    folder: Path
    snapshot: Snapshot

    @property
    def name(self) -> str:
        """What to call it: the project's name, else the recording's."""
        return (self.snapshot.path or self.snapshot.project.history.recording.path).name

    @property
    def steps(self) -> int:
        """Steps that lead to the state that is shown."""
        return self.snapshot.project.history.index

    @property
    def size(self) -> int:
        """Bytes on disk."""
        with suppress(OSError):
            return sum(file.stat().st_size for file in self.folder.iterdir())
        return 0


def find(root: Path) -> list[Recoverable]:
    """The sessions that can be recovered, the latest first."""
    found = [one for folder in _abandoned(root) if (one := _recoverable(folder)) is not None]
    return sorted(found, key=lambda one: one.snapshot.saved_at, reverse=True)


def recovering(one: Recoverable, results: Results) -> Generator[Progress, None, Opened]:
    """Take the results of a session in; `discard` it only when its state is saved elsewhere.

    Raises:
        AudioWriteError: there is no room for them.
    """
    return taking_in(one.folder, one.snapshot.project, results)


def discard(one: Recoverable) -> None:
    """Delete what is left of a session."""
    shutil.rmtree(one.folder, ignore_errors=True)


def clean(root: Path, keep: Collection[Recoverable]) -> int:
    """Delete what dead processes left and nothing needs; the bytes that freed.

    Args:
        root: of all sessions; what else lies there stays, for the user may have chosen any folder.
        keep: sessions that `find` gave; those of a newer version of the program stay as well.
    """
    kept = {one.folder for one in keep}
    for folder in _abandoned(root):
        if not _NAME.fullmatch(folder.name):
            continue
        with suppress(OSError):  # another window may be cleaning as well
            if time.time() - folder.stat().st_mtime > _YOUNG:
                folder.rmdir()  # if it is empty: its process died before it could say it is its own
    return remove_orphans(root, lambda folder: folder in kept or _is_newer(folder))


def _abandoned(root: Path) -> list[Path]:
    return [folder for folder in root.glob("*") if folder.is_dir() and not in_use(folder)]


def _recoverable(folder: Path) -> Recoverable | None:
    try:
        snapshot = read_snapshot(folder)
    except ProjectVersionError:
        return None
    except (ProjectDamagedError, OSError):
        snapshot = None
    for step in finished_steps(folder):
        sound = folder / f"{step.extraction.buffer}.wav"
        with suppress(FileNotFoundError):  # it never got its sound, or another window is cleaning
            sealed_at = sound.stat().st_mtime
            snapshot = _with_step(snapshot or _beginning(step, sealed_at), step)
    return None if snapshot is None else Recoverable(folder, snapshot)


def _beginning(step: FinishedStep, saved_at: float) -> Snapshot:
    """The session as it was opened, where not even that had been written."""
    return Snapshot(Project(History.of(Session(step.recording))), saved_at=saved_at)


def _with_step(snapshot: Snapshot, step: FinishedStep) -> Snapshot:
    """A snapshot with a step that it does not tell of yet."""
    project, extraction = snapshot.project, step.extraction
    history = project.history
    if extraction.buffer in history.buffers or history.recording.path != step.recording.path:
        return snapshot
    session = history.current
    if extraction.id in session:  # rendered again
        session = session.replaced(extraction)
    else:
        session = session.added(extraction)
    return replace(snapshot, project=replace(project, history=history.applied(step.title, session)))


def _is_newer(folder: Path) -> bool:
    try:
        read_snapshot(folder)
    except ProjectVersionError:
        return True
    except (ProjectDamagedError, OSError):
        return False
    return False
