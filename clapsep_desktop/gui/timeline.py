"""What every view shares: which part of the recording is seen, and what is selected in it.

Views ask the timeline for geometry and never each other. Positions are frames of the recording;
pixels are logical ones, counted from the left edge of the plots.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QObject, Signal

from clapsep_desktop.session.session import Marker
from clapsep_desktop.timebase import Span

CLOSEST: Final = 1 / 32  # frames per pixel at the deepest zoom: a sample every 32 pixels
_PAGE_MARGIN: Final = 0.05  # of the visible range left of the playhead after a page turn

Band = tuple[float, float]


class Timeline(QObject):
    """The visible range, the cursor, the playhead, the selection and the markers.

    Attributes:
        rate: Hz; frames: length of the recording, 0 without one.
        start: the frame at the left edge, a float; frames_per_pixel: the zoom.
        width: of the plots, in pixels.
        cursor: where the next playback starts; playhead: what is heard now.
        selection: the selected frames or None; band: their lowest and highest frequency in Hz,
            None for all.
        follow: whether the view turns the page when the playhead leaves it.
        snap: where a frame asked for by mouse comes to lie, None while it is not known; or None to
            take frames as they are.

    Signals:
        recording_changed(): another recording, or another length of it.
        range_changed(): the visible range moved or was zoomed, or the width changed.
        cursor_changed(int), playhead_changed(int): a frame.
        selection_changed(): the span or the band.
        markers_changed().
    """

    recording_changed = Signal()
    range_changed = Signal()
    cursor_changed = Signal(int)
    playhead_changed = Signal(int)
    selection_changed = Signal()
    markers_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rate = 48_000
        self.frames = 0
        self.start = 0.0
        self.frames_per_pixel = 1.0
        self.width = 1000
        self.cursor = 0
        self.playhead = 0
        self.selection: Span | None = None
        self.band: Band | None = None
        self.markers: tuple[Marker, ...] = ()
        self.follow = True
        self.snap: Callable[[int], int | None] | None = None

    # The recording.

    def set_recording(self, rate: int, frames: int) -> None:
        """Begin with a recording, or with none (0 frames): all of it visible, nothing selected."""
        self.rate = rate
        self.frames = frames
        self.markers = ()
        self.recording_changed.emit()
        self.markers_changed.emit()
        self.set_cursor(0)
        self.set_playhead(0)
        self.clear_selection()
        self.fit()

    def set_markers(self, markers: tuple[Marker, ...]) -> None:
        """Show these markers."""
        if markers != self.markers:
            self.markers = markers
            self.markers_changed.emit()

    def seconds(self, frame: float) -> float:
        """A frame's time."""
        return frame / self.rate

    # Geometry.

    @property
    def stop(self) -> float:
        """The frame at the right edge; past the recording's end where that ends earlier."""
        return self.start + self.width * self.frames_per_pixel

    @property
    def visible(self) -> Span | None:
        """The frames that are seen, whole; None without a recording."""
        first = max(int(self.start), 0)
        last = min(int(-(-self.stop // 1)), self.frames)
        return Span(first, last) if first < last else None

    @property
    def farthest(self) -> float:
        """Frames per pixel at which all of the recording is seen."""
        return max(self.frames / max(self.width, 1), CLOSEST)

    def x_of(self, frame: float) -> float:
        """The pixel of a frame."""
        return (frame - self.start) / self.frames_per_pixel

    def position_at(self, x: float) -> float:
        """The place under a pixel, in frames, wherever it lies."""
        return self.start + x * self.frames_per_pixel

    def frame_at(self, x: float) -> int:
        """The frame nearest to a pixel, from 0 to the recording's length."""
        return min(max(round(self.position_at(x)), 0), self.frames)

    def snapped(self, frame: int) -> int | None:
        """A frame after `snap`, from 0 to the recording's length; None while it is not known."""
        found = frame if self.snap is None else self.snap(frame)
        return None if found is None else min(max(found, 0), self.frames)

    # The visible range.

    def set_width(self, width: int) -> None:
        """Tell the plots' width; what was all visible stays so, otherwise the zoom stays."""
        if width == self.width or width < 1:
            return
        was_fit = self.frames_per_pixel >= self.farthest
        self.width = width
        self._show(self.start, self.farthest if was_fit else self.frames_per_pixel, force=True)

    def zoom_at(self, x: float, factor: float) -> None:
        """Zoom in by a factor above 1 or out by one below, the frame under a pixel staying."""
        anchor = self.position_at(x)
        zoom = min(max(self.frames_per_pixel / factor, CLOSEST), self.farthest)
        self._show(anchor - x * zoom, zoom)

    def zoom(self, factor: float) -> None:
        """Zoom about the cursor where it is seen, else about the middle."""
        x = self.x_of(self.cursor)
        self.zoom_at(x if 0 <= x <= self.width else self.width / 2, factor)

    def zoom_to(self, span: Span) -> None:
        """Show a span over the whole width."""
        zoom = min(max(span.length / self.width, CLOSEST), self.farthest)
        middle = (span.start + span.stop) / 2
        self._show(middle - zoom * self.width / 2, zoom)

    def zoom_to_selection(self) -> None:
        """Show the selection over the whole width, if there is one."""
        if self.selection is not None:
            self.zoom_to(self.selection)

    def fit(self) -> None:
        """Show all of the recording."""
        self._show(0.0, self.farthest, force=True)

    def scroll(self, frames: float) -> None:
        """Move the visible range, to the right for a positive number."""
        self._show(self.start + frames, self.frames_per_pixel)

    def scroll_to(self, start: float) -> None:
        """Put a frame at the left edge, as far as the recording allows."""
        self._show(start, self.frames_per_pixel)

    def centre(self, frame: float) -> None:
        """Put a frame in the middle, as far as the recording allows."""
        self._show(frame - self.width * self.frames_per_pixel / 2, self.frames_per_pixel)

    def reveal(self, frame: int) -> None:
        """Centre a frame if it is not seen."""
        if not self.start <= frame <= self.stop:
            self.centre(frame)

    def _show(self, start: float, zoom: float, *, force: bool = False) -> None:
        start = max(min(start, self.frames - self.width * zoom), 0.0)
        if force or (start, zoom) != (self.start, self.frames_per_pixel):
            self.start = start
            self.frames_per_pixel = zoom
            self.range_changed.emit()

    # Cursor, playhead and selection.

    def set_cursor(self, frame: int) -> None:
        """Put the cursor at a frame."""
        frame = min(max(frame, 0), self.frames)
        if frame != self.cursor:
            self.cursor = frame
            self.cursor_changed.emit(frame)

    def set_playhead(self, frame: int) -> None:
        """Tell what is heard now; turns the page with `follow` unless the user looks elsewhere."""
        frame = min(max(frame, 0), self.frames)
        if frame == self.playhead:
            return
        was_seen = self.start <= self.playhead <= self.stop
        self.playhead = frame
        if self.follow and was_seen and not self.start <= frame < self.stop:
            self.scroll_to(frame - _PAGE_MARGIN * self.width * self.frames_per_pixel)
        self.playhead_changed.emit(frame)

    def select(self, span: Span, band: Band | None = None) -> None:
        """Select frames, cut to the recording, of all frequencies or of a band in Hz."""
        stop = min(span.stop, self.frames)
        if span.start >= stop:
            return self.clear_selection()
        span = Span(span.start, stop)
        if (span, band) != (self.selection, self.band):
            self.selection, self.band = span, band
            self.selection_changed.emit()
        return None

    def select_all(self) -> None:
        """Select all of the recording."""
        if self.frames:
            self.select(Span(0, self.frames))

    def clear_selection(self) -> None:
        """Select nothing."""
        if self.selection is not None:
            self.selection = self.band = None
            self.selection_changed.emit()

    def set_edge(self, frame: int, side: str) -> None:
        """Move the ``"start"`` or ``"stop"`` of the selection; without one, begin at the cursor.

        A start put behind the stop, or the other way round, begins a selection up to the other
        end of the recording.
        """
        frame = min(max(frame, 0), self.frames)
        start, stop = (
            (self.selection.start, self.selection.stop)
            if self.selection is not None
            else (self.cursor, self.frames if side == "start" else self.cursor)
        )
        if side == "start":
            start, stop = frame, stop if stop > frame else self.frames
        else:
            start, stop = start if start < frame else 0, frame
        if start < stop:
            self.select(Span(start, stop), self.band)
