"""The lane under the plots: how much of something is where, and where it was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QWidget

from clapsep_desktop.gui import theme
from clapsep_desktop.gui.plot import AXIS_WIDTH
from clapsep_desktop.gui.strip import Strip
from clapsep_desktop.gui.theme_colours import Theme
from clapsep_desktop.gui.timeline import Timeline
from clapsep_desktop.timebase import Span, format_time

_HEIGHT: Final = 60


@dataclass(frozen=True, eq=False)
class _Found:
    """What the lane shows."""

    curve: np.ndarray  # float (values,), 0 to 1
    step: float  # frames from one value to the next
    spans: tuple[Span, ...]
    threshold: float
    text: str


class LaneView(Strip):
    """A curve over time and the spans in which it is high; hidden until there is something.

    Signals:
        span_chosen(Span): the user clicked a span, or went to it by Left and Right.
    """

    span_chosen = Signal(object)

    def __init__(self, timeline: Timeline, parent: QWidget | None = None) -> None:
        super().__init__(timeline, _HEIGHT, parent)
        self._found: _Found | None = None
        self._current = -1
        self.setObjectName("lane")
        self.setAccessibleName("Where it was found")
        self.setToolTip(
            "How sure it is that the sound is there. Click a bar to select it, "
            "or go from one to the next with Left and Right."
        )
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.hide()
        timeline.range_changed.connect(self._repaint)
        timeline.recording_changed.connect(self.clear)
        theme.notifier().changed.connect(self._repaint)

    def show_curve(
        self,
        curve: np.ndarray,
        step: float,
        spans: Sequence[Span],
        threshold: float,
        text: str,
    ) -> None:
        """Appear with a curve.

        Args:
            curve: (values,), each from 0 to 1; value ``k`` stands for frames from ``k * step`` on.
            step: frames from one value to the next.
            spans: where it was found, in order.
            threshold: value from which on it counts as found.
            text: what the curve is about, in a few words.
        """
        self._found = _Found(np.asarray(curve, float), step, tuple(spans), threshold, text)
        self._current = -1
        self.setAccessibleDescription(self.describe())
        self.show()
        self.update()

    def clear(self) -> None:
        """Disappear."""
        self._found = None
        self.hide()

    def describe(self) -> str:
        """The lane in words."""
        found = self._found
        if found is None:
            return ""
        rate = self._timeline.rate
        places = [
            f"{format_time(span.start / rate)} to {format_time(span.stop / rate)}"
            for span in found.spans
        ]
        return f"{found.text}: " + (", ".join(places) if places else "not found") + "."

    # Painting.

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = theme.current()
        painter.fillRect(self.rect(), colours.color("ruler"))
        found = self._found
        if found is not None:
            area = QRectF(AXIS_WIDTH, 0, self.width() - AXIS_WIDTH, self.height())
            painter.fillRect(area, colours.color("canvas"))
            painter.setClipRect(area)
            painter.translate(AXIS_WIDTH, 0)
            self._paint_spans(painter, found, colours)
            self._paint_curve(painter, found, colours)
            painter.setPen(colours.color("text"))
            painter.drawText(QPointF(8, painter.fontMetrics().ascent() + 4), found.text)
            if self.hasFocus():
                painter.setPen(QPen(colours.color("focus"), 2))
                painter.drawRect(QRectF(1, 1, area.width() - 2, area.height() - 2))
        painter.end()

    def _paint_spans(self, painter: QPainter, found: _Found, colours: Theme) -> None:
        for index, span in enumerate(found.spans):
            left, right = self._timeline.x_of(span.start), self._timeline.x_of(span.stop)
            colour = QColor(colours.color("accent"))
            colour.setAlpha(130 if index == self._current else 70)
            painter.fillRect(QRectF(left, 0, max(right - left, 2), self.height()), colour)

    def _paint_curve(self, painter: QPainter, found: _Found, colours: Theme) -> None:
        timeline, height = self._timeline, self.height() - 4
        painter.setPen(QPen(colours.color("outline"), 1, Qt.PenStyle.DashLine))
        y = round(2 + height * (1 - found.threshold)) + 0.5
        painter.drawLine(QPointF(0, y), QPointF(timeline.width, y))
        xs, values = _thinned(found, timeline)
        points = [
            QPointF(x, 2 + height * (1 - value))
            for x, value in zip(xs.tolist(), values.tolist(), strict=True)
        ]
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colours.color("accent"), 1.5))
        painter.drawPolyline(QPolygonF(points))

    def _repaint(self, *_: object) -> None:
        if self._found is not None:
            self.update()

    # Mouse and keys.

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = self._index_at(event) is not None
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self._index_at(event)
        if index is not None and event.button() == Qt.MouseButton.LeftButton:
            self._choose(index)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        ways = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        way = ways.get(Qt.Key(event.key()))
        if way is None or self._found is None or not self._found.spans:
            event.ignore()
            return
        count = len(self._found.spans)
        first = 0 if way > 0 else count - 1
        self._choose(first if self._current < 0 else (self._current + way) % count)

    def _choose(self, index: int) -> None:
        assert self._found is not None
        self._current = index
        self.update()
        self.span_chosen.emit(self._found.spans[index])

    def _index_at(self, event: QMouseEvent) -> int | None:
        if self._found is None:
            return None
        frame = self._timeline.position_at(self._point(event).x())
        slack = 2 * self._timeline.frames_per_pixel
        for index, span in enumerate(self._found.spans):
            if span.start - slack <= frame < span.stop + slack:
                return index
        return None


def _thinned(found: _Found, timeline: Timeline) -> tuple[np.ndarray, np.ndarray]:
    """Pixels and values of what is seen, no more than about one value a pixel: the highest."""
    first = max(int(timeline.start / found.step) - 1, 0)
    last = min(int(timeline.stop / found.step) + 2, len(found.curve))
    joined = max(int(timeline.frames_per_pixel / found.step), 1)
    first = first // joined * joined  # the same values stay together while it scrolls
    if first >= last:
        return np.empty(0), np.empty(0)
    starts = np.arange(first, last, joined)
    values = np.maximum.reduceat(found.curve[first:last], starts - first)
    return timeline.x_of(0) + (starts + joined / 2) * found.step / timeline.frames_per_pixel, values
