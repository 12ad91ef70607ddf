"""Small controls that several panels share."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QScrollArea, QVBoxLayout, QWidget

from clapsep_desktop.gui.controls import (
    SETTLE_MS,
    Notice,
    Segments,
    ValueSlider,
)


@pytest.fixture
def slider(qtbot):
    slider = ValueSlider("strength", "Strength", "How much.")
    slider.resize(300, 30)
    qtbot.addWidget(slider)
    slider.show()
    return slider


@pytest.fixture
def told(slider):
    found = []
    slider.moved.connect(lambda value, final: found.append((value, final)))
    return found


def test_one_drag_has_one_final_value(slider, told, qtbot):
    slider.set_value(1.0)
    slider.slider.setSliderDown(True)
    for position in (90, 70, 40):
        slider.slider.setSliderPosition(position)
    slider.slider.setSliderDown(False)

    assert told == [(0.9, False), (0.7, False), (0.4, False), (0.4, True)]
    qtbot.wait(SETTLE_MS + 100)
    assert len(told) == 4


def test_a_run_of_keys_has_one_final_value(slider, told, qtbot):
    slider.set_value(0.5)
    for _ in range(3):
        qtbot.keyClick(slider.slider, Qt.Key.Key_Right)
    assert [final for _, final in told] == [False] * 3

    qtbot.waitUntil(lambda: told[-1][1], timeout=5 * SETTLE_MS)
    assert told[-1] == (0.53, True)
    assert not slider.is_moving


def test_leaving_makes_a_value_final_at_once(slider, told, qtbot):
    slider.set_value(0.5)
    qtbot.keyClick(slider.slider, Qt.Key.Key_Left)
    slider.hide()
    assert told == [(0.49, False), (0.49, True)]


def test_a_typed_value_counts_with_enter(slider, told, qtbot):
    slider.field.selectAll()
    qtbot.keyClicks(slider.field, "25")
    qtbot.keyClick(slider.field, Qt.Key.Key_Return)
    assert told[-1] == (0.25, True)
    assert [final for _, final in told].count(True) == 1
    assert slider.slider.value() == 25


def test_a_value_that_is_set_is_not_told(slider, told):
    slider.set_value(0.3)
    assert slider.value == 0.3
    assert slider.field.value() == 30
    assert told == []


def test_a_value_under_the_users_hand_is_not_taken_away(slider):
    slider.slider.setSliderDown(True)
    slider.slider.setSliderPosition(60)
    slider.set_value(0.1)
    assert slider.value == 0.6
    slider.slider.setSliderDown(False)
    slider.set_value(0.1)
    assert slider.value == 0.1


def wheel(widget: QWidget) -> None:
    event = QWheelEvent(
        QPointF(5, 5),
        widget.mapToGlobal(QPointF(5, 5)),
        QPoint(0, 0),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


def test_the_wheel_scrolls_past_a_control_and_turns_one_that_has_the_keyboard(qtbot):
    area = QScrollArea()
    qtbot.addWidget(area)
    inside = QWidget()
    column = QVBoxLayout(inside)
    sliders = [ValueSlider(f"s{n}", "Share", "") for n in range(30)]
    for slider in sliders:
        slider.set_value(0.5)
        column.addWidget(slider)
    area.setWidget(inside)
    area.resize(200, 120)
    area.show()
    sliders[5].slider.setFocus()

    wheel(sliders[0].slider)
    assert sliders[0].value == 0.5

    sliders[0].slider.setFocus()
    qtbot.waitUntil(sliders[0].slider.hasFocus)
    wheel(sliders[0].slider)
    assert sliders[0].value < 0.5


def test_a_segment_that_is_not_allowed_says_why(qtbot):
    segments = Segments("scope", "Where", (("a", "One", "first"), ("b", "Two", "second")))
    qtbot.addWidget(segments)
    segments.allow("b", False, "Nothing is there.")
    assert not segments.button("b").isEnabled()
    assert segments.button("b").toolTip() == "Nothing is there."
    segments.allow("b", True)
    assert segments.button("b").toolTip() == "second"


def test_choosing_a_segment_is_told_once_and_only_by_the_user(qtbot):
    segments = Segments("scope", "Where", (("a", "One", ""), ("b", "Two", "")))
    qtbot.addWidget(segments)
    with qtbot.assertNotEmitted(segments.chosen):
        segments.choose("b")
    assert segments.choice == "b"
    with qtbot.waitSignal(segments.chosen) as told:
        segments.button("a").click()
    assert told.args == ["a"]
    assert segments.choice == "a"


def test_a_notice_hides_while_it_has_nothing_to_say(qtbot):
    notice = Notice("plan", "info")
    qtbot.addWidget(notice)
    assert notice.isHidden()
    notice.say("Speech: <b>keep</b>", "error", "error")
    assert not notice.isHidden()
    assert notice.text == "Speech: <b>keep</b>"
    notice.say("")
    assert notice.isHidden()
