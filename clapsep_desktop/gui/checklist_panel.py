"""The checklist: what is in the recording, each sound a click away from Keep or Remove."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from clapsep_desktop.gui.controls import GRID, muted_label, tool_button
from clapsep_desktop.gui.wording import short_time
from clapsep_desktop.timebase import Span

if TYPE_CHECKING:
    from clapsep_desktop.separation.tags import Tag

HINT = "Press Listen to see which everyday sounds are in the recording."
NOTHING = "None of the sounds on the list was found here. Describe what you hear instead."


class ChecklistPanel(QWidget):
    """Lists the sounds that were found.

    Signals:
        listen_requested(): the user wants to know.
        keep_requested(str): a text for the sound that is to be kept.
        remove_requested(str): a text for the one that is to be removed.
        chosen(Tag): the user went to a sound, to see where it is.
        span_requested(Span): its first place is to be selected.
    """

    listen_requested = Signal()
    keep_requested = Signal(str)
    remove_requested = Signal(str)
    chosen = Signal(object)
    span_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("checklist")
        self.setAccessibleName("Checklist")
        self._tags: list[Tag] = []
        self._make_list()
        self.listen = QPushButton("Listen")
        self.listen.setObjectName("checklistListen")
        self.listen.setAccessibleName("Listen")
        self.listen.setToolTip("Find out which everyday sounds are in the recording.")
        self.listen.clicked.connect(self.listen_requested)
        self.hint = muted_label(HINT, "checklistHint")
        self.hint.setWordWrap(True)
        self.hint.setAlignment(Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 3 * GRID)
        column.setSpacing(2 * GRID)
        column.addWidget(self.listen)
        column.addWidget(self.hint)
        column.addWidget(self.list, 1)
        self.clear()

    def _make_list(self) -> None:
        self.list = QTreeWidget()
        self.list.setObjectName("checklistSounds")
        self.list.setAccessibleName("Sounds that were found")
        self.list.setToolTip("Click a sound to see where it is; Enter selects its first place.")
        self.list.setHeaderLabels(["Sound", "Sure", "From", ""])
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2, 3):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.list.itemClicked.connect(self._choose)
        self.list.itemActivated.connect(self._go)

    @property
    def tags(self) -> list[Tag]:
        """What is listed."""
        return self._tags

    def show_tags(self, tags: Sequence[Tag], rate: int) -> None:
        """List sounds, the surest first.

        Args:
            tags: what was found.
            rate: Hz, of the recording.
        """
        self.clear()
        self._tags = list(tags)
        for number, tag in enumerate(tags):
            first = short_time(tag.located.spans[0].start / rate)
            item = QTreeWidgetItem([tag.name, f"{tag.located.score:.0%}", first, ""])
            item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            count = len(tag.located.spans)
            places = "one place" if count == 1 else f"{count} places, first"
            item.setToolTip(0, f"Heard at {places} at {first}.")
            self.list.addTopLevelItem(item)
            self.list.setItemWidget(item, 3, self._buttons(number, tag))
        self.hint.setText("" if tags else NOTHING)
        self.hint.setVisible(not tags)
        self.list.setVisible(bool(tags))

    def clear(self) -> None:
        """List nothing, as before the first listening."""
        self._tags = []
        self.list.clear()
        self.list.hide()
        self.hint.setText(HINT)
        self.hint.show()

    @Slot(bool)
    def set_busy(self, busy: bool) -> None:
        """Whether it listens already."""
        self.listen.setEnabled(not busy)
        self.listen.setText("Listening…" if busy else "Listen")

    def _buttons(self, number: int, tag: Tag) -> QWidget:
        keep = tool_button(f"checklistKeep{number}", "keep", f"Keep {tag.name}")
        remove = tool_button(f"checklistRemove{number}", "remove", f"Remove {tag.name}")
        keep.clicked.connect(partial(self._keep, tag.text))
        remove.clicked.connect(partial(self._remove, tag.text))
        both = QWidget()
        row = QHBoxLayout(both)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(keep)
        row.addWidget(remove)
        return both

    def _keep(self, text: str) -> None:
        self.keep_requested.emit(text)

    def _remove(self, text: str) -> None:
        self.remove_requested.emit(text)

    def _tag(self, item: QTreeWidgetItem) -> Tag:
        return self._tags[self.list.indexOfTopLevelItem(item)]

    @Slot(QTreeWidgetItem, int)
    def _choose(self, item: QTreeWidgetItem, _: int) -> None:
        self.chosen.emit(self._tag(item))

    @Slot(QTreeWidgetItem, int)
    def _go(self, item: QTreeWidgetItem, _: int) -> None:
        spans: tuple[Span, ...] = self._tag(item).located.spans
        self.span_requested.emit(spans[0])
