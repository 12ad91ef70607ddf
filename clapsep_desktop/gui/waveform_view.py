"""The waveform of every channel."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

from clapsep_desktop.gui import theme
from clapsep_desktop.gui.amplitude_scale import AmplitudeScale, decibels
from clapsep_desktop.gui.plot import Plot, Readout
from clapsep_desktop.gui.ticks import Tick
from clapsep_desktop.gui.timeline import Timeline
from clapsep_desktop.gui.view_settings import ViewSettings
from clapsep_desktop.gui.viewdata import ViewData
from clapsep_desktop.gui.waveform_painter import Sheet, WaveformPainter
from clapsep_desktop.gui.waveform_pictures import COLUMNS, lane
from clapsep_desktop.gui.wording import MINUS
from clapsep_desktop.timebase import Span

_LABEL_ROOM: Final = 18.0


class WaveformView(Plot):
    """Lowest to highest sample of each pixel, and inside it the RMS; samples where there is room.

    Attributes:
        scale: of the amplitude, with the vertical zoom.
    """

    def __init__(self, timeline: Timeline, data: ViewData, parent: QWidget | None = None) -> None:
        self._data = data
        self._painter = WaveformPainter(data)
        self.scale = AmplitudeScale()
        super().__init__(timeline, parent)
        self.setObjectName("waveform")
        self.setAccessibleName("Waveform")
        self.setToolTip(
            "Click to move the cursor, drag to select, Shift+click to extend.\n"
            "Ctrl+wheel zooms, Shift+wheel scrolls, Ctrl+Shift+wheel zooms the amplitude."
        )
        data.peaks_changed.connect(self._show_peaks)
        data.reset.connect(self._begin)
        self.show_theme()

    def apply(self, settings: ViewSettings) -> None:
        """Draw by these settings."""
        if settings.amplitude_scale != self.scale.name:
            self.set_scale(AmplitudeScale(settings.amplitude_scale, self.scale.zoom))

    def set_scale(self, scale: AmplitudeScale) -> None:
        """Draw on another scale, or with another vertical zoom."""
        if scale != self.scale:
            self.scale = scale
            self.show_axis()
            self.repaint_picture()
            self.vertical_zoom_changed.emit()

    def zoom_vertically(self, factor: float, place: float = 0.5) -> None:  # noqa: ARG002
        """See `Plot.zoom_vertically`; the middle of each channel stays."""
        self.set_scale(self.scale.zoomed(factor))

    def fit_vertically(self) -> None:
        """See `Plot.fit_vertically`."""
        self.set_scale(AmplitudeScale(self.scale.name))

    def ask(self) -> None:
        """See `Plot.ask`."""
        timeline = self.timeline
        per_pixel = timeline.frames_per_pixel / self.devicePixelRatioF()
        margin = COLUMNS * per_pixel
        first, last = int(timeline.start - margin), int(timeline.stop + margin) + 1
        self._data.want("waveform", self._data.detail_keys(first, last, per_pixel))

    def axis_ticks(self, height: float) -> list[tuple[float, Tick]]:
        """See `Plot.axis_ticks`."""
        lines = []
        channels = self._data.channels
        half = height / channels / 2
        ticks = self.scale.ticks(half - 1, _LABEL_ROOM)
        for channel in range(channels):
            middle = (2 * channel + 1) * half
            for tick in ticks:
                way = (half - 1) * self.scale.place(tick.value)
                if way > half - 6 and channels > 1:  # would touch the next channel's
                    tick = Tick(tick.value)
                lines.append((middle - way, tick))
                if way > 0:
                    lines.append((middle + way, self._mirrored(tick)))
        return lines

    def _mirrored(self, tick: Tick) -> Tick:
        """The line of the same amplitude below the middle."""
        below_zero = tick.is_major and self.scale.name == "linear"
        return Tick(-tick.value, f"{MINUS}{tick.label}" if below_zero else tick.label)

    def paint_picture(self, painter: QPainter, width: int, height: int, scale: float) -> None:
        """See `Plot.paint_picture`."""
        colours = theme.current()
        sheet = Sheet(self.timeline, self.scale, width, height, scale)
        self._painter.paint(painter, sheet, draft=self.is_zooming)
        painter.setPen(colours.color("grid"))
        for channel in range(1, self._data.channels):
            row = lane(channel, self._data.channels, height)[0]
            painter.drawLine(0, row, width, row)

    def readout(self, point: QPointF) -> Readout:
        """See `Plot.readout`: the peak of the channel under the point, within its pixel."""
        timeline = self.timeline
        channels = self._data.channels
        channel = min(max(int(point.y() * channels / self.plot_height), 0), channels - 1)
        first = timeline.position_at(math.floor(point.x()))
        peaks, _ = self._data.peaks(first, first + timeline.frames_per_pixel, 1)
        peak = max(abs(float(peaks.minimum[0, channel])), abs(float(peaks.maximum[0, channel])))
        level = decibels(peak) if math.isfinite(peak) else None
        return Readout(timeline.frame_at(point.x()), level, channel=channel)

    def level_at(self, frame: int) -> float | None:
        """The peak of all channels in the pixel of a frame, dBFS; None where it is not known."""
        width = self.timeline.frames_per_pixel
        first = math.floor(frame / width) * width
        peaks, _ = self._data.peaks(first, first + width, 1)
        peak = float(np.maximum(-peaks.minimum, peaks.maximum).max())
        return decibels(peak) if math.isfinite(peak) else None

    def _show_peaks(self, span: Span | None) -> None:
        self._painter.drop(span)
        if self.sees(span):
            self.ask()
            self.repaint_picture()

    def _begin(self) -> None:
        self._painter.clear()
        self.set_scale(AmplitudeScale(self.scale.name))
        self.show_axis()
