"""The proof that a result lost nothing: kept + removed against the recording, as read back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.timebase import Span

_BLOCK = 1 << 18  # samples of all channels compared at once


@dataclass(frozen=True)
class NullTest:
    """How well a pair adds up to its source.

    Attributes:
        peak: the largest |source - (kept + removed)|, full scale = 1.0; 0 where every sample of
            the sum is the source's own. Samples that are no numbers in the source do not count.
        outside_unchanged: whether every kept sample outside the selection is the source's own.
    """

    peak: float
    outside_unchanged: bool

    @property
    def depth(self) -> float:
        """The peak in dBFS; minus infinity for an exact sum."""
        return 20 * math.log10(self.peak) if self.peak > 0 else -math.inf


def null_test(source: AudioSource, kept: AudioSource, removed: AudioSource, span: Span) -> NullTest:
    """Compare a pair with its source, block by block.

    Args:
        source: the recording.
        kept: of the recording's length and channels.
        removed: likewise.
        span: the selection that was worked on.
    """
    shape = source.frames, source.channels
    if (kept.frames, kept.channels) != shape or (removed.frames, removed.channels) != shape:
        raise ValueError("the three recordings must have one length and one number of channels")
    peak, unchanged = 0.0, True
    step = max(1, _BLOCK // source.channels)
    for start in range(0, source.frames, step):
        stop = min(start + step, source.frames)
        mixture, stays = source.read(start, stop), kept.read(start, stop)
        total = stays.astype(np.float64) + removed.read(start, stop)
        peak = max(peak, _largest_difference(mixture, total))
        frames = np.arange(start, stop)
        outside = (frames < span.start) | (frames >= span.stop)
        same = np.array_equal(mixture[outside], stays[outside], equal_nan=True)
        unchanged = unchanged and same
    return NullTest(peak, unchanged)


def _largest_difference(mixture: np.ndarray, total: np.ndarray) -> float:
    finite = np.isfinite(mixture)  # what is no number in the source has no sum to be compared
    difference = np.abs(mixture[finite] - total[finite])
    return float(np.nan_to_num(difference, nan=np.inf).max(initial=0.0))
