"""The spectrogram: loudness over time and frequency."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Final

from PySide6.QtCore import QPointF, QRect, QRectF, QTimer
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtWidgets import QWidget

from clapsep_desktop.audio.spectrogram import COLUMNS, FLOOR, STEP
from clapsep_desktop.gui import theme
from clapsep_desktop.gui.amplitude_scale import AmplitudeScale
from clapsep_desktop.gui.colour_maps import colour_table
from clapsep_desktop.gui.frequency_scale import FrequencyScale
from clapsep_desktop.gui.plot import Plot, Readout
from clapsep_desktop.gui.spectrogram_pictures import SpectrogramPictures, SpectrogramStyle
from clapsep_desktop.gui.theme_colours import DARK, Theme
from clapsep_desktop.gui.ticks import Tick, frequency_ticks
from clapsep_desktop.gui.tiles import TileKey
from clapsep_desktop.gui.timeline import Timeline
from clapsep_desktop.gui.view_settings import ViewSettings
from clapsep_desktop.gui.viewdata import ViewData
from clapsep_desktop.gui.waveform_painter import Sheet, WaveformPainter
from clapsep_desktop.timebase import Span

_LABEL_ROOM: Final = 24.0
_SELECTED: Final = 44  # of 255: white over what is selected
_BUDGET: Final = 0.004  # seconds of a frame for pictures that are new
_COARSER: Final = 12  # zooms further out at which a stand-in is looked for


class SpectrogramView(Plot):
    """Tiles side by side; where one is missing, a coarser one stretched.

    Attributes:
        settings: how it is drawn.
        scale: the frequencies that are seen.
        amplitude: of the waveform that is drawn over it.
    """

    def __init__(self, timeline: Timeline, data: ViewData, parent: QWidget | None = None) -> None:
        self._data = data
        self.settings = ViewSettings()
        self.scale = FrequencyScale.whole(self.settings.frequency_scale, data.rate)
        self.amplitude = AmplitudeScale()
        self._pictures = SpectrogramPictures()
        self._waveform = WaveformPainter(data, transparent=True)
        super().__init__(timeline, parent, frequencies=self)
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self.repaint_picture)
        self.setObjectName("spectrogram")
        self.setAccessibleName("Spectrogram")
        self.setToolTip(
            "Click to move the cursor, drag to select, Shift+click to extend.\n"
            "With spectral selection on (Q), drag a box of time and frequency.\n"
            "Ctrl+wheel zooms, Shift+wheel scrolls, Ctrl+Shift+wheel zooms the frequencies."
        )
        data.tiles_changed.connect(self._show_tiles)
        data.peaks_changed.connect(self._show_peaks)
        data.reset.connect(self._begin)
        self.show_theme()
        _ = self._darkest  # reads the map of colours now, not while a recording opens

    def apply(self, settings: ViewSettings) -> None:
        """Draw by these settings."""
        former, self.settings = self.settings, settings
        if settings.frequency_scale != former.frequency_scale:
            self.set_scale(FrequencyScale.whole(settings.frequency_scale, self._data.rate))
        if settings != former:
            self.ask()
            self.repaint_picture()

    def set_scale(self, scale: FrequencyScale) -> None:
        """Show other frequencies, or on another scale."""
        if scale != self.scale:
            self.scale = scale
            self.show_axis()
            self.repaint_picture()
            self.selection_moved()
            self.vertical_zoom_changed.emit()

    def set_amplitude(self, scale: AmplitudeScale) -> None:
        """Draw the waveform over it on another scale."""
        self.amplitude = scale
        if self.settings.blend > 0:
            self.repaint_picture()

    def zoom_vertically(self, factor: float, place: float = 0.5) -> None:
        """See `Plot.zoom_vertically`."""
        self.set_scale(self.scale.zoomed(place, factor, self._data.rate))

    def fit_vertically(self) -> None:
        """See `Plot.fit_vertically`."""
        self.set_scale(FrequencyScale.whole(self.scale.name, self._data.rate))

    # Frequencies over the height.

    def frequency_at(self, y: float) -> float:
        """The frequency at a pixel, Hz, within what is seen."""
        return self.scale.frequency(min(max(1 - y / self.plot_height, 0.0), 1.0))

    def y_of_frequency(self, hertz: float) -> float:
        """The pixel of a frequency."""
        return (1 - self.scale.place(hertz)) * self.plot_height

    def selected_rows(self) -> tuple[float, float]:
        """See `Plot.selected_rows`."""
        if self.timeline.band is None:
            return super().selected_rows()
        low, high = self.timeline.band
        return self.y_of_frequency(high), self.y_of_frequency(low)

    def selection_colour(self) -> QColor:
        """See `Plot.selection_colour`: lighter, but of the picture's own hue."""
        return QColor(255, 255, 255, _SELECTED)

    def overlay_theme(self) -> Theme:
        """See `Plot.overlay_theme`: colour maps are dark whatever is worn."""
        worn = theme.current()
        return worn if worn.is_dark else DARK

    def axis_ticks(self, height: float) -> list[tuple[float, Tick]]:
        """See `Plot.axis_ticks`."""
        scale = self.scale

        def y_of(hertz: float) -> float:
            return (1 - scale.place(hertz)) * height

        ticks = frequency_ticks(
            scale.low, scale.high, y_of, _LABEL_ROOM, even=scale.name == "linear"
        )
        return [(y_of(tick.value), tick) for tick in ticks]

    def readout(self, point: QPointF) -> Readout:
        """See `Plot.readout`: the loudest that the pixel shows."""
        frequency = self.frequency_at(point.y())
        frame = self.timeline.frame_at(point.x())
        zoom = self._zoom()
        column = round(self.timeline.position_at(point.x()) / zoom)
        key = self._data.tile_key(zoom, max(column, 0) // COLUMNS, self.settings.analysis)
        tile = self._data.tile(key)
        level = None
        if tile is not None:
            top = math.floor(point.y())
            ends = (
                self.frequency_at(y) * self.settings.fft / self._data.rate for y in (top + 1, top)
            )
            low, high = (min(round(each), len(tile) - 1) for each in ends)
            level = FLOOR + STEP * float(tile[low : high + 1, max(column, 0) % COLUMNS].max())
        return Readout(frame, level, frequency=frequency)

    # Painting.

    def ask(self) -> None:
        """See `Plot.ask`: what is seen, then its neighbours and what stands for what is missing."""
        if not self._data.frames:
            return
        zoom = self._zoom()
        seen = list(self._indices(zoom))
        keys = [self._key(zoom, index) for index in seen]
        around = [seen[-1] + 1, seen[0] - 1] if seen else []
        near = [self._key(zoom, index) for index in around if self._exists(zoom, index)]
        near += [self._key(zoom * 4, index) for index in self._indices(zoom * 4)]
        self._data.want("spectrogram", keys, near)

    def paint_picture(self, painter: QPainter, width: int, height: int, scale: float) -> None:
        """See `Plot.paint_picture`."""
        settings = self.settings
        if not self._data.frames:
            painter.fillRect(0, 0, width, height, self._darkest)
            return
        style = SpectrogramStyle(
            height, self.scale, self._data.rate, settings.colours, settings.floor, settings.ceiling
        )
        until = time.perf_counter() + _BUDGET
        zoom = self._zoom()
        for index in self._indices(zoom):
            if not self._paint_tile(painter, zoom, index, style, until):
                self._later.start()
        self._paint_beyond(painter, width, height)
        if settings.blend > 0:
            painter.setOpacity(settings.blend)
            sheet = Sheet(self.timeline, self.amplitude, width, height, scale)
            self._waveform.paint(painter, sheet, draft=self.is_zooming)
            painter.setOpacity(1.0)

    def _paint_beyond(self, painter: QPainter, width: int, height: int) -> None:
        """Fill what lies behind the end of the recording."""
        end = math.floor(self.timeline.x_of(self._data.frames) * self.devicePixelRatioF())
        if end < width:
            painter.fillRect(max(end, 0), 0, width, height, self._darkest)

    @property
    def _darkest(self) -> QColor:
        settings = self.settings
        table = colour_table(settings.colours, settings.floor, settings.ceiling)
        return QColor(int(table[0]))

    def _paint_tile(
        self, painter: QPainter, zoom: int, index: int, style: SpectrogramStyle, until: float
    ) -> bool:
        """Paint a tile or what stands for it; False where there was no time to make its picture."""
        key = self._key(zoom, index)
        tile = self._data.tile(key)
        late = time.perf_counter() > until
        if tile is not None and not (late and not self._pictures.has(key, tile, style)):
            image = self._pictures.picture(key, tile, style)
            _stretch(painter, self._place(zoom, index), image, 0.0, COLUMNS)
            return True
        self._paint_stand_in(painter, zoom, index, style)
        return tile is None

    def _paint_stand_in(
        self, painter: QPainter, zoom: int, index: int, style: SpectrogramStyle
    ) -> None:
        """Show what was kept there before, part of a coarser tile, or two finer ones squeezed."""
        target = self._place(zoom, index)
        former = self._data.former_tile(self._key(zoom, index))
        if former is not None:
            _stretch(painter, target, self._pictures.picture(*former, style), 0.0, COLUMNS)
            return
        if self._paint_coarser(painter, zoom, index, target, style):
            return
        painter.fillRect(target, self._darkest)
        for finer in (2 * index, 2 * index + 1) if zoom > 1 else ():
            key = self._key(zoom // 2, finer)
            tile = self._data.tile(key)
            if tile is not None:
                place = self._place(zoom // 2, finer)
                if finer % 2 == 0:
                    place.setLeft(target.left())  # finer columns begin a little later
                _stretch(painter, place, self._pictures.picture(key, tile, style), 0.0, COLUMNS)

    def _paint_coarser(
        self, painter: QPainter, zoom: int, index: int, target: QRect, style: SpectrogramStyle
    ) -> bool:
        for step in range(1, _COARSER + 1):
            coarser = zoom << step
            key = self._key(coarser, index >> step)
            tile = self._data.tile(key)
            if tile is not None:
                columns = COLUMNS / (1 << step)
                # Column k of a tile is centred on its frame, so both begin half a column before.
                left = (index % (1 << step)) * columns + 0.5 - 0.5 / (1 << step)
                _stretch(painter, target, self._pictures.picture(key, tile, style), left, columns)
                return True
        return False

    def _key(self, zoom: int, index: int) -> TileKey:
        return self._data.tile_key(zoom, index, self.settings.analysis)

    @property
    def _per_pixel(self) -> float:
        """Frames per device pixel."""
        return float(self.timeline.frames_per_pixel / self.devicePixelRatioF())

    def _zoom(self) -> int:
        """The finest zoom whose columns are a device pixel wide or more."""
        return 1 << max(math.ceil(math.log2(self._per_pixel) - 1e-9), 0)

    def _indices(self, zoom: int) -> Iterator[int]:
        """Tiles that are seen."""
        span = COLUMNS * zoom
        first = max(math.floor((self.timeline.start + zoom / 2) / span), 0)
        stop = min(self.timeline.stop, self._data.frames)
        last = math.floor((stop + zoom / 2) / span)
        return (index for index in range(first, last + 1) if self._exists(zoom, index))

    def _exists(self, zoom: int, index: int) -> bool:
        return 0 <= index * COLUMNS * zoom < self._data.frames

    def _place(self, zoom: int, index: int) -> QRect:
        """Where a tile lies: its edges keep to device pixels counted from the recording's start."""
        per_pixel = self._per_pixel
        first = round(self.timeline.start / per_pixel)
        left, right = (
            round((column * COLUMNS - 0.5) * zoom / per_pixel) - first
            for column in (index, index + 1)
        )
        height = round(self.plot_height * self.devicePixelRatioF())
        return QRect(left, 0, right - left, height)

    # What is told.

    def _show_tiles(self, span: Span | None) -> None:
        if span is None:
            self.ask()
        if self.sees(span):
            self.repaint_picture()

    def _show_peaks(self, span: Span | None) -> None:
        self._waveform.drop(span)
        if self.settings.blend > 0 and self.sees(span):
            self.repaint_picture()

    def _begin(self) -> None:
        self._pictures.clear()
        self._waveform.clear()
        self.scale = FrequencyScale.whole(self.settings.frequency_scale, self._data.rate)
        self.show_axis()


def _stretch(painter: QPainter, target: QRect, image: QImage, left: float, columns: float) -> None:
    """Draw some columns of a tile's picture, and a pixel more; see `SpectrogramPictures`."""
    wide = (target.width() + 1) / max(target.width(), 1)
    part = QRectF(left, 0, min(columns * wide, image.width() - left), image.height())
    painter.drawImage(QRectF(target.adjusted(0, 0, 1, 0)), image, part)
