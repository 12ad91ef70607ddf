"""The time ruler, with the markers' flags on it."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QWidget

from clapsep_desktop.gui import navigation, theme
from clapsep_desktop.gui.plot import AXIS_WIDTH, label_font
from clapsep_desktop.gui.selection import SelectionTool
from clapsep_desktop.gui.strip import Strip
from clapsep_desktop.gui.theme_colours import Theme
from clapsep_desktop.gui.ticks import time_ticks
from clapsep_desktop.gui.timeline import Timeline
from clapsep_desktop.session.session import Marker

_HEIGHT: Final = 28
_MINOR: Final = 4  # pixels of a minor line
_FLAG: Final = 8  # pixels on a side of a marker's flag
_ROOM: Final = 24  # pixels between two labels at least
_HEAD: Final = 5  # half the width of the playhead's triangle


class Ruler(Strip):
    """Round times over the plots. Click moves the cursor, drag selects, a flag jumps to its marker.

    Attributes:
        tool: selects by mouse.

    Signals:
        seek_requested(int): the user clicked at a frame.
    """

    seek_requested = Signal(int)

    def __init__(self, timeline: Timeline, parent: QWidget | None = None) -> None:
        super().__init__(timeline, _HEIGHT, parent)
        self.tool = SelectionTool(timeline)
        self.setObjectName("ruler")
        self.setAccessibleName("Time ruler")
        self.setToolTip(
            "Click to move the cursor, drag to select. A flag is a marker: click it to go there."
        )
        self.setFont(label_font(self))
        for signal in (
            timeline.range_changed,
            timeline.selection_changed,
            timeline.markers_changed,
            timeline.cursor_changed,
            timeline.playhead_changed,
        ):
            signal.connect(self._show)
        theme.notifier().changed.connect(self._show)

    def _show(self, *_: object) -> None:
        self.update()

    # Painting.

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = theme.current()
        painter.fillRect(self.rect(), colours.color("ruler"))
        if self._timeline.frames:
            painter.translate(AXIS_WIDTH, 0)
            painter.setClipRect(-_HEAD, 0, self.width() - AXIS_WIDTH + _HEAD, self.height())
            self._paint_selection(painter, colours)
            self._paint_ticks(painter, colours)
            for marker in self._timeline.markers:
                self._paint_flag(painter, marker, colours)
            self._paint_head(painter, self._timeline.cursor, colours.color("cursor"))
            if self._timeline.playhead != self._timeline.cursor:
                self._paint_head(painter, self._timeline.playhead, colours.color("playhead"))
        painter.end()

    def _paint_ticks(self, painter: QPainter, colours: Theme) -> None:
        timeline = self._timeline
        metrics = QFontMetricsF(self.font())
        room = metrics.horizontalAdvance("00:00:00.000") + _ROOM
        ticks = time_ticks(
            timeline.seconds(timeline.start),
            timeline.seconds(timeline.stop),
            timeline.width,
            room,
        )
        bottom = self.height()
        lines = []
        labels = []
        for tick in ticks:
            x = round(timeline.x_of(tick.value * timeline.rate)) + 0.5
            top = _FLAG + 6 if tick.is_major else bottom - _MINOR
            lines.append(QLineF(x, top, x, bottom))
            if tick.is_major:
                labels.append((QPointF(x + 4, bottom - 6), tick.label))
        painter.setPen(QPen(colours.color("outline"), 0))
        painter.drawLines(lines)
        painter.setPen(colours.color("muted"))
        for place, label in labels:
            painter.drawText(place, label)

    def _paint_selection(self, painter: QPainter, colours: Theme) -> None:
        selection = self._timeline.selection
        if selection is not None:
            left = self._timeline.x_of(selection.start)
            right = max(self._timeline.x_of(selection.stop), left + 1)
            area = QRectF(round(left), 0, round(right) - round(left), self.height())
            painter.fillRect(area & QRectF(self.rect()), colours.color("selection"))

    def _paint_flag(self, painter: QPainter, marker: Marker, colours: Theme) -> None:
        x = round(self._timeline.x_of(marker.frame)) + 0.5
        if not -200 <= x <= self.width():
            return
        colour = colours.color("marker")
        painter.setPen(QPen(colour, 1))
        painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        flag = QPolygonF([QPointF(x, 1), QPointF(x + _FLAG, 1 + _FLAG / 2), QPointF(x, 1 + _FLAG)])
        painter.setBrush(colour)
        painter.drawPolygon(flag)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if marker.name:
            painter.drawText(QPointF(x + _FLAG + 3, _FLAG + 1), marker.name)

    def _paint_head(self, painter: QPainter, frame: int, colour: QColor) -> None:
        x = round(self._timeline.x_of(frame)) + 0.5
        bottom = float(self.height())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawPolygon(
            QPolygonF(
                [
                    QPointF(x - _HEAD, bottom - _HEAD - 2),
                    QPointF(x + _HEAD, bottom - _HEAD - 2),
                    QPointF(x, bottom),
                ]
            )
        )
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)  # Qt's

    # Mouse.

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._timeline.frames:
            self.tool.press(self._point(event), event.modifiers())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.tool.move(self._point(event), event.modifiers())
        over_flag = self._flag_at(event.position()) is not None
        self.setCursor(
            Qt.CursorShape.PointingHandCursor
            if over_flag
            else self.tool.cursor_at(self._point(event))
        )

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        flag = self._flag_at(event.position())
        frame = self.tool.release(self._point(event), event.modifiers())
        if frame is not None:
            self.seek_requested.emit(frame if flag is None else flag.frame)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Select what lies between two markers."""
        navigation.select_between_markers(self._timeline, self._point(event).x())

    def _flag_at(self, position: QPointF) -> Marker | None:
        for marker in self._timeline.markers:
            x = self._timeline.x_of(marker.frame) + AXIS_WIDTH
            if x - 2 <= position.x() <= x + _FLAG and position.y() <= _FLAG + 2:
                return marker
        return None
