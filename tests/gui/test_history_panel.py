"""The stack of extractions, worked as a user works it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QUndoCommand, QUndoStack
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QMenu, QProgressBar, QPushButton, QToolButton, QUndoView

from clapsep_desktop.gui.history_panel import CLOSED, EMPTY, HistoryPanel
from clapsep_desktop.gui.history_rows import models_text
from clapsep_desktop.gui.wording import size_text
from clapsep_desktop.query import Query
from clapsep_desktop.session.session import Extraction, Recording, Session
from clapsep_desktop.timebase import Span
from tests.support.accessibility import shortcomings

RATE = 48_000
RECORDING = Recording(Path("/sounds/street & <wind>.wav"), RATE, 2, 60 * RATE)
VOICE = Extraction(
    Query.of(["a man speaking"], ["wind"]),
    Span(0, 60 * RATE),
    strength=0.8,
    buffer="b1",
    plan='{"version": 1, "steps": [{"model": "speech"}, {"model": "mini"}]}',
    seconds=12.34,
    id="voice",
)
DOG = Extraction(
    Query.of(remove=["a dog"]),
    Span(5 * RATE, 12 * RATE + 24),
    band=(200.0, 4000.0),
    model="mini",
    buffer="b2",
    seconds=1.2,
    name="Next door",
    id="dog",
)
HUM = Extraction(Query.of(remove=["hum"]), Span(0, RATE), id="hum")
SESSION = Session(RECORDING, (VOICE, DOG, HUM))


@pytest.fixture
def panel(qtbot):
    panel = HistoryPanel()
    qtbot.addWidget(panel)
    panel.resize(320, 640)
    panel.show_session(SESSION, {"dog"}, {"voice": 46_080_000, "dog": 2_700_000}, 48_800_000)
    panel.show()
    panel.activateWindow()
    return panel


def words(widget):
    return "\n".join(label.text().replace("\xa0", " ") for label in widget.findChildren(QLabel))


def row(panel, identity):
    return next(one for one in panel.rows if one.identity == identity)


def press(qtbot, widget, key, modifier=Qt.KeyboardModifier.NoModifier):
    widget.setFocus()
    qtbot.keyClick(widget, key, modifier)


# What it shows.


def test_the_recording_comes_first_and_the_steps_in_their_order(panel):
    assert "street & <wind>.wav" in words(panel.source)
    assert "48 kHz, stereo, 1:00.000" in words(panel.source)
    assert [one.identity for one in panel.rows] == ["voice", "dog", "hum"]
    places = [one.mapTo(panel, QPoint(0, 0)).y() for one in (panel.source, *panel.rows)]
    assert places == sorted(places)


def test_a_step_tells_all_about_itself(panel):
    voice, dog = words(row(panel, "voice")), words(row(panel, "dog"))
    assert VOICE.title in voice
    for fact in ("Whole file", "Auto: Speech, Mini", "in 12.3 s", "46 MB"):
        assert fact in voice
    for fact in ("Next door", "Remove “a dog”", "0:05.000 – 0:12.000", "200 – 4,000 Hz", "Mini"):
        assert fact in dog
    assert row(panel, "voice").strength.value == 0.8


def test_a_step_tells_a_screen_reader_the_same(panel):
    spoken = row(panel, "dog")
    assert spoken.accessibleName() == "Step 2: Next door"
    assert "0:05.000" in spoken.accessibleDescription()
    panel.show_session(SESSION.edited("dog", enabled=False))
    assert row(panel, "dog").accessibleName() == "Step 2, off: Next door"


def test_only_an_outdated_step_offers_to_be_rendered_again(panel, qtbot):
    assert child(panel, "history1Render").isVisible() is False
    assert "Outdated" in words(row(panel, "dog"))
    with qtbot.waitSignal(panel.rerender_requested) as told:
        child(panel, "history2Render").click()
    assert told.args == ["dog"]


def test_a_step_that_is_not_rendered_says_so_and_has_no_strength_yet(panel):
    assert "Not rendered" in words(row(panel, "hum"))
    assert not row(panel, "hum").strength.isEnabled()
    assert row(panel, "dog").strength.isEnabled()


def test_what_a_step_changed_stays_with_it(panel):
    panel.set_change("dog", "Null −141 dB.")
    panel.show_session(SESSION.moved("dog", 0))
    assert [one.identity for one in panel.rows] == ["dog", "voice", "hum"]
    assert "Null −141 dB." in words(row(panel, "dog"))
    assert "Null" not in words(row(panel, "voice"))
    panel.show_session(SESSION.without("dog"))
    panel.show_session(SESSION)
    assert "Null −141 dB." in words(row(panel, "dog"))


def test_disk_used_and_its_limit(panel):
    assert child(panel, "diskUsed", QLabel).text() == "Results on disk: 49 MB"
    meter = child(panel, "diskMeter", QProgressBar)
    assert meter.isHidden()
    panel.set_budget(97_600_000)
    assert child(panel, "diskUsed", QLabel).text() == "Results on disk: 49 MB of 98 MB"
    assert meter.value() == meter.maximum() // 2
    panel.show_disk(1_000_000_000)
    assert meter.value() == meter.maximum()


def test_a_new_step_is_brought_into_sight(panel, qtbot):
    panel.resize(320, 280)
    panel.show_session(SESSION.without("hum"))
    panel.show_session(SESSION)
    newest = panel.rows[-1]
    qtbot.waitUntil(lambda: newest.visibleRegion().boundingRect().height() == newest.height())


def test_of_a_new_step_that_has_no_room_the_head_is_brought_into_sight(panel, qtbot):
    panel.resize(320, 150)
    panel.show_session(SESSION.without("hum"))
    panel.show_session(SESSION)
    newest = panel.rows[-1]
    qtbot.waitUntil(lambda: newest.visibleRegion().contains(QPoint(20, 0)))
    assert newest.visibleRegion().boundingRect().height() < newest.height()


def test_an_empty_history_says_how_to_begin(qtbot):
    panel = HistoryPanel()
    qtbot.addWidget(panel)
    hint = child(panel, "historyHint", QLabel)
    assert hint.text() == CLOSED
    assert panel.source.isHidden()
    panel.show_session(Session(RECORDING))
    assert (hint.text(), hint.isHidden(), panel.source.isHidden()) == (EMPTY, False, False)
    panel.show_session(SESSION)
    assert hint.isHidden()
    panel.show_session(None)
    assert panel.rows == ()
    assert panel.source.isHidden()


@pytest.mark.parametrize("plan", ["", "{", "[]", '{"steps": 3}', '{"steps": [{"m": 1}]}', "null"])
def test_a_plan_that_cannot_be_read_leaves_the_models_name(plan):
    assert models_text(Extraction(VOICE.query, VOICE.span, plan=plan)) == "Auto"


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0 kB"), (1, "1 kB"), (999_999, "1000 kB"), (1_000_000, "1.0 MB"), (10**12, "1000 GB")],
)
def test_sizes_in_words(amount, text):
    assert size_text(amount) == text


# What it says.


def child(panel, name, kind=QPushButton):
    found = panel.findChild(kind, name)
    assert found is not None, name
    return found


@pytest.mark.parametrize(
    ("key", "modifier", "signal", "args"),
    [
        (Qt.Key.Key_Space, Qt.KeyboardModifier.NoModifier, "toggled", ["dog", False]),
        (Qt.Key.Key_Delete, Qt.KeyboardModifier.NoModifier, "deleted", ["dog"]),
        (Qt.Key.Key_Return, Qt.KeyboardModifier.NoModifier, "activated", ["dog"]),
        (Qt.Key.Key_F5, Qt.KeyboardModifier.NoModifier, "rerender_requested", ["dog"]),
        (Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier, "moved", ["dog", 0]),
        (Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier, "moved", ["dog", 2]),
    ],
)
def test_a_step_is_worked_by_keys(panel, qtbot, key, modifier, signal, args):
    with qtbot.waitSignal(getattr(panel, signal)) as told:
        press(qtbot, row(panel, "dog"), key, modifier)
    assert told.args == args


def drag(row, to, *, cancel=False):
    """Drag a step by its number to a height in the panel's column; in two moves, as a hand does."""
    start = QPoint(30, 12)
    QTest.mousePress(row, Qt.MouseButton.LeftButton, pos=start)
    for share in (0.5, 1.0):
        way = to - row.mapTo(row.parentWidget(), start)
        QTest.mouseMove(row, start + QPoint(0, round(way.y() * share)))
    if cancel:
        QTest.keyClick(row, Qt.Key.Key_Escape)
    QTest.mouseRelease(row, Qt.MouseButton.LeftButton, pos=start)


