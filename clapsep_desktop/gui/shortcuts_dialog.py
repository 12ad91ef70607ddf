"""The keyboard map: every key and what it does, to be searched by either."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from clapsep_desktop.gui import theme
from clapsep_desktop.gui.controls import GRID, muted_label, push_button


@dataclass(frozen=True)
class KeyEntry:
    """One line of the map.

    Attributes:
        group: the heading it stands under.
        title: what is done.
        keys: as the user reads them; the first is the usual one.
        about: a sentence on it, which is searched too.
    """

    group: str
    title: str
    keys: tuple[str, ...]
    about: str = ""

    def matches(self, words: Sequence[str]) -> bool:
        """Whether every word is found in it, whatever the case."""
        text = " ".join((self.group, self.title, self.about, *self.keys)).casefold()
        return all(word.casefold() in text for word in words)


PANEL_KEYS = (
    KeyEntry("Views", "Zoom at the pointer", ("Ctrl+Wheel",)),
    KeyEntry("Views", "Zoom the height", ("Ctrl+Shift+Wheel", "Up", "Down")),
    KeyEntry("Views", "Show the whole height", ("Double-Click",), "On the axis."),
    KeyEntry("Views", "Scroll", ("Shift+Wheel", "Page Up", "Page Down")),
    KeyEntry("Views", "Seek", ("Click",)),
    KeyEntry("Views", "Move the cursor", ("Left", "Right")),
    KeyEntry("Views", "Move the cursor far", ("Ctrl+Left", "Ctrl+Right")),
    KeyEntry("Views", "Select", ("Drag",)),
    KeyEntry("Views", "Select without snapping", ("Alt+Drag",), "To markers or zero crossings."),
    KeyEntry("Views", "Select between markers", ("Double-Click",)),
    KeyEntry("Views", "Extend the selection", ("Shift+Click", "Shift+Left", "Shift+Right")),
    KeyEntry("Views", "Give a drag up", ("Esc",)),
    KeyEntry("Query", "The next sound", ("Enter",)),
    KeyEntry("Query", "Go from line to line", ("Up", "Down")),
    KeyEntry("Query", "Earlier and later queries", ("Alt+Up", "Alt+Down")),
    KeyEntry("Query", "Take a sound out", ("Backspace", "Ctrl+Shift+Backspace")),
    KeyEntry("History", "Go from step to step", ("Up", "Down")),
    KeyEntry("History", "Turn a step off or on", ("Space",)),
    KeyEntry("History", "Select a step's span", ("Enter",)),
    KeyEntry("History", "Rename a step", ("F2",)),
    KeyEntry("History", "Render a step again", ("F5",)),
    KeyEntry("History", "Move a step", ("Alt+Up", "Alt+Down")),
    KeyEntry("History", "Delete a step", ("Delete",)),
)
"""What the mouse and the panels do beside the menus' commands."""


def entries_of(group: str, actions: Iterable[QAction]) -> list[KeyEntry]:
    """The lines for some actions, those without keys left out."""
    native = QKeySequence.SequenceFormat.NativeText
    return [
        KeyEntry(
            group,
            action.text().replace("&", "").rstrip("…"),
            tuple(keys.toString(native) for keys in action.shortcuts()),
            action.statusTip(),
        )
        for action in actions
        if action.shortcuts()
    ]


class SearchField(QLineEdit):
    """Sends the keys that move in a list to that list.

    Args:
        view: the list.
    """

    def __init__(self, view: QAbstractItemView) -> None:
        super().__init__()
        self._view = view

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (
            Qt.Key.Key_Up,
            Qt.Key.Key_Down,
            Qt.Key.Key_PageUp,
            Qt.Key.Key_PageDown,
        ):
            self._view.keyPressEvent(event)
        else:
            super().keyPressEvent(event)


class ShortcutsDialog(QDialog):
    """Shows a keyboard map.

    Args:
        entries: its lines, those of a group one after the other.
        parent: the window it belongs to.
    """

    def __init__(self, entries: Iterable[KeyEntry], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("shortcutsDialog")
        self.setWindowTitle("Keyboard Map")
        self._entries = list(entries)
        self._tree = QTreeWidget()
        self._tree.setObjectName("shortcutsList")
        self._tree.setAccessibleName("Keys")
        self._tree.setColumnCount(2)
        self._tree.setHeaderHidden(True)
        self._tree.setRootIsDecorated(False)
        self._tree.setIndentation(0)
        self._tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self._search = SearchField(self._tree)
        self._search.setObjectName("shortcutsSearch")
        self._search.setAccessibleName("Search")
        self._search.setPlaceholderText("Search by name or key, such as “zoom” or “Ctrl+E”")
        self._search.setToolTip("Shows the lines that hold every word.")
        self._search.setClearButtonEnabled(True)
        self._search.addAction(
            theme.icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition
        )
        self._search.textChanged.connect(self._fill)
        self._count = muted_label("", "shortcutsCount")
        close = push_button("shortcuts", "Close", self.accept, "Close (Esc).")
        close.setDefault(True)
        foot = QHBoxLayout()
        foot.addWidget(self._count)
        foot.addStretch(1)
        foot.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(4 * GRID, 4 * GRID, 4 * GRID, 3 * GRID)
        column.setSpacing(3 * GRID)
        column.addWidget(self._search)
        column.addWidget(self._tree, 1)
        column.addLayout(foot)
        self.resize(520, 560)
        self._fill("")

    @property
    def shown(self) -> tuple[KeyEntry, ...]:
        """The lines that the search leaves."""
        words = self._search.text().split()
        return tuple(entry for entry in self._entries if entry.matches(words))

    def _fill(self, _: str) -> None:
        self._tree.clear()
        groups: dict[str, QTreeWidgetItem] = {}
        for entry in self.shown:
            if entry.group not in groups:
                heading = QTreeWidgetItem(self._tree, [entry.group])
                font = heading.font(0)
                font.setBold(True)
                heading.setFont(0, font)
                heading.setForeground(0, theme.current().color("muted"))
                heading.setFlags(Qt.ItemFlag.ItemIsEnabled)
                heading.setFirstColumnSpanned(True)
                heading.setSizeHint(0, QSize(0, 8 * GRID))
                heading.setTextAlignment(0, Qt.AlignmentFlag.AlignBottom)
                groups[entry.group] = heading
            line = QTreeWidgetItem(groups[entry.group], [entry.title, "   ".join(entry.keys)])
            line.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            line.setToolTip(0, entry.about)
            line.setSizeHint(0, QSize(0, 6 * GRID))
        self._tree.expandAll()
        found = len(self.shown)
        self._count.setText(
            f"{found} commands" if found else "Nothing is called so and no key is written so."
        )
