"""A part of the frequencies of a sound, without delay, read anywhere.

The filter is a windowed sinc of linear phase (Kaiser's design), applied with its delay taken back,
so that what it passes lies where it was. Each read computes its frames from their real
neighbours: the samples do not depend on how they are reached.
"""

from __future__ import annotations

import numpy as np

from clapsep_desktop.audio.source import AudioSource

ATTENUATION = 90.0
"""dB by which what lies outside the band is lowered, at least."""

SHARPNESS = 0.1
"""Width of each flank as a part of its edge's frequency, but see `NARROWEST`."""

NARROWEST, WIDEST = 20.0, 500.0
"""Hz; between these lies the width of each flank."""

EDGE = 0.010
"""s; the fade inside each end of the source, where the filter's ringing would be cut off."""


class BandSource:
    """What a source holds between two frequencies; an `AudioSource`.

    Silence is thought to lie before and after the source. Both of its ends are faded, unless they
    are said to be a recording's own.

    Args:
        source: what is filtered.
        band: lowest and highest frequency, Hz; at 0 and from half the rate on nothing is cut.
        fade_in: whether the start is faded.
        fade_out: whether the end is faded.
    """

    def __init__(
        self,
        source: AudioSource,
        band: tuple[float, float],
        *,
        fade_in: bool = True,
        fade_out: bool = True,
    ) -> None:
        self.rate = source.rate
        self.channels = source.channels
        self.frames = source.frames
        self._source = source
        self._taps = band_taps(band, source.rate)
        self._fade_in, self._fade_out = fade_in, fade_out

    @property
    def reach(self) -> int:
        """Frames on each side of a frame that have a part in it."""
        return len(self._taps) // 2

    def read(self, start: int, stop: int) -> np.ndarray:
        """See `AudioSource.read`; float32."""
        if not 0 <= start <= stop <= self.frames:
            raise ValueError(f"frames {start} to {stop} lie outside 0 to {self.frames}")
        if start == stop:
            return np.zeros((0, self.channels), np.float32)
        first, last = max(start - self.reach, 0), min(stop + self.reach, self.frames)
        samples = self._source.read(first, last).astype(np.float64)
        missing = (self.reach - (start - first), self.reach - (last - stop))
        from scipy.signal import oaconvolve  # takes longer to import than the window to open

        samples = np.pad(samples, (missing, (0, 0)))
        passed: np.ndarray = oaconvolve(samples, self._taps[:, None], mode="valid", axes=0)
        return np.asarray(passed * self._fade(start, stop), np.float32)

    def _fade(self, start: int, stop: int) -> np.ndarray:
        """Gain of each frame, (stop - start, 1)."""
        length = min(max(round(EDGE * self.rate), 1), max(self.frames // 2, 1))
        frames = np.arange(start, stop)[:, None]
        gain = np.ones(frames.shape)
        if self._fade_in:
            gain = np.minimum(gain, (frames + 0.5) / length)
        if self._fade_out:
            gain = np.minimum(gain, (self.frames - frames - 0.5) / length)
        return np.asarray(np.sin(np.pi / 2 * gain) ** 2)


def band_taps(band: tuple[float, float], rate: int) -> np.ndarray:
    """The filter's impulse response, an odd number of taps around its middle."""
    low, high = band
    nyquist = rate / 2
    if low >= nyquist:
        return np.zeros(1)
    edges = [edge for edge in (low, high) if 0.0 < edge < nyquist]
    if not edges:
        return np.ones(1)
    from scipy.signal import firwin, kaiser_beta

    width = min(max(SHARPNESS * min(edges), NARROWEST), WIDEST)
    # Kaiser's length for an attenuation and a width in radians a sample.
    count = int(np.ceil((ATTENUATION - 7.95) / (2.285 * 2 * np.pi * width / rate))) | 1
    kind = {(True, True): "bandpass", (True, False): "highpass", (False, True): "lowpass"}
    window = ("kaiser", kaiser_beta(ATTENUATION))
    cut = kind[low in edges, high in edges]
    taps = firwin(count, edges, window=window, pass_zero=cut, fs=rate, scale=False)
    return np.asarray(taps)
