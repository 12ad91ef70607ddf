"""Extractions that work between two frequencies only.

With ``r`` what an extraction removes and ``h`` a filter that passes the band, of linear phase and
without delay,

    kept = x - h * r

Outside the band nothing is taken away, inside it all that would be; whatever the extraction is
made of, one model or several, gains or deep filters, is untouched by it. The same filter is heard
when a band is played, see `audio.band`, which also says how wide its flanks are.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from clapsep_desktop.audio.band import BandSource
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.errors import SpanError
from clapsep_desktop.separation.blocks import EDGE, Block, blended, presence
from clapsep_desktop.separation.derived import DerivedSource, Extract
from clapsep_desktop.timebase import Span

Band = tuple[float, float]
"""Hz, lowest and highest."""

_BLOCK = 10  # s that are filtered at once
_BLOCK_BYTES = 64 * 2**20  # that they may take at most, in double precision


def limited(
    band: Band,
    extract: Extract,
    source: AudioSource,
    span: Span,
    strength: float,
    first: int | None,
) -> Generator[Block, None, None]:
    """An extraction within a band; see `engine.Separator.extract` for the order of its blocks.

    Args:
        band: Hz, lowest and highest.
        extract: the same extraction at full strength and without a band, from any span.
        source: the recording.
        span: the part of it to work on.
        strength: 0 to 1.
        first: frame to begin with; None for the span's.

    Raises:
        SpanError: the band is empty, reversed or above all that the recording holds.
    """
    check(band, source.rate)
    return _Limited(band, extract, source, span, strength).blocks(first)


def check(band: Band, rate: int) -> None:
    """Raises SpanError for a band that is empty, reversed or above what a rate can hold."""
    low, high = band
    if rate / 2 <= low < float("inf"):
        raise SpanError(
            f"The recording ends at {rate / 2:g} Hz, below the band from {low:g} Hz on. "
            "Choose a lower band."
        )
    if not 0.0 <= low < high < float("inf"):
        raise SpanError(
            f"A band from {low:g} to {high:g} Hz holds nothing. Give the lower frequency first."
        )


@dataclass(frozen=True)
class _Limited:
    """What one extraction within a band is to do; see `limited`."""

    band: Band
    extract: Extract
    source: AudioSource
    span: Span
    strength: float

    def blocks(self, first: int | None) -> Generator[Block, None, None]:
        """Finished blocks."""
        source, span = self.source, self.span
        # At its own edges an extraction fades, which the filter must not hear.
        edge = round(EDGE * source.rate) + 1
        reach = BandSource(source, self.band).reach
        around = reach + edge
        wider = Span(max(span.start - around, 0), min(span.stop + around, source.frames))
        done = 0
        with closing(DerivedSource(self.extract, source, wider, around=reach)) as kept:
            removed = BandSource(_Removed(source, kept), self.band, fade_in=False, fade_out=False)
            for part in _parts(span, source, first):
                own = np.array(source.read(part.start, part.stop))
                within = removed.read(part.start, part.stop).astype(own.dtype, copy=False)
                amount = self.strength * presence(part, span, source)
                done += part.length
                yield Block(part, own, blended(own, own - within, amount), done, span.length)


def _parts(span: Span, source: AudioSource, first: int | None) -> Iterator[Span]:
    """A span in parts, that which holds the frame ``first`` first, the ones before it last."""
    fitting = _BLOCK_BYTES // (8 * source.channels)
    length = max(min(_BLOCK * source.rate, fitting), 1)
    starts = range(span.start, span.stop, length)
    wanted = span.start if first is None else min(max(first, span.start), span.stop - 1)
    begin = (wanted - span.start) // length
    for start in (*starts[begin:], *starts[:begin]):
        yield Span(start, min(start + length, span.stop))


class _Removed:
    """What an extraction takes away, as an `AudioSource`."""

    def __init__(self, source: AudioSource, kept: AudioSource) -> None:
        self.rate, self.channels, self.frames = source.rate, source.channels, source.frames
        self._source, self._kept = source, kept

    def read(self, start: int, stop: int) -> np.ndarray:
        """See `AudioSource.read`."""
        return np.asarray(self._source.read(start, stop) - self._kept.read(start, stop))
