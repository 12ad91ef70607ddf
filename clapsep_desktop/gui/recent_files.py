"""The files that were opened last, and which of them are still there."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from clapsep_desktop.gui.preferences import Settings

PATIENCE = 1.0
"""s that closing waits for folders that do not answer."""


class RecentFiles(QObject):
    """Knows which of the recent files are there, and never waits for a disk to tell.

    Each folder is looked at on a thread of its own: one on a network that does not answer keeps
    that thread waiting, and nothing else.

    Signals:
        changed(): of some file it is known by now that it is there, or that it is not.

    Args:
        settings: remember the files.
        parent: see QObject.
    """

    changed = Signal()

    _answered = Signal(object)  # dict[Path, bool], from the threads to this one

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._gone: set[Path] = set()
        self._looking: dict[Path, threading.Thread] = {}  # by folder
        self._answered.connect(self._on_answer)

    @property
    def paths(self) -> list[Path]:
        """The newest first."""
        return self._settings.recent_files

    def is_there(self, path: Path) -> bool:
        """Whether a file is there, as far as is known; one that was not looked for counts so."""
        return path not in self._gone

    def look(self) -> None:
        """Look anew which are there."""
        folders: defaultdict[Path, list[Path]] = defaultdict(list)
        for path in self.paths:
            folders[path.parent].append(path)
        for folder, paths in folders.items():
            former = self._looking.get(folder)
            if former is None or not former.is_alive():
                self._looking[folder] = threading.Thread(
                    target=self._look, args=(paths,), name="recent files", daemon=True
                )
                self._looking[folder].start()

    def close(self) -> None:
        """Wait a little for the threads."""
        until = time.monotonic() + PATIENCE
        for thread in self._looking.values():
            thread.join(max(until - time.monotonic(), 0.0))
        self._looking.clear()

    def _look(self, paths: Sequence[Path]) -> None:
        self._answered.emit({path: _exists(path) for path in paths})

    @Slot(object)
    def _on_answer(self, there: dict[Path, bool]) -> None:
        gone = (self._gone - there.keys()) | {
            path for path, is_there in there.items() if not is_there
        }
        if gone != self._gone:
            self._gone = gone
            self.changed.emit()


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # it may not be looked at, and so not be opened either
        return False
