from __future__ import annotations

import pytest
import torch

from clapsep_desktop.training.losses import energy, separation_loss


def spectra(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 5, 7, dtype=torch.complex64, generator=generator)


def test_half_the_mixture_at_equal_energy_is_worth_three_decibels():
    target, other = spectra(1), spectra(2)
    # Orthogonal and of equal energy, so that the figures are exact.
    inner = (torch.view_as_real(target) * torch.view_as_real(other)).sum(dim=(1, 2, 3))
    other = other - (inner / energy(target))[:, None, None] * target
    other = other * (energy(target) / energy(other)).sqrt()[:, None, None]
    mixture = target + other
    snr = -separation_loss(0.5 * mixture, target, energy(mixture), weight=1.0)
    scale_invariant = -separation_loss(0.5 * mixture, target, energy(mixture), weight=0.0)
    assert snr.tolist() == pytest.approx([3.01, 3.01], abs=0.02)
    assert scale_invariant.tolist() == pytest.approx([0.0, 0.0], abs=0.02)


def test_scale_matters_to_one_part_only():
    target = spectra(1)
    reference = energy(target) * 2
    exact = separation_loss(target, target, reference, weight=0.0)
    scaled = separation_loss(0.5 * target, target, reference, weight=0.0)
    assert torch.allclose(exact, scaled, atol=0.1)
    plain = separation_loss(0.5 * target, target, reference, weight=1.0)
    assert plain.tolist() == pytest.approx([-6.0, -6.0], abs=0.1)


def test_a_silent_target_wants_silence():
    mixture, silence = spectra(3), torch.zeros(2, 5, 7, dtype=torch.complex64)
    leaks = [separation_loss(g * mixture, silence, energy(mixture)) for g in (1.0, 0.1, 0.0)]
    assert leaks[0].tolist() == pytest.approx([0.0, 0.0], abs=0.01)
    assert leaks[1].tolist() == pytest.approx([-19.6, -19.6], abs=0.1)
    assert leaks[2].tolist() == pytest.approx([-30.0, -30.0], abs=0.01)


def test_gradients_stay_finite_at_the_edges():
    mixture = spectra(4)
    for target in (torch.zeros_like(mixture), mixture):
        mask = torch.full((2, 5, 7), 0.5, requires_grad=True)
        separation_loss(mask * mixture, target, energy(mixture)).mean().backward()
        assert mask.grad is not None
        assert torch.isfinite(mask.grad).all()
