"""Results out of the window: by drag from the history and the role switch, or as a copied file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

from PySide6.QtCore import QMimeData, QObject, QUrl, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from clapsep_desktop.errors import ClapSepError
from clapsep_desktop.gui.drag_out import DragOut, carry, file_data
from clapsep_desktop.gui.editor import Editor
from clapsep_desktop.gui.history_panel import HistoryPanel
from clapsep_desktop.gui.operations import trouble
from clapsep_desktop.gui.result_files import ResultFiles, Wanted
from clapsep_desktop.gui.session_sound import ROLES
from clapsep_desktop.gui.transport_bar import TransportBar


class ResultLink(QObject):
    """Hands results to other programs as files.

    Signals:
        noted(str): a sentence on what was done.
        troubled(Trouble): there is no file.

    Args:
        history: whose lines are dragged.
        transport: whose roles are dragged.
        editor: whose results.
        carry: drags a file; by default the user's drag.

    Attributes:
        files: the temporary files.
    """

    noted = Signal(str)
    troubled = Signal(object)

    def __init__(
        self,
        history: HistoryPanel,
        transport: TransportBar,
        editor: Editor,
        carry: Callable[[QWidget, Path], None] = carry,
    ) -> None:
        super().__init__(history)
        self._editor, self._history, self._carry = editor, history, carry
        self._copied: list[QUrl] = []  # what the clipboard was given last
        self.files = ResultFiles(editor.document, editor.runner)
        self.files.noted.connect(self.noted)
        history.drag_begun.connect(self._drag_step)
        history.copy_requested.connect(self._copy_step)
        for role in ROLES:
            button = transport.roles.button(role)
            button.setToolTip(f"{button.toolTip()} Drag it to another program as a file.")
            DragOut(button).begun.connect(partial(self._drag, button, Wanted(role)))

    @Slot()
    def copy_heard(self) -> None:
        """Put all of what is heard now on the clipboard, as a file."""
        self._copy(Wanted(self._editor.sound.role))

    def close(self) -> None:
        """Delete every file, and take the clipboard's name of one back."""
        clipboard = QGuiApplication.clipboard()
        held = cast(QMimeData | None, clipboard.mimeData())  # None if it is empty
        if self._copied and held is not None and held.urls() == self._copied:
            # It would name a file that is gone, and at exit Qt would free its data too late.
            clipboard.clear()
        self._copied = []
        self.files.close()

    @Slot(str)
    def _drag_step(self, identity: str) -> None:
        self._drag(self._history, self._of_line(identity))

    @Slot(str)
    def _copy_step(self, identity: str) -> None:
        self._copy(self._of_line(identity))

    def _of_line(self, identity: str) -> Wanted:
        """What a step removes; of the recording's own line, what is heard."""
        return Wanted("removed", identity) if identity else Wanted(self._editor.sound.role)

    def _drag(self, source: QWidget, wanted: Wanted) -> None:
        path = self._path(wanted)
        if path is not None:
            self._carry(source, path)

    def _copy(self, wanted: Wanted) -> None:
        path = self._path(wanted)
        if path is not None:
            data = file_data(path)
            self._copied = data.urls()
            QGuiApplication.clipboard().setMimeData(data)
            self.noted.emit(f"“{path.name}” can be pasted in another program.")

    def _path(self, wanted: Wanted) -> Path | None:
        try:
            return self.files.path_of(wanted)
        except ClapSepError as error:
            self.troubled.emit(trouble.of_job(error, "Writing the file"))
            return None
