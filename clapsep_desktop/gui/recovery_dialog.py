"""After a crash: what can be recovered, to be opened, deleted or left for another time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from clapsep_desktop.gui.controls import GRID, muted_label
from clapsep_desktop.gui.questions import Ask, Question
from clapsep_desktop.gui.wording import size_text
from clapsep_desktop.session.recovery import Recoverable

DELETE = "Delete"


class RecoveryDialog(QDialog):
    """Lists sessions that were not closed, the latest first and chosen.

    Signals:
        recover_requested(Recoverable): one is to be opened.
        delete_requested(list[Recoverable]): some are to be deleted.

    Args:
        sessions: what there is; at least one.
        ask: asks before something is deleted.
        parent: the window.
    """

    recover_requested = Signal(object)
    delete_requested = Signal(object)

    def __init__(self, sessions: Sequence[Recoverable], ask: Ask, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("recoveryDialog")
        self.setWindowTitle("Unfinished Work")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._sessions = list(sessions)
        self._ask = ask
        text = QLabel(
            "The program ended unexpectedly. Everything that was finished can be recovered, with "
            "the steps that can be undone."
        )
        text.setObjectName("recoveryText")
        text.setWordWrap(True)
        self.list = self._made_list()
        column = QVBoxLayout(self)
        column.setContentsMargins(4 * GRID, 4 * GRID, 4 * GRID, 4 * GRID)
        column.setSpacing(3 * GRID)
        column.addWidget(text)
        column.addWidget(self.list)
        column.addWidget(muted_label("What you leave for later is offered again.", "recoveryHint"))
        column.addWidget(self._made_buttons())
        self.setMinimumWidth(460)
        self.list.setFocus()

    @property
    def chosen(self) -> Recoverable:
        """The session that is marked in the list."""
        return self._sessions[max(self.list.currentRow(), 0)]

    def _made_list(self) -> QListWidget:
        made = QListWidget()
        made.setObjectName("recoveryList")
        made.setAccessibleName("Unfinished work")
        made.setToolTip("Sessions that were not closed, the latest first. Enter recovers one.")
        for session in self._sessions:
            item = QListWidgetItem(f"{session.name}\n{described(session)}")
            item.setToolTip(str(session.snapshot.project.history.recording.path))
            made.addItem(item)
        made.setCurrentRow(0)
        made.itemActivated.connect(self._recover)
        return made

    def _made_buttons(self) -> QDialogButtonBox:
        box = QDialogButtonBox()
        for name, words, tip, role, act in (
            ("recover", "Recover", "Open it as it was.",
             QDialogButtonBox.ButtonRole.AcceptRole, self._recover),
            ("delete", "Delete…", "Delete it and its results for good.",
             QDialogButtonBox.ButtonRole.DestructiveRole, self._delete),
            ("later", "Not Now", "Keep everything and decide another time (Esc).",
             QDialogButtonBox.ButtonRole.RejectRole, self.reject),
        ):  # fmt: skip
            button = QPushButton(words)
            button.setObjectName(f"recovery_{name}")
            button.setAccessibleName(words.rstrip("…"))
            button.setToolTip(tip)
            button.clicked.connect(act)
            button.setDefault(name == "recover")
            if name == "recover":
                button.setProperty("kind", "primary")
            box.addButton(button, role)
        return box

    @Slot()
    def _recover(self) -> None:
        self.recover_requested.emit(self.chosen)
        self.accept()

    @Slot()
    def _delete(self) -> None:
        session = self.chosen
        question = Question(
            f"Delete the unfinished work on “{session.name}”?",
            "Its steps and results are deleted for good. The recording, and a project that was "
            "saved, stay.",
            (DELETE,),
        )
        if self._ask(question) != DELETE:
            return
        self.delete_requested.emit([session])
        self._sessions.remove(session)
        self.list.takeItem(max(self.list.currentRow(), 0))
        if not self._sessions:
            self.accept()


def described(session: Recoverable) -> str:
    """How far a session had come, when, and its size: “3 steps, 2026-11-23 14:35, 12 MB”."""
    steps = {0: "Nothing done yet", 1: "1 step"}.get(session.steps, f"{session.steps} steps")
    when = datetime.fromtimestamp(session.snapshot.saved_at).astimezone()
    return f"{steps}, {when:%Y-%m-%d %H:%M}, {size_text(session.size)}"
