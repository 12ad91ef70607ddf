"""The keyboard map."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QLabel, QLineEdit, QTreeWidget

from clapsep_desktop.gui.shortcuts_dialog import (
    PANEL_KEYS,
    KeyEntry,
    ShortcutsDialog,
    entries_of,
)
from tests.support.accessibility import shortcomings

ENTRIES = (
    KeyEntry("View", "Zoom In", ("Ctrl+=",), "See more detail."),
    KeyEntry("View", "Fit", ("Ctrl+F",)),
    KeyEntry("Edit", "Undo", ("Ctrl+Z",)),
)


@pytest.fixture
def dialog(qtbot):
    dialog = ShortcutsDialog(ENTRIES)
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def lines(dialog):
    tree = dialog.findChild(QTreeWidget, "shortcutsList")
    return {
        tree.topLevelItem(n).text(0): [
            (tree.topLevelItem(n).child(k).text(0), tree.topLevelItem(n).child(k).text(1))
            for k in range(tree.topLevelItem(n).childCount())
        ]
        for n in range(tree.topLevelItemCount())
    }


def test_all_is_shown_under_its_heading(dialog):
    assert lines(dialog) == {
        "View": [("Zoom In", "Ctrl+="), ("Fit", "Ctrl+F")],
        "Edit": [("Undo", "Ctrl+Z")],
    }


@pytest.mark.parametrize(
    ("typed", "titles"),
    [
        ("zoom", ["Zoom In"]),
        ("ctrl+f", ["Fit"]),
        ("DETAIL", ["Zoom In"]),
        ("view ctrl", ["Zoom In", "Fit"]),
        ("zoom undo", []),
    ],
)
def test_it_is_searched_by_words_and_by_keys(dialog, qtbot, typed, titles):
    qtbot.keyClicks(dialog.findChild(QLineEdit, "shortcutsSearch"), typed)
    assert [entry.title for entry in dialog.shown] == titles
    assert [title for group in lines(dialog).values() for title, _ in group] == titles


def test_finding_nothing_is_said(dialog, qtbot):
    qtbot.keyClicks(dialog.findChild(QLineEdit, "shortcutsSearch"), "xyzzy")
    assert "Nothing" in dialog.findChild(QLabel, "shortcutsCount").text()


def test_arrows_move_in_the_list_while_one_types(dialog, qtbot):
    field = dialog.findChild(QLineEdit, "shortcutsSearch")
    tree = dialog.findChild(QTreeWidget, "shortcutsList")
    for _ in range(2):
        qtbot.keyClick(field, Qt.Key.Key_Down)
    assert tree.currentItem() is not None


def test_actions_become_lines(qapp):
    play, about = QAction("&Play / Stop…"), QAction("&About")
    play.setShortcuts([QKeySequence("Space"), QKeySequence("Ctrl+P")])
    play.setStatusTip("Play it.")
    made = entries_of("Transport", [play, about])
    assert made == [KeyEntry("Transport", "Play / Stop", ("Space", "Ctrl+P"), "Play it.")]


def test_the_panels_own_keys_are_there():
    assert any(entry.matches(["rename", "F2"]) for entry in PANEL_KEYS)
    assert any(entry.matches(["alt+up", "earlier"]) for entry in PANEL_KEYS)


def test_every_control_can_be_found_named_and_reached(dialog):
    missing = [line for line in shortcomings(dialog) if "closeShortcuts" not in line]
    assert [line for line in missing if "QToolButton" not in line] == []  # the field's own clear
