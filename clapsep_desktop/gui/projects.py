"""Projects in the window: saving, opening, and opening what a crash left behind."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from clapsep_desktop.errors import ProjectInUseError
from clapsep_desktop.gui.document import Document
from clapsep_desktop.gui.jobs import Job, JobRunner
from clapsep_desktop.gui.operations import trouble
from clapsep_desktop.gui.project_steps import (
    Candidate,
    Ready,
    Saved,
    examine_steps,
    lock_steps,
    read_steps,
    ready_steps,
    save_steps,
)
from clapsep_desktop.gui.questions import Ask, Question
from clapsep_desktop.gui.requests import Trouble
from clapsep_desktop.gui.safekeeping import Safekeeping
from clapsep_desktop.session.locks import ProjectLock
from clapsep_desktop.session.project import SUFFIX
from clapsep_desktop.session.recovery import Recoverable

LOOK = "Look for It…"
USE = "Use It as It Is"
COPY = "Open a Copy"
ANYWAY = "Open Anyway"
SAVE, DO_NOT_SAVE = "Save", "Don’t Save"


class Projects(QObject):
    """What the user can do with projects.

    Signals:
        opened(Path): a project, or what was recovered, is shown; the recording's path.
        view_restored(dict): the view that belongs to it.
        saved(Path): the project file.
        noted(str): a sentence that the user should know.
        troubled(Trouble): something did not work.

    Args:
        document: what is saved and opened.
        runner: runs what takes time.
        keeping: autosaves the document.
        ask: asks a question and waits for the answer.
        choose_target: asks where to save, given a proposal; None when given up.
        choose_recording: asks where a recording is, given where it was; None when given up.
        parent: see QObject.
    """

    opened = Signal(object)
    view_restored = Signal(object)
    saved = Signal(object)
    noted = Signal(str)
    troubled = Signal(object)

    def __init__(
        self,
        document: Document,
        runner: JobRunner,
        keeping: Safekeeping,
        *,
        ask: Ask,
        choose_target: Callable[[Path], Path | None],
        choose_recording: Callable[[Path], Path | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._document = document
        self._runner = runner
        self._keeping = keeping
        self._ask = ask
        self._choose_target = choose_target
        self._choose_recording = choose_recording
        self._lock: ProjectLock | None = None
        document.closed.connect(self.close)

    @Slot()
    def close(self) -> None:
        """Keep nobody else from the project any more."""
        self._take(None)

    # -- Saving --------------------------------------------------------------------------------

    def save(self, then: Callable[[], None] | None = None) -> None:
        """Save the project where it was saved before; the first time the user says where.

        Args:
            then: called once it is saved.
        """
        if self._document.project is None:
            self.save_as(then)
        else:
            self._save(self._document.project, then)

    def save_as(self, then: Callable[[], None] | None = None) -> None:
        """Save the project where the user says."""
        session, project = self._document.session, self._document.project
        if session is None:
            return
        target = self._choose_target(project or session.recording.path.with_suffix(SUFFIX))
        if target is not None:
            named = target if target.suffix == SUFFIX else target.with_name(target.name + SUFFIX)
            self._save(named, then)

    def _save(self, path: Path, then: Callable[[], None] | None) -> None:
        document = self._document
        project, shown = self._keeping.project, document.session
        held = project.history.buffers
        document.hold(held)

        def finish(saved: Saved) -> None:
            self._take(saved.lock)
            is_shown = document.session is shown
            if document.session is not None:
                document.know_recording(saved.history.recording)
                document.project = path
                if is_shown:
                    document.undo_stack.setClean()
                self._keeping.autosave()
            document.release(held)
            self.saved.emit(path)
            if then is not None:
                then()

        def explain(error: Exception) -> None:
            sentence = f"{trouble.sentence(error)} Everything is still open here."
            title = "The project could not be saved"
            self.troubled.emit(Trouble(title, sentence, (trouble.SAVE_ELSEWHERE,)))

        self._runner.submit(
            Job(
                f"Saving “{path.name}”",
                lambda: save_steps(path, project, document.store, self._lock),
                on_result=finish,
                on_abandoned=lambda: document.release(held),
                on_error=explain,
                discard=lambda saved: self._give_back(saved.lock),
            )
        )

    def leave(self, then: Callable[[], None]) -> None:
        """Do something that closes the document, once what is not saved is settled.

        Args:
            then: what is done, at once or after saving; never if the user cancels.
        """
        session = self._document.session
        if session is None or not self._document.is_dirty:
            then()
            return
        name = (self._document.project or session.recording.path).name
        question = Question(
            f"Save the changes to “{name}”?",
            "Without saving, the steps since the last save and their results are deleted.",
            (SAVE, DO_NOT_SAVE),
        )
        answer = self._ask(question)
        if answer == SAVE:
            self.save(then)
        elif answer == DO_NOT_SAVE:
            then()

    # -- Opening -------------------------------------------------------------------------------

    def open(self, path: Path) -> None:
        """Open a project instead of what is shown, which stays until the other is there."""

        def read(lock: ProjectLock | None) -> None:
            if lock is not None and lock is self._lock:
                self.noted.emit(f"“{path.name}” is open already.")
            else:
                self._examine(lambda: read_steps(path), path, _Opening(lock))

        self._lock_first(path, read, self._lock)

    def _lock_first(
        self,
        path: Path,
        then: Callable[[ProjectLock | None], None],
        own: ProjectLock | None = None,
        *,
        force: bool = False,
    ) -> None:
        """Lock a project, or ask where another instance has it.

        Args:
            path: the project file.
            then: gets the lock; None where a copy is to be opened. Not called where the user gives
                up.
            own: what is given where it is the lock of that project.
            force: take the lock from whoever holds it.
        """

        def ask(error: Exception) -> None:
            if not isinstance(error, ProjectInUseError):
                self.troubled.emit(trouble.of_opening(error))
                return
            question = Question("The project is open already", str(error), (COPY, ANYWAY))
            answer = self._ask(question)
            if answer == ANYWAY:
                self._lock_first(path, then, force=True)
            elif answer == COPY:
                then(None)

        self._runner.submit(
            Job(
                f"Opening “{path.name}”",
                lambda: lock_steps(path, own, force=force),
                on_result=then,
                on_error=ask,
                discard=self._give_back,
            )
        )

    def _examine(
        self, steps: Callable[[], Generator[Any, None, Candidate]], path: Path, opening: _Opening
    ) -> None:
        """Read a project and see whether its recording is there."""
        self._runner.submit(
            Job(
                f"Opening “{path.name}”",
                steps,
                on_result=lambda candidate: self._consider(candidate, path, opening),
                on_abandoned=opening.give_up,
                on_error=lambda error: self.troubled.emit(trouble.of_opening(error)),
            )
        )

    def _consider(self, candidate: Candidate, path: Path, opening: _Opening) -> None:
        """Open what was read, or ask what to do about its recording."""
        if candidate.problem is None:
            self._finish_opening(candidate, path, opening)
            return
        missing = not candidate.digest
        question = Question(
            "The recording is missing" if missing else "The recording has changed",
            _missing(candidate) if missing else str(candidate.problem),
            (LOOK, USE) if candidate.fits else (LOOK,),
        )
        answer = self._ask(question)
        if answer == USE:
            self._finish_opening(candidate, path, opening)
            return
        other = self._choose_recording(candidate.recording) if answer == LOOK else None
        if other is None:
            opening.give_up()
            return
        elsewhere = candidate.with_recording(other)
        self._examine(lambda: examine_steps(elsewhere), path, opening)

    def _finish_opening(self, candidate: Candidate, path: Path, opening: _Opening) -> None:
        document = self._document
        held = candidate.project.history.buffers
        document.hold(held)

        def show(ready: Ready) -> None:
            self._show(ready, opening)
            document.release(held)

        def give_up() -> None:
            document.release(held)
            opening.give_up()

        self._runner.submit(
            Job(
                f"Opening “{path.name}”",
                lambda: ready_steps(candidate, document.store),
                on_result=show,
                on_abandoned=give_up,
                on_error=lambda error: self.troubled.emit(trouble.of_opening(error)),
                discard=lambda ready: ready.material.close(),
            )
        )

    def _show(self, ready: Ready, opening: _Opening) -> None:
        project = ready.opened.project
        path = None if opening.lock is None else ready.candidate.path
        self._document.open(project.history, ready.material, path)
        self._take(opening.lock)
        if path is None or opening.recovered is not None:
            self._document.undo_stack.resetClean()
        self._keeping.autosave()
        self.view_restored.emit(project.view)
        self.opened.emit(ready.material.info.path)
        for sentence in (*ready.opened.notes, ready.material.info.warning):
            if sentence:
                self.noted.emit(sentence)
        if opening.recovered is not None:
            self._keeping.settle(opening.recovered)

    def recover(self, session: Recoverable) -> None:
        """Open what a crash left; it stays on the disk until this session's autosave has it."""
        snapshot = session.snapshot
        candidate = Candidate(snapshot.project, session.folder, snapshot.path)

        def examine(lock: ProjectLock | None) -> None:
            opening = _Opening(lock, session)
            self._examine(lambda: examine_steps(candidate), Path(session.name), opening)

        if snapshot.path is None:
            examine(None)
        else:
            self._lock_first(snapshot.path, examine)

    # -- The lock ------------------------------------------------------------------------------

    def _take(self, lock: ProjectLock | None) -> None:
        """Hold another lock than before, or none."""
        if lock is not self._lock:
            if self._lock is not None:
                self._lock.release()
            self._lock = lock

    def _give_back(self, lock: ProjectLock) -> None:
        """Let go of a lock that was not wanted any more when it was there."""
        if lock is not self._lock:
            lock.release()


@dataclass(frozen=True)
class _Opening:
    """What must be given back when opening comes to nothing.

    Attributes:
        lock: of the project; None where a copy is opened, or there is no project yet.
        recovered: what a crash left, if that is what is opened.
    """

    lock: ProjectLock | None
    recovered: Recoverable | None = None

    def give_up(self) -> None:
        """The project is free again."""
        if self.lock is not None:
            self.lock.release()


def _missing(candidate: Candidate) -> str:
    return (
        f"{candidate.problem} Everything else of the project is there. Look for the recording, "
        "and the project finds it there from the next save on."
    )
