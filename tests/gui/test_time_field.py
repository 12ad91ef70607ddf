from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from clapsep_desktop.gui.time_field import TimeField

RATE = 44_100


@pytest.fixture
def field(qtbot: QtBot) -> TimeField:
    field = TimeField("field", "Time", "The time.")
    field.show_frame(3 * RATE, RATE)
    qtbot.addWidget(field)
    return field


def entered(field: TimeField) -> list[int]:
    frames: list[int] = []
    field.entered.connect(frames.append)
    return frames


def write(field: TimeField, qtbot: QtBot, text: str) -> None:
    field.selectAll()
    qtbot.keyClicks(field, text)


def test_a_frame_is_shown_as_a_time(field: TimeField) -> None:
    assert field.text() == "00:00:03.000"
    field.show_frame(None, RATE)
    assert field.text() == ""


@pytest.mark.parametrize(
    ("text", "seconds"), [("1.5", 1.5), ("1:02.5", 62.5), ("1:00:00", 3_600.0)]
)
def test_what_is_typed_is_told_as_a_frame(
    field: TimeField, qtbot: QtBot, text: str, seconds: float
) -> None:
    frames = entered(field)
    write(field, qtbot, text)
    assert frames == []
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert frames == [round(seconds * RATE)]


def test_what_is_no_time_stays_to_be_corrected_and_is_not_told(
    field: TimeField, qtbot: QtBot
) -> None:
    frames = entered(field)
    write(field, qtbot, "soon")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert frames == []
    assert field.text() == "soon"
    assert field.property("invalid")
    assert "is not a time" in field.toolTip()
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == "00:00:03.000"
    assert not field.property("invalid")
    assert field.toolTip() == "The time."


def test_a_time_that_was_not_touched_is_not_told(field: TimeField, qtbot: QtBot) -> None:
    field.show_frame(12_345, RATE)  # lies between two milliseconds
    frames = entered(field)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    write(field, qtbot, field.text())
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert frames == []


def test_what_moves_meanwhile_does_not_disturb_the_typing(field: TimeField, qtbot: QtBot) -> None:
    write(field, qtbot, "1")
    field.show_frame(5 * RATE, RATE)
    qtbot.keyClicks(field, "2")
    assert field.text() == "12"
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.text() == "00:00:05.000"


def test_a_refused_time_stays_with_the_reason(field: TimeField, qtbot: QtBot) -> None:
    field.entered.connect(lambda _: field.refuse("Too late."))
    write(field, qtbot, "99")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert field.text() == "99"
    assert field.accessibleDescription() == "Too late."
    qtbot.keyClick(field, Qt.Key.Key_Backspace)
    assert not field.property("invalid")


@pytest.mark.parametrize(
    ("place", "key", "seconds"),
    [
        (12, Qt.Key.Key_Up, 3.001),
        (8, Qt.Key.Key_Up, 4.0),
        (8, Qt.Key.Key_Down, 2.0),
        (7, Qt.Key.Key_Up, 13.0),
        (5, Qt.Key.Key_Up, 63.0),
        (2, Qt.Key.Key_Up, 3_603.0),
        (5, Qt.Key.Key_Down, 0.0),
    ],
)
def test_arrows_count_the_digit_before_the_text_cursor(
    field: TimeField, qtbot: QtBot, place: int, key: Qt.Key, seconds: float
) -> None:
    frames = entered(field)
    field.entered.connect(lambda frame: field.show_frame(frame, RATE))
    field.setCursorPosition(place)
    qtbot.keyClick(field, key)
    assert frames == [round(seconds * RATE)]
    assert field.cursorPosition() == place
    assert not field.isModified()
