from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.audio.channelmap import LAYOUTS, Layout, channel_map, outputs_wanted


def test_mono_is_heard_from_both_sides() -> None:
    np.testing.assert_array_equal(channel_map(1, 2, "mix"), [[1, 1]])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_stereo_stays_as_it_is(layout: Layout) -> None:
    np.testing.assert_array_equal(channel_map(2, 2, layout), np.eye(2))


def test_four_channels_are_mixed_in_pairs() -> None:
    expected = [[0.5, 0], [0, 0.5], [0.5, 0], [0, 0.5]]
    np.testing.assert_array_equal(channel_map(4, 2, "mix"), expected)


def test_the_first_two_can_be_heard_alone() -> None:
    np.testing.assert_array_equal(channel_map(4, 2, "first"), [[1, 0], [0, 1], [0, 0], [0, 0]])
    np.testing.assert_array_equal(channel_map(4, 1, "first")[:, 0], [0.5, 0.5, 0, 0])


def test_each_channel_can_have_an_output_of_its_own() -> None:
    assert outputs_wanted(6, "direct") == 6
    np.testing.assert_array_equal(channel_map(6, 6, "direct"), np.eye(6))


@given(st.integers(1, 32), st.integers(1, 8), st.sampled_from(LAYOUTS))
def test_no_output_can_clip_where_no_channel_does(
    channels: int, outputs: int, layout: Layout
) -> None:
    weights = channel_map(channels, outputs, layout)
    assert weights.shape == (channels, outputs)
    assert (weights >= 0).all()
    assert weights.sum(axis=0).max() <= 1 + 1e-6


@given(st.integers(1, 32), st.integers(1, 2))
def test_a_mix_lets_every_channel_be_heard(channels: int, outputs: int) -> None:
    assert (channel_map(channels, outputs, "mix").sum(axis=1) > 0).all()
