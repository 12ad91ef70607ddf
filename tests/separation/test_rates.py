from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.model.interface import SpectralGrid
from clapsep_desktop.separation.rates import TOP_BAND, Excerpt, RateBridge
from clapsep_desktop.timebase import Span
from tests.support.models import GRID, SPEECH_GRID
from tests.support.signals import noise, peak_db

RATES = st.integers(8_000, 96_000)


class TestExcerpt:
    def test_samples_are_found_by_their_place_in_the_whole(self) -> None:
        excerpt = Excerpt(np.arange(10)[:, None], first=100)
        np.testing.assert_array_equal(excerpt[103:105][:, 0], [3, 4])

    @pytest.mark.parametrize(("start", "stop"), [(99, 105), (105, 111), (106, 105)])
    def test_nothing_outside_it_is_made_up(self, start: int, stop: int) -> None:
        with pytest.raises(IndexError):
            Excerpt(np.arange(10)[:, None], first=100)[start:stop]


@given(RATES, st.sampled_from([GRID, SPEECH_GRID]), st.integers(0, 10**7), st.integers(1, 10**6))
def test_a_span_depends_on_no_frame_out_of_reach(
    rate: int, grid: SpectralGrid, start: int, length: int
) -> None:
    bridge = RateBridge(grid, rate)
    span = Span(start, start + length)
    first, stop = bridge.frames(*bridge.samples(span))
    per_second = bridge.grid.frames_per_second
    assert first - bridge.smoothing >= span.start * per_second / rate - bridge.reach - 1
    assert stop + bridge.smoothing <= span.stop * per_second / rate + bridge.reach + 1


def test_frames_hear_the_samples_they_are_said_to() -> None:
    bridge = RateBridge(GRID, 32_000)
    first, stop = bridge.frames(32_000, 32_001)
    hears = [k for k in range(80, 120) if -512 <= 32_000 - k * 320 < 512]
    assert set(hears) <= set(range(first, stop))
    assert stop - first <= len(hears) + 1


@pytest.mark.parametrize("rate", [8_000, 22_050, 32_000, 48_000, 96_000])
def test_the_top_gain_is_that_of_the_top_of_the_shared_band(rate: int) -> None:
    bridge = RateBridge(GRID, rate)
    hertz = torch.arange(GRID.bins) * GRID.rate / GRID.n_fft
    limit = min(rate, GRID.rate) / 2
    in_band = (hertz >= limit - TOP_BAND - 32) & (hertz <= limit)
    top = bridge.top_gain(in_band.float().expand(2, 30, -1))
    assert top.shape == (30, 2)
    np.testing.assert_allclose(top, 1.0, atol=1e-6)
    assert bridge.top_gain((~in_band).float().expand(1, 30, -1)).max() < 0.05


def test_the_top_gain_is_smoothed_without_delay() -> None:
    bridge = RateBridge(GRID, 48_000)
    gain = torch.zeros(1, 41, GRID.bins)
    gain[:, 20] = 1.0
    top = bridge.top_gain(gain)[:, 0]
    np.testing.assert_allclose(top, top[::-1], atol=1e-12)
    assert top.sum() == pytest.approx(1.0)
    assert np.argmax(top) == 20
    assert np.flatnonzero(top).tolist() == list(range(20 - bridge.smoothing, 21 + bridge.smoothing))


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000])
def test_the_air_band_follows_its_gain_along_straight_lines(rate: int) -> None:
    """Whether or not a frame of the grid is a whole number of frames of the recording."""
    bridge = RateBridge(GRID, rate)
    silence = Excerpt(np.zeros((32_000, 1), np.float32), 0)
    ramp = Excerpt(np.linspace(0, 1, 101)[:, None], 0)
    recording = noise(rate // 2, 2)
    span = Span(rate // 4, rate // 4 + rate // 2)
    kept = bridge.from_model(silence, silence, ramp, recording, span)
    expected = recording * (np.arange(span.start, span.stop) / rate)[:, None]
    assert peak_db(kept - expected) < -120
