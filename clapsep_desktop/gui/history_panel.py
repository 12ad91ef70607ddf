"""The stack of extractions: the recording first, then each step in the order it was made."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QUndoStack
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QProgressBar,
    QSizePolicy,
    QStackedWidget,
    QUndoView,
    QVBoxLayout,
    QWidget,
)

from clapsep_desktop.gui import theme
from clapsep_desktop.gui.controls import (
    GRID,
    Segments,
    fill_above_foot,
    muted_label,
    plain_scroll,
)
from clapsep_desktop.gui.elided import ElidedItems
from clapsep_desktop.gui.history_rows import ExtractionRow, Line, SourceRow
from clapsep_desktop.gui.row_drag import RowDrag
from clapsep_desktop.gui.wording import size_text
from clapsep_desktop.session.session import Session

EMPTY = "Nothing was extracted yet. Say in the query panel what to keep or to remove."
CLOSED = "Open a recording to begin."


class HistoryPanel(QWidget):
    """Shows a session's stack and says what the user wants of it; changes nothing itself.

    Signals:
        toggled(str, bool): an extraction is to count or not.
        strength_changed(str, float, bool): its strength; final once per drag.
        renamed(str, str): its new title; empty for the query's words.
        deleted(str): it is to go.
        rerender_requested(str): it is to be rendered again.
        moved(str, int): its new place in the stack, from 0.
        activated(str): its span is to be selected; empty for the whole recording.
        heard(str, str): what the step "removed", or what is "kept" after it, is to be played.
        drag_begun(str): what the step removes is to be dragged out; empty: what is heard.
        copy_requested(str): the same is to be copied as a file.
        query_wanted(str): its query is to be shown in the query panel.
    """

    drag_begun = Signal(str)
    copy_requested = Signal(str)
    toggled = Signal(str, bool)
    strength_changed = Signal(str, float, bool)
    renamed = Signal(str, str)
    deleted = Signal(str)
    rerender_requested = Signal(str)
    moved = Signal(str, int)
    activated = Signal(str)
    heard = Signal(str, str)
    query_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("historyPanel")
        self.setAccessibleName("History")
        self._rows: list[ExtractionRow] = []
        self._newest: ExtractionRow | None = None  # to be kept in sight until the user scrolls
        self._changes: dict[str, str] = {}
        self._session: Session | None = None
        self._budget: int | None = None
        self._used = 0
        self.source = SourceRow()
        self.source.hide()
        self.source.commanded.connect(self._command_source)
        self.source.drag_begun.connect(lambda: self.drag_begun.emit(""))
        self.source.copy_wanted.connect(lambda: self.copy_requested.emit(""))
        self._pages = Segments(
            "historyPage",
            "Show",
            (
                ("stack", "Extractions", "What was extracted. Each can be changed afterwards."),
                ("steps", "Steps", "Everything that can be undone. Click to go back to a step."),
            ),
        )
        self._pages.chosen.connect(self._turn_page)
        self._steps = QUndoView()
        self._steps.setObjectName("stepList")
        self._steps.setAccessibleName("Steps")
        self._steps.setEmptyLabel("Opened")
        self._steps.setItemDelegate(ElidedItems(self._steps))
        self._steps.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._hint = muted_label(CLOSED, "historyHint")
        self._hint.setWordWrap(True)
        self._disk = muted_label("", "diskUsed")
        self._disk.setToolTip("What the results take on disk, undone steps included.")
        self._meter = QProgressBar()
        self._meter.setObjectName("diskMeter")
        self._meter.setAccessibleName("Disk used by results")
        self._meter.setTextVisible(False)
        self._meter.setMinimumWidth(8 * GRID)
        self._meter.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._meter.setProperty("kind", "thin")
        self._lay_out()
        self.show_disk(0)

    @property
    def rows(self) -> tuple[ExtractionRow, ...]:
        """One line for each extraction, first to last."""
        return tuple(self._rows)

    @property
    def current(self) -> str:
        """The id of the extraction that has the keyboard; empty if none has."""
        focused = self.focusWidget()
        return next((row.identity for row in self._rows if _holds(row, focused)), "")

    def show_session(
        self,
        session: Session | None,
        outdated: Collection[str] = (),
        amounts: Mapping[str, int] | None = None,
        used: int = 0,
    ) -> None:
        """Shows a session's stack.

        Args:
            session: None while nothing is open.
            outdated: ids of the extractions that would hear something else now.
            amounts: bytes on disk by the extraction's id.
            used: bytes on disk of all results, undone ones included.
        """
        self._session = session
        former = [row.identity for row in self._rows]
        wanted = [] if session is None else [one.id for one in session]
        self._keep_rows(wanted)
        if wanted != former:
            is_new = bool(former) and wanted[:-1] == former
            self._newest = self._rows[-1] if is_new else None
        self.source.setVisible(session is not None)
        if session is not None:
            self.source.show_recording(session.recording)
            for number, (row, extraction) in enumerate(zip(self._rows, session, strict=True), 1):
                amount = (amounts or {}).get(extraction.id, 0)
                row.show_extraction(extraction, number, extraction.id in outdated)
                row.show_facts(extraction, session.recording, amount)
        self._hint.setText(CLOSED if session is None else EMPTY)
        self._hint.setVisible(not wanted)
        self.show_disk(used)

    def set_change(self, identity: str, text: str) -> None:
        """Says what a step changed, such as its null depth; empty for nothing to say."""
        self._changes[identity] = text
        for row in self._rows:
            if row.identity == identity:
                row.set_change(text)

    def set_undo_stack(self, stack: QUndoStack) -> None:
        """Lists the steps of an undo stack; a click goes to one of them."""
        self._steps.setStack(stack)

    def set_budget(self, budget: int | None) -> None:
        """How many bytes results may take on disk; None for no limit."""
        self._budget = budget
        self.show_disk(self._used)

    def show_disk(self, used: int) -> None:
        """Tells how many bytes all results take."""
        self._used = used
        limit = f" of {size_text(self._budget)}" if self._budget else ""
        self._disk.setText(f"Results on disk: {size_text(used)}{limit}")
        self._meter.setVisible(bool(self._budget))
        self._meter.setRange(0, 1000)
        self._meter.setValue(min(1000, round(1000 * used / (self._budget or 1))))

    def menu_for(self, identity: str) -> QMenu:
        """What can be done with an extraction; raises KeyError."""
        assert self._session is not None
        extraction, place = self._session.find(identity), self._session.index(identity)
        menu = QMenu(self)
        menu.setObjectName("historyMenu")
        menu.triggered.connect(self._on_entry)
        menu.aboutToHide.connect(menu.deleteLater)
        entries = (
            ("activate", "jump", "Select Its Span", "Return", True),
            ("query", "search", "Ask the Same Again", "", True),
            ("rename", "edit", "Rename", "F2", True),
            None,
            ("heardRemoved", "ear", "Hear What It Removed", "", extraction.is_rendered),
            ("heardKept", "speaker", "Hear the Result Up to Here", "", extraction.is_rendered),
            ("copy", "file-audio", "Copy What It Removed", "", extraction.is_rendered),
            None,
            ("toggle", "check", "Turn Off" if extraction.enabled else "Turn On", "Space", True),
            ("rerender", "refresh", "Render Again", "F5", True),
            ("up", "arrow-up", "Move Up", "Alt+Up", place > 0),
            ("down", "arrow-down", "Move Down", "Alt+Down", place < len(self._rows) - 1),
            None,
            ("delete", "trash", "Delete", "Del", True),
        )
        for entry in entries:
            if entry is None:
                menu.addSeparator()
                continue
            command, drawing, text, key, possible = entry
            action = menu.addAction(theme.icon(drawing), f"{text}\t{key}" if key else text)
            action.setObjectName(f"history{command[:1].upper()}{command[1:]}")
            action.setData((identity, command))
            action.setEnabled(possible)
        return menu

    def command(self, identity: str, command: str) -> None:
        """Does what a key or a menu entry says to an extraction."""
        assert self._session is not None
        place = self._session.index(identity)
        if command == "toggle":
            self.toggled.emit(identity, not self._session.find(identity).enabled)
        elif command == "rename":
            self._rows[place].rename()
        elif command in ("previous", "next", "first", "last"):
            self._go(place, command)
        elif command in ("up", "down"):
            target = place + (-1 if command == "up" else 1)
            if 0 <= target < len(self._rows):
                self.moved.emit(identity, target)
        elif command in ("heardRemoved", "heardKept"):
            self.heard.emit(identity, command.removeprefix("heard").lower())
        else:
            {
                "activate": self.activated,
                "delete": self.deleted,
                "rerender": self.rerender_requested,
                "query": self.query_wanted,
                "copy": self.copy_requested,
            }[command].emit(identity)

    # Building.

    def _lay_out(self) -> None:
        inside = QWidget()
        inside.setProperty("kind", "plain")
        self._lines = QVBoxLayout(inside)
        self._lines.setContentsMargins(3 * GRID, 0, 3 * GRID, 3 * GRID)
        self._lines.setSpacing(2 * GRID)
        self._lines.addWidget(self.source)
        self._lines.addWidget(self._hint)
        self._lines.addStretch(1)
        scroll = plain_scroll("historyScroll", inside)
        self._scroll = scroll
        self._drag = RowDrag(scroll, inside)
        self._drag.dropped.connect(self._on_dropped)
        scroll.verticalScrollBar().rangeChanged.connect(self._show_newest)
        scroll.verticalScrollBar().actionTriggered.connect(self._forget_newest)
        self._stack = QStackedWidget()
        self._stack.addWidget(scroll)
        self._stack.addWidget(self._steps)
        head = QHBoxLayout()
        head.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        head.addWidget(self._pages)
        foot = QHBoxLayout()
        foot.setContentsMargins(3 * GRID, GRID, 3 * GRID, GRID)
        foot.setSpacing(3 * GRID)
        foot.addWidget(self._disk)
        foot.addWidget(self._meter, 1)
        fill_above_foot(self, self._stack, foot).insertLayout(0, head)
        self.setMinimumWidth(292)

    def _keep_rows(self, wanted: list[str]) -> None:
        """Has one line for each id, in this order; those that stay keep keyboard and drag."""
        focused = self.current
        place = next((i for i, row in enumerate(self._rows) if row.identity == focused), 0)
        known = {row.identity: row for row in self._rows}
        for identity, row in known.items():
            if identity not in wanted:
                row.blockSignals(True)
                self._lines.removeWidget(row)
                row.hide()
                row.deleteLater()
        self._rows = [known.get(identity) or self._new_row(identity) for identity in wanted]
        for number, row in enumerate(self._rows, 1):  # after the recording
            if self._lines.indexOf(row) != number:
                self._lines.insertWidget(number, row)
        self._drag.set_rows(self._rows)
        before: QWidget = self.source
        for row in self._rows:
            for stop in (
                row, row.check, row.handle, row.strength.slider, row.strength.field,
                row.menu_button,
            ):  # fmt: skip
                self.setTabOrder(before, stop)
                before = stop
        if focused and focused not in wanted:
            line: Line = self._rows[min(place, len(self._rows) - 1)] if self._rows else self.source
            line.setFocus(Qt.FocusReason.OtherFocusReason)

    def _new_row(self, identity: str) -> ExtractionRow:
        row = ExtractionRow(identity)
        row.commanded.connect(self._on_command)
        row.menu_wanted.connect(self._on_menu)
        row.toggled.connect(self._on_toggled)
        row.strength_changed.connect(self._on_strength)
        row.renamed.connect(self._on_renamed)
        row.drag_begun.connect(self._on_drag)
        row.copy_wanted.connect(self._on_copy)
        row.set_change(self._changes.get(identity, ""))
        return row

    # What happens.

    def _sending(self) -> str:
        sender = self.sender()
        assert isinstance(sender, ExtractionRow)
        return sender.identity

    def _on_command(self, command: str) -> None:
        self.command(self._sending(), command)

    def _on_dropped(self, row: ExtractionRow, place: int) -> None:
        self.moved.emit(row.identity, place)

    def _on_drag(self) -> None:
        self.drag_begun.emit(self._sending())

    def _on_copy(self) -> None:
        self.copy_requested.emit(self._sending())

    def _command_source(self, command: str) -> None:
        if command == "activate":
            self.activated.emit("")
        elif command in ("next", "last"):
            self._go(-1, command)

    def _on_menu(self, place: QPoint) -> None:
        self.menu_for(self._sending()).popup(place)

    def _on_entry(self, action: QAction) -> None:
        identity, command = action.data()
        if self._session is not None and identity in self._session:
            self.command(identity, command)

    def _on_toggled(self, enabled: bool) -> None:
        self.toggled.emit(self._sending(), enabled)

    def _on_strength(self, strength: float, final: bool) -> None:
        self.strength_changed.emit(self._sending(), strength, final)

    def _on_renamed(self, name: str) -> None:
        self.renamed.emit(self._sending(), name)

    def _go(self, place: int, where: str) -> None:
        last = len(self._rows) - 1
        target = {"previous": place - 1, "next": place + 1, "first": -1, "last": last}[where]
        target = min(target, last)
        line: Line = self._rows[target] if target >= 0 else self.source
        line.setFocus(Qt.FocusReason.OtherFocusReason)
        self._bring_into_sight(line)

    def _bring_into_sight(self, line: Line) -> None:
        """Scrolls to a line; to its head, where there is no room for all of it."""
        self._scroll.ensureWidgetVisible(line)
        bar = self._scroll.verticalScrollBar()
        bar.setValue(min(bar.value(), line.y()))

    def _show_newest(self) -> None:
        if self._newest is not None:
            self._bring_into_sight(self._newest)

    def _forget_newest(self) -> None:
        self._newest = None

    def _turn_page(self, page: str) -> None:
        self._stack.setCurrentIndex(0 if page == "stack" else 1)


def _holds(row: QWidget, widget: QWidget | None) -> bool:
    return widget is not None and (row is widget or row.isAncestorOf(widget))
