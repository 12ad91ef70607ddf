from __future__ import annotations

import numpy as np
import pytest

from clapsep_desktop.evaluation.metrics import sdr, si_sdr
from clapsep_desktop.evaluation.references import REFERENCES, ideal_ratio_mask
from tests.support.corpus import band_noise


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("length", [1, 319, 1_000, 32_000])
def test_estimates_are_as_long_as_the_mixture(name: str, length: int) -> None:
    target, rest = np.random.default_rng(0).standard_normal((2, length)).astype(np.float32)
    estimate = REFERENCES[name][1](target, rest)
    assert estimate.shape == (length,)
    assert estimate.dtype == np.float32


def test_the_ideal_mask_parts_what_shares_no_frequency() -> None:
    target, rest = band_noise(1, 1.0), band_noise(5, 1.0)
    estimate = ideal_ratio_mask(target, rest)
    assert si_sdr(estimate, target) > 30


def test_the_ideal_mask_gains_even_where_everything_is_shared() -> None:
    target, rest = np.random.default_rng(0).standard_normal((2, 32_000)).astype(np.float32)
    gain = sdr(ideal_ratio_mask(target, rest), target) - sdr(target + rest, target)
    assert gain > 4


def test_the_ideal_mask_of_equal_sounds_is_the_root_of_a_half() -> None:
    target = np.random.default_rng(0).standard_normal(32_000).astype(np.float32)
    assert ideal_ratio_mask(target, target) == pytest.approx(2 * target / np.sqrt(2), abs=1e-4)


def test_the_ideal_mask_keeps_all_of_a_lone_sound_and_nothing_of_silence() -> None:
    sound = np.random.default_rng(0).standard_normal(4_000).astype(np.float32)
    silence = np.zeros_like(sound)
    assert ideal_ratio_mask(sound, silence) == pytest.approx(sound, abs=1e-5)
    assert ideal_ratio_mask(silence, sound) == pytest.approx(silence, abs=1e-5)
