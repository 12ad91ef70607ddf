"""What is seen while no recording is open: how to begin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from clapsep_desktop.gui import theme
from clapsep_desktop.gui.controls import GRID, muted_label
from clapsep_desktop.gui.wording import menu_words

SHOWN_FILES = 5
_ICON = 56  # pixels

HINT = (
    "First steps: drag over the recording to select a part, write what to keep or to remove, and "
    "press Ctrl+Enter. A, S and D let you hear the original, what is kept and what is removed."
)
"""Said over the demo recording, once."""


class Welcome(QWidget):
    """Offers to open a file, the demo recording or a recent file.

    Signals:
        open_requested(), demo_requested(), file_requested(Path).
    """

    open_requested = Signal()
    demo_requested = Signal()
    file_requested = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("welcome")
        self.setAccessibleName("Welcome")
        self._mark = QLabel()
        self._mark.setAlignment(Qt.AlignmentFlag.AlignCenter)
        title = QLabel("Drop a recording here")
        title.setObjectName("welcomeTitle")
        title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.6)
        title.setFont(font)
        about = muted_label("WAV, AIFF, FLAC, Ogg, Opus or MP3, of any length.")
        about.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(GRID)
        column = QVBoxLayout(self)
        column.setSpacing(3 * GRID)
        column.addStretch(2)
        for widget in (self._mark, title, about):
            column.addWidget(widget)
        column.addSpacing(2 * GRID)
        column.addLayout(self._offers())
        column.addSpacing(4 * GRID)
        column.addLayout(self._recent)
        column.addStretch(3)
        theme.notifier().changed.connect(self._draw)
        self._draw()

    def show_recent(self, files: Sequence[Path]) -> None:
        """Offer the first of some files."""
        while (item := self._recent.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        if files:
            heading = muted_label("Recent")
            heading.setAlignment(Qt.AlignmentFlag.AlignCenter)
            self._recent.addWidget(heading)
        for number, path in enumerate(files[:SHOWN_FILES], 1):
            button = QPushButton(menu_words(path.name))
            button.setObjectName(f"welcomeRecent{number}")
            button.setAccessibleName(f"Open {path.name}")
            button.setToolTip(str(path))
            button.setProperty("kind", "link")
            button.setProperty("path", str(path))
            button.clicked.connect(self._choose)
            self._recent.addWidget(button, 0, Qt.AlignmentFlag.AlignCenter)

    def showEvent(self, event: QShowEvent) -> None:
        """Take the keyboard where nothing in the window has it, such as at the start."""
        super().showEvent(event)
        if self.window().focusWidget() is None:
            self._open.setFocus(Qt.FocusReason.OtherFocusReason)

    def _offers(self) -> QHBoxLayout:
        self._open = open_file = QPushButton("Open…")
        open_file.setObjectName("welcomeOpen")
        open_file.setToolTip("Open a recording or a project (Ctrl+O).")
        open_file.setProperty("kind", "primary")
        open_file.clicked.connect(self.open_requested)
        demo = QPushButton("Open Demo Recording")
        demo.setObjectName("welcomeDemo")
        demo.setToolTip("A man speaks in the rain, and a dog barks: try it on this one.")
        demo.clicked.connect(self.demo_requested)
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        row.addStretch()
        for button in (open_file, demo):
            button.setAccessibleName(button.text())
            row.addWidget(button)
        row.addStretch()
        return row

    @Slot()
    def _choose(self) -> None:
        button = self.sender()
        assert isinstance(button, QPushButton)
        self.file_requested.emit(Path(button.property("path")))

    def _draw(self, _: object = None) -> None:
        self._mark.setPixmap(theme.icon("waveform", "muted").pixmap(QSize(_ICON, _ICON)))
