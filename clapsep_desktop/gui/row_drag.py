"""Lines of a scrolling column that are dragged to another place in it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QFrame, QScrollArea, QWidget

from clapsep_desktop.gui.controls import GRID

_EDGE = 6 * GRID  # pixels from the column's edge at which it scrolls
_THICK = 2  # pixels of the line that shows the place


class RowDrag(QObject):
    """Lets the mouse take lines to another place; a line between two shows which.

    What lies on a line and takes clicks itself, such as a button, does not drag it. Esc, or a
    change of the lines, leaves them as they are.

    Signals:
        dropped(QWidget, int): a line was taken to this place among them, from 0.

    Args:
        scroll: shows the column.
        column: holds the lines.
    """

    dropped = Signal(object, int)

    def __init__(self, scroll: QScrollArea, column: QWidget) -> None:
        super().__init__(scroll)
        self._scroll, self._column = scroll, column
        self._rows: tuple[QWidget, ...] = ()
        self._row: QWidget | None = None  # that the button was pressed on
        self._pressed = QPoint()  # where, on the screen
        self._place = -1  # where it would go; -1 while it is not dragged
        self._mark = QFrame(column)
        self._mark.setProperty("kind", "place")
        self._mark.hide()

    @property
    def is_dragging(self) -> bool:
        """Whether a line is being taken to another place."""
        return self._place >= 0

    def set_rows(self, rows: Sequence[QWidget]) -> None:
        """Takes the lines from top to bottom; where they are others, a drag ends."""
        if tuple(rows) == self._rows:
            return
        self.cancel()
        for row in rows:
            if row not in self._rows:
                row.installEventFilter(self)
        self._rows = tuple(rows)

    def cancel(self) -> None:
        """Leaves the lines as they are."""
        if self.is_dragging and self._row is not None:
            self._row.unsetCursor()
        self._row, self._place = None, -1
        self._mark.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QMouseEvent):
            return self._on_mouse(watched, event)
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape and self.is_dragging:
            event.accept()
            if event.type() == QEvent.Type.KeyPress:
                self.cancel()
            return True
        return super().eventFilter(watched, event)

    def _on_mouse(self, watched: QObject, event: QMouseEvent) -> bool:
        where = event.globalPosition().toPoint()
        if event.type() == QEvent.Type.MouseButtonPress:
            self.cancel()
            if event.button() == Qt.MouseButton.LeftButton and isinstance(watched, QWidget):
                self._row, self._pressed = watched, where
        elif event.type() == QEvent.Type.MouseMove and self._row is not None:
            far = (where - self._pressed).manhattanLength() >= QApplication.startDragDistance()
            if far or self.is_dragging:
                self._move(where)
        elif event.type() == QEvent.Type.MouseButtonRelease:
            row, place = self._row, self._place
            self.cancel()
            if row is not None and place >= 0 and place != self._rows.index(row):
                self.dropped.emit(row, place)
            return place >= 0  # what follows a drag is no click
        return False

    def _move(self, where: QPoint) -> None:
        assert self._row is not None
        y = self._column.mapFromGlobal(where).y()
        others = [row for row in self._rows if row is not self._row]
        self._place = sum(row.geometry().center().y() < y for row in others)
        self._row.setCursor(Qt.CursorShape.ClosedHandCursor)
        self._show_place(others)
        self._scroll.ensureVisible(0, y, 0, _EDGE)

    def _show_place(self, others: list[QWidget]) -> None:
        assert self._row is not None
        if self._place == self._rows.index(self._row):
            self._mark.hide()
            return
        if self._place < len(others):
            y = others[self._place].geometry().top() - GRID
        else:
            y = others[-1].geometry().bottom() + GRID
        left, width = self._row.x(), self._row.width()
        self._mark.setGeometry(left, y - _THICK // 2, width, _THICK)
        self._mark.show()
        self._mark.raise_()
