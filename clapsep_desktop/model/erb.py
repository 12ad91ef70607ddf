"""What DeepFilterNet hears: bands as wide as the ear's, and a spectrum of unit level.

Two features per frame (Schröter et al. 2022, arXiv 2110.05588, section 2.2): the power in
equivalent rectangular bandwidths in dB, less its running mean; and the lowest bins of the complex
spectrum over the square root of their running magnitude. Both running means forget exponentially
and carry over from call to call, so that a signal may come in pieces.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

_EAR_Q, _NARROWEST_EAR = 9.265, 24.7  # Glasberg and Moore 1990, and Hz
_SILENCE = 1e-10  # added to a band's power: -100 dB
_DB_SCALE = 40.0  # dB to one unit of the first feature
_POWER_START = (-60.0, -90.0)  # dB in the lowest and the highest band, before anything was heard
_MAGNITUDE_START = (1e-3, 1e-4)  # in the lowest and the highest bin


@dataclass(frozen=True)
class SpeechSizes:
    """Sizes of a DeepFilterNet 3; saved in config.json beside the networks."""

    rate: int = 48_000  # Hz
    n_fft: int = 960  # samples
    hop: int = 480  # samples
    bands: int = 32  # on the ear's scale
    narrowest: int = 2  # bins of a band, at least
    filtered: int = 96  # lowest bins, which get a filter each rather than a gain per band
    order: int = 5  # frames that such a filter spans
    lookahead: int = 2  # frames of the future among them, and in all the networks hear
    memory: float = 1.0  # s, time constant of the running means

    @property
    def bins(self) -> int:
        """Frequency bins of a spectrum."""
        return self.n_fft // 2 + 1


def band_widths(sizes: SpeechSizes) -> np.ndarray:
    """Bins in each band, int (bands,).

    The bands share the ear's scale evenly; where one would be narrower than allowed, it takes
    bins from its upper neighbours.

    >>> int(band_widths(SpeechSizes()).sum())
    481
    """
    whole = _EAR_Q * math.log1p(sizes.rate / 2 / (_NARROWEST_EAR * _EAR_Q))
    edges = [
        _NARROWEST_EAR * _EAR_Q * math.expm1(band * whole / sizes.bands / _EAR_Q)
        for band in range(sizes.bands + 1)
    ]
    even = np.rint(np.array(edges) * sizes.n_fft / sizes.rate).astype(int)
    widths, debt = [], 0
    for wanted in np.diff(even):
        width = max(wanted - debt, sizes.narrowest)
        debt = max(sizes.narrowest - (wanted - debt), 0)
        widths.append(width)
    widths[-1] += sizes.bins - sum(widths)
    return np.array(widths)


class Features:
    """The two features of a signal that comes in pieces.

    Args:
        sizes: of the network.
    """

    def __init__(self, sizes: SpeechSizes) -> None:
        self._sizes = sizes
        self._widths = band_widths(sizes)
        self._starts = np.concatenate([[0], np.cumsum(self._widths)[:-1]])
        self._power = np.linspace(*_POWER_START, sizes.bands)
        self._magnitude = np.linspace(*_MAGNITUDE_START, sizes.filtered)
        # Published as rounded to three digits.
        self._keep = round(math.exp(-sizes.hop / sizes.rate / sizes.memory), 3)

    def __call__(self, spectrum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features of the next frames.

        Args:
            spectrum: complex64 (K, bins), in which a sine wave of full scale has a magnitude
                of about 0.25.

        Returns:
            float32 (K, bands), and float32 (2, K, filtered): real and imaginary parts.
        """
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        bands = np.add.reduceat(power, self._starts, axis=1) / self._widths
        level = 10.0 * np.log10(bands + _SILENCE)
        low = spectrum[:, : self._sizes.filtered]
        mean, self._power = self._running_mean(level, self._power)
        size, self._magnitude = self._running_mean(np.abs(low), self._magnitude)
        unit = low / np.sqrt(size)
        features = (level - mean) / _DB_SCALE, np.stack([unit.real, unit.imag])
        return features[0].astype(np.float32), features[1].astype(np.float32)

    def _running_mean(
        self, values: np.ndarray, before: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Exponential mean over the first axis, each frame's own value included, and its end."""
        if not len(values):
            return values, before
        weights = [1.0 - self._keep], [1.0, -self._keep]
        mean, _ = lfilter(*weights, values, axis=0, zi=(self._keep * before)[None])
        return mean, mean[-1]
