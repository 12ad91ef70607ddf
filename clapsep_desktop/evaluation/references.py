"""Answers that need no model, to stand beside a model's: the cheap and the unreachable."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from clapsep_desktop.evaluation.items import RATE
from clapsep_desktop.model.interface import SpectralGrid
from clapsep_desktop.separation.spectral import Transform

GRID = SpectralGrid(rate=RATE, n_fft=1024, hop=320)
"""On which the ideal mask is taken: that of the published model."""

Reference = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Target and rest, float32 (n,) each, to an estimate of the target."""


def mixture(target: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """The mixture as it is."""
    return np.asarray(target + rest)


def half(target: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Half the mixture: 3 dB of SDRi at 0 dB for nothing."""
    return np.asarray(0.5 * (target + rest))


def ideal_ratio_mask(target: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """The mixture through the ideal ratio mask, (S^2 / (S^2 + N^2))^0.5 of the true magnitudes.

    Wang, Narayanan and Wang 2014, "On training targets for supervised speech separation",
    equation 3; the phase is the mixture's, as with the models here.
    """
    transform = Transform(GRID, torch.device("cpu"))
    half_window = GRID.n_fft // 2
    count = -(-len(target) // GRID.hop) + 1
    after = transform.segment(count) - half_window - len(target)
    both = np.pad(np.stack([target, rest]), ((0, 0), (half_window, after)))
    spectra = transform.analyse(torch.from_numpy(both.astype(np.float32)))  # (2, K, F)
    power = spectra.abs().square()
    mask = torch.sqrt(power[0] / (power.sum(dim=0) + 1e-20))
    sound = transform.synthesise((mask * spectra.sum(dim=0))[None])[0]
    return np.asarray(sound[half_window : half_window + len(target)].numpy())


REFERENCES: dict[str, tuple[str, Reference]] = {
    "mixture": ("the mixture itself", mixture),
    "half": ("half the mixture", half),
    "ideal": ("ideal ratio mask (oracle)", ideal_ratio_mask),
}
"""Title and function of every reference."""
