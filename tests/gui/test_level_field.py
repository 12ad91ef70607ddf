"""A level is shown with the minus of print, and typed with either."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent, QValidator
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from clapsep_desktop.gui.level_field import LevelField


@pytest.fixture
def field(qtbot: QtBot) -> LevelField:
    field = LevelField()
    field.setDecimals(1)
    field.setRange(-150, 10)
    field.setSuffix(" dB")
    qtbot.addWidget(field)
    field.show()
    return field


@pytest.mark.parametrize(("value", "text"), [(-1.5, "−1.5 dB"), (0, "0.0 dB"), (3, "3.0 dB")])
def test_levels_are_shown_as_in_print(field: LevelField, value: float, text: str) -> None:
    field.setValue(value)
    assert field.text() == text


@pytest.mark.parametrize("typed", ["-23.5", "−23.5"])
def test_a_hyphen_and_a_minus_are_understood(qtbot: QtBot, field: LevelField, typed: str) -> None:
    field.lineEdit().clear()
    for letter in typed:
        QApplication.sendEvent(
            field, QKeyEvent(QEvent.Type.KeyPress, 0, Qt.KeyboardModifier.NoModifier, letter)
        )
    assert field.text() == "−23.5 dB"
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert field.value() == -23.5
    assert field.text() == "−23.5 dB"


def test_steps_keep_the_minus(field: LevelField) -> None:
    field.setValue(0)
    field.stepBy(-2)
    assert (field.value(), field.text()) == (-2.0, "−2.0 dB")
    field.stepBy(3)
    assert (field.value(), field.text()) == (1.0, "1.0 dB")


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("−", QValidator.State.Intermediate),
        ("−12", QValidator.State.Acceptable),
        ("1−2", QValidator.State.Invalid),
        ("−200", QValidator.State.Invalid),
    ],
)
def test_what_is_no_level_is_refused(field: LevelField, text: str, state: QValidator.State) -> None:
    assert field.validate(text, len(text))[0] == state
