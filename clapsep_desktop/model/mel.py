"""Triangular filters on the mel scales: O'Shaughnessy's, and Slaney's as LAION-CLAP hears by."""

from __future__ import annotations

import numpy as np

_LINEAR_HERTZ = 200.0 / 3.0  # per mel of Slaney's scale below the break
_BREAK_HERTZ = 1000.0
_BREAK_MEL = _BREAK_HERTZ / _LINEAR_HERTZ
_LOG_STEP = np.log(6.4) / 27.0  # of frequency per mel above the break


def mel_filters(rate: int, n_fft: int, bands: int, low: float, high: float) -> np.ndarray:
    """A filter bank, float32 (n_fft // 2 + 1, bands); the weights of each band sum to 1.

    Evenly spaced on O'Shaughnessy's scale. Bands narrower than a bin take the nearest bin, so
    that none is empty.
    """
    edges = mel_to_hertz(np.linspace(hertz_to_mel(low), hertz_to_mel(high), bands + 2))
    bins = _bins(rate, n_fft)
    weights = _triangles(bins, edges)
    for band in np.flatnonzero(weights.sum(axis=0) == 0.0):
        weights[np.argmin(np.abs(bins - edges[band + 1])), band] = 1.0
    return (weights / weights.sum(axis=0)).astype(np.float32)


def slaney_filters(rate: int, n_fft: int, bands: int, low: float, high: float) -> np.ndarray:
    """A filter bank of triangles of equal area, float32 (n_fft // 2 + 1, bands).

    Evenly spaced on the scale of Slaney's Auditory Toolbox (Interval technical report 1998-010):
    linear up to 1 kHz, logarithmic above.
    """
    edges = _slaney_hertz(np.linspace(_slaney_mel(low), _slaney_mel(high), bands + 2))
    weights = _triangles(_bins(rate, n_fft), edges) * 2.0 / (edges[2:] - edges[:-2])
    return np.asarray(weights, np.float32)


def hertz_to_mel(hertz: np.ndarray | float) -> np.ndarray:
    """The mel scale of O'Shaughnessy: 2595 log10(1 + f / 700)."""
    return 2595.0 * np.log10(1.0 + np.asarray(hertz, dtype=np.float64) / 700.0)


def mel_to_hertz(mel: np.ndarray | float) -> np.ndarray:
    """Inverse of `hertz_to_mel`."""
    return 700.0 * (10.0 ** (np.asarray(mel, dtype=np.float64) / 2595.0) - 1.0)


def _slaney_mel(hertz: float) -> float:
    if hertz < _BREAK_HERTZ:
        return hertz / _LINEAR_HERTZ
    return float(_BREAK_MEL + np.log(hertz / _BREAK_HERTZ) / _LOG_STEP)


def _slaney_hertz(mel: np.ndarray) -> np.ndarray:
    logarithmic = _BREAK_HERTZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HERTZ, logarithmic)


def _bins(rate: int, n_fft: int) -> np.ndarray:
    """Hertz of each bin."""
    return np.asarray(np.arange(n_fft // 2 + 1) * rate / n_fft)


def _triangles(bins: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Each band's triangle over the edges before and after its own, of height 1; (bins, bands)."""
    rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)))
