"""The waveform of a recording at every zoom.

A pyramid of bins knows the lowest, the highest and the mean-square sample of each. Bins of its
finest level hold 256 frames, each coarser level joins four. Bins lie at multiples of their size
from the recording's start, whatever is drawn, so that a waveform does not shimmer while it scrolls.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.errors import AudioReadError
from clapsep_desktop.timebase import Span

BIN = 256
"""Frames in a bin of the finest level."""

FACTOR = 4
"""Bins of one level in a bin of the next."""

_READ = 1 << 16  # frames read at once
_PIECE = 1 << 14  # frames reduced at once; fits a processor's cache


class Peaks(NamedTuple):
    """What to draw: float32 (pixels, channels) each, full scale = 1.0, NaN where nothing is known.

    Attributes:
        minimum: lowest sample.
        maximum: highest sample.
        rms: root of the mean square.
    """

    minimum: np.ndarray
    maximum: np.ndarray
    rms: np.ndarray


@dataclass(frozen=True)
class _Level:
    """Bins of one size: float32 (bins, channels) each."""

    size: int  # frames in a bin
    minimum: np.ndarray
    maximum: np.ndarray
    energy: np.ndarray  # sum of squares


class PeakPyramid:
    """Lowest, highest and mean-square samples of a recording at every zoom.

    Filled front to back by `append`, or in any order by `update`; what is not filled yet is NaN,
    on coarser levels until the whole bin is known. One thread may fill it while others query it.

    Args:
        frames: the recording's length.
        channels: their number.
    """

    def __init__(self, frames: int, channels: int) -> None:
        self.frames = frames
        self.channels = channels
        self._position = 0  # where `append` goes on
        self._rest = np.empty((0, channels), np.float32)  # appended, short of a whole bin
        self._levels = [_unknown(BIN, frames, channels)]
        while len(self._levels[-1].minimum) > FACTOR:
            self._levels.append(_unknown(self._levels[-1].size * FACTOR, frames, channels))

    @classmethod
    def silent(cls, frames: int, channels: int) -> PeakPyramid:
        """The pyramid of silence."""
        pyramid = cls(frames, channels)
        for level in pyramid._levels:
            for values in (level.minimum, level.maximum, level.energy):
                values.fill(0.0)
        return pyramid

    def copy(self) -> PeakPyramid:
        """Another pyramid that holds the same, to be updated on its own."""
        return copy.deepcopy(self)

    def append(self, block: np.ndarray) -> None:
        """Add the recording's next frames, float (n, channels)."""
        block = np.concatenate((self._rest, block)) if len(self._rest) else block
        last = self._position + len(block) >= self.frames
        whole = len(block) if last else len(block) // BIN * BIN
        self.update(self._position, block[:whole])
        self._position += whole
        self._rest = np.array(block[whole:])

    def update(self, start: int, block: np.ndarray) -> None:
        """Put in frames from ``start`` on, in place of what was known of them.

        Args:
            start: a multiple of `BIN`.
            block: float (n, channels), which ends at a multiple of `BIN` or with the recording;
                see `aligned`.
        """
        stop = start + len(block)
        if start % BIN or (stop % BIN and stop != self.frames) or stop > self.frames:
            raise ValueError(f"frames {start} to {stop} are no whole bins of {self.frames}")
        if not len(block):
            return
        first = start // BIN
        finest = self._levels[0]
        for offset in range(0, len(block), _PIECE):
            _fill(finest, first + offset // BIN, block[offset : offset + _PIECE])
        last = -(-stop // BIN)
        for finer, coarser in zip(self._levels, self._levels[1:], strict=False):
            first, last = first // FACTOR, -(-last // FACTOR)
            _join(finer, coarser, first, last)

    def aligned(self, span: Span) -> Span:
        """The least span of whole bins that holds another one."""
        return Span(span.start // BIN * BIN, min(-(-span.stop // BIN) * BIN, self.frames))

    def build(
        self, source: AudioSource, spans: Iterable[Span] | None = None
    ) -> Generator[Span, None, None]:
        """Read a source and put it in, block by block, yielding the span of each.

        What is damaged and cannot be read stays as it was.

        Args:
            source: of the pyramid's length and channels.
            spans: what to read, in this order; front to back if left out.
        """
        whole = (Span(0, self.frames),) if self.frames else ()
        for span in whole if spans is None else spans:
            span = self.aligned(span)
            for start in range(span.start, span.stop, _READ):
                stop = min(start + _READ, span.stop)
                with suppress(AudioReadError):
                    self.update(start, source.read(start, stop))
                yield Span(start, stop)

    def query(self, start: float, stop: float, pixels: int) -> Peaks:
        """What to draw for a part of the recording.

        A pixel shows the bins from the one that its left edge lies in up to the next pixel's, at
        least one; bins are the largest that have at most a pixel's frames, but never smaller than
        `BIN`.

        Args:
            start: frame at the left edge, which may lie before the recording.
            stop: frame at the right edge, which may lie behind it.
            pixels: between the two.
        """
        per_pixel = (stop - start) / pixels
        level = next(
            (one for one in reversed(self._levels) if one.size <= per_pixel), self._levels[0]
        )
        return _reduced(level, start, stop, pixels, self.frames)


def sample_peaks(source: AudioSource, start: float, stop: float, pixels: int) -> Peaks:
    """What `PeakPyramid.query` shows, from the samples themselves; for pixels below `BIN` frames.

    A pixel shows the frames from its left edge up to the next pixel's, at least one.
    """
    first, last = max(int(start) - 1, 0), min(int(stop) + 2, source.frames)
    if last <= first:
        return _nothing(pixels, source.channels)
    samples = source.read(first, last).astype(np.float32)
    level = _Level(1, samples, samples, samples * samples)
    return _reduced(level, start - first, stop - first, pixels, last - first)


def _unknown(size: int, frames: int, channels: int) -> _Level:
    shape = -(-frames // size), channels
    return _Level(size, *(np.full(shape, np.nan, np.float32) for _ in range(3)))


def _fill(level: _Level, first: int, block: np.ndarray) -> None:
    """Put a block into the finest level's bins from ``first`` on; its last bin may be short."""
    whole = len(block) // BIN
    if whole:
        _fill_bins(level, first, block[: whole * BIN], BIN)
    if len(block) % BIN:
        _fill_bins(level, first + whole, block[whole * BIN :], len(block) % BIN)


def _fill_bins(level: _Level, first: int, block: np.ndarray, size: int) -> None:
    bins = np.array(block.T, np.float32, order="C").reshape(block.shape[1], -1, size)
    energy = np.einsum("cbf,cbf->cb", bins, bins)
    if not np.isfinite(energy).all():  # NaN stands for what is not known yet
        np.nan_to_num(bins, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        energy = np.einsum("cbf,cbf->cb", bins, bins)
    last = first + bins.shape[1]
    level.minimum[first:last] = bins.min(axis=2).T
    level.maximum[first:last] = bins.max(axis=2).T
    level.energy[first:last] = energy.T


def _join(finer: _Level, coarser: _Level, first: int, last: int) -> None:
    """Make bins of a level anew from those of the finer one."""
    low, high = first * FACTOR, min(last * FACTOR, len(finer.minimum))
    parts = np.arange(0, high - low, FACTOR)
    coarser.minimum[first:last] = np.minimum.reduceat(finer.minimum[low:high], parts, axis=0)
    coarser.maximum[first:last] = np.maximum.reduceat(finer.maximum[low:high], parts, axis=0)
    coarser.energy[first:last] = np.add.reduceat(finer.energy[low:high], parts, axis=0)


def _reduced(level: _Level, start: float, stop: float, pixels: int, frames: int) -> Peaks:
    """A level's bins joined to pixels; ``frames`` is where the recording ends."""
    edges = start + (stop - start) * (np.arange(pixels + 1) / pixels)
    bins = np.floor(edges / level.size).astype(np.int64)
    bins[-1] = np.ceil(edges[-1] / level.size)
    count = len(level.minimum)
    shown = np.flatnonzero((np.maximum(bins[1:], bins[:-1] + 1) > 0) & (bins[:-1] < count))
    peaks = _nothing(pixels, level.minimum.shape[1])
    if not len(shown):
        return peaks
    inside = slice(shown[0], shown[-1] + 1)
    firsts = np.maximum(bins[:-1][inside], 0)
    lasts = np.minimum(np.maximum(bins[1:][inside], firsts + 1), count)
    low, high = firsts[0], lasts[-1]
    parts = firsts - low  # where two are equal, reduceat gives that one bin
    peaks.minimum[inside] = np.minimum.reduceat(level.minimum[low:high], parts, axis=0)
    peaks.maximum[inside] = np.maximum.reduceat(level.maximum[low:high], parts, axis=0)
    energy = np.add.reduceat(level.energy[low:high], parts, axis=0)
    lengths = np.minimum(lasts * level.size, frames) - firsts * level.size
    peaks.rms[inside] = np.sqrt(energy / lengths[:, None])
    return peaks


def _nothing(pixels: int, channels: int) -> Peaks:
    return Peaks(*(np.full((pixels, channels), np.nan, np.float32) for _ in range(3)))
