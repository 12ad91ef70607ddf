"""Sentences above the recording: what went wrong and the ways out, previews, hints.

Nothing here stops the work as a box in its middle would; one message gives way to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAccessible, QAccessibleEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from clapsep_desktop.gui.controls import GRID, Notice, Tone, muted_label, tool_button


@dataclass(frozen=True)
class Choice:
    """A button of a message: its words, what it does, and whether it is the one to take."""

    label: str
    act: Callable[[], None]
    primary: bool = False


_ICONS: dict[Tone, str] = {"muted": "info", "warning": "warning", "error": "error"}


class MessageBar(QFrame):
    """One message at a time, hidden while there is none.

    Signals:
        dismissed(): the user closed the message.
    """

    dismissed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("messageBar")
        self.setAccessibleName("Message")
        self.setProperty("kind", "card")
        self._title = muted_label("", "messageTitle")
        self._title.setProperty("kind", "heading")
        self._notice = Notice("message", "info")
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(2 * GRID)
        self._close = tool_button("messageClose", "close", "Close", "Close this message (Esc).")
        self._close.clicked.connect(self._dismiss)
        words = QVBoxLayout()
        words.setSpacing(GRID)
        words.addStretch(1)
        words.addWidget(self._title)
        words.addWidget(self._notice)
        words.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(3 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        row.setSpacing(3 * GRID)
        row.addLayout(words, 1)
        row.addLayout(self._buttons)
        row.addWidget(self._close)
        self.hide()

    @property
    def text(self) -> str:
        """The sentence that is shown; empty without one."""
        return self._notice.text if not self.isHidden() else ""

    @property
    def choices(self) -> list[str]:
        """The words of the buttons."""
        return [button.text() for button in self._made()]

    def say(
        self,
        text: str,
        *,
        title: str = "",
        tone: Tone = "muted",
        choices: Sequence[Choice] = (),
    ) -> None:
        """Show a message in place of the one before."""
        self.clear()
        self._title.setText(title)
        self._title.setVisible(bool(title))
        self._notice.say(text, tone, _ICONS[tone])
        for number, choice in enumerate(choices):
            self._buttons.addWidget(self._button(number, choice))
        self.setAccessibleDescription(f"{title}. {text}" if title else text)
        self.show()
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def clear(self) -> None:
        """Show nothing."""
        self.hide()
        for button in self._made():
            self._buttons.removeWidget(button)
            button.hide()
            button.deleteLater()

    def press(self, label: str) -> None:
        """Press the button of these words."""
        next(button for button in self._made() if button.text() == label).click()

    def _made(self) -> list[QPushButton]:
        items = (self._buttons.itemAt(index) for index in range(self._buttons.count()))
        widgets = [item.widget() for item in items if item is not None]
        return [widget for widget in widgets if isinstance(widget, QPushButton)]

    def _button(self, number: int, choice: Choice) -> QPushButton:
        button = QPushButton(choice.label)
        button.setObjectName(f"messageChoice{number}")
        button.setAccessibleName(choice.label)
        button.setToolTip(choice.label)
        button.setAutoDefault(False)
        if choice.primary:
            button.setProperty("kind", "primary")

        def act() -> None:
            self.clear()
            choice.act()

        button.clicked.connect(act)
        return button

    @Slot()
    def _dismiss(self) -> None:
        self.clear()
        self.dismissed.emit()