@pytest.mark.parametrize(("identity", "goal", "place"), [("voice", "hum", 2), ("hum", "voice", 0)])
def test_a_step_is_dragged_to_another_place(panel, qtbot, identity, goal, place):
    beyond = row(panel, goal).geometry()
    where = beyond.bottomLeft() if place else beyond.topLeft()
    with qtbot.waitSignal(panel.moved) as told:
        drag(row(panel, identity), where)
    assert told.args == [identity, place]


def test_a_drag_that_ends_where_it_began_or_with_esc_moves_nothing(panel, qtbot):
    dog = row(panel, "dog")
    with qtbot.assertNotEmitted(panel.moved):
        drag(dog, dog.geometry().center())
        drag(dog, row(panel, "hum").geometry().bottomLeft(), cancel=True)
    assert [one.identity for one in panel.rows] == ["voice", "dog", "hum"]


def test_a_step_that_goes_while_it_is_dragged_is_let_go(panel, qtbot):
    dog, start = row(panel, "dog"), QPoint(30, 12)
    QTest.mousePress(dog, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(dog, start + QPoint(0, 400))
    with qtbot.assertNotEmitted(panel.moved):
        panel.show_session(SESSION.without("dog"))
        QTest.mouseRelease(dog, Qt.MouseButton.LeftButton, pos=start)


def test_the_first_step_does_not_move_up_nor_the_last_down(panel, qtbot):
    with qtbot.assertNotEmitted(panel.moved):
        press(qtbot, row(panel, "voice"), Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
        press(qtbot, row(panel, "hum"), Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)


def test_arrows_go_from_line_to_line(panel, qtbot):
    panel.source.setFocus()
    seen = []
    for _ in range(4):
        seen.append(panel.focusWidget())
        qtbot.keyClick(panel.focusWidget(), Qt.Key.Key_Down)
    assert seen == [panel.source, *panel.rows]
    assert panel.focusWidget() is panel.rows[-1]
    qtbot.keyClick(panel.focusWidget(), Qt.Key.Key_Home)
    assert panel.focusWidget() is panel.source


def test_the_recording_selects_all_of_itself(panel, qtbot):
    with qtbot.waitSignal(panel.activated) as told:
        press(qtbot, panel.source, Qt.Key.Key_Return)
    assert told.args == [""]


def test_the_box_toggles(panel, qtbot):
    with qtbot.waitSignal(panel.toggled) as told:
        row(panel, "voice").check.click()
    assert told.args == ["voice", False]


def test_a_double_click_jumps(panel, qtbot):
    with qtbot.waitSignal(panel.activated) as told:
        qtbot.mouseDClick(row(panel, "dog"), Qt.MouseButton.LeftButton, pos=QPoint(10, 5))
    assert told.args == ["dog"]


def test_one_drag_of_the_strength_is_one_final_value(panel):
    told = []
    panel.strength_changed.connect(lambda *args: told.append(args))
    slider = row(panel, "dog").strength.slider
    slider.setSliderDown(True)
    for position in (80, 60, 35):
        slider.setSliderPosition(position)
        panel.show_session(SESSION, {"dog"})  # as progress elsewhere may cause
    slider.setSliderDown(False)
    assert told[-1] == ("dog", 0.35, True)
    assert [final for *_, final in told].count(True) == 1


def test_undo_shows_in_the_slider(panel):
    panel.show_session(SESSION.edited("dog", strength=0.2))
    assert row(panel, "dog").strength.value == 0.2


# Names.


def start_renaming(panel, qtbot, identity):
    press(qtbot, row(panel, identity), Qt.Key.Key_F2)
    field = row(panel, identity).title_field
    assert field.isVisible()
    return field


def test_a_step_is_renamed_in_place(panel, qtbot):
    field = start_renaming(panel, qtbot, "voice")
    assert field.selectedText() == VOICE.title
    qtbot.keyClicks(field, "The  interview ")
    with qtbot.waitSignal(panel.renamed) as told:
        qtbot.keyClick(field, Qt.Key.Key_Return)
    assert told.args == ["voice", "The interview"]
    assert field.isHidden()
    assert panel.focusWidget() is row(panel, "voice")


def test_escape_leaves_the_name(panel, qtbot):
    field = start_renaming(panel, qtbot, "voice")
    qtbot.keyClicks(field, "Nonsense")
    with qtbot.assertNotEmitted(panel.renamed):
        qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert field.isHidden()


def test_leaving_the_field_takes_the_name_once(panel, qtbot):
    field = start_renaming(panel, qtbot, "voice")
    qtbot.keyClicks(field, "Interview")
    told = []
    panel.renamed.connect(lambda *args: told.append(args))
    row(panel, "dog").setFocus()
    assert told == [("voice", "Interview")]


def test_the_same_name_is_no_change(panel, qtbot):
    field = start_renaming(panel, qtbot, "dog")
    with qtbot.assertNotEmitted(panel.renamed):
        qtbot.keyClick(field, Qt.Key.Key_Return)


def test_an_empty_name_is_back_to_the_querys_words(panel, qtbot):
    field = start_renaming(panel, qtbot, "dog")
    qtbot.keyClick(field, Qt.Key.Key_Delete)
    with qtbot.waitSignal(panel.renamed) as told:
        qtbot.keyClick(field, Qt.Key.Key_Return)
    assert told.args == ["dog", ""]


def test_keys_that_edit_a_name_do_not_work_the_step(panel, qtbot):
    field = start_renaming(panel, qtbot, "voice")
    with qtbot.assertNotEmitted(panel.deleted), qtbot.assertNotEmitted(panel.toggled):
        for key in (Qt.Key.Key_Delete, Qt.Key.Key_Space, Qt.Key.Key_Backspace, Qt.Key.Key_F5):
            qtbot.keyClick(field, key)


# The menu.


@pytest.mark.parametrize(
    ("entry", "signal", "args"),
    [
        ("historyHeardRemoved", "heard", ["dog", "removed"]),
        ("historyHeardKept", "heard", ["dog", "kept"]),
        ("historyQuery", "query_wanted", ["dog"]),
        ("historyToggle", "toggled", ["dog", False]),
        ("historyDelete", "deleted", ["dog"]),
        ("historyUp", "moved", ["dog", 0]),
        ("historyActivate", "activated", ["dog"]),
    ],
)
def test_the_menu_says_what_is_wanted(panel, qtbot, entry, signal, args):
    menu = panel.menu_for("dog")
    action = next(action for action in menu.actions() if action.objectName() == entry)
    with qtbot.waitSignal(getattr(panel, signal)) as told:
        action.trigger()
    assert told.args == args


def test_the_menu_offers_what_makes_sense(panel):
    offered = {
        identity: {a.objectName() for a in panel.menu_for(identity).actions() if a.isEnabled()}
        for identity in ("voice", "hum")
    }
    assert "historyUp" not in offered["voice"]
    assert "historyDown" in offered["voice"]
    assert "historyDown" not in offered["hum"]
    assert "historyHeardRemoved" not in offered["hum"]


def test_the_button_opens_the_menu_and_it_goes_away(panel, qtbot):
    child(panel, "history2Menu", QToolButton).click()
    menu = child(panel, "historyMenu", QMenu)
    assert menu.isVisible()
    with qtbot.waitSignal(menu.destroyed):
        menu.close()


def test_an_entry_for_a_step_that_is_gone_does_nothing(panel, qtbot):
    menu = panel.menu_for("dog")
    panel.show_session(SESSION.without("dog"))
    with qtbot.assertNotEmitted(panel.deleted):
        menu.actions()[-1].trigger()


# What stays.


def test_lines_stay_the_same_through_every_change_but_their_own_going(panel):
    before = {one.identity: one for one in panel.rows}
    panel.show_session(SESSION.moved("hum", 0).edited("dog", strength=0.1))
    assert {one.identity: one for one in panel.rows} == before
    panel.show_session(SESSION.without("voice"))
    assert [one.identity for one in panel.rows] == ["dog", "hum"]
    assert panel.rows[0] is before["dog"]


def test_after_a_delete_the_keyboard_is_on_a_neighbour(panel, qtbot):
    row(panel, "dog").setFocus()
    assert panel.current == "dog"
    panel.show_session(SESSION.without("dog"))
    assert panel.current == "hum"
    panel.show_session(Session(RECORDING))
    assert panel.focusWidget() is panel.source


# Steps of undo.


def test_a_click_in_the_list_of_steps_goes_back_to_it(panel, qtbot):
    stack = QUndoStack(panel)
    for title in ("Keep “a man speaking”", "Remove “a dog”"):
        stack.push(QUndoCommand(title))
    panel.set_undo_stack(stack)
    child(panel, "historyPageSteps").click()
    steps = child(panel, "stepList", QUndoView)
    assert steps.isVisible()
    assert [steps.model().index(n, 0).data() for n in range(steps.model().rowCount())] == [
        "Opened",
        "Keep “a man speaking”",
        "Remove “a dog”",
    ]
    steps.setCurrentIndex(steps.model().index(1, 0))
    assert stack.index() == 1
    child(panel, "historyPageStack").click()
    assert not steps.isVisible()


def test_every_control_can_be_found_named_and_reached(panel):
    panel.set_budget(10**9)
    assert shortcomings(panel) == []
