"""Sources made of others on the way to a file: a part, a level, peaks held down.

Each is an `AudioSource` whose reads depend on nothing but their own range, so that what is
measured and what is written are the same samples.
"""

from __future__ import annotations

import numpy as np

from clapsep_desktop.audio.loudness import oversampled_peaks
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.timebase import Span

_LOOK_AHEAD = 0.005  # s; a peak is approached and left over twice this


class PartSource:
    """A part of a recording as a recording of its own."""

    def __init__(self, source: AudioSource, span: Span) -> None:
        self.rate = source.rate
        self.channels = source.channels
        self.frames = span.clipped(0, source.frames).length
        self._source = source
        self._start = span.start

    def read(self, start: int, stop: int) -> np.ndarray:
        """See `AudioSource.read`."""
        if not 0 <= start <= stop <= self.frames:
            raise ValueError(f"frames {start} to {stop} lie outside 0 to {self.frames}")
        return self._source.read(self._start + start, self._start + stop)


class SilentSource:
    """Silence of another recording's form."""

    def __init__(self, like: AudioSource) -> None:
        self.rate = like.rate
        self.channels = like.channels
        self.frames = like.frames

    def read(self, start: int, stop: int) -> np.ndarray:
        """See `AudioSource.read`."""
        return np.zeros((stop - start, self.channels), np.float32)


class GainSource:
    """A recording made louder or quieter by a factor."""

    def __init__(self, source: AudioSource, gain: float) -> None:
        self.rate = source.rate
        self.channels = source.channels
        self.frames = source.frames
        self._source = source
        self._gain = gain

    def read(self, start: int, stop: int) -> np.ndarray:
        """See `AudioSource.read`."""
        samples = self._source.read(start, stop)
        scaled: np.ndarray = samples * samples.dtype.type(self._gain)
        return scaled


class LimitedSource:
    """A recording whose peaks are turned down smoothly; all channels alike.

    Around a peak above the ceiling the level falls within 10 ms to what the peak needs and rises
    again likewise; elsewhere samples are the source's own. Peaks between the samples count.

    Args:
        source: the recording.
        ceiling: the largest magnitude wanted, full scale = 1.0.
    """

    def __init__(self, source: AudioSource, ceiling: float) -> None:
        self.rate = source.rate
        self.channels = source.channels
        self.frames = source.frames
        self._source = source
        self._ceiling = ceiling
        self._reach = max(1, round(_LOOK_AHEAD * source.rate))

    def read(self, start: int, stop: int) -> np.ndarray:
        """See `AudioSource.read`."""
        around = 2 * self._reach + 32  # the gain's reach, and the interpolation's
        first, last = max(start - around, 0), min(stop + around, self.frames)
        samples = self._source.read(first, last)
        wanted = slice(start - first, stop - first)
        peaks = oversampled_peaks(samples, self.rate, self._ceiling)
        if not len(peaks) or peaks.max() <= self._ceiling:
            return samples[wanted]
        gain, samples = self._gain(peaks)[wanted, None], samples[wanted]
        return np.where(gain < 1.0, samples * gain, samples).astype(samples.dtype)

    def _gain(self, peaks: np.ndarray) -> np.ndarray:
        """For each frame, float64: the mean of what the peaks within reach of its reach need.

        Each gain under the mean is that of the lowest need within reach, so that at a peak itself
        all of them are low enough.
        """
        from scipy.ndimage import correlate1d, minimum_filter1d

        needs = np.minimum(1.0, self._ceiling / np.maximum(peaks, self._ceiling))
        lowest = minimum_filter1d(needs, 2 * self._reach + 1, mode="nearest")
        window = np.hanning(2 * self._reach + 3)[1:-1]
        smooth = correlate1d(lowest, window / window.sum(), mode="nearest")
        untouched = minimum_filter1d(lowest, 2 * self._reach + 1, mode="nearest")
        return np.where(untouched == 1.0, 1.0, smooth)
