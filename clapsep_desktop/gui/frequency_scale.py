"""How frequencies are laid out over the height of a spectrogram: linear, logarithmic or mel."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

import numpy as np

ScaleName = Literal["linear", "log", "mel"]

SCALES: Final[dict[ScaleName, str]] = {"linear": "Linear", "log": "Logarithmic", "mel": "Mel"}
"""Names and what the user reads for them."""

LOWEST: Final = 20.0
"""Hz at which a logarithmic scale begins."""

_NARROWEST: Final = 100.0  # Hz that are seen at least


@dataclass(frozen=True)
class FrequencyScale:
    """A range of frequencies on a scale; a place is 0 at its low and 1 at its high end.

    Attributes:
        name: one of `SCALES`.
        low: Hz at the bottom.
        high: Hz at the top.

    >>> FrequencyScale("log", 20, 20_000).frequency(1 / 3)
    200.0
    """

    name: ScaleName
    low: float
    high: float

    @classmethod
    def whole(cls, name: ScaleName, rate: int) -> FrequencyScale:
        """All frequencies of a rate."""
        return cls(name, LOWEST if name == "log" else 0.0, rate / 2)

    def place(self, hertz: float) -> float:
        """The place of a frequency, outside 0 to 1 where it is not seen."""
        low, high = self._warped(self.low), self._warped(self.high)
        return (self._warped(hertz) - low) / (high - low)

    def frequency(self, place: float) -> float:
        """The frequency at a place, Hz."""
        low, high = self._warped(self.low), self._warped(self.high)
        return round(self._unwarped(low + place * (high - low)), 6)

    def zoomed(self, place: float, factor: float, rate: int) -> FrequencyScale:
        """Zoomed in about a place by a factor above 1, or out, within what the rate has."""
        whole = FrequencyScale.whole(self.name, rate)
        low, high = self._warped(self.low), self._warped(self.high)
        anchor = low + place * (high - low)
        least, most = self._warped(whole.low), self._warped(whole.high)
        span = min((high - low) / factor, most - least)
        bottom = min(max(anchor - place * span, least), most - span)
        zoomed = replace(self, low=self._unwarped(bottom), high=self._unwarped(bottom + span))
        if span >= most - least:
            return whole
        return zoomed if zoomed.high - zoomed.low >= _NARROWEST else self

    def _warped(self, hertz: float) -> float:
        if self.name == "log":
            return math.log(max(hertz, 1.0))
        # O'Shaughnessy, Speech Communication (1987): m = 2595 log10(1 + f / 700).
        return 2595 * math.log10(1 + max(hertz, 0.0) / 700) if self.name == "mel" else hertz

    def _unwarped(self, value: float) -> float:
        if self.name == "log":
            return math.exp(value)
        return 700 * (10 ** (value / 2595) - 1) if self.name == "mel" else value


class RowMap:
    """Which bins of a spectrum each row of a picture shows.

    A row shows the loudest of the bins that begin in it; where rows are finer than bins, the value
    between the two nearest.

    Args:
        scale: the frequencies, low at the bottom row.
        height: rows.
        fft: samples of a transform.
        rate: Hz.
    """

    def __init__(self, scale: FrequencyScale, height: int, fft: int, rate: int) -> None:
        self.height = height
        bins = fft // 2 + 1
        edges = np.array([scale.frequency(k / height) for k in range(height + 1)]) * (fft / rate)
        firsts = np.clip(np.ceil(edges[:-1] - 1e-9).astype(int), 0, bins - 1)
        lasts = np.clip(np.ceil(edges[1:] - 1e-9).astype(int), 0, bins)
        lasts[-1] = max(lasts[-1], min(int(edges[-1]) + 1, bins))
        full = lasts > firsts
        self._full = height - 1 - np.flatnonzero(full)  # rows count from the top
        self._starts = firsts[full]
        self._stop = int(lasts[full][-1]) if full.any() else 0
        self._between = height - 1 - np.flatnonzero(~full)
        centres = np.clip(((edges[:-1] + edges[1:]) / 2)[~full], 0, bins - 1)
        self._below = np.minimum(centres.astype(int), bins - 2)
        self._weight = np.rint((centres - self._below) * 256).astype(np.uint16)[:, None]

    def apply(self, spectra: np.ndarray) -> np.ndarray:
        """Bytes of a picture, top row first: uint8 (height, columns) from (bins, columns)."""
        rows = np.empty((self.height, spectra.shape[1]), np.uint8)
        if len(self._full):
            rows[self._full] = np.maximum.reduceat(spectra[: self._stop], self._starts, axis=0)
        if len(self._between):
            below = spectra[self._below].astype(np.uint16)
            above = spectra[self._below + 1].astype(np.uint16)
            mixed = below * (256 - self._weight) + above * self._weight
            rows[self._between] = mixed >> 8
        return rows


@lru_cache(maxsize=8)
def row_map(scale: FrequencyScale, height: int, fft: int, rate: int) -> RowMap:
    """A `RowMap`, kept for the next frame."""
    return RowMap(scale, height, fft, rate)
