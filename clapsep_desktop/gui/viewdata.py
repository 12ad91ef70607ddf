"""What the views draw, by role, ready to be looked up.

Everything is computed on a thread of its own and kept here. A view asks for what it needs with
`ViewData.want` and is told by a signal when some of it is there; what it looks up is there
or not, and never waited for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from PySide6.QtCore import QMetaObject, QObject, Qt, QThread, Signal, Slot

from clapsep_desktop.audio.peaks import BIN, PeakPyramid, Peaks, sample_peaks
from clapsep_desktop.audio.source import ArraySource, AudioSource
from clapsep_desktop.audio.spectrogram import SpectrogramSettings
from clapsep_desktop.gui.contents import ORIGINAL, Content, Contents
from clapsep_desktop.gui.fine_peaks import join_fine
from clapsep_desktop.gui.peak_states import PeakStates
from clapsep_desktop.gui.tiles import (
    FINE_BIN,
    FINE_FRAMES,
    SAMPLE_FRAMES,
    FineKey,
    PieceCache,
    PieceKey,
    SamplesKey,
    TileKey,
    tile_reach,
)
from clapsep_desktop.gui.view_worker import PeaksRequest, PieceRequest, ViewWorker
from clapsep_desktop.timebase import Span

_AHEAD: Final = 2  # requests at the worker, so that it never waits for this thread
_SEARCH: Final = 480  # frames at either side in which a zero crossing is looked for


class ViewData(QObject):
    """The pictures of the roles of a recording.

    Attributes:
        rate: Hz; channels, frames: of the recording, 0 frames without one.

    Signals:
        reset(): another recording, or none.
        peaks_changed(Span | None): these frames' waveform is another, or better; None: all.
        tiles_changed(Span | None): these frames' spectrogram is another, or better; None: all.
        role_changed(str): another role is looked at.
    """

    reset = Signal()
    peaks_changed = Signal(object)
    tiles_changed = Signal(object)
    role_changed = Signal(str)
    _compute = Signal(object)
    _build = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rate = 48_000
        self.channels = 1
        self.frames = 0
        self._role = "original"
        self._contents = Contents({})
        self._cache = PieceCache()
        self._peaks = PeakStates()
        self._number = 0  # of changes of what sounds
        self._began = 0  # the number when the recording came
        self._stale: dict[PieceKey, int] = {}  # pieces that are out of date, since which change
        self._in_flight: set[PieceKey] = set()
        self._wishes: dict[str, tuple[Sequence[PieceKey], Sequence[PieceKey]]] = {}
        self._start_worker()

    def _start_worker(self) -> None:
        self._thread = QThread()
        self._thread.setObjectName("views")
        self._worker = ViewWorker()
        self._worker.moveToThread(self._thread)
        self._compute.connect(self._worker.compute)
        self._build.connect(self._worker.build)
        self._worker.piece_ready.connect(self._take_piece)
        self._worker.peaks_copied.connect(self._take_pyramid)
        self._worker.peaks_read.connect(self._tell_peaks)
        self._worker.peaks_finished.connect(self._end_peaks)
        self._thread.start(QThread.Priority.LowPriority)

    def close(self) -> None:
        """End the thread; nothing is computed any more."""
        self.set_sources({})
        self._thread.quit()
        self._thread.wait()

    # What is to be seen.

    @property
    def role(self) -> str:
        """The role that is looked at."""
        return self._role

    def set_role(self, role: str) -> None:
        """Look at another role."""
        if role != self._role:
            self._role = role
            self._prepare_peaks()
            self.role_changed.emit(role)
            self._tell_all()

    def set_sources(self, sources: Mapping[str, AudioSource]) -> None:
        """Show these sources, by role; without any, nothing.

        If "original" is another object than before, this is another recording, and all is computed
        anew. Otherwise only what has other layers than before is. When this returns, the former
        recording is not read any more.
        """
        former = self._contents.sources.get("original")
        self._contents = Contents(sources)
        original = sources.get("original")
        if original is not former or original is None:
            self._begin(original)
        else:
            self._prepare_peaks()
            self._tell_all()

    def changed(self, span: Span, roles: Sequence[str] = ("kept", "removed")) -> None:
        """Tell that samples in a span are others now, in sources that stayed the same.

        What overlaps is computed anew and shown as it was until then.
        """
        self._number += 1
        for key in (*self._cache.keys(), *self._in_flight):
            may_change = key.content.role in roles and self._contents.may_change(key.content)
            if may_change and self._overlaps(key, span):
                self._stale[key] = self._number
        for content in (self._contents.whole(role) for role in roles):
            if self._contents.may_change(content):
                self._peaks.outdate(content, span)
        self._pump()
        self._pump_peaks()

    def _begin(self, original: AudioSource | None) -> None:
        self._peaks.cancel()
        self._in_flight.clear()
        if self._thread.isRunning():  # waits for the piece that is being computed
            waiting = Qt.ConnectionType.BlockingQueuedConnection
            QMetaObject.invokeMethod(self._worker, "forget", waiting)
        self._cache.clear()
        self._stale.clear()
        self._wishes.clear()
        self._number += 1
        self._began = self._number
        self._peaks = PeakStates()
        self.frames = original.frames if original is not None else 0
        if original is not None:
            self.rate, self.channels = original.rate, original.channels
            self._peaks.begin(original.frames, original.channels)
        self._prepare_peaks()
        self.reset.emit()
        self._tell_all()

    def _tell_all(self) -> None:
        self.peaks_changed.emit(None)
        self.tiles_changed.emit(None)

    @staticmethod
    def _overlaps(key: PieceKey, span: Span) -> bool:
        first, last = key.reach
        return first < span.stop and span.start < last

    # Looking up.

    def content(self, first: int, last: int) -> Content:
        """What frames of the role show; equal contents look the same."""
        return self._contents.between(self._role, first, last)

    def tile_key(self, zoom: int, index: int, settings: SpectrogramSettings) -> TileKey:
        """The name of a tile of the role."""
        content = self.content(*tile_reach(zoom, index, settings.fft))
        return TileKey(content, zoom, index, settings)

    def tile(self, key: TileKey) -> np.ndarray | None:
        """A tile, uint8 (bins, columns), if it is there."""
        return self._piece(key)

    def former_tile(self, key: TileKey) -> tuple[TileKey, np.ndarray] | None:
        """A tile of what was kept there before the latest layers came, if one is there."""
        content = key.content
        if content.role != "kept":
            return None
        for count in reversed(range(len(content.layers))):
            before = Content("kept", content.layers[:count]) if count else ORIGINAL
            former = replace(key, content=before)
            tile = self._cache.get(former)
            if tile is not None:
                return former, tile
        return None

    def samples(self, first: int, last: int) -> np.ndarray | None:
        """Frames ``first <= frame < last`` of the role, float32, if all are there."""
        keys = self.sample_keys(first, last)
        pieces = [self._piece(key) for key in keys]
        if not keys or any(piece is None for piece in pieces):
            return None
        joined: np.ndarray = np.concatenate([piece for piece in pieces if piece is not None])
        origin = keys[0].reach[0]
        return joined[first - origin : last - origin]

    def peaks(self, start: float, stop: float, pixels: int) -> tuple[Peaks, bool]:
        """What to draw of the role's waveform, and whether it is final.

        As `PeakPyramid.query`, and exact below its bins where the samples are there.
        """
        per_pixel = (stop - start) / pixels
        if per_pixel < BIN:
            detail = self._detail(start, stop, pixels, per_pixel)
            if detail is not None:
                return detail, True
        pyramid = self._peaks.shown(self._contents.whole(self._role))
        if pyramid is None:
            nothing = np.full((pixels, self.channels), np.nan, np.float32)
            return Peaks(nothing, nothing, nothing), False
        return pyramid.query(start, stop, pixels), per_pixel >= BIN

    def _detail(self, start: float, stop: float, pixels: int, per_pixel: float) -> Peaks | None:
        first, last = max(int(start) - 1, 0), min(int(stop) + 2, self.frames)
        if first >= last:
            return None
        if per_pixel < 2 * FINE_BIN:
            samples = self.samples(first, last)
            if samples is None:
                return None
            return sample_peaks(
                ArraySource(samples, self.rate), start - first, stop - first, pixels
            )
        keys = self.fine_keys(first, last)
        pieces = [self._piece(key) for key in keys]
        if any(piece is None for piece in pieces):
            return None
        origin = keys[0].reach[0]
        fine = np.concatenate([piece for piece in pieces if piece is not None], axis=1)
        return join_fine(fine, start - origin, stop - origin, pixels)

    def sample_keys(self, first: int, last: int) -> list[SamplesKey]:
        """The names of the pieces that hold the samples of some frames."""
        return [
            SamplesKey(self._where(index, SAMPLE_FRAMES), index)
            for index in _indices(first, last, self.frames, SAMPLE_FRAMES)
        ]

    def fine_keys(self, first: int, last: int) -> list[FineKey]:
        """The names of the pieces that hold the fine bins of some frames."""
        return [
            FineKey(self._where(index, FINE_FRAMES), index)
            for index in _indices(first, last, self.frames, FINE_FRAMES)
        ]

    def detail_keys(self, first: int, last: int, per_pixel: float) -> Sequence[PieceKey]:
        """What `peaks` needs beside the pyramid at a zoom, for some frames."""
        if per_pixel >= BIN:
            return ()
        if per_pixel >= 2 * FINE_BIN:
            return self.fine_keys(first, last)
        return self.sample_keys(first, last)

    def _where(self, index: int, size: int) -> Content:
        return self.content(index * size, (index + 1) * size)

    def _piece(self, key: PieceKey) -> np.ndarray | None:
        if key.content.is_silent:
            return key.blank(self.channels)
        return self._cache.get(key)

    def zero_crossing(self, frame: int) -> int | None:
        """The frame nearest to one at which the mean of all channels changes its sign.

        Looks no further than 10 ms at 48 kHz, and gives the frame itself where there is none. None
        while the samples there are not: they are asked for, and `peaks_changed` tells of them.
        """
        first, last = max(frame - _SEARCH, 0), min(frame + _SEARCH, self.frames)
        if last - first < 2:
            return frame
        samples = self.samples(first, last)
        if samples is None:
            self.want("snap", self.sample_keys(first, last))
            return None
        positive = samples.mean(axis=1) >= 0
        crossings = first + 1 + np.flatnonzero(positive[1:] != positive[:-1])
        if not len(crossings):
            return frame
        return int(crossings[np.argmin(np.abs(crossings - frame))])

    # Asking.

    def want(self, view: str, visible: Sequence[PieceKey], near: Sequence[PieceKey] = ()) -> None:
        """Ask for pieces, in place of what that view asked for before.

        Args:
            view: who asks.
            visible: pieces that are seen, first to last.
            near: pieces that may be seen next; they come after what any view sees.
        """
        self._wishes[view] = (visible, near)
        self._pump()

    @property
    def is_busy(self) -> bool:
        """Whether something that was asked for is still missing."""
        return bool(self._in_flight) or self._peaks.running is not None

    def _pump(self) -> None:
        """Keep the worker supplied with what is wanted most."""
        while len(self._in_flight) < _AHEAD:
            request = self._next_piece()
            if request is None:
                return
            self._in_flight.add(request.key)
            self._compute.emit(request)

    def _next_piece(self) -> PieceRequest | None:
        for level in (0, 1):
            for wishes in self._wishes.values():
                for key in wishes[level]:
                    if self._lacks(key):
                        source = self._contents.source(key.content)
                        if source is not None:
                            return PieceRequest(self._number, key, source)
        return None

    def _wished(self) -> set[PieceKey]:
        """All that the views ask for; no more than a few screens hold."""
        return {key for wishes in self._wishes.values() for keys in wishes for key in keys}

    def _lacks(self, key: PieceKey) -> bool:
        if key in self._in_flight or key.content.is_silent:
            return False
        return key not in self._cache or key in self._stale

    @Slot(object, object)
    def _take_piece(self, request: PieceRequest, piece: np.ndarray) -> None:
        key = request.key
        if request.number < self._began:  # of a recording that is closed
            return
        self._in_flight.discard(key)
        self._cache.put(key, piece, self._wished())
        if self._stale.get(key, 0) <= request.number:
            self._stale.pop(key, None)
        first, last = key.reach
        if last > 0:
            told = self.tiles_changed if isinstance(key, TileKey) else self.peaks_changed
            told.emit(Span(max(first, 0), last))
        self._pump()

    # Peaks.

    def _prepare_peaks(self) -> None:
        """Have the peaks of every role made, those that are seen first."""
        if not self.frames:
            return
        roles = sorted(self._contents.sources, key=lambda role: role != self._role)
        wanted = [ORIGINAL, *(self._contents.whole(role) for role in roles)]
        self._peaks.want([content for content in wanted if not content.is_silent])
        self._pump_peaks()

    def _pump_peaks(self) -> None:
        request = self._peaks.next(self._contents)
        if request is not None:
            self._build.emit(request)

    @Slot(object, object)
    def _take_pyramid(self, request: PeaksRequest, pyramid: PeakPyramid) -> None:
        if request is not self._peaks.running:
            return
        self._peaks.take(request, pyramid)
        if request.content == self._contents.whole(self._role):
            self.peaks_changed.emit(None)  # something else may have stood for it, all along

    @Slot(object, object)
    def _tell_peaks(self, request: PeaksRequest, span: Span) -> None:
        if request is self._peaks.running:
            self.peaks_changed.emit(span)

    @Slot(object, bool)
    def _end_peaks(self, request: PeaksRequest, whole: bool) -> None:
        if request is self._peaks.running:
            self._peaks.end(whole=whole)
            self._pump_peaks()


def _indices(first: int, last: int, frames: int, size: int) -> range:
    first, last = max(first, 0), min(last, frames)
    return range(first // size, -(-last // size)) if first < last else range(0)
