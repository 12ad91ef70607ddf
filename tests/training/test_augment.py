from __future__ import annotations

import numpy as np
import pytest

from clapsep_desktop.training.augment import STRIPE_SHARE, STRIPES, change_speed, masked, place
from clapsep_desktop.training.data import RATE


@pytest.fixture
def hiss() -> np.ndarray:
    return np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)


def test_stripes_are_silent_and_all_else_is_left(hiss):
    silent, lowered = [], []
    for seed in range(40):
        result = masked(hiss, np.random.default_rng(seed))
        assert result.shape == hiss.shape
        assert result.dtype == np.float32
        gone = result == 0.0
        silent.append(gone.mean())
        kept = np.sum(result.astype(float) ** 2) / np.sum(hiss.astype(float) ** 2)
        lowered.append(kept)
        assert kept > 0.2
    assert max(silent) <= STRIPES * STRIPE_SHARE
    assert max(silent) > 0.1
    assert min(lowered) < 0.8
    assert max(lowered) > 0.99  # at times nothing is masked


def test_a_band_is_silenced(hiss):
    spectra = [np.abs(np.fft.rfft(masked(hiss, np.random.default_rng(s)))) for s in range(40)]
    typical = np.abs(np.fft.rfft(hiss)).mean()
    smoothed = [np.convolve(s, np.ones(50) / 50, "valid").min() / typical for s in spectra]
    assert min(smoothed) < 0.05


def test_a_sound_that_would_be_lost_stays():
    click = np.zeros(RATE, np.float32)
    click[RATE // 2] = 1.0
    for seed in range(60):
        result = masked(click, np.random.default_rng(seed))
        assert np.sum(result**2) > 0.2


def test_the_same_seed_masks_alike(hiss):
    one, other = (masked(hiss, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_speed_changes_length_and_pitch():
    tone = np.sin(2 * np.pi * 1_000 * np.arange(RATE) / RATE).astype(np.float32)
    faster = change_speed(tone, 1.1)
    assert len(faster) == int(RATE / 1.1)
    spectrum = np.abs(np.fft.rfft(faster))
    assert np.argmax(spectrum) * RATE / len(faster) == pytest.approx(1_100, abs=2)


@pytest.mark.parametrize("length", [1, 100, RATE, 5 * RATE])
def test_a_window_has_its_length(length):
    random = np.random.default_rng(1)
    assert place(np.ones(length, np.float32), 2 * RATE, random).shape == (2 * RATE,)
