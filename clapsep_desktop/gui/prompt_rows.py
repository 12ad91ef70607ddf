"""What every line of a list of prompts has: a weight, a way out, and keys of its own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Literal

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QWidget

from clapsep_desktop.gui.controls import GRID, guard_wheel, pad, tool_button
from clapsep_desktop.query import MAX_WEIGHT, Prompt

Side = Literal["keep", "remove"]

LEAST_WEIGHT = 0.05

_TAKE_OUT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


class PromptRow(QWidget):
    """A line with a weight, which shows once it is wanted, and a button that takes it away.

    Args:
        side: the list it stands in.

    Signals:
        changed(): the prompt is another one.
        removed(): the user takes the line away.
        stepped(int): the keyboard moves to the line before (-1) or after (+1).
        history(int): an older (-1) or newer (+1) query is wanted.
        submitted(bool): Enter (False), or Enter with Ctrl (True).
    """

    changed = Signal()
    removed = Signal()
    stepped = Signal(int)
    history = Signal(int)
    submitted = Signal(bool)

    def __init__(self, side: Side) -> None:
        super().__init__()
        self.side = side
        self._weight = 1.0
        self.weight_field = QDoubleSpinBox()
        self.weight_field.setRange(LEAST_WEIGHT, MAX_WEIGHT)
        self.weight_field.setSingleStep(0.25)
        self.weight_field.setDecimals(2)
        self.weight_field.setPrefix("× ")
        self.weight_field.setValue(1.0)
        self.weight_field.setAccessibleName("Weight")
        self.weight_field.setToolTip(
            "How much this counts beside the others of its kind in the list; 1 is usual."
        )
        self.weight_field.valueChanged.connect(self._set_weight)
        self.weight_field.setMaximumWidth(
            self.weight_field.fontMetrics().horizontalAdvance("× 00.00") + 8 * GRID
        )
        guard_wheel(self.weight_field)
        pad(self.weight_field)
        self.weight_button = tool_button(
            "", "weight", "Set the Weight", "Let this count more or less than the others."
        )
        self.weight_button.clicked.connect(self._want_weight)
        self.remove_button = tool_button(
            "", "close", "Take This Out", "Take this out of the list. Key: Backspace when empty."
        )
        self.remove_button.clicked.connect(self.removed)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(GRID)
        for widget in (self.weight_field, self.weight_button, self.remove_button):
            self._row.addWidget(widget)
        self._weighable = False
        self._weight_wanted = False
        self._show_weight()

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands in the line."""
        return False

    @property
    @abstractmethod
    def is_example(self) -> bool:
        """Whether it asks by example, not in words."""

    @property
    def problem(self) -> str:
        """Why it cannot be asked for, in a sentence; empty while nothing is known against it."""
        return ""

    @property
    @abstractmethod
    def prompt(self) -> Prompt:
        """What the line asks for; raises QueryError."""

    @property
    def weight(self) -> float:
        """Its share beside the others."""
        return self._weight

    def set_weight(self, weight: float) -> None:
        """Gives the prompt a weight; the exact one, whatever the field rounds it to."""
        self.weight_field.blockSignals(True)
        self.weight_field.setValue(weight)
        self.weight_field.blockSignals(False)
        self._weight = weight
        self._show_weight()

    def set_weighable(self, weighable: bool) -> None:
        """Offers the weight only where there is something to weigh against."""
        self._weighable = weighable
        self._show_weight()

    def name(self, number: int) -> None:
        """Takes the object names of a place in the list, from 0."""
        prefix = f"{self.side}{number}"
        self.setObjectName(f"{prefix}Row")
        self.weight_field.setObjectName(f"{prefix}Weight")
        self.weight_button.setObjectName(f"{prefix}WeightButton")
        self.remove_button.setObjectName(f"{prefix}RemoveButton")

    def focus(self) -> None:
        """Puts the keyboard here."""
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _want_weight(self) -> None:
        self._weight_wanted = True
        self._show_weight()
        self.weight_field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.weight_field.selectAll()

    def _set_weight(self, weight: float) -> None:
        self._weight = weight
        self.changed.emit()

    def _show_weight(self) -> None:
        shown = self._weight != 1.0 or (self._weight_wanted and self._weighable)
        self.weight_field.setVisible(shown)
        self.weight_button.setVisible(self._weighable and not shown)

    def takes(self, event: QKeyEvent) -> Callable[[], None] | None:
        """What a key does to the line; None for nothing of its own."""
        key, modifiers = event.key(), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        alt = modifiers == Qt.KeyboardModifier.AltModifier
        control = modifiers == Qt.KeyboardModifier.ControlModifier
        plain = modifiers == Qt.KeyboardModifier.NoModifier
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and (alt or plain):
            move = self.history if alt else self.stepped
            return partial(move.emit, -1 if key == Qt.Key.Key_Up else 1)
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and (control or plain):
            return partial(self.submitted.emit, control)
        if key == Qt.Key.Key_Backspace and modifiers == _TAKE_OUT:
            return self.removed.emit
        return None


def take_key(row: PromptRow, event: QEvent) -> bool:
    """Lets a line act on a key before anything else does; says whether it did.

    A key that a line knows is also kept from the window's shortcuts.
    """
    if not isinstance(event, QKeyEvent):
        return False
    act = row.takes(event)
    if act is None:
        return False
    event.accept()
    if event.type() == QEvent.Type.KeyPress:
        act()
    return event.type() in (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride)
