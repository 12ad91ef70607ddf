"""What the waveform and the spectrogram have in common: axis, canvas, selection, mouse and keys."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Final

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFont,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGraphicsView, QWidget

from clapsep_desktop.gui import navigation, theme
from clapsep_desktop.gui.selection import Frequencies, SelectionTool
from clapsep_desktop.gui.theme_colours import Theme
from clapsep_desktop.gui.ticks import Tick
from clapsep_desktop.gui.timeline import Timeline
from clapsep_desktop.timebase import Span

AXIS_WIDTH: Final = 56
"""Pixels of the vertical axis, which every strip of the track area leaves free at its left."""

_STILL_MS: Final = 120  # without a change of zoom, until all of the screen's pixels are used

_LABEL_EDGE: Final = 7.0  # pixels from an edge within which a label would be cut


@dataclass(frozen=True)
class Readout:
    """What lies under the pointer.

    Attributes:
        frame: the place in time.
        level: dBFS there, minus infinity for silence; None where it is not known.
        frequency: Hz, on a plot that shows frequencies.
        channel: from 0, on a plot that shows channels apart.
    """

    frame: int
    level: float | None = None
    frequency: float | None = None
    channel: int | None = None


def label_font(widget: QWidget) -> QFont:
    """The font of times and levels beside a picture: a little smaller than the widget's own."""
    font = widget.font()
    font.setPointSizeF(max(font.pointSizeF() - 1, 7.0))
    return font


