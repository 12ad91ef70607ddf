"""How well a sound was separated.

SDR is the plain signal-to-distortion ratio, 10 log10(|s|^2 / |s - e|^2); SI-SDR is its
scale-invariant form (Le Roux et al. 2019, "SDR - half-baked or well done?", equations 1 and 3).
An *improvement* (SDRi, SI-SDRi) is the value of the estimate minus that of the mixture.
"""

from __future__ import annotations

import numpy as np

TINY = 1e-12


def sdr(estimate: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Signal-to-distortion ratio in dB over the last axis."""
    return _ratio(np.sum(target**2, axis=-1), np.sum((target - estimate) ** 2, axis=-1))


def si_sdr(estimate: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Scale-invariant signal-to-distortion ratio in dB over the last axis."""
    product = np.sum(estimate * target, axis=-1, keepdims=True)
    energy = np.sum(target**2, axis=-1, keepdims=True)
    projected = product / (energy + TINY) * target
    return _ratio(np.sum(projected**2, axis=-1), np.sum((estimate - projected) ** 2, axis=-1))


def _ratio(signal: np.ndarray, noise: np.ndarray) -> np.ndarray:
    return np.asarray(10.0 * np.log10((signal + TINY) / (noise + TINY)))
