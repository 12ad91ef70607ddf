"""The track: overview, ruler, waveform and spectrogram, one above the other and always in step."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QMimeData, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from clapsep_desktop.gui.lane_view import LaneView
from clapsep_desktop.gui.overview import Overview
from clapsep_desktop.gui.plot import AXIS_WIDTH, Plot, Readout
from clapsep_desktop.gui.plot_text import describe
from clapsep_desktop.gui.ruler import Ruler
from clapsep_desktop.gui.spectrogram_view import SpectrogramView
from clapsep_desktop.gui.timeline import Timeline
from clapsep_desktop.gui.view_bar import ViewBar
from clapsep_desktop.gui.view_settings import ViewSettings
from clapsep_desktop.gui.viewdata import ViewData
from clapsep_desktop.gui.waveform_view import WaveformView
from clapsep_desktop.timebase import Span

_SETTLE_MS: Final = 250  # the plots are told in words once they have been still for so long
_SHARES: Final = (2, 3)  # of the height for waveform and spectrogram, at first


class TrackArea(QWidget):
    """All views of the recording.

    Signals:
        seek_requested(int): the user clicked at a frame.
        files_dropped(list[Path]): files were dropped on it.
        hovered(Readout | None): what lies under the pointer.
        settings_changed(ViewSettings): the user chose another way of drawing.

    Attributes:
        waveform, spectrogram: the plots.
        lane: under them, hidden until it is used.
        bar: the view's settings.
    """

    seek_requested = Signal(int)
    files_dropped = Signal(object)
    hovered = Signal(object)
    settings_changed = Signal(object)

    waveform: WaveformView
    spectrogram: SpectrogramView

    def __init__(
        self, timeline: Timeline, data: ViewData | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.timeline = timeline
        self.settings = ViewSettings()
        self.setObjectName("track")
        self.setAccessibleName("Recording")
        self.setAcceptDrops(True)
        self._text_timer = QTimer(self, singleShot=True, interval=_SETTLE_MS)
        self._text_timer.timeout.connect(self._tell)
        if data is not None:
            self.set_data(data)

    def set_data(self, data: ViewData) -> None:
        """Show these pictures. To be called once."""
        self.data = data
        self.overview = Overview(self.timeline, data)
        self.ruler = Ruler(self.timeline)
        self.waveform = WaveformView(self.timeline, data)
        self.spectrogram = SpectrogramView(self.timeline, data)
        self.lane = LaneView(self.timeline)
        self.bar = ViewBar()
        self._lay_out()
        self._connect()
        self.set_settings(self.settings)
        self.setFocusProxy(self.waveform)

    def _lay_out(self) -> None:
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setObjectName("trackSplitter")
        self.splitter.setAccessibleName("Waveform and spectrogram")
        self.splitter.setToolTip("Drag to divide the height between waveform and spectrogram.")
        for index, plot in enumerate((self.waveform, self.spectrogram)):
            self.splitter.addWidget(plot)
            self.splitter.setStretchFactor(index, _SHARES[index])
            plot.setMinimumHeight(48)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.overview)
        column.addWidget(self.ruler)
        column.addWidget(self.splitter, 1)
        column.addWidget(self.lane)
        column.addWidget(self.bar)

    def _connect(self) -> None:
        for plot in self.plots:
            plot.seek_requested.connect(self.seek_requested)
            plot.hovered.connect(self._hover)
        self.ruler.seek_requested.connect(self.seek_requested)
        self.lane.span_chosen.connect(self._choose)
        self.bar.changed.connect(self._take_settings)
        self.waveform.vertical_zoom_changed.connect(self._share_amplitude)
        self.data.peaks_changed.connect(self._snap_again)
        timeline = self.timeline
        for signal in (
            timeline.range_changed,
            timeline.selection_changed,
            timeline.cursor_changed,
            timeline.markers_changed,
            timeline.recording_changed,
            self.data.peaks_changed,
        ):
            signal.connect(self._tell_soon)

    @property
    def plots(self) -> tuple[Plot, ...]:
        """Waveform and spectrogram."""
        return self.waveform, self.spectrogram

    # How it is drawn.

    def set_settings(self, settings: ViewSettings) -> None:
        """Draw by these settings."""
        self.settings = settings
        self.bar.show_settings(settings)
        self.waveform.apply(settings)
        self.spectrogram.apply(settings)

    def set_spectral(self, on: bool) -> None:  # an action's toggled signal
        """Whether a drag on the spectrogram selects frequencies too."""
        self.spectrogram.tool.boxes = on

    def zoom_vertically(self, factor: float) -> None:
        """Zoom the vertical axis of the plot with the focus, or the waveform's."""
        plot: Plot = self.spectrogram if self.spectrogram.hasFocus() else self.waveform
        plot.zoom_vertically(factor)

    def fit(self) -> None:
        """Show the whole recording, and all amplitudes and frequencies."""
        self.timeline.fit()
        for plot in self.plots:
            plot.fit_vertically()

    def _take_settings(self, settings: ViewSettings) -> None:
        self.set_settings(settings)
        self.settings_changed.emit(settings)

    def _snap_again(self, _: Span | None) -> None:
        """Samples came that a selection's edges may have waited for."""
        for tool in (self.waveform.tool, self.spectrogram.tool, self.ruler.tool):
            tool.snap_again()

    def _share_amplitude(self) -> None:
        self.spectrogram.set_amplitude(self.waveform.scale)

    # In words.

    def text_mirror(self) -> str:
        """The plots in words: visible range, selection, cursor and the level there."""
        return describe(self.timeline, self._level_at_cursor())

    def _level_at_cursor(self) -> float | None:
        if not self.timeline.frames:
            return None
        return self.waveform.level_at(self.timeline.cursor)

    def _tell_soon(self, *_: object) -> None:
        if not self._text_timer.isActive():
            self._text_timer.start()

    def _tell(self) -> None:
        text = self.text_mirror()
        views: tuple[QWidget, ...] = (*self.plots, self.overview, self.ruler)
        for view in views:
            view.setAccessibleDescription(text)

    # What is done to it.

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.timeline.set_width(self.width() - AXIS_WIDTH)

    def _hover(self, readout: Readout | None) -> None:
        self.hovered.emit(readout)

    def _choose(self, span: Span) -> None:
        self.timeline.select(span)
        self.timeline.reveal(span.start)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.source() is None and _files(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        files = _files(event.mimeData())
        if files:
            event.acceptProposedAction()
            self.files_dropped.emit(files)


def _files(mime: QMimeData) -> list[Path]:
    return [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
