"""A document with projects, apart from any window."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.gui.document import Document, Material
from clapsep_desktop.gui.jobs import JobRunner
from clapsep_desktop.gui.operations.opening import recording_of
from clapsep_desktop.gui.projects import Projects
from clapsep_desktop.gui.questions import Question
from clapsep_desktop.gui.requests import Trouble
from clapsep_desktop.gui.safekeeping import Safekeeping
from clapsep_desktop.processes import Owner
from clapsep_desktop.session.history import History
from clapsep_desktop.session.session import Session
from tests.support.sessions import make_step

DEAD = 2**22 + 1
"""The number of a process that is not there."""


class Desk:
    """A document with projects, as the main window has them, and a user who answers."""

    def __init__(self, folder: Path, name: str = "session") -> None:
        self.folder = folder
        self.document = Document(AudioStore(folder / "sessions" / name))
        self.runner = JobRunner()
        self.view = {"start": 12.5}
        self.answers: list[str] = []
        self.questions: list[Question] = []
        self.target: Path | None = folder / "field.clapsep"
        self.elsewhere: Path | None = None
        self.keeping = Safekeeping(
            self.document, self.runner, [folder / "sessions"], lambda: self.view
        )
        self.projects = Projects(
            self.document,
            self.runner,
            self.keeping,
            ask=self._answer,
            choose_target=lambda _: self.target,
            choose_recording=lambda _: self.elsewhere,
        )
        self.troubles: list[Trouble] = []
        self.notes: list[str] = []
        self.views: list[object] = []
        for part in (self.projects, self.keeping):
            part.troubled.connect(self.troubles.append)
            part.noted.connect(self.notes.append)
        self.projects.view_restored.connect(self.views.append)

    def _answer(self, question: Question) -> str:
        self.questions.append(question)
        return self.answers.pop(0)

    def work(self, steps: int = 2) -> None:
        """Open the recording and make some steps."""
        file = AudioFile(self.folder / "field.wav")
        material = Material(file.info, file, file.close)
        self.document.open(History.of(Session(recording_of(material))), material)
        for seed in range(1, steps + 1):
            self.add(seed)

    def add(self, seed: int) -> None:
        session = self.document.session
        extraction = make_step(self.document.store, session, seed)
        self.document.apply(extraction.title, session.added(extraction))

    def heard(self) -> np.ndarray:
        return self.document.sources()["kept"].read(0, self.document.session.recording.frames)

    def wait(self, qtbot) -> None:
        qtbot.waitUntil(lambda: self.runner.current is None and not self.runner.waiting)

    def save(self, qtbot) -> None:
        self.projects.save()
        self.wait(qtbot)

    def open(self, qtbot, path: Path | None = None) -> None:
        self.projects.open(path or self.folder / "field.clapsep")
        self.wait(qtbot)

    def crash(self) -> None:
        """End as a killed process does: what is on the disk stays, of a process that is dead."""
        self.keeping._autosave.flush(10)
        self.keeping._timer.stop()
        self.keeping._autosave.close()
        self.runner.close()
        lock = self.document.store.folder / "process.json"
        lock.write_text(json.dumps(json.loads(lock.read_text()) | {"pid": DEAD}))
        if self.projects._lock is not None:
            leave_lock(self.projects._lock.project, pid=DEAD)
        if self.document.material is not None:
            self.document.material.close()
        for buffer in self.document.store._sealed.values():
            buffer.release()

    def close(self) -> None:
        self.runner.close()
        self.projects.close()
        self.keeping.close()
        self.document.close()
        self.document.store.close()


def leave_lock(project: Path, **owner: object) -> None:
    lock = project.with_name(f".{project.name}.lock")
    lock.write_text(json.dumps(Owner.this().to_dict() | owner))
