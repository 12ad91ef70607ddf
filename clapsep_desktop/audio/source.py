"""What the engine reads from: anything with a rate, channels, a length and random access."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class AudioSource(Protocol):
    """Random access to frames; implemented by files, stored buffers and arrays."""

    rate: int  # Hz
    channels: int
    frames: int  # length

    def read(self, start: int, stop: int) -> np.ndarray:
        """Frames ``start <= frame < stop`` as float32 or float64 (stop - start, channels).

        Full scale is 1.0. The range must lie inside the recording. Integer files up to 24 bits
        come as float32 without rounding, deeper ones as float64.
        """
        ...


class ArraySource:
    """An array in memory as an `AudioSource`.

    Args:
        samples: float32 or float64 (frames, channels), full scale = 1.0.
        rate: Hz.
    """

    def __init__(self, samples: np.ndarray, rate: int) -> None:
        if samples.ndim != 2:
            raise ValueError("samples must have the shape (frames, channels)")
        self.samples = samples
        self.rate = rate
        self.frames, self.channels = samples.shape

    def read(self, start: int, stop: int) -> np.ndarray:
        """See `AudioSource.read`."""
        if not 0 <= start <= stop <= self.frames:
            raise ValueError(f"frames {start} to {stop} lie outside 0 to {self.frames}")
        return self.samples[start:stop]
