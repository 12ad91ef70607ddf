"""Rate conversion inside a model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.model.resample import Resampler


def tone(frequency, rate, seconds=0.5):
    time = torch.arange(int(rate * seconds), dtype=torch.float64) / rate
    return torch.sin(2 * torch.pi * frequency * time).float()[None]


@pytest.mark.parametrize(
    ("frequency", "error"), [(50, 2e-3), (440, 2e-3), (5_000, 2e-3), (12_000, 2e-2)]
)
@pytest.mark.parametrize(("rate", "new_rate"), [(32_000, 48_000), (48_000, 32_000)])
def test_a_tone_stays_itself(rate, new_rate, frequency, error):
    found = Resampler(rate, new_rate)(tone(frequency, rate))
    expected = tone(frequency, new_rate)
    assert found.shape == expected.shape
    inside = slice(200, -200)  # the ends know only silence around them
    torch.testing.assert_close(found[0, inside], expected[0, inside], rtol=0, atol=error)


@settings(deadline=None)
@given(length=st.integers(1, 900), rates=st.sampled_from([(2, 3), (3, 2), (1, 1), (320, 441)]))
def test_lengths_follow_the_rates(length, rates):
    rate, new_rate = rates
    found = Resampler(rate, new_rate)(torch.ones(2, length))
    assert found.shape == (2, int(np.ceil(length * new_rate / rate)))


def test_blocks_on_whole_seconds_fit_together():
    """What lies well inside a window does not depend on where the window begins."""
    resampler = Resampler(32_000, 48_000)
    waveform = torch.randn(1, 96_000)
    whole, late = resampler(waveform), resampler(waveform[:, 32_000:])
    torch.testing.assert_close(whole[:, 48_100:], late[:, 100:], rtol=0, atol=1e-6)
