"""Signals and measures for tests of sound."""

from __future__ import annotations

import numpy as np


def noise(frames: int, channels: int = 1, *, seed: int = 0, level: float = 0.2) -> np.ndarray:
    """White noise within full scale, float32 (frames, channels)."""
    samples = np.random.default_rng(seed).standard_normal((frames, channels)) * level
    return np.clip(samples, -1.0, 1.0).astype(np.float32)


def tone(frames: int, rate: int, hertz: float, *, level: float = 0.5) -> np.ndarray:
    """A sine whose phase is zero at frame 0, float64 (frames, 1)."""
    return level * np.sin(2 * np.pi * hertz * np.arange(frames) / rate)[:, None]


def peak_db(samples: np.ndarray) -> float:
    """The largest magnitude in dB of full scale; -inf for digital silence and for nothing."""
    with np.errstate(divide="ignore"):
        return float(20 * np.log10(np.abs(samples).max(initial=0.0)))
