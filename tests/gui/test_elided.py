"""Text that does not fit: its end is marked, and all of it can be had."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QStringListModel, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QListView, QStyleOptionViewItem, QToolTip

from clapsep_desktop.gui.elided import ElidedField, ElidedItems, ElidedLabel

LONG = "a deep voice of an old man who speaks slowly in a large room with a lot of echo, far away"


def test_a_label_says_all_in_its_tool_tip_when_there_is_no_room(qtbot):
    text = "2024-05 street interview with traffic.wav"
    label = ElidedLabel(text, Qt.TextElideMode.ElideMiddle)
    qtbot.addWidget(label)
    label.resize(80, 20)
    label.show()
    assert "…" in label.shown_text()
    assert label.toolTip() == text
    label.resize(2000, 20)
    assert label.shown_text() == text
    assert label.toolTip() == ""


@pytest.fixture
def field(qtbot):
    field = ElidedField()
    field.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # else it would have the keyboard from the start
    field.set_tip("What to hear.")
    qtbot.addWidget(field)
    field.resize(200, 28)
    field.show()
    return field


def test_a_field_elides_what_does_not_fit_and_tells_it_whole(field):
    assert field.toolTip() == "What to hear."
    field.setText(LONG)
    assert field.shown_text().endswith("…")
    assert LONG in field.toolTip()
    field.resize(2000, 28)
    assert field.shown_text() == LONG
    assert field.toolTip() == "What to hear."


def test_a_field_shows_all_that_fits_as_any_other(field):
    field.setText("rain")
    shown = field.grab().toImage()
    field.setText("rain ")  # the space is not seen
    assert field.shown_text() == "rain "
    assert field.grab().toImage() == shown


def test_while_it_is_typed_in_a_field_shows_the_place_of_the_cursor(field, qtbot):
    field.setText(LONG)
    field.setCursorPosition(len(LONG))
    elided = field.grab().toImage()
    field.activateWindow()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    assert field.grab().toImage() != elided
    assert field.text() == LONG


def test_a_tip_shows_tags_as_they_were_written(field):
    field.setText("<b>" + LONG)
    assert "&lt;b&gt;" in field.toolTip()


def test_a_list_elides_its_items_and_tells_one_whole(qtbot):
    view = QListView()
    qtbot.addWidget(view)
    view.setModel(QStringListModel(["rain", LONG], view))
    view.setItemDelegate(ElidedItems(view))
    view.resize(200, 120)
    view.show()
    assert view.horizontalScrollBar().maximum() == 0
    said = []
    for index in (view.model().index(0, 0), view.model().index(1, 0)):
        place = view.visualRect(index).center()
        option = QStyleOptionViewItem()
        event = QHelpEvent(QEvent.Type.ToolTip, place, view.mapToGlobal(place))
        view.itemDelegate().helpEvent(event, view, option, index)
        said.append(QToolTip.text())
    assert said[0] == ""
    assert LONG in said[1]
    QToolTip.hideText()
