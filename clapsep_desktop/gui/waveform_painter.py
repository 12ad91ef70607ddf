"""Painting the waveform: blocks of columns, or the samples themselves where there is room."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from clapsep_desktop.gui import theme
from clapsep_desktop.gui.amplitude_scale import AmplitudeScale
from clapsep_desktop.gui.timeline import Timeline
from clapsep_desktop.gui.viewdata import ViewData
from clapsep_desktop.gui.waveform_pictures import (
    COLUMNS,
    WaveColours,
    WaveformPictures,
    WaveStyle,
    lane,
)
from clapsep_desktop.timebase import Span

LINES_BELOW: Final = 0.25
"""Frames per device pixel below which samples are joined by lines."""

_DOTS_BELOW: Final = 1 / 6  # frames per logical pixel below which each sample gets a dot
_BODY_SHADE: Final = 0.45  # of white in the RMS on a dark canvas, of black on a light one


@dataclass(frozen=True)
class Sheet:
    """What a waveform is painted on.

    Attributes:
        timeline: which frames lie over the width.
        scale: which amplitudes lie over the height.
        width, height: in device pixels.
        ratio: device pixels that make a logical one.
    """

    timeline: Timeline
    scale: AmplitudeScale
    width: int
    height: int
    ratio: float

    @property
    def frames_per_pixel(self) -> float:
        """Frames of a device pixel."""
        return self.timeline.frames_per_pixel / self.ratio


class WaveformPainter:
    """Paints the waveform of the role that is looked at.

    Args:
        data: what is painted.
        transparent: whether what lies behind the waveform is to be seen.
        merged: whether all channels are drawn as one.
    """

    def __init__(self, data: ViewData, *, transparent: bool = False, merged: bool = False) -> None:
        self._data = data
        self._pictures = WaveformPictures(data)
        self._transparent = transparent
        self._merged = merged

    def drop(self, span: Span | None) -> None:
        """Tell that the waveform of a span, or of all, is another."""
        self._pictures.drop(span)

    def clear(self) -> None:
        """Forget all."""
        self._pictures.clear()

    def paint(self, painter: QPainter, sheet: Sheet, *, draft: bool = False) -> None:
        """Paint what a sheet shows, in device pixels.

        A draft has one column for each logical pixel, and takes a fraction of the time.
        """
        if draft and sheet.ratio > 1:
            painter.save()
            painter.scale(sheet.ratio, sheet.ratio)
            width, height = (math.ceil(each / sheet.ratio) for each in (sheet.width, sheet.height))
            self.paint(painter, replace(sheet, width=width, height=height, ratio=1.0))
            painter.restore()
            return
        colours = self._colours()
        width, height, per_pixel = sheet.width, sheet.height, sheet.frames_per_pixel
        first = round(sheet.timeline.start / per_pixel)
        end = math.ceil(self._data.frames / per_pixel) - first  # where the recording ends
        if not self._transparent and end < width:
            painter.fillRect(end, 0, width - end, height, theme.current().color("canvas"))
        if end <= 0:
            return
        lines = per_pixel < LINES_BELOW and not self._merged
        if lines and self._paint_samples(painter, sheet):
            return
        thickness = max(round(sheet.ratio), 1)
        style = WaveStyle(per_pixel, height, thickness, sheet.scale, colours, self._merged)
        last = first + min(width, end) - 1
        for index in range(first // COLUMNS, last // COLUMNS + 1):
            painter.drawImage(index * COLUMNS - first, 0, self._pictures.block(index, style))

    def _colours(self) -> WaveColours:
        worn = theme.current()
        wave = worn.heard(self._data.role)
        clear = QColor(0, 0, 0, 0)
        shade = QColor("white") if worn.is_dark else QColor("black")
        return WaveColours.of(
            clear if self._transparent else worn.color("canvas"),
            wave,
            _mixed(wave, shade, _BODY_SHADE),
            clear if self._transparent else worn.color("grid"),
            worn.color("clip"),
        )

    def _paint_samples(self, painter: QPainter, sheet: Sheet) -> bool:
        """Paint lines from sample to sample, and dots; False where samples are not there yet."""
        timeline, width, height = sheet.timeline, sheet.width, sheet.height
        per_pixel = sheet.frames_per_pixel
        first = max(math.floor(timeline.start) - 1, 0)
        last = min(math.ceil(timeline.start + width * per_pixel) + 2, self._data.frames)
        samples = self._data.samples(first, last) if first < last else None
        if samples is None:
            return False
        worn = theme.current()
        xs = (np.arange(first, last) - timeline.start) / per_pixel
        colour = worn.heard(self._data.role)
        painter.save()
        if not self._transparent:
            painter.fillRect(0, 0, width, height, worn.color("canvas"))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for channel in range(samples.shape[1]):
            top, bottom = lane(channel, samples.shape[1], height)
            middle, reach = (top + bottom) / 2, (bottom - top) / 2 - 1
            painter.setPen(QPen(worn.color("grid"), 1))
            painter.drawLine(QPointF(0, middle), QPointF(width, middle))
            ys = middle - reach * sheet.scale.places(samples[:, channel])
            points = [QPointF(x, y) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)]
            painter.setPen(QPen(colour, 1.25 * sheet.ratio))
            painter.drawPolyline(QPolygonF(points))
            if timeline.frames_per_pixel < _DOTS_BELOW:
                pen = QPen(colour, 5 * sheet.ratio)
                pen.setCapStyle(Qt.PenCapStyle.RoundCap)
                painter.setPen(pen)
                painter.drawPoints(QPolygonF(points))
        painter.restore()
        return True


def _mixed(one: QColor, other: QColor, share: float) -> QColor:
    """One colour with a share of another."""
    return QColor.fromRgbF(
        one.redF() + (other.redF() - one.redF()) * share,
        one.greenF() + (other.greenF() - one.greenF()) * share,
        one.blueF() + (other.blueF() - one.blueF()) * share,
    )
