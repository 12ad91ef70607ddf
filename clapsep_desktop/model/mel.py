"""Triangular filters on the mel scale."""

from __future__ import annotations

import numpy as np


def hertz_to_mel(hertz: np.ndarray | float) -> np.ndarray:
    """The mel scale of O'Shaughnessy: 2595 log10(1 + f / 700)."""
    return 2595.0 * np.log10(1.0 + np.asarray(hertz, dtype=np.float64) / 700.0)


def mel_to_hertz(mel: np.ndarray | float) -> np.ndarray:
    """Inverse of `hertz_to_mel`."""
    return 700.0 * (10.0 ** (np.asarray(mel, dtype=np.float64) / 2595.0) - 1.0)


def mel_filters(rate: int, n_fft: int, bands: int, low: float, high: float) -> np.ndarray:
    """A filter bank, float32 (n_fft // 2 + 1, bands); the weights of each band sum to 1.

    Bands narrower than a bin take the nearest bin, so that none is empty.
    """
    bins = np.arange(n_fft // 2 + 1) * rate / n_fft
    edges = mel_to_hertz(np.linspace(hertz_to_mel(low), hertz_to_mel(high), bands + 2))
    rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    weights = np.maximum(0.0, np.minimum(rising, falling))
    for band in np.flatnonzero(weights.sum(axis=0) == 0.0):
        weights[np.argmin(np.abs(bins - edges[band + 1])), band] = 1.0
    return (weights / weights.sum(axis=0)).astype(np.float32)
