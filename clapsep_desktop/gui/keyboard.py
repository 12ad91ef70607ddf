"""Keys that mean one thing to the window and another to the control that has the keyboard.

Most of the editor's keys are single ones: Space plays, Return goes to the start, S lets the kept
sound be heard. Text fields take the letters for themselves, as Qt arranges; here stands what else
a control needs, so that all of it can be worked without a mouse.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QMenuBar,
    QWidget,
)

_PRESS = frozenset({Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter})
_MOVE = frozenset({Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Escape})

_OWN_KEYS: tuple[tuple[type[QWidget], frozenset[Qt.Key]], ...] = (
    (QLineEdit, _PRESS),
    (QAbstractSpinBox, (_PRESS | _MOVE) - {Qt.Key.Key_Space, Qt.Key.Key_Escape}),
    (QComboBox, _PRESS | _MOVE - {Qt.Key.Key_Escape}),
    (QAbstractItemView, _PRESS | _MOVE - {Qt.Key.Key_Escape}),
    (QAbstractSlider, _MOVE - {Qt.Key.Key_Escape}),
    (QAbstractButton, _PRESS),
    (QMenuBar, _PRESS | _MOVE),
)

_IN_NUMBERS = frozenset("0123456789.,+-−")


def belongs_to_control(event: QKeyEvent) -> bool:
    """Whether a key goes to the control that has the keyboard rather than to the window."""
    if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
        return False
    control = QApplication.focusWidget()
    return any(isinstance(control, kind) and event.key() in keys for kind, keys in _OWN_KEYS)


def only_by_tab(window: QWidget) -> None:
    """Keep clicked buttons from taking the keyboard, so that Space goes on playing."""
    for button in window.findChildren(QAbstractButton):
        if button.focusPolicy() != Qt.FocusPolicy.NoFocus:
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)


def numbers_only(window: QWidget) -> None:
    """Keep number fields from taking keys that no number is written with, such as Space."""
    for field in window.findChildren(QAbstractSpinBox):
        field.installEventFilter(_NumberKeys(field))


class _NumberKeys(QObject):
    """Leaves a field's other keys to the window."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            text = event.text()
            if text.isprintable() and not set(text) <= _IN_NUMBERS:
                event.ignore()
                return True
        return super().eventFilter(watched, event)
