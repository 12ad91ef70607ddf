from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QContextMenuEvent, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QApplication, QLineEdit

from clapsep_desktop.gui.actions import COMMANDS
from clapsep_desktop.gui.menus import MENUS, PANELS, RECENT, SEPARATOR, THEMES
from clapsep_desktop.timebase import Span

RATE = 16_000


def test_every_command_lies_in_a_menu():
    names = [name for _, listed in MENUS for name in listed]
    apart = {SEPARATOR, RECENT, PANELS, THEMES, "undo", "redo"}
    assert set(names) - apart == {command.name for command in COMMANDS}
    assert len([name for name in names if name != SEPARATOR]) == len(set(names) - {SEPARATOR})


def test_a_right_click_on_a_plot_offers_what_can_be_done_there(opened, qtbot):
    opened.editor.timeline.select(Span(0, RATE))
    for plot in opened.window.track.plots:
        place = QPoint(plot.viewport().width() // 2, 40)
        click = QContextMenuEvent(
            QContextMenuEvent.Reason.Mouse, place, plot.viewport().mapToGlobal(place)
        )
        QApplication.sendEvent(plot.viewport(), click)
        menu = QApplication.activePopupWidget()
        assert menu.objectName() == "menu_plots"
        assert opened.window.actions_["example_keep"] in menu.actions()
        menu.close()
    assert opened.editor.timeline.selection == Span(0, RATE)


def test_no_key_means_two_things(studio):
    keys: dict[str, list[str]] = {}
    for action in studio.window.findChildren(QAction):
        for sequence in action.shortcuts():
            keys.setdefault(sequence.toString(), []).append(action.objectName())
    assert {key: names for key, names in keys.items() if len(names) > 1} == {}


KEYS = {
    "Space": "play", "P": "pause", "X": "stop_here", "Home": "to_start", "Return": "to_start",
    "L": "loop", "Shift+Space": "play_past", "A": "hear_original", "S": "hear_kept",
    "D": "hear_removed", "Ctrl+=": "zoom_in", "Ctrl+-": "zoom_out", "Ctrl+E": "zoom_selection",
    "Ctrl+F": "zoom_fit", "Z": "snap", "M": "marker", "F6": "next_pane",
    "Shift+F6": "previous_pane", "Ctrl+Return": "extract", "Ctrl+Shift+Return": "preview",
    "/": "focus_query", "Esc": "cancel", "Ctrl+R": "repeat", "Ctrl+Z": "undo",
    "Ctrl+Shift+Z": "redo", "Ctrl+Y": "redo", "Ctrl+A": "select_all", "[": "edge_start",
    "]": "edge_end", "Shift+Home": "extend_start", "Shift+End": "extend_end", "Q": "spectral",
    "Ctrl+O": "open", "Ctrl+S": "save", "Ctrl+Shift+E": "export", "Ctrl+,": "preferences",
}  # fmt: skip


def test_the_keyboard_map_is_as_promised(studio):
    for key, name in KEYS.items():
        assert QKeySequence(key) in studio.window.actions_[name].shortcuts(), key


def test_single_keys_go_into_a_text_and_space_onto_a_button(opened, qtbot):
    opened.window.activateWindow()
    opened.trigger("focus_query")
    field = QApplication.focusWidget()
    assert isinstance(field, QLineEdit)
    qtbot.keyClicks(field, "sad dogs")
    assert field.text() == "sad dogs"
    assert opened.editor.sound.role == "original"
    button = opened.window.findChild(QAbstractButton, "queryPreview") or next(
        one for one in opened.window.query.findChildren(QAbstractButton) if one.text() == "Preview"
    )
    button.setFocus(Qt.FocusReason.TabFocusReason)
    with qtbot.waitSignal(button.clicked):
        qtbot.keyClick(button, Qt.Key.Key_Space)
    assert not opened.editor.playback.is_playing


def test_the_keyboard_goes_back_to_the_track_with_the_query(opened, qtbot):
    opened.window.activateWindow()
    opened.trigger("focus_query")
    field = QApplication.focusWidget()
    qtbot.keyClicks(field, "a dog")
    with qtbot.waitSignal(opened.editor.operations.extracted, timeout=20_000):
        qtbot.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        assert opened.window.track.waveform.hasFocus()
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_D)
    assert opened.editor.sound.role == "removed"
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Right)
    assert opened.editor.timeline.cursor > 0


def test_escape_leaves_the_query_before_it_touches_the_selection(opened):
    opened.window.activateWindow()
    opened.editor.timeline.select(Span(0, RATE))
    opened.trigger("focus_query")
    opened.trigger("cancel")
    assert opened.window.track.waveform.hasFocus()
    assert opened.editor.timeline.selection == Span(0, RATE)
    opened.trigger("cancel")
    assert opened.editor.timeline.selection is None


def test_single_keys_work_after_the_speed_was_chosen(opened, qtbot):
    opened.window.activateWindow()
    speed = opened.window.findChild(QAbstractSpinBox, "speedField")
    speed.setFocus()
    qtbot.keyClicks(speed, "d ")
    assert opened.editor.sound.role == "removed"
    assert opened.editor.playback.is_playing


def test_f6_goes_round_the_panes(opened, qtbot):
    window = opened.window
    window.activateWindow()
    window.track.waveform.setFocus()
    visited = [window.panes.step(1) for _ in range(5)]
    assert visited[0] is window.query_dock
    assert visited[1] is window.history_dock
    assert window.transport in visited
    assert window.track in visited
    assert window.panes.step(-1) is not window.panes.step(1)