class Plot(pg.GraphicsView):
    """One picture over time, with an axis at its left.

    Subclasses paint the picture and describe the axis.

    Signals:
        seek_requested(int): the user clicked at a frame.
        hovered(Readout | None): the pointer moved; None: it left.
        vertical_zoom_changed().
    """

    seek_requested = Signal(int)
    hovered = Signal(object)
    vertical_zoom_changed = Signal()

    def __init__(
        self,
        timeline: Timeline,
        parent: QWidget | None = None,
        *,
        frequencies: Frequencies | None = None,
    ) -> None:
        super().__init__(parent)
        self.timeline = timeline
        self.tool = SelectionTool(timeline, frequencies)
        self._last_zoom = timeline.frames_per_pixel
        self._zooming = QTimer(self, singleShot=True, interval=_STILL_MS)
        self._zooming.timeout.connect(self.repaint_picture)
        self._compose()
        self.viewport().setMouseTracking(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCacheMode(QGraphicsView.CacheModeFlag.CacheNone)
        timeline.range_changed.connect(self._show_range)
        timeline.selection_changed.connect(self._overlay.update)
        timeline.markers_changed.connect(self._overlay.update)
        timeline.cursor_changed.connect(self._overlay.update)
        timeline.playhead_changed.connect(self._playhead.place)
        theme.notifier().changed.connect(self.show_theme)

    def _compose(self) -> None:
        layout = pg.GraphicsLayout()
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.axis = pg.AxisItem("left", maxTickLength=4)
        self.axis.setWidth(AXIS_WIDTH)
        self.axis.setStyle(tickTextOffset=4, textFillLimits=[(0, 1.0)])
        self.axis.setRange(0, 1)
        self.box = pg.ViewBox(enableMouse=False, enableMenu=False)
        layout.addItem(self.axis, 0, 0)
        layout.addItem(self.box, 0, 1)
        self.setCentralItem(layout)
        self._canvas = _Canvas(self, self.box)
        self._overlay = _Overlay(self, self.box)
        self._playhead = _Playhead(self, self.box)

    # For subclasses.

    @abstractmethod
    def paint_picture(self, painter: QPainter, width: int, height: int, scale: float) -> None:
        """Paint the picture in device pixels, ``scale`` of which make a logical one."""

    @abstractmethod
    def axis_ticks(self, height: float) -> list[tuple[float, Tick]]:
        """The axis' lines, each with its pixel from the top."""

    @abstractmethod
    def ask(self) -> None:
        """Ask for what the picture will need."""

    @abstractmethod
    def readout(self, point: QPointF) -> Readout:
        """What lies under a point of the plot."""

    @abstractmethod
    def zoom_vertically(self, factor: float, place: float = 0.5) -> None:
        """Zoom the vertical axis about a place, 0 at the bottom and 1 at the top."""

    @abstractmethod
    def fit_vertically(self) -> None:
        """Show all of the vertical axis."""

    # Geometry and looks.

    @property
    def is_zooming(self) -> bool:
        """Whether the zoom has just changed, so that a draft is good enough."""
        return bool(self._zooming.isActive())

    def drawBackground(self, painter: QPainter, rect: QRectF) -> None:
        """Fill what the picture does not cover; Qt would fill all of it first."""
        axis = QRectF(0, 0, AXIS_WIDTH, self.plot_height)
        painter.fillRect(rect & axis, theme.current().color("ruler"))

    @property
    def plot_height(self) -> float:
        """Logical pixels."""
        return float(self.viewport().height())

    def sees(self, span: Span | None) -> bool:
        """Whether frames of a span are seen; None stands for all."""
        seen = self.timeline.visible
        return span is None or seen is None or (span.start < seen.stop and seen.start < span.stop)

    def repaint_picture(self) -> None:
        """Paint the picture again when Qt next paints."""
        self._canvas.update()

    def show_axis(self) -> None:
        """Draw the axis anew."""
        height = self.plot_height
        major: list[tuple[float, str]] = []
        minor: list[tuple[float, str]] = []
        for y, tick in self.axis_ticks(height):
            place = 1 - y / height
            whole = _LABEL_EDGE <= y <= height - _LABEL_EDGE
            (major if tick.is_major else minor).append((place, tick.label if whole else ""))
        self.axis.setTicks([major, minor])

    def show_theme(self) -> None:
        """Take over the colours that are worn now."""
        colours = theme.current()
        self.axis.setTickFont(label_font(self))
        self.axis.setPen(QPen(colours.color("border"), 0))
        self.axis.setTextPen(colours.color("muted"))
        self._canvas.update()
        self._overlay.update()
        self._playhead.update()

    def selected_rows(self) -> tuple[float, float]:
        """First pixel from the top that a selection takes up, and one past its last."""
        return 0.0, self.plot_height

    def selection_colour(self) -> QColor:
        """What lies over the selected part of the picture."""
        return theme.current().color("selection")

    def overlay_theme(self) -> Theme:
        """Whose colours the lines over the picture have."""
        return theme.current()

    def selection_moved(self) -> None:
        """Paint the selection again when Qt next paints."""
        self._overlay.update()

    def _show_range(self) -> None:
        former, self._last_zoom = self._last_zoom, self.timeline.frames_per_pixel
        if former != self._last_zoom and self.devicePixelRatioF() > 1:
            self._zooming.start()
        self.ask()
        self._canvas.update()
        self._overlay.update()
        self._playhead.place()

    def event(self, event: QEvent) -> bool:
        """On a screen of another ratio the picture has other pixels."""
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self.ask()
            self.repaint_picture()
        return bool(super().event(event))

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        super().resizeEvent(event)
        if hasattr(self, "axis"):  # pyqtgraph calls it while it is made
            self.show_axis()
            self.ask()

    # Mouse and keys; pyqtgraph's own handling of them is left out.

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.timeline.frames:
            self.tool.press(self._point(event), event.modifiers())
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        point = self._point(event)
        self.tool.move(point, event.modifiers())
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._scroll_along(point)
        self.viewport().setCursor(self.tool.cursor_at(point))
        inside = point.x() >= 0 and self.timeline.frames
        self.hovered.emit(self.readout(point) if inside else None)
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            frame = self.tool.release(self._point(event), event.modifiers())
            if frame is not None:
                self.seek_requested.emit(frame)
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Select what lies between two markers, or, on the axis, show all of it."""
        point = self._point(event)
        if point.x() < 0:
            self.fit_vertically()
        else:
            navigation.select_between_markers(self.timeline, point.x())
        event.accept()

    def leaveEvent(self, _: QEvent) -> None:
        self.hovered.emit(None)

    def wheelEvent(self, event: QWheelEvent) -> None:
        point = event.position()
        step = navigation.wheel(self.timeline, event, point.x() - AXIS_WIDTH)
        if step:
            self.zoom_vertically(step, 1 - point.y() / self.plot_height)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.tool.cancel():
            event.accept()
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.zoom_vertically(1.25 if event.key() == Qt.Key.Key_Up else 0.8)
            event.accept()
        else:
            event.setAccepted(navigation.key(self.timeline, event))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._overlay.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._overlay.update()

    def _point(self, event: QMouseEvent) -> QPointF:
        return event.position() - QPointF(AXIS_WIDTH, 0)

    def _scroll_along(self, point: QPointF) -> None:
        """Scroll while a selection is drawn beyond an edge."""
        over = min(point.x(), 0.0) + max(point.x() - self.timeline.width, 0.0)
        if over and self.tool.is_dragging:
            self.timeline.scroll(over * self.timeline.frames_per_pixel)


class _Item(pg.GraphicsObject):
    """Painted in the plot's own pixels, from its upper left corner."""

    def __init__(self, plot: Plot, box: pg.ViewBox, z: float) -> None:
        super().__init__()
        self._plot = plot
        self._box = box
        self.setParentItem(box)
        self.setZValue(z)
        box.sigResized.connect(self._resized)

    def _resized(self) -> None:
        self.prepareGeometryChange()

    def boundingRect(self) -> QRectF:
        return QRectF(0, 0, self._box.width(), self._box.height())

    @abstractmethod
    def draw(self, painter: QPainter) -> None:
        """Paint the layer."""

    def paint(self, painter: QPainter, *_: object) -> None:
        self.draw(painter)


class _Canvas(_Item):
    """The picture."""

    def __init__(self, plot: Plot, box: pg.ViewBox) -> None:
        super().__init__(plot, box, 0)

    def draw(self, painter: QPainter) -> None:
        area = self.boundingRect()
        scale = self._plot.devicePixelRatioF()
        painter.scale(1 / scale, 1 / scale)
        width, height = round(area.width() * scale), round(area.height() * scale)
        if width > 0 and height > 0:
            self._plot.paint_picture(painter, width, height, scale)


class _Overlay(_Item):
    """Selection, markers, the cursor and the ring of the keyboard's focus."""

    def __init__(self, plot: Plot, box: pg.ViewBox) -> None:
        super().__init__(plot, box, 10)

    def draw(self, painter: QPainter) -> None:
        timeline, colours = self._plot.timeline, self._plot.overlay_theme()
        if not timeline.frames:
            return
        area = self.boundingRect()
        self._paint_selection(painter, area, colours)
        for marker in timeline.markers:
            _line(painter, timeline.x_of(marker.frame), area, colours.color("marker"), dashed=True)
        _line(painter, timeline.x_of(timeline.cursor), area, colours.color("cursor"))
        if self._plot.hasFocus():
            painter.setPen(QPen(colours.color("focus"), 2))
            painter.drawRect(area.adjusted(1, 1, -1, -1))

    def _paint_selection(self, painter: QPainter, area: QRectF, colours: Theme) -> None:
        timeline = self._plot.timeline
        if timeline.selection is None:
            return
        left = max(round(timeline.x_of(timeline.selection.start)), -2)
        right = min(round(timeline.x_of(timeline.selection.stop)), int(area.right()) + 2)
        top, bottom = self._plot.selected_rows()
        if right < left:
            return
        selected = QRectF(left, top, max(right - left, 1), bottom - top)
        painter.fillRect(selected & area, self._plot.selection_colour())
        painter.setPen(QPen(colours.color("selection_edge"), 1))
        if bottom - top < area.height():
            painter.drawRect(selected.adjusted(0.5, 0.5, -0.5, -0.5))
        else:
            for x in (left, right - 1):
                painter.drawLine(QPointF(x + 0.5, top), QPointF(x + 0.5, bottom))


class _Playhead(_Item):
    """What is heard now; only its own pixels are painted again when it moves."""

    def __init__(self, plot: Plot, box: pg.ViewBox) -> None:
        self._x = -10.0
        super().__init__(plot, box, 20)
        self.place()

    def boundingRect(self) -> QRectF:
        return QRectF(self._x - 2, 0, 4, self._box.height())

    def place(self) -> None:
        """Move to where the timeline says."""
        timeline = self._plot.timeline
        x = round(timeline.x_of(timeline.playhead))
        if x != self._x:
            self.prepareGeometryChange()
            self._x = x

    def draw(self, painter: QPainter) -> None:
        timeline = self._plot.timeline
        if timeline.frames and timeline.playhead != timeline.cursor:
            _line(
                painter, self._x, self.boundingRect(), self._plot.overlay_theme().color("playhead")
            )


def _line(
    painter: QPainter, x: float, area: QRectF, colour: QColor, *, dashed: bool = False
) -> None:
    if area.left() - 1 <= x <= area.right():
        pen = QPen(colour, 1)
        if dashed:
            pen.setDashPattern([4, 3])
        painter.setPen(pen)
        at = round(x) + 0.5
        painter.drawLine(QPointF(at, area.top()), QPointF(at, area.bottom()))
