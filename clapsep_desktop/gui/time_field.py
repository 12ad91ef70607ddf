"""A field for a time in the recording, as hh:mm:ss.mmm."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontDatabase, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QSizePolicy, QToolTip

from clapsep_desktop.errors import SpanError
from clapsep_desktop.gui.controls import set_kind
from clapsep_desktop.timebase import format_time, parse_time, seconds_to_frames

_UNITS = (36_000.0, 3_600.0, 600.0, 60.0, 10.0, 1.0, 0.1, 0.01, 0.001)
"""Seconds that each digit of hh:mm:ss.mmm counts."""

_LETTERS = set("0123456789:.")


class TimeField(QLineEdit):
    """Shows a frame as a time; a time typed into it is told as a frame.

    What is no time stays where it is, with a red edge and a sentence; Esc brings the old time
    back. The arrow keys step the digit before the text cursor.

    Signals:
        entered(int): the user gave another frame. Whoever refuses it calls `refuse`.

    Args:
        name: its objectName.
        title: for screen readers.
        tip: the tool tip.
    """

    entered = Signal(int)

    def __init__(self, name: str, title: str, tip: str) -> None:
        super().__init__()
        self._frame: int | None = None
        self._rate = 1
        self._tip = tip
        self.setObjectName(name)
        self.setAccessibleName(title)
        self.setToolTip(tip)
        self.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.setPlaceholderText("--:--:--.---")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.textEdited.connect(self._accept_text)
        self.returnPressed.connect(self.finish)

    def sizeHint(self) -> QSize:
        # The style sheet pads and frames it: see QLineEdit there.
        width = self.fontMetrics().horizontalAdvance("00:00:00.000") + 18
        return QSize(width, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def show_frame(self, frame: int | None, rate: int) -> None:
        """Show a frame, or nothing; not while the user is typing."""
        changed = (frame, rate) != (self._frame, self._rate)
        self._frame, self._rate = frame, rate
        if changed and not self.isModified():
            self.setText(self._shown())

    def finish(self) -> None:
        """Tell what was typed, if it is another time."""
        if not self.isModified() or self.text() == self._shown():
            self.restore()
            return
        try:
            frame = seconds_to_frames(parse_time(self.text()), self._rate)
        except SpanError as error:
            self.refuse(str(error))
            return
        self.setModified(False)
        self.entered.emit(frame)
        if not self._is_invalid():
            self.restore()

    def restore(self) -> None:
        """Show the time as it is."""
        self.setText(self._shown())
        self._accept_text()
        self.setModified(False)

    def refuse(self, sentence: str) -> None:
        """Say why what was typed cannot be; it stays to be corrected."""
        self.setModified(True)
        set_kind(self, "invalid", True)
        self.setToolTip(sentence)
        self.setAccessibleDescription(sentence)
        if self.isVisible():
            QToolTip.showText(self.mapToGlobal(self.rect().bottomLeft()), sentence, self)

    def event(self, event: QEvent) -> bool:
        """Leave the window the keys that no time is written with, such as Space for play."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape):
                event.setAccepted(self.isModified())
                return True
            if event.text().isprintable() and not set(event.text()) <= _LETTERS:
                event.ignore()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.isModified():
            self.restore()
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._step(1 if event.key() == Qt.Key.Key_Up else -1)
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self.finish()

    def _step(self, sign: int) -> None:
        """Count the digit before the text cursor up or down, and tell it at once."""
        if self.text() != self._shown() or self._frame is None:
            self.finish()
        if self._frame is None or self._is_invalid():
            return
        place = self.cursorPosition()
        digits = sum(letter.isdigit() for letter in self.text()[:place])
        unit = _UNITS[min(max(digits - 1 - (len(self._digits()) - 9), 0), 8)]
        frame = self._frame + sign * max(seconds_to_frames(unit, self._rate), 1)
        self.entered.emit(max(frame, 0))
        if not self._is_invalid():
            self.restore()
        self.setCursorPosition(place)

    def _digits(self) -> str:
        return "".join(filter(str.isdigit, self._shown()))

    def _shown(self) -> str:
        return "" if self._frame is None else format_time(self._frame / self._rate)

    def _is_invalid(self) -> bool:
        return bool(self.property("invalid"))

    def _accept_text(self) -> None:
        if self._is_invalid():
            set_kind(self, "invalid", False)
            self.setToolTip(self._tip)
            self.setAccessibleDescription("")
