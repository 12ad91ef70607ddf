"""The panel that asks, worked as a user works it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QPushButton, QToolButton

from clapsep_desktop.errors import ModelDamagedError, QueryError
from clapsep_desktop.gui.controls import ValueSlider
from clapsep_desktop.gui.model_choices import ModelChoice, model_choices, model_title
from clapsep_desktop.gui.prompt_list import PromptList
from clapsep_desktop.gui.prompt_rows import ExampleRow, TextRow
from clapsep_desktop.gui.query_options import NO_SELECTION
from clapsep_desktop.gui.query_panel import BUSY, EMPTY, QueryPanel
from clapsep_desktop.query import AudioPrompt, EmbeddedPrompt, Query, TextPrompt
from tests.support.accessibility import shortcomings, tab_order

MIXED = Query(
    keep=(TextPrompt("a man speaking"), AudioPrompt(Path("/sounds/man.wav"), 1.5, 3.0)),
    remove=(TextPrompt("wind", 2.0), EmbeddedPrompt("my hum", "mini", (0.6, 0.8))),
    blend=0.25,
    strength=0.8,
)


@pytest.fixture
def panel(qtbot):
    panel = QueryPanel()
    qtbot.addWidget(panel)
    panel.resize(320, 700)
    panel.show()
    panel.activateWindow()
    panel.focus_query()
    return panel


def child(panel, name, kind=QPushButton):
    found = panel.findChild(kind, name)
    assert found is not None, name
    return found


def last_field(prompts):
    row = prompts.rows[-1]
    assert isinstance(row, TextRow)
    return row.field


def write(qtbot, prompts, *texts):
    for text in texts:
        qtbot.keyClicks(last_field(prompts), text)


# Queries in and out.


@pytest.mark.parametrize(
    "query",
    [
        Query.of(["rain"]),
        Query.of(remove=["hum", "hiss"], strength=0.33),
        MIXED,
        Query(keep=(TextPrompt("a", 1 / 3), TextPrompt("b", 7.123456))),
        Query(keep=(AudioPrompt(Path("/a/ä ö.flac"), None, 2.0),), remove=(TextPrompt("x"),)),
    ],
)
def test_a_query_comes_out_as_it_went_in(panel, query):
    panel.set_query(query)
    assert panel.query() == query


texts = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)
weights = st.floats(0.05, 100.0, allow_nan=False)
prompts = st.one_of(
    st.builds(TextPrompt, texts, weights),
    st.builds(
        lambda name, weight: AudioPrompt(Path(f"/{name}.wav"), weight=weight), texts, weights
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    keep=st.lists(prompts, max_size=4),
    remove=st.lists(prompts, max_size=4),
    blend=st.floats(0, 1),
    strength=st.floats(0, 1),
)
def test_any_query_comes_out_as_it_went_in(panel, keep, remove, blend, strength):
    try:
        query = Query(tuple(keep), tuple(remove), blend, strength)
    except QueryError:
        return
    panel.set_query(query)
    assert panel.query() == query
    assert panel.reason == ""
    for side in (panel.keep, panel.remove):
        assert [row.is_empty for row in side.rows].count(True) == 1
        assert side.rows[-1].is_empty


def test_typing_makes_lines_and_the_place_to_type_stays_last(panel, qtbot):
    write(qtbot, panel.keep, "rain")
    assert [row.is_empty for row in panel.keep.rows] == [False, True]
    qtbot.keyClick(panel.keep.rows[0].field, Qt.Key.Key_Return)
    qtbot.keyClicks(panel.keep.rows[1].field, "birds")
    assert panel.query() == Query.of(["rain", "birds"])
    assert len(panel.keep.rows) == 3


def test_what_is_typed_counts_without_enter(panel, qtbot):
    write(qtbot, panel.remove, "hum")
    with qtbot.waitSignal(panel.extract_requested):
        qtbot.keyClick(
            panel.remove.rows[0].field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier
        )
    assert panel.query() == Query.of(remove=["hum"])


def test_emptying_a_line_leaves_one_place_to_type(panel, qtbot):
    write(qtbot, panel.keep, "rain")
    panel.keep.rows[0].field.clear()
    assert len(panel.keep.rows) == 1
    assert panel.keep.is_empty


def test_backspace_takes_an_empty_line_out_and_goes_up(panel, qtbot):
    panel.set_query(Query.of(["rain", "birds"]))
    middle = panel.keep.rows[1].field
    middle.setFocus()
    middle.selectAll()
    qtbot.keyClick(middle, Qt.Key.Key_Delete)
    qtbot.keyClick(panel.keep.rows[1].field, Qt.Key.Key_Backspace)
    assert panel.query() == Query.of(["rain"])
    assert panel.focusWidget() is panel.keep.rows[0].field


def test_a_key_takes_a_written_line_out(panel, qtbot):
    panel.set_query(Query.of(["rain", "birds"]))
    qtbot.keyClick(
        panel.keep.rows[0].field,
        Qt.Key.Key_Backspace,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    assert panel.query() == Query.of(["birds"])


@pytest.mark.parametrize("key", [Qt.Key.Key_Delete, Qt.Key.Key_Backspace])
def test_an_example_is_taken_out_by_key(panel, qtbot, key):
    panel.set_query(MIXED)
    chip = panel.keep.rows[1]
    assert isinstance(chip, ExampleRow)
    chip.focus()
    qtbot.keyClick(chip, key)
    assert panel.query().keep == (TextPrompt("a man speaking"),)


def test_the_cross_takes_a_line_out(panel):
    panel.set_query(MIXED)
    child(panel, "remove0RemoveButton", QToolButton).click()
    assert panel.query().remove == MIXED.remove[1:]


def test_arrows_go_through_all_lines_of_both_lists(panel, qtbot):
    panel.set_query(MIXED)
    panel.keep.rows[0].focus()
    seen = []
    for _ in range(6):
        seen.append(panel.focusWidget())
        qtbot.keyClick(panel.focusWidget(), Qt.Key.Key_Down)
    keep, remove = panel.keep.rows, panel.remove.rows
    assert seen == [keep[0].field, keep[1], keep[2].field, remove[0].field, remove[1],
                    remove[2].field]  # fmt: skip
    qtbot.keyClick(panel.focusWidget(), Qt.Key.Key_Up)
    assert panel.focusWidget() is remove[1]


def test_weights_are_hidden_until_there_is_something_to_weigh(panel, qtbot):
    write(qtbot, panel.keep, "rain")
    row = panel.keep.rows[0]
    assert row.weight_button.isHidden()
    panel.add_prompt("keep", TextPrompt("birds"))
    assert not row.weight_button.isHidden()
    assert row.weight_field.isHidden()
    row.weight_button.click()
    assert not row.weight_field.isHidden()
    row.weight_field.setValue(3.0)
    assert panel.query().keep == (TextPrompt("rain", 3.0), TextPrompt("birds"))


# What stands in the way.


def problem(panel):
    return panel.findChild(QLabel, "queryProblemText").text()


def test_an_empty_query_cannot_be_extracted_and_says_why(panel, qtbot):
    for name in ("extractButton", "previewButton"):
        button = child(panel, name)
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
    assert not child(panel, "extractButton").isEnabled()
    panel.remove.rows[0].field.setText("wind")
    assert problem(panel) == ""
    assert child(panel, "extractButton").isEnabled()


def test_invisible_characters_are_no_query(panel):
    panel.keep.rows[0].field.setText("\u200b\u2028")
    assert not child(panel, "extractButton").isEnabled()
    with pytest.raises(QueryError):
        panel.query()


def test_a_job_that_runs_stands_in_the_way_but_not_of_typing(panel, qtbot):
    write(qtbot, panel.keep, "rain")
    panel.set_busy(True)
    assert child(panel, "extractButton").toolTip() == BUSY
    assert not child(panel, "extractButton").isEnabled()
    assert last_field(panel.keep).isEnabled()
    panel.set_busy(False)
    assert child(panel, "extractButton").isEnabled()


def test_an_obstacle_is_told_before_all_else(panel):
    panel.set_obstacle("Open a recording first.")
    assert panel.reason == problem(panel) == "Open a recording first."


def test_an_error_stays_until_the_query_changes(panel, qtbot):
    write(qtbot, panel.keep, "rain")
    panel.show_error("The model is not there.")
    assert problem(panel) == "The model is not there."
    assert child(panel, "extractButton").isEnabled()
    write(qtbot, panel.remove, "h")
    assert problem(panel) == ""


def test_buttons_ask(panel, qtbot):
    panel.set_query(MIXED)
    with qtbot.waitSignal(panel.preview_requested):
        child(panel, "previewButton").click()
    with qtbot.waitSignal(panel.extract_requested):
        child(panel, "extractButton").click()
    with qtbot.waitSignal(panel.preview_requested):
        qtbot.keyClick(
            panel,
            Qt.Key.Key_Return,
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
        )


# Where and by what.


def test_the_blend_is_there_only_for_a_list_of_both_kinds(panel):
    slider = panel.findChild(ValueSlider, "blend")
    panel.set_query(Query((TextPrompt("a"),), (AudioPrompt(Path("/a.wav")),)))
    assert slider.isHidden()
    panel.set_query(MIXED)
    assert not slider.isHidden()


def test_a_selection_becomes_the_scope_and_losing_it_says_why(panel):
    assert panel.scope == "file"
    selection = child(panel, "scopeSelection")
    assert not selection.isEnabled()
    assert selection.toolTip() == NO_SELECTION
    panel.set_has_selection(True)
    assert panel.scope == "selection"
    panel.scope = "file"
    panel.set_has_selection(True)
    assert panel.scope == "file"
    panel.set_has_selection(False)
    panel.scope = "selection"
    assert panel.scope == "file"


@pytest.mark.parametrize("side", ["keep", "remove"])
def test_the_selection_becomes_an_example(panel, qtbot, side):
    button = child(panel, f"{side}SelectionButton", QToolButton)
    assert not button.isEnabled()
    panel.set_has_selection(True)
    with qtbot.waitSignal(panel.use_selection_as_example) as told:
        button.click()
    assert told.args == [side]
    example = AudioPrompt(Path("/r.wav"), 1.0, 2.0)
    panel.add_prompt(side, example)
    assert getattr(panel.query(), side) == (example,)


def test_a_model_that_is_missing_cannot_be_chosen_and_says_how_to_get_it(panel, qtbot):
    panel.set_models(model_choices(["mini", "speech"]))
    panel.model = "base"
    assert panel.model == "auto"
    box = child(panel, "modelChoice", QComboBox)
    index = box.findData("base")
    assert "not installed" in box.itemText(index)
    assert not box.model().item(index).isEnabled()
    assert "Get Base" in box.model().item(index).toolTip()
    with qtbot.waitSignal(panel.get_model_requested) as told:
        child(panel, "getModelButton").click()
    assert told.args == ["base"]


def test_installing_a_model_keeps_what_was_chosen(panel):
    panel.model = "speech"
    panel.set_models(model_choices(["mini", "speech", "base", "mine"]))
    assert panel.model == "speech"
    assert child(panel, "getModelButton").isHidden()
    panel.model = "mine"
    panel.set_models(model_choices(["mini", "speech"]))
    assert panel.model == "auto"


def test_only_auto_asks_for_specialists(panel):
    switch = panel.findChild(QCheckBox, "specialistsSwitch")
    assert switch.isEnabled()
    panel.model = "mini"
    assert not switch.isEnabled()
    panel.specialists = False
    panel.channels = "independent"
    assert (panel.specialists, panel.channels) == (False, "independent")


def test_every_choice_is_told_as_a_change(panel, qtbot):
    panel.set_has_selection(True)
    for change in (
        lambda: child(panel, "scopeFile").click(),
        lambda: setattr(panel, "model", "mini"),
        lambda: setattr(panel, "channels", "independent"),
        lambda: panel.add_prompt("keep", TextPrompt("rain")),
        panel.clear,
    ):
        with qtbot.waitSignal(panel.query_changed):
            change()


def test_the_plan_is_shown_as_plain_text(panel):
    panel.show_plan("speech: keep the <voices>")
    line = panel.findChild(QLabel, "planLineText")
    assert line.text() == "speech: keep the <voices>"
    assert line.textFormat() == Qt.TextFormat.PlainText


def test_models_have_titles():
    assert model_title("mini") == "Mini"
    assert model_choices(["zebra", "mini"])[-1] == ModelChoice(
        "zebra", "zebra", "A model of your own."
    )


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


# Suggestions.


def test_a_suggestion_is_taken_by_key(panel, qtbot):
    panel.suggestions.set_recent([Query.of(["rain on a tent"])])
    row = panel.keep.rows[0]
    qtbot.keyClicks(row.field, "rain on")
    assert row.is_proposing
    popup = row.field.completer().popup()
    qtbot.keyClick(popup, Qt.Key.Key_Down)
    qtbot.keyClick(popup, Qt.Key.Key_Return)
    assert panel.query() == Query.of(["rain on a tent"])


def pick(qtbot, panel, name):
    row = panel.keep.rows[0]
    qtbot.keyClicks(row.field, name[:3])
    popup = row.field.completer().popup()
    qtbot.keyClick(popup, Qt.Key.Key_Down)
    qtbot.keyClick(popup, Qt.Key.Key_Return)


def test_a_saved_sound_becomes_an_example(panel, qtbot):
    saved = EmbeddedPrompt("Zany dog", "mini", (1.0, 0.0))
    panel.suggestions.set_saved(["Zany dog"], lambda name: saved)
    pick(qtbot, panel, "Zany dog")
    assert panel.query() == Query(keep=(saved,))
    assert panel.focusWidget() is last_field(panel.keep)


def test_a_saved_sound_that_cannot_be_read_is_told(panel, qtbot):
    def damaged(name):
        raise ModelDamagedError("The saved sound is damaged.")

    panel.suggestions.set_saved(["Zany dog"], damaged)
    pick(qtbot, panel, "Zany dog")
    assert problem(panel) == "The saved sound is damaged."


# Files.


def drop(target, *paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    where = QPoint(20, 20)
    action, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(where, action, data, button, Qt.KeyboardModifier.NoModifier)
    target.dragEnterEvent(enter)
    assert enter.isAccepted()
    target.dropEvent(
        QDropEvent(QPointF(where), action, data, button, Qt.KeyboardModifier.NoModifier)
    )


def test_sound_files_dropped_on_a_list_become_examples(panel, tmp_path):
    files = [tmp_path / "a.wav", tmp_path / "b.FLAC", tmp_path / "notes.txt"]
    for file in files:
        file.write_bytes(b"")
    drop(panel.remove, *files)
    assert panel.query().remove == (AudioPrompt(files[0]), AudioPrompt(files[1]))
    assert panel.keep.is_empty


def test_other_files_are_refused_with_a_sentence(panel, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    drop(panel.keep, text)
    assert "Only sound files" in problem(panel)
    assert panel.keep.is_empty


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
