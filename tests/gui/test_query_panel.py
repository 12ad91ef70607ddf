"""The panel that asks: what stands in its way, what it remembers, and who can use it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QPushButton, QToolButton

from clapsep_desktop.errors import QueryError
from clapsep_desktop.gui.model_choices import model_choices
from clapsep_desktop.gui.prompt_list import PromptList
from clapsep_desktop.gui.query_panel import BUSY, EMPTY
from clapsep_desktop.gui.voice_hint import VOICE, VoiceHint
from clapsep_desktop.query import Query, TextPrompt
from tests.support.accessibility import shortcomings, tab_order
from tests.support.query_panel import MIXED, child, last_field, problem, write

# What stands in the way.


def test_an_empty_query_cannot_be_extracted_and_says_why(panel, qtbot):
    for name in ("extractButton", "previewButton"):
        button = child(panel, name, QPushButton)
        assert not button.isEnabled()
        assert button.toolTip() == EMPTY
        assert button.accessibleDescription() == EMPTY
    assert problem(panel) == EMPTY
    with qtbot.assertNotEmitted(panel.extract_requested):
        qtbot.keyClick(
            last_field(panel.keep), Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier
        )


def test_a_contradiction_is_told_at_once(panel, qtbot):
    write(qtbot, panel.keep, "Rain")
    write(qtbot, panel.remove, "rain")
    assert "both to keep and to remove" in problem(panel)
    assert not child(panel, "extractButton", QPushButton).isEnabled()
    panel.remove.rows[0].field.setText("wind")
    assert problem(panel) == ""
    assert child(panel, "extractButton", QPushButton).isEnabled()


def test_invisible_characters_are_no_query(panel):
    panel.keep.rows[0].field.setText("\u200b\u2028")
    assert not child(panel, "extractButton", QPushButton).isEnabled()
    with pytest.raises(QueryError):
        panel.query()


def test_a_job_that_runs_stands_in_the_way_but_not_of_typing(panel, qtbot):
    write(qtbot, panel.keep, "rain")
    panel.set_busy(True)
    assert child(panel, "extractButton", QPushButton).toolTip() == BUSY
    assert not child(panel, "extractButton", QPushButton).isEnabled()
    assert last_field(panel.keep).isEnabled()
    panel.set_busy(False)
    assert child(panel, "extractButton", QPushButton).isEnabled()


def test_an_obstacle_is_told_before_all_else(panel):
    panel.set_obstacle("Open a recording first.")
    assert panel.reason == problem(panel) == "Open a recording first."


def test_an_error_stays_until_the_query_changes(panel, qtbot):
    write(qtbot, panel.keep, "rain")
    panel.show_error("The model is not there.")
    assert problem(panel) == "The model is not there."
    assert child(panel, "extractButton", QPushButton).isEnabled()
    write(qtbot, panel.remove, "h")
    assert problem(panel) == ""


def test_buttons_ask(panel, qtbot):
    panel.set_query(MIXED)
    with qtbot.waitSignal(panel.preview_requested):
        child(panel, "previewButton", QPushButton).click()
    with qtbot.waitSignal(panel.extract_requested):
        child(panel, "extractButton", QPushButton).click()
    with qtbot.waitSignal(panel.preview_requested):
        qtbot.keyClick(
            panel,
            Qt.Key.Key_Return,
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
        )


# The voice beside what is removed.


def hinted(panel):
    return not panel.findChild(VoiceHint).isHidden()


def test_where_only_what_disturbs_is_named_the_voice_is_proposed(panel, qtbot):
    assert not hinted(panel)
    write(qtbot, panel.remove, "a dog barking")
    assert hinted(panel)
    child(panel, "voiceHintKeep", QPushButton).click()
    assert panel.query() == Query((VOICE,), (TextPrompt("a dog barking"),))
    assert not hinted(panel)


@pytest.mark.parametrize(
    "query",
    [
        Query.of(keep=["rain"]),
        Query.of(keep=["rain"], remove=["wind"]),
        Query.of(remove=["wind", "a man speaking"]),
        Query.of(remove_audio=["/hum.wav"]),
    ],
)
def test_no_voice_is_proposed_beside_what_is_kept_nor_against_one(panel, query):
    panel.set_query(query)
    assert not hinted(panel)


def test_no_voice_is_proposed_to_a_better_model_nor_while_something_runs(panel):
    panel.set_query(Query.of(remove=["wind"]))
    panel.set_busy(True)
    assert not hinted(panel)
    panel.set_busy(False)
    assert hinted(panel)
    panel.set_models(model_choices(["mini", "speech", "base"]))
    assert not hinted(panel)
    panel.options.model = "mini"
    assert hinted(panel)


# Earlier queries.


def alt(qtbot, widget, key):
    qtbot.keyClick(widget, key, Qt.KeyboardModifier.AltModifier)


def test_earlier_queries_come_by_key_and_the_draft_comes_back(panel, qtbot):
    panel.set_recent([Query.of(["rain"]), MIXED])
    write(qtbot, panel.keep, "bir")
    alt(qtbot, panel.focusWidget(), Qt.Key.Key_Up)
    assert panel.query() == Query.of(["rain"])
    panel.step_history(-1)
    assert panel.query() == MIXED
    panel.step_history(1)
    panel.step_history(1)
    assert panel.query() == Query.of(["bir"])


def test_up_in_an_empty_panel_recalls_and_down_goes_back(panel, qtbot):
    panel.set_recent([Query.of(["rain"])])
    qtbot.keyClick(last_field(panel.keep), Qt.Key.Key_Up)
    assert panel.query() == Query.of(["rain"])
    panel.remove.focus(last=True)
    qtbot.keyClick(panel.focusWidget(), Qt.Key.Key_Down)
    assert panel.reason == EMPTY


def test_up_in_a_query_that_is_being_written_loses_nothing(panel, qtbot):
    panel.set_recent([Query.of(["rain"])])
    write(qtbot, panel.keep, "birds")
    qtbot.keyClick(panel.keep.rows[0].field, Qt.Key.Key_Up)
    assert panel.query() == Query.of(["birds"])


def test_the_menu_of_recent_queries_recalls(panel):
    button = child(panel, "recentQueriesButton", QToolButton)
    assert not button.isEnabled()
    panel.set_recent([Query.of(["rain"]), MIXED])
    assert button.isEnabled()
    button.menu().actions()[1].trigger()
    assert panel.query() == MIXED


def test_a_long_query_has_a_short_entry_in_the_menu_and_a_tip(panel):
    query = Query.of(["a horse & cart " * 15])
    panel.set_recent([query])
    entry = child(panel, "recentQueriesButton", QToolButton).menu().actions()[0]
    assert len(entry.text()) < 70
    assert "horse && cart" in entry.text()
    assert "a horse &amp; cart " * 10 in entry.toolTip()
    entry.trigger()
    assert panel.query() == query


# For everybody.


def test_every_control_can_be_found_named_and_reached(panel):
    panel.set_has_selection(True)
    panel.set_query(MIXED)
    assert shortcomings(panel) == []


def test_tab_goes_from_top_to_bottom(panel):
    panel.set_query(MIXED)
    panel.set_has_selection(True)
    order = tab_order(child(panel, "keepSelectionButton", QToolButton), panel)
    places = {
        widget.objectName(): widget.mapTo(panel, QPoint(0, widget.height() // 2)).y()
        for widget in order
    }
    names = list(places)
    assert names.index("keep0Text") < names.index("remove0Text") < names.index("strengthSlider")
    assert names.index("strengthSlider") < names.index("extractButton")
    rows = [place for name, place in places.items() if name.endswith(("Text", "Row"))]
    assert rows == sorted(rows)


def test_nothing_is_cut_off_at_the_least_width(panel):
    panel.set_query(MIXED)
    panel.resize(panel.minimumWidth(), 700)
    inside = panel.findChild(PromptList, "keepList").parentWidget()
    assert inside.minimumSizeHint().width() <= panel.minimumWidth()
