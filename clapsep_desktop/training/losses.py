"""Losses on complex spectra.

The windows of the transform overlap so far that the energy of a spectrum is, within a few
hundredths of a dB, proportional to the energy of its signal: ratios of energies may be taken
without an inverse transform.
"""

from __future__ import annotations

import torch
from torch import Tensor

SOFT_CEILING = 1e-3
"""A signal-to-noise ratio above 30 dB earns little (arXiv 1911.07951, section 3.2)."""


def energy(spectrum: Tensor) -> Tensor:
    """Energy of each spectrum (N, bins, frames), (N,)."""
    return torch.view_as_real(spectrum).square().sum(dim=(1, 2, 3))


def decibels(ratio: Tensor) -> Tensor:
    """Ten times the decimal logarithm."""
    return 10.0 * torch.log10(ratio)


def separation_loss(
    estimate: Tensor, target: Tensor, mixture_energy: Tensor, weight: float = 0.9
) -> Tensor:
    """-(w SNR + (1 - w) SI-SNR), as in the paper (section III-D); lower is better.

    Where a target is silent, no ratio exists: its estimate is pressed towards silence instead,
    counted in dB of the mixture.

    Args:
        estimate: complex (N, bins, frames).
        target: complex, the same shape.
        mixture_energy: (N,) energy of the mixtures.
        weight: share w of the plain signal-to-noise ratio.

    Returns:
        The loss in dB of each item, (N,).
    """
    signal, noise = energy(target), energy(estimate - target)
    present = signal > 1e-6 * mixture_energy
    floor = SOFT_CEILING * mixture_energy
    snr = decibels((signal + 1e-12) / (noise + SOFT_CEILING * signal + 1e-12))
    product = (torch.view_as_real(estimate) * torch.view_as_real(target)).sum(dim=(1, 2, 3))
    projection = product / (signal + 1e-12)
    projected = projection.square() * signal
    distortion = energy(estimate - projection[:, None, None] * target)
    scale_invariant = decibels(
        (projected + 1e-6 * floor + 1e-12)
        / (distortion + SOFT_CEILING * projected + 1e-6 * floor + 1e-12)
    )
    leak = decibels((energy(estimate) + floor) / mixture_energy.clamp_min(1e-12))
    return torch.where(present, -(weight * snr + (1.0 - weight) * scale_invariant), leak)
