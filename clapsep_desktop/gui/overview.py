"""The whole recording in a strip, and in it the window that the plots show."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from clapsep_desktop.gui import navigation, theme
from clapsep_desktop.gui.amplitude_scale import AmplitudeScale
from clapsep_desktop.gui.plot import AXIS_WIDTH, label_font
from clapsep_desktop.gui.strip import Strip
from clapsep_desktop.gui.theme_colours import Theme
from clapsep_desktop.gui.timeline import Timeline
from clapsep_desktop.gui.viewdata import ViewData
from clapsep_desktop.gui.waveform_painter import Sheet, WaveformPainter
from clapsep_desktop.timebase import Span

_HEIGHT: Final = 52
_GRIP: Final = 5.0  # pixels around an edge in which it can be taken hold of
_NARROWEST: Final = 4.0  # pixels that the window is drawn wide at least
_ROLES: Final = {"original": "Original", "kept": "Kept", "removed": "Removed"}


class _Hold(Enum):
    """What of the window the mouse holds."""

    LEFT = auto()
    RIGHT = auto()
    MIDDLE = auto()


@dataclass(frozen=True)
class _Drag:
    hold: _Hold
    grip: float  # frames from the window's start to where it was taken
    start: float
    stop: float


class Overview(Strip):
    """The waveform of the whole recording; its window can be dragged, and its edges pulled."""

    def __init__(self, timeline: Timeline, data: ViewData, parent: QWidget | None = None) -> None:
        super().__init__(timeline, _HEIGHT, parent)
        self._data = data
        self._whole = Timeline(self)
        self._painter = WaveformPainter(data, merged=True)
        self._picture: QPixmap | None = None
        self._drag: _Drag | None = None
        self.setObjectName("overview")
        self.setAccessibleName("Overview of the whole recording")
        self.setToolTip(
            "The whole recording. Drag the window to scroll, pull its edges to zoom, "
            "click beside it to go there."
        )
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFont(label_font(self))
        timeline.range_changed.connect(self._show)
        timeline.selection_changed.connect(self._show)
        timeline.playhead_changed.connect(self._show)
        timeline.cursor_changed.connect(self._show)
        timeline.markers_changed.connect(self._show)
        timeline.recording_changed.connect(self._begin)
        data.peaks_changed.connect(self._show_peaks)
        data.reset.connect(self._begin)
        theme.notifier().changed.connect(self._redraw)

    # Painting.

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = theme.current()
        painter.fillRect(0, 0, AXIS_WIDTH, self.height(), colours.color("ruler"))
        painter.drawPixmap(AXIS_WIDTH, 0, self._drawn())
        if self._timeline.frames:
            self._paint_role(painter, colours)
            painter.translate(AXIS_WIDTH, 0)
            self._paint_places(painter, colours)
            self._paint_window(painter, colours)
        painter.end()

    def _drawn(self) -> QPixmap:
        """The waveform, which changes only with the sound and the size."""
        ratio = self.devicePixelRatioF()
        if self._picture is None or self._picture.devicePixelRatio() != ratio:
            width, height = round(self._whole.width * ratio), round(self.height() * ratio)
            picture = QPixmap(max(width, 1), max(height, 1))
            picture.fill(theme.current().color("canvas"))
            painter = QPainter(picture)
            self._painter.paint(painter, Sheet(self._whole, AmplitudeScale(), width, height, ratio))
            painter.end()
            picture.setDevicePixelRatio(ratio)
            self._picture = picture
        return self._picture

    def _paint_role(self, painter: QPainter, colours: Theme) -> None:
        role = self._data.role
        painter.setPen(colours.heard(role))
        area = QRectF(0, 0, AXIS_WIDTH - 4, self.height())
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, _ROLES.get(role, role.capitalize()))

    def _paint_places(self, painter: QPainter, colours: Theme) -> None:
        timeline, height = self._timeline, self.height()
        if timeline.selection is not None:
            left, right = self._x(timeline.selection.start), self._x(timeline.selection.stop)
            painter.fillRect(
                QRectF(left, 0, max(right - left, 1), height), colours.color("selection")
            )
        lines = [(marker.frame, colours.color("marker")) for marker in timeline.markers]
        lines.append((timeline.cursor, colours.color("cursor")))
        if timeline.playhead != timeline.cursor:
            lines.append((timeline.playhead, colours.color("playhead")))
        for frame, colour in lines:
            x = round(self._x(frame)) + 0.5
            painter.setPen(QPen(colour, 1))
            painter.drawLine(QPointF(x, 0), QPointF(x, height))

    def _paint_window(self, painter: QPainter, colours: Theme) -> None:
        left, right = self._window()
        height = self.height()
        shade = QColor(colours.color("window"))
        shade.setAlpha(150)
        painter.fillRect(QRectF(0, 0, left, height), shade)
        painter.fillRect(QRectF(right, 0, self._whole.width - right, height), shade)
        edge = colours.color("focus" if self.hasFocus() else "outline")
        painter.setPen(QPen(edge, 2 if self.hasFocus() else 1))
        painter.drawRect(QRectF(left, 0, right - left, height).adjusted(0.5, 0.5, -0.5, -0.5))

    def _window(self) -> tuple[float, float]:
        """Left and right edge of the window, in whole pixels."""
        left = self._x(self._timeline.start)
        right = self._x(min(self._timeline.stop, self._timeline.frames))
        if right - left < _NARROWEST:
            middle = (left + right) / 2
            left, right = middle - _NARROWEST / 2, middle + _NARROWEST / 2
        return round(left), round(right)

    def _x(self, frame: float) -> float:
        return self._whole.x_of(frame)

    # What is told.

    def _show(self, *_: object) -> None:
        self.update()

    def _redraw(self, *_: object) -> None:
        self._picture = None
        self.update()

    def _begin(self) -> None:
        self._painter.clear()
        self._whole.set_recording(self._timeline.rate, self._timeline.frames)
        self._ask()
        self._redraw()

    def _show_peaks(self, span: Span | None) -> None:
        if span is None:
            self._ask()
        self._painter.drop(span)
        self._redraw()

    def _ask(self) -> None:
        """A short recording shows more than its pyramid knows."""
        per_pixel = self._whole.frames_per_pixel / self.devicePixelRatioF()
        frames = self._data.frames
        self._data.want("overview", self._data.detail_keys(0, frames, per_pixel))

    def event(self, event: QEvent) -> bool:
        """On a screen of another ratio the picture has other pixels."""
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._ask()
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._whole.set_width(max(self.width() - AXIS_WIDTH, 1))
        self._whole.fit()
        self._ask()
        self._redraw()

    # Mouse and keys.

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or not self._timeline.frames:
            return
        timeline = self._timeline
        frame = self._frame(event)
        hold = self._hold_at(self._point(event).x())
        if hold is None:
            timeline.centre(frame)
            hold = _Hold.MIDDLE
        self._drag = _Drag(hold, frame - timeline.start, timeline.start, timeline.stop)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        drag, frame = self._drag, self._frame(event)
        if drag is None:
            self._show_shape(self._hold_at(self._point(event).x()))
        elif drag.hold is _Hold.MIDDLE:
            self._timeline.scroll_to(frame - drag.grip)
        elif drag.hold is _Hold.LEFT and frame < drag.stop - 1:
            self._timeline.zoom_to(Span(max(round(frame), 0), round(drag.stop)))
        elif drag.hold is _Hold.RIGHT and frame > drag.start + 1:
            self._timeline.zoom_to(Span(round(drag.start), round(frame)))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._drag = None

    def mouseDoubleClickEvent(self, _: QMouseEvent) -> None:
        """Show all."""
        self._timeline.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        navigation.wheel(self._timeline, event, self._timeline.x_of(self._frame(event)))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        timeline = self._timeline
        step = timeline.width * timeline.frames_per_pixel / 10
        if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            timeline.scroll(step if event.key() == Qt.Key.Key_Right else -step)
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            timeline.zoom(1.25 if event.key() == Qt.Key.Key_Up else 0.8)
        else:
            event.setAccepted(navigation.key(timeline, event))

    def _frame(self, event: QMouseEvent | QWheelEvent) -> float:
        return self._whole.position_at(self._point(event).x())

    def _hold_at(self, x: float) -> _Hold | None:
        left, right = self._window()
        if abs(x - left) <= _GRIP and x <= (left + right) / 2:
            return _Hold.LEFT
        if abs(x - right) <= _GRIP:
            return _Hold.RIGHT
        return _Hold.MIDDLE if left < x < right else None

    def _show_shape(self, hold: _Hold | None) -> None:
        shapes = {
            _Hold.LEFT: Qt.CursorShape.SizeHorCursor,
            _Hold.RIGHT: Qt.CursorShape.SizeHorCursor,
            _Hold.MIDDLE: Qt.CursorShape.OpenHandCursor,
            None: Qt.CursorShape.PointingHandCursor,
        }
        self.setCursor(shapes[hold])
