"""The thread on which pictures are computed, so that painting only looks things up.

It answers one request after the other. The list of what is still wanted stays with `ViewData`,
which hands out the next request when one is answered; so nothing stale waits here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Final

from PySide6.QtCore import QObject, Qt, Signal, Slot

from clapsep_desktop.audio.peaks import PeakPyramid
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.errors import ClapSepError
from clapsep_desktop.gui.contents import Content
from clapsep_desktop.gui.tiles import PieceKey
from clapsep_desktop.timebase import Span

_TURN: Final = 0.008  # seconds of peaks between two pieces
_TELL: Final = 0.1  # seconds between two reports of peaks


@dataclass(frozen=True)
class PieceRequest:
    """A piece to compute; ``number`` tells whether what it shows has changed since."""

    number: int
    key: PieceKey
    source: AudioSource


@dataclass(frozen=True, eq=False)
class PeaksRequest:
    """Spans of a waveform to read.

    Attributes:
        content: what it shows.
        source: of that content.
        spans: what to read.
        pyramid: to put it into.
        base: whose copy `pyramid` is to be first; None for going on with `pyramid` as it is.
        cancelled: set when it is not wanted any more.
    """

    content: Content
    source: AudioSource
    spans: tuple[Span, ...]
    pyramid: PeakPyramid | None
    base: PeakPyramid | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)


class ViewWorker(QObject):
    """Computes pieces and peaks on the thread that it was moved to.

    Signals:
        piece_ready(PieceRequest, numpy.ndarray): the piece, blank where it cannot be read.
        peaks_copied(PeaksRequest, PeakPyramid): the pyramid that will be filled.
        peaks_read(PeaksRequest, Span): a span is new; told at most ten times a second.
        peaks_finished(PeaksRequest, bool): all that can be read is, or False: it was cancelled.
    """

    piece_ready = Signal(object, object)
    peaks_copied = Signal(object, object)
    peaks_read = Signal(object, object)
    peaks_finished = Signal(object, bool)
    _again = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._request: PeaksRequest | None = None
        self._steps: Generator[Span, None, None] | None = None
        self._news: Span | None = None
        self._told = 0.0
        self._again.connect(self._go_on, Qt.ConnectionType.QueuedConnection)

    @Slot(object)
    def compute(self, request: PieceRequest) -> None:
        """Answer with a piece."""
        try:
            piece = request.key.compute(request.source)
        except ClapSepError:  # a damaged place, or a result that was deleted meanwhile
            piece = request.key.blank(request.source.channels)
        except BaseException:  # told by Python; but whoever waits for the piece waits no more
            self.piece_ready.emit(request, request.key.blank(request.source.channels))
            raise
        self.piece_ready.emit(request, piece)

    @Slot(object)
    def build(self, request: PeaksRequest) -> None:
        """Read peaks, some at a time; there is one such request at a time."""
        pyramid = request.pyramid
        if pyramid is None:
            source = request.source
            pyramid = (
                request.base.copy()
                if request.base is not None
                else PeakPyramid.silent(source.frames, source.channels)
            )
            self.peaks_copied.emit(request, pyramid)
        self._request = request
        self._steps = pyramid.build(request.source, request.spans)
        self._go_on()

    @Slot()
    def forget(self) -> None:
        """Read no more: the sources are about to be closed."""
        if self._request is not None:
            self._end(whole=False)

    @Slot()
    def _go_on(self) -> None:
        until = time.monotonic() + _TURN
        while self._request is not None and self._steps is not None:
            if time.monotonic() >= until:
                if time.monotonic() - self._told >= _TELL:
                    self._tell()
                self._again.emit()
                break
            self._read_block(self._request, self._steps)

    def _read_block(self, request: PeaksRequest, steps: Generator[Span, None, None]) -> None:
        if request.cancelled.is_set():
            return self._end(whole=False)
        try:
            return self._add_news(next(steps))
        except StopIteration:
            return self._end(whole=True)
        except BaseException:  # told by Python; other pictures are still to be had
            self._end(whole=False)
            raise

    def _add_news(self, span: Span) -> None:
        old = self._news or span
        self._news = Span(min(old.start, span.start), max(old.stop, span.stop))

    def _tell(self) -> None:
        if self._news is not None:
            self.peaks_read.emit(self._request, self._news)
        self._news = None
        self._told = time.monotonic()

    def _end(self, *, whole: bool) -> None:
        self._tell()
        self.peaks_finished.emit(self._request, whole)
        self._request = self._steps = None
