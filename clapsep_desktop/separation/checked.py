"""Recordings that hold what is no sound: found where it is read, before a model hears it."""

from __future__ import annotations

import numpy as np

from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.errors import AudioReadError
from clapsep_desktop.timebase import format_time

LOUDEST = 1e9
"""Full scales; larger values are no sound, and would overflow a power spectrum."""


def first_unusable(samples: np.ndarray) -> int | None:
    """The first frame of samples (n, channels) with a value that is no number or over `LOUDEST`.

    Returns:
        Its index; None where every value can be used.
    """
    # Neither holds where there is a NaN.
    if not samples.size or (samples.min() >= -LOUDEST and samples.max() <= LOUDEST):
        return None
    return int(np.argmin((np.abs(samples) <= LOUDEST).all(axis=1)))


class CheckedSource:
    """A recording that refuses to be read where it holds no sound; an `AudioSource`."""

    def __init__(self, source: AudioSource) -> None:
        self.rate, self.channels, self.frames = source.rate, source.channels, source.frames
        self._source = source

    def read(self, start: int, stop: int) -> np.ndarray:
        """See `AudioSource.read`.

        Raises:
            AudioReadError: a sample is not a number, or larger than `LOUDEST`; says where.
        """
        samples = self._source.read(start, stop)
        unusable = first_unusable(samples)
        if unusable is not None:
            raise AudioReadError(
                "The recording holds a sample that is not a number, or far too large, at "
                f"{format_time((start + unusable) / self.rate)}. Repair or cut out that place."
            )
        return samples
