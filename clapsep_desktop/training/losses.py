"""Losses on complex spectra, or on waveforms.

The windows of the transform overlap so far that the energy of a spectrum is, within a few
hundredths of a dB, proportional to the energy of its signal: ratios of energies may be taken
without an inverse transform.
"""

from __future__ import annotations

import torch
from torch import Tensor

SOFT_CEILING = 1e-3
"""A signal-to-noise ratio above 30 dB earns little (arXiv 1911.07951, section 3.2)."""


def energy(signal: Tensor) -> Tensor:
    """Energy of each signal (N, ...), (N,)."""
    return _parts(signal).square().sum(dim=1)


def _parts(signal: Tensor) -> Tensor:
    """Real numbers (N, ...), of complex ones both parts."""
    return (torch.view_as_real(signal) if signal.is_complex() else signal).flatten(1)


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
        estimate: complex spectra (N, bins, frames), or waveforms (N, n).
        target: the same shape.
        mixture_energy: (N,) energy of the mixtures.
        weight: share w of the plain signal-to-noise ratio.

    Returns:
        The loss in dB of each item, (N,).
    """
    signal, noise = energy(target), energy(estimate - target)
    present = signal > 1e-6 * mixture_energy
    floor = SOFT_CEILING * mixture_energy
    snr = decibels((signal + 1e-12) / (noise + SOFT_CEILING * signal + 1e-12))
    product = (_parts(estimate) * _parts(target)).sum(dim=1)
    projection = product / (signal + 1e-12)
    projected = projection.square() * signal
    along = projection.view(-1, *[1] * (target.ndim - 1)) * target
    distortion = energy(estimate - along)
    scale_invariant = decibels(
        (projected + 1e-6 * floor + 1e-12)
        / (distortion + SOFT_CEILING * projected + 1e-6 * floor + 1e-12)
    )
    leak = decibels((energy(estimate) + floor) / mixture_energy.clamp_min(1e-12))
    return torch.where(present, -(weight * snr + (1.0 - weight) * scale_invariant), leak)
