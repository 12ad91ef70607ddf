from __future__ import annotations

import numpy as np
import pytest

from clapsep_desktop.separation.channels import heard
from tests.support.signals import noise


def test_linked_channels_are_heard_as_their_mean() -> None:
    stereo = noise(1_000, 2)
    np.testing.assert_allclose(heard(stereo, "linked"), stereo.mean(axis=1)[None])


@pytest.mark.parametrize("louder", [0, 1])
def test_where_the_mix_cancels_the_louder_channel_is_heard(louder: int) -> None:
    left = noise(1_000)[:, 0]
    stereo = np.stack([left, -left], axis=1)
    stereo[:, louder] *= 1.1
    np.testing.assert_array_equal(heard(stereo, "linked")[0], stereo[:, louder])


@pytest.mark.parametrize("channels", [2, 6, 32])
def test_one_channel_among_silent_ones_has_not_cancelled(channels: int) -> None:
    samples = np.zeros((1_000, channels), np.float32)
    samples[:, 1] = noise(1_000)[:, 0]
    np.testing.assert_allclose(heard(samples, "linked")[0], samples[:, 1] / channels, rtol=1e-5)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_independent_channels_are_heard_one_by_one(channels: int) -> None:
    samples = noise(100, channels)
    np.testing.assert_array_equal(heard(samples, "independent"), samples.T)


def test_silence_is_heard_as_silence() -> None:
    assert not heard(np.zeros((100, 2), np.float32), "linked").any()
