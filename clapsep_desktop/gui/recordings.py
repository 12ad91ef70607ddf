"""Which recording is open: opening, closing, recovering, once what is open now is settled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from clapsep_desktop.gui.editor import Editor
from clapsep_desktop.gui.projects import Projects
from clapsep_desktop.gui.questions import Dialogs, Question
from clapsep_desktop.gui.safekeeping import Safekeeping
from clapsep_desktop.resources import resource
from clapsep_desktop.session.project import SUFFIX
from clapsep_desktop.session.recovery import Recoverable

STOP_AND_CLOSE = "Stop and Close"


def demo() -> Path:
    """The recording that comes along."""
    return resource("demo", "demo.flac")


class Recordings(QObject):
    """Opens and closes recordings and projects, and loses nothing by it without a question.

    Args:
        editor: where they are opened.
        projects: opens and saves projects.
        keeping: knows what a crash left.
        dialogs: asks.
        parent: the window.
    """

    def __init__(
        self,
        editor: Editor,
        projects: Projects,
        keeping: Safekeeping,
        dialogs: Dialogs,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._editor, self._projects, self._keeping = editor, projects, keeping
        self._dialogs, self._window = dialogs, parent
        keeping.found.connect(self._offer_recovery)

    @Slot()
    def ask(self) -> None:
        """Ask for a recording or a project and open it."""
        recent = self._editor.settings.recent_files
        path = self._dialogs.file_to_open(recent[0].parent if recent else None)
        if path is not None:
            self.open(path)

    @Slot()
    def open_demo(self) -> None:
        """Open the recording that comes along."""
        self.open(demo())

    @Slot(object)
    def open(self, path: Path) -> None:
        """Open a recording or a project."""

        def open_it() -> None:
            self._editor.operations.cancel_all()
            if path.suffix == SUFFIX:
                self._projects.open(path)
            else:
                self._editor.operations.open_file(path)

        self.leave(open_it)

    @Slot(object)
    def open_first(self, paths: Sequence[Path]) -> None:
        """Open the first of the files that were dropped."""
        if paths:
            self.open(paths[0])

    @Slot()
    def close(self) -> None:
        """Close what is open."""
        self.leave(self._editor.operations.close_file)

    def leave(self, then: Callable[[], None]) -> None:
        """Do something that ends a running extraction and the session, if the user agrees."""
        job = self._editor.runner.current
        if job is not None and self._editor.operations.is_extracting:
            question = Question(
                "Something is still being extracted",
                f"“{job.title}” is not finished; going on stops it.",
                (STOP_AND_CLOSE,),
            )
            if self._dialogs.ask(question) != STOP_AND_CLOSE:
                return
            self._editor.operations.cancel_all()
        self._projects.leave(then)

    @Slot(object)
    def _offer_recovery(self, sessions: Sequence[Recoverable]) -> None:
        from clapsep_desktop.gui.recovery_dialog import RecoveryDialog

        dialog = RecoveryDialog(sessions, self._dialogs.ask, self._window)
        dialog.recover_requested.connect(self._recover)
        dialog.delete_requested.connect(self._keeping.forget)
        dialog.open()

    @Slot(object)
    def _recover(self, session: Recoverable) -> None:
        self.leave(partial(self._projects.recover, session))
