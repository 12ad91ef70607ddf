"""How well a sound was separated.

SDR is the plain signal-to-distortion ratio, 10 log10(|s|^2 / |s - e|^2); SI-SDR is its
scale-invariant form (Le Roux et al. 2019, "SDR - half-baked or well done?", equations 1 and 3).
An *improvement* (SDRi, SI-SDRi) is the value of the estimate minus that of the mixture.

Halving a mixture of equally loud sounds already gains 3 dB of SDR and nothing of SI-SDR: the two
always stand side by side.
"""

from __future__ import annotations

import numpy as np

TINY = 1e-12
"""Energy added on both sides of a ratio, so that silence gives a number."""


def sdr(estimate: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Signal-to-distortion ratio in dB over the last axis."""
    return _decibels(_energy(target), _energy(target - estimate))


def si_sdr(estimate: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Scale-invariant signal-to-distortion ratio in dB over the last axis."""
    product = np.sum(estimate * target, axis=-1, keepdims=True)
    energy = np.sum(target**2, axis=-1, keepdims=True)
    projected = product / (energy + TINY) * target
    return _decibels(_energy(projected), _energy(estimate - projected))


def let_through(estimate: np.ndarray, mixture: np.ndarray) -> np.ndarray:
    """Energy of the estimate relative to the mixture's, in dB over the last axis.

    For a query that nothing in the mixture answers: the less, the better.
    """
    return _decibels(_energy(estimate), _energy(mixture))


def _energy(signal: np.ndarray) -> np.ndarray:
    return np.asarray(np.sum(signal**2, axis=-1))


def _decibels(signal: np.ndarray, noise: np.ndarray) -> np.ndarray:
    return np.asarray(10.0 * np.log10((signal + TINY) / (noise + TINY)))
