"""The session kept on disk while it is worked on, beside its results and apart from any save.

A session's folder is that of its `AudioStore`, so an autosave writes JSON alone:

    <id>.wav         results, sealed by the store
    session.json     the history and the view, replaced by a rename
    <id>.step        a result that was finished a moment ago, until session.json tells of it

`session.json` is written by a thread of its own. A result counts as finished only when its
``.step`` is there, so that nothing depends on whether that thread came to it before a crash.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clapsep_desktop.audio.staging import write_text
from clapsep_desktop.errors import AudioWriteError, ClapSepError
from clapsep_desktop.session import serial
from clapsep_desktop.session.history import History
from clapsep_desktop.session.project import Project
from clapsep_desktop.session.session import Extraction, Recording, Session

INTERVAL = 60.0
"""s after which an autosave that failed is tried again."""

SESSION = "session.json"
STEP = ".step"


@dataclass(frozen=True)
class Snapshot:
    """What an autosave holds.

    Attributes:
        project: the history and the view.
        path: the project file that the user saved to or opened, if any.
        saved_at: when it was taken, s since 1970.
    """

    project: Project
    path: Path | None = None
    saved_at: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        path = None if self.path is None else str(self.path)
        return {"project": self.project.to_dict(), "path": path, "saved_at": self.saved_at}

    @classmethod
    def from_dict(cls, value: object) -> Snapshot:
        """What `to_dict` gave; raises ProjectError for anything else."""
        with serial.reading():
            path = serial.field(value, "path", str, type(None))
            return cls(
                Project.from_dict(serial.field(value, "project", dict)),
                None if path is None else Path(path),
                float(serial.field(value, "saved_at", float, int)),
            )


@dataclass(frozen=True)
class FinishedStep:
    """A result that no session file may tell of yet.

    Attributes:
        title: of the step, as menu words.
        recording: what it was made of.
        extraction: with its buffer.
    """

    title: str
    recording: Recording
    extraction: Extraction

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it: a history of one step."""
        history = History.of(Session(self.recording))
        done = history.applied(self.title, history.current.added(self.extraction))
        return serial.history_to_dict(done)

    @classmethod
    def from_dict(cls, value: object) -> FinishedStep:
        """What `to_dict` gave; raises ProjectDamagedError for anything else."""
        history = serial.history_from_dict(value)
        with serial.reading():
            (title,), (extraction,) = history.titles, history.states[-1].extractions
            return cls(title, history.recording, extraction)


def note_finished(folder: Path, step: FinishedStep) -> None:
    """Write down a finished result, at once and by the thread that made it.

    Raises:
        AudioWriteError: the disk is full or may not be written.
    """
    _write_json(folder / f"{step.extraction.buffer}{STEP}", step.to_dict())


def finished_steps(folder: Path) -> list[FinishedStep]:
    """The results that were noted and not yet told of by the session file, oldest first."""
    steps = []
    for path in sorted(folder.glob(f"*{STEP}"), key=_age):
        with suppress(OSError, ValueError, ClapSepError):
            steps.append(FinishedStep.from_dict(json.loads(path.read_text(encoding="ascii"))))
    return steps


def read_snapshot(folder: Path) -> Snapshot | None:
    """What the session file of a folder tells; None where there is none.

    Raises:
        ProjectError: it is damaged, or of a newer version.
        OSError: it cannot be read.
    """
    try:
        text = (folder / SESSION).read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    with serial.reading():
        return Snapshot.from_dict(json.loads(text))


class Autosave:
    """Writes snapshots on a thread of its own, the latest one first and older ones never.

    Args:
        folder: the session's.
        trouble: told in a sentence, on that thread, when writing begins to fail; None when it
            works again.
        interval: s after which what could not be written is tried again.
    """

    def __init__(
        self,
        folder: Path,
        trouble: Callable[[str | None], None] = lambda _: None,
        interval: float = INTERVAL,
    ) -> None:
        self.folder = folder
        self._trouble = trouble
        self._interval = interval
        self._changed = threading.Condition()
        self._pending: Snapshot | None = None
        self._told: set[str] = set()  # buffers in any snapshot since their step was noted
        self._is_writing = False
        self._is_failing = False
        self._is_retrying = False  # the pending one failed before
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="autosave", daemon=True)
        self._thread.start()

    def put(self, project: Project, path: Path | None = None) -> None:
        """Have a project written soon. Returns at once; any thread may call it."""
        with self._changed:
            self._pending = Snapshot(project, path, time.time())
            self._told |= project.history.buffers
            self._changed.notify_all()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all is written.

        Args:
            timeout: s to wait at most; None waits as long as it takes.

        Returns:
            Whether it is; False where writing fails, too.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_failing or self._is_idle, timeout)
            return self._is_idle and not self._is_failing

    @property
    def _is_idle(self) -> bool:
        return self._pending is None and not self._is_writing

    def clear(self) -> None:
        """Forget the session: there is nothing to recover any more."""
        with self._changed:
            self._pending = None
            self._changed.wait_for(lambda: not self._is_writing)
            self._told.clear()
            for path in (self.folder / SESSION, *self.folder.glob(f"*{STEP}")):
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def close(self) -> None:
        """Write what is pending and end the thread; a second call does nothing."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while (snapshot := self._next()) is not None:
            try:
                self._write(snapshot)
            except AudioWriteError as error:
                self._failed(snapshot, error)
            else:
                self._done()

    def _next(self) -> Snapshot | None:
        """The latest snapshot, once there is one; None when closed."""
        with self._changed:
            if self._is_retrying and not self._is_closed:
                self._changed.wait(self._interval)  # or until there is a newer one
            self._changed.wait_for(lambda: self._pending is not None or self._is_closed)
            snapshot, self._pending = self._pending, None
            self._is_writing = snapshot is not None
            return snapshot

    def _write(self, snapshot: Snapshot) -> None:
        with self._changed:
            told = frozenset(self._told)
        _write_json(self.folder / SESSION, snapshot.to_dict())
        for buffer in told:
            with suppress(OSError):
                (self.folder / f"{buffer}{STEP}").unlink(missing_ok=True)
        with self._changed:
            self._told -= told - snapshot.project.history.buffers

    def _failed(self, snapshot: Snapshot, error: AudioWriteError) -> None:
        with self._changed:
            is_news, self._is_failing = not self._is_failing, True
            self._is_writing = False
            self._is_retrying = self._pending is None and not self._is_closed
            if self._is_retrying:
                self._pending = snapshot
            self._changed.notify_all()
        if is_news:
            self._trouble(
                f"The session could not be autosaved. {error} Until then, a crash would lose what "
                "is not saved."
            )

    def _done(self) -> None:
        with self._changed:
            was_failing, self._is_failing = self._is_failing, False
            self._is_writing = self._is_retrying = False
            self._changed.notify_all()
        if was_failing:
            self._trouble(None)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    write_text(path, json.dumps(value, allow_nan=False))


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
