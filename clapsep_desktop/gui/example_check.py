"""Whether the files of examples can be read, found out before they are asked for."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.errors import AudioError
from clapsep_desktop.gui.jobs import Job, JobRunner, Progress, Steps

_LOOKED_AT = 1.0  # s of a file; what is damaged further on is met when it is heard


class ExampleCheck(QObject):
    """Looks into sound files one by one, on a thread of its own.

    Signals, delivered on the GUI thread:
        failed(Path, str): a file cannot be read, and why, in a sentence.
    """

    failed = Signal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runner = JobRunner(self)

    def look_at(self, path: Path) -> None:
        """Look into a file; nothing is told of one that can be read."""
        self._runner.submit(
            Job(
                f"Looking at “{path.name}”",
                partial(_look, path),
                on_error=partial(self._tell, path),
            )
        )

    def close(self) -> None:
        """Look at nothing more, and wait for the thread."""
        self._runner.close()

    def _tell(self, path: Path, error: Exception) -> None:
        if not isinstance(error, AudioError):
            raise error
        self.failed.emit(path, str(error))


def _look(path: Path) -> Steps[None]:
    yield Progress("reading")
    with AudioFile(path) as file:
        file.read(0, min(file.frames, round(_LOOKED_AT * file.rate)))
