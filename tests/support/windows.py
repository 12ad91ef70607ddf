"""A main window whose models are tiny, whose sound card is not there and whose user answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QSettings

from clapsep_desktop.audio.playback import Player
from clapsep_desktop.gui.editor import Editor
from clapsep_desktop.gui.main_window import MainWindow
from clapsep_desktop.gui.preferences import Settings
from clapsep_desktop.gui.questions import Dialogs, Question
from tests.support.playback import FakeBackend, FakeClock
from tests.support.separating import TinyModels


class Answers(Dialogs):
    """Answers in the user's place, and notes what was asked.

    Attributes:
        questions: what was asked.
        answers: what is answered, first to last; without one, what Esc stands for.
        opened: the file to open; target: the project to save; folder: for results.
    """

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self.answers: list[str] = []
        self.opened: Path | None = None
        self.target: Path | None = None
        self.folder: Path | None = None

    def ask(self, question: Question) -> str:
        self.questions.append(question)
        answer = self.answers.pop(0) if self.answers else question.cancel
        assert answer in (*question.answers, question.cancel)
        return answer

    def file_to_open(self, folder: Path | None, *, projects: bool = True) -> Path | None:
        return self.opened

    def recording_to_look_for(self, where_it_was: Path) -> Path | None:
        return self.opened

    def folder_for_results(self, folder: Path) -> Path | None:
        return self.folder

    def project_to_save(self, proposal: Path) -> Path | None:
        return self.target


class Studio:
    """A window on a folder of its own.

    Args:
        folder: for settings and sessions.
        sessions: another folder for the sessions, such as an earlier window's.
        name: of the session's own folder.

    Attributes:
        gate: what each window of a running extraction waits for, if it is set before the first.
        fail: what loading a model of a name raises.
        devices: for which models were made, in order.
    """

    def __init__(self, folder: Path, sessions: Path | None = None, name: str = "one") -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.gate: threading.Event | None = None
        self.fail: dict[str, Exception] = {}
        self.devices: list[str] = []
        self.clock = FakeClock()
        self.backend = FakeBackend(self.clock)
        store = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
        self.settings = Settings(store)
        self.settings.update(model="mini", specialists=False)
        self.sessions = sessions or folder / "sessions"
        self.editor = Editor(
            self.settings,
            self.sessions / name,
            models=self._models,
            player=Player(self.backend, clock=self.clock),
        )
        self.dialogs = Answers()
        self.window = MainWindow(self.editor, self.dialogs)

    def _models(self, device: str, notify: Callable[[str], None]) -> TinyModels:
        self.devices.append(device)
        return TinyModels(notify, self.gate, self.fail)

    def trigger(self, name: str) -> None:
        """Do a command, as its menu entry would; it must be allowed."""
        action = self.window.actions_[name]
        assert action.isEnabled(), f"“{name}” cannot be done now"
        action.trigger()

    def read(self, role: str) -> np.ndarray:
        """All that is heard in a role, (frames, channels)."""
        source = self.editor.document.sources()[role]
        return source.read(0, source.frames)

    @property
    def session(self):
        """What is shown."""
        return self.editor.document.session

    @property
    def stored(self) -> set[str]:
        """Names of the results on disk."""
        return {path.name for path in (self.sessions / "one").glob("*.wav")}

    def close(self) -> None:
        """Close the window at once and let go of it."""
        if self.gate is not None:
            self.gate.set()
        self.window.close_now()
        self.window.deleteLater()
