from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.evaluation.metrics import let_through, sdr, si_sdr

DECIBELS = st.floats(-40, 40)
SEEDS = st.integers(0, 2**32 - 1)


def _pair(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two orthogonal signals of the same energy."""
    one, other = np.random.default_rng(seed).standard_normal((2, 1_000))
    other -= one * (other @ one) / (one @ one)
    return one, other * np.linalg.norm(one) / np.linalg.norm(other)


@given(SEEDS, DECIBELS)
def test_noise_at_a_level_gives_that_ratio(seed: int, level: float) -> None:
    target, noise = _pair(seed)
    estimate = target + noise * 10 ** (-level / 20)
    assert sdr(estimate, target) == pytest.approx(level, abs=1e-6)
    assert si_sdr(estimate, target) == pytest.approx(level, abs=1e-6)


@given(SEEDS, st.floats(0.01, 100), DECIBELS)
def test_only_sdr_depends_on_scale(seed: int, scale: float, level: float) -> None:
    target, noise = _pair(seed)
    estimate = target + noise * 10 ** (-level / 20)
    assert si_sdr(scale * estimate, target) == pytest.approx(float(si_sdr(estimate, target)))
    expected = -10 * np.log10((1 - scale) ** 2 + scale**2 * 10 ** (-level / 10))
    assert sdr(scale * estimate, target) == pytest.approx(expected, abs=1e-6)


def test_half_a_mixture_gains_three_decibels_of_sdr_for_nothing() -> None:
    target, noise = _pair(0)
    mixture = target + noise
    assert sdr(0.5 * mixture, target) - sdr(mixture, target) == pytest.approx(3.01, abs=0.01)
    assert si_sdr(0.5 * mixture, target) == pytest.approx(float(si_sdr(mixture, target)))


def test_ratios_are_taken_row_by_row() -> None:
    target, noise = _pair(1)
    rows = np.stack([target + noise, target + 0.1 * noise])
    assert sdr(rows, target) == pytest.approx([0.0, 20.0], abs=1e-6)
    assert si_sdr(rows, np.stack([target, target])) == pytest.approx([0.0, 20.0], abs=1e-6)


def test_silence_gives_numbers() -> None:
    silence, sound = np.zeros(100, np.float32), np.ones(100, np.float32)
    for one, other in [(silence, sound), (sound, silence), (silence, silence)]:
        assert np.isfinite([sdr(one, other), si_sdr(one, other), let_through(one, other)]).all()


@given(SEEDS, DECIBELS)
def test_let_through_is_the_gain(seed: int, gain: float) -> None:
    mixture, _ = _pair(seed)
    assert let_through(mixture * 10 ** (gain / 20), mixture) == pytest.approx(gain, abs=1e-6)
