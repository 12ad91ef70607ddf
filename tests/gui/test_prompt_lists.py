"""The lists of what to keep and to remove: typed, dropped and proposed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QToolButton

from clapsep_desktop.errors import ModelDamagedError, QueryError
from clapsep_desktop.gui.example_row import ExampleRow
from clapsep_desktop.query import AudioPrompt, EmbeddedPrompt, Query, TextPrompt
from tests.support.query_panel import MIXED, child, last_field, problem, write

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


# Lines.


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


def test_a_saved_sound_can_be_asked_for_by_its_name(panel, qtbot):
    saved = EmbeddedPrompt("Zany dog", "mini", (1.0, 0.0))
    panel.suggestions.set_saved(["Zany dog"], lambda name: saved)
    write(qtbot, panel.keep, "@zany do")
    assert "no saved sound “zany do”" in problem(panel)
    panel.keep.rows[0].field.setText("@zany dog")
    panel.keep.rows[0].set_weight(2.0)
    assert panel.query() == Query(keep=(replace(saved, weight=2.0),))
    assert not panel.keep.is_mixed
    write(qtbot, panel.keep, "a dog")
    assert panel.keep.is_mixed


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


def test_an_example_that_cannot_be_read_is_marked_and_stands_in_the_way(panel, qtbot):
    with qtbot.waitSignal(panel.example_added) as told:
        panel.set_query(Query(keep=(AudioPrompt(Path("/a.wav")), AudioPrompt(Path("/b.wav")))))
    assert told.args == [Path("/a.wav")]
    panel.tell_unreadable(Path("/b.wav"), "“b.wav” is damaged.")
    good, bad, _ = panel.keep.rows
    assert (good.problem, bad.problem) == ("", "“b.wav” is damaged.")
    assert "damaged" in bad.toolTip()
    assert panel.reason == problem(panel) == "“b.wav” is damaged."
    bad.remove_button.click()
    assert panel.reason == problem(panel) == ""
