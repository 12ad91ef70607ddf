"""Keeps the open document safe: autosaved, with its results where there is room, found again.

What a crash left is found here and opened by `projects.Projects.recover`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.gui.document import Document
from clapsep_desktop.gui.jobs import Job, JobRunner
from clapsep_desktop.gui.operations import trouble
from clapsep_desktop.gui.project_steps import (
    discard_steps,
    find_steps,
    leave_steps,
    move_steps,
    settle_steps,
)
from clapsep_desktop.gui.requests import Trouble
from clapsep_desktop.session import recovery
from clapsep_desktop.session.autosave import Autosave
from clapsep_desktop.session.project import Project
from clapsep_desktop.session.recovery import Recoverable


class Safekeeping(QObject):
    """Writes the document to its session's folder after each step, and from time to time.

    Signals:
        found(list[Recoverable]): what a crash left, to be offered.
        moved(Path): the folder in which results lie from now on.
        noted(str): a sentence that the user should know.
        troubled(Trouble): something did not work.

    Args:
        document: what is kept.
        runner: runs what takes time.
        roots: folders of sessions' folders, where a crash may have left some.
        view: answers where the user looks, as JSON has it.
        parent: see QObject.
    """

    found = Signal(object)
    moved = Signal(object)
    noted = Signal(str)
    troubled = Signal(object)

    _autosave_troubled = Signal(object)

    def __init__(
        self,
        document: Document,
        runner: JobRunner,
        roots: Sequence[Path],
        view: Callable[[], Mapping[str, Any]],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._document = document
        self._runner = runner
        self._roots = tuple(dict.fromkeys(roots))
        self._view = view
        self._autosave = self._new_autosave()
        self._left: dict[AudioStore, Autosave] = {}  # whose results lie elsewhere by now
        self._timer = QTimer(self)
        self._minutes = 0.0  # after steps only, until told otherwise
        self._timer.timeout.connect(self.autosave)
        self._autosave_troubled.connect(self._on_autosave_trouble)
        document.history_changed.connect(self.autosave)
        document.opened.connect(self._start_timer)
        document.closed.connect(self._on_closed)

    def close(self, *, keep: bool = False) -> None:
        """End the autosave.

        Args:
            keep: leave the session to be recovered at the next start.
        """
        self._timer.stop()
        self._document.closed.disconnect(self._on_closed)
        if keep:
            self.autosave()
        else:
            self._autosave.clear()
        self._autosave.close()
        for store, autosave in self._left.items():
            autosave.close()
            if not keep or self._autosave.flush(0):
                store.close()

    @property
    def project(self) -> Project:
        """The open document as a project."""
        return Project(self._document.history, dict(self._view()))

    # -- Autosave ------------------------------------------------------------------------------

    @Slot()
    def autosave(self) -> None:
        """Have the document written to the session's folder, on another thread."""
        document = self._document
        if document.session is not None:
            self._autosave.put(self.project, document.project)

    def autosave_every(self, minutes: float) -> None:
        """Autosave after so many minutes, too; 0 for after steps only."""
        self._minutes = minutes
        self._start_timer()

    @Slot()
    def _start_timer(self) -> None:
        if self._document.is_open and self._minutes > 0:
            self._timer.start(round(60_000 * self._minutes))
        else:
            self._timer.stop()

    @Slot()
    def _on_closed(self) -> None:
        self._timer.stop()
        self._autosave.clear()

    @Slot(object)
    def _on_autosave_trouble(self, sentence: str | None) -> None:
        if sentence is None:
            self.noted.emit("Autosaving works again.")
        else:
            self.troubled.emit(
                Trouble(
                    "Autosaving does not work",
                    sentence,
                    (trouble.MOVE_RESULTS, trouble.SAVE_ELSEWHERE),
                )
            )

    # -- Another place for results -------------------------------------------------------------

    def move_results(self, folder: Path) -> None:
        """Have the results lie in another folder, those that are there already too."""
        document = self._document
        old, held = document.store, document.needed()
        document.hold(held)

        def take(new: AudioStore) -> None:
            document.use_store(new)
            document.release(held)
            former, self._autosave = self._autosave, self._new_autosave()
            self.autosave()
            self._leave(old, former)
            self.moved.emit(folder)

        def explain(error: Exception) -> None:
            title = "The results could not be moved"
            self.troubled.emit(Trouble(title, trouble.sentence(error), (trouble.MOVE_RESULTS,)))

        self._runner.submit(
            Job(
                "Moving results",
                lambda: move_steps(old, held, recovery.new_folder(folder)),
                on_result=take,
                on_abandoned=lambda: document.release(held),
                on_error=explain,
                discard=lambda new: new.close(),
            )
        )

    def _leave(self, store: AudioStore, former: Autosave) -> None:
        """Delete where results lay before; at the latest when all is closed."""
        self._left[store] = former
        autosave = self._autosave

        def forget(is_deleted: bool) -> None:
            if is_deleted:
                del self._left[store]

        self._runner.submit(
            Job(
                "Autosaving",
                lambda: leave_steps(former, store, autosave),
                on_result=forget,
                unasked=True,
            )
        )

    def _new_autosave(self) -> Autosave:
        return Autosave(self._document.store.folder, self._autosave_troubled.emit)

    # -- After a crash -------------------------------------------------------------------------

    def look_for_crashes(self, *, told: bool = False) -> None:
        """Remove what dead processes left, and tell what of it can be recovered.

        Args:
            told: whether to tell, too, that there is nothing.
        """

        def tell(sessions: list[Recoverable]) -> None:
            if sessions:
                self.found.emit(sessions)
            elif told:
                self.noted.emit("There is no unfinished work.")

        roots = self._roots
        self._runner.submit(
            Job(
                "Looking for unfinished work",
                lambda: find_steps(roots),
                on_result=tell,
                unasked=not told,
            )
        )

    def forget(self, sessions: list[Recoverable]) -> None:
        """Delete what a crash left."""
        self._runner.submit(Job("Deleting unfinished work", lambda: discard_steps(sessions)))

    def settle(self, session: Recoverable) -> None:
        """Delete what was recovered, once it lies in this session's own autosave."""
        autosave = self._autosave
        self._runner.submit(
            Job("Autosaving", lambda: settle_steps(autosave, session), unasked=True)
        )
