"""A field for a level, with the minus of print."""

from __future__ import annotations

from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QDoubleSpinBox

from clapsep_desktop.gui.wording import MINUS


class LevelField(QDoubleSpinBox):
    """A number that may lie below zero; a hyphen before it becomes a minus as it is typed."""

    def textFromValue(self, value: float) -> str:
        return super().textFromValue(value).replace("-", MINUS)

    def valueFromText(self, text: str) -> float:
        return super().valueFromText(text.replace(MINUS, "-"))

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Judge what is typed, and put a minus in a hyphen's place."""
        state, judged, position = super().validate(text.replace(MINUS, "-"), position)
        return state, judged.replace("-", MINUS), position
