"""The engine: identity, complement, bands and channels; how it runs and what it refuses."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.errors import AudioFormatError, AudioReadError, ModelError
from clapsep_desktop.model.interface import SpectralGrid, WindowPlan
from clapsep_desktop.separation.engine import Block, Separator, assemble
from clapsep_desktop.timebase import Span
from tests.support.extracting import GRIDS, CountingSource, kept
from tests.support.models import (
    FakeModel,
    TapsModel,
    by_signal,
    constant,
    identity,
    tilted,
    zero,
)
from tests.support.signals import noise, peak_db, tone

RATES = [8_000, 16_000, 22_050, 44_100, 48_000, 96_000, 44_101]


class EndlessSource:
    """Hours of sound that nobody stores."""

    rate = 8_000
    channels = 1

    def __init__(self, seconds: int) -> None:
        self.frames = seconds * self.rate
        self._second = noise(self.rate)

    def read(self, start: int, stop: int) -> np.ndarray:
        return self._second[np.arange(start, stop) % self.rate]


# Identity, silence, and what lies between.


@GRIDS
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_ones_give_the_recording_back_and_zeros_silence(
    grid: SpectralGrid, rate: int, channels: int
) -> None:
    samples = noise(rate * 3 + 123, channels)
    model = FakeModel(identity, grid, WindowPlan(length=2, overlap=1))
    assert peak_db(kept(samples, rate, model) - samples) < -120
    nothing = FakeModel(zero, grid, WindowPlan(length=2, overlap=1))
    assert not kept(samples, rate, nothing).any()


@settings(deadline=None, max_examples=40)
@given(
    rate=st.one_of(st.sampled_from(RATES), st.integers(8_000, 50_000)),
    frames=st.one_of(st.integers(1, 40), st.integers(1, 60_000)),
    length=st.integers(2, 5),
    channels=st.integers(1, 3),
    value=st.floats(0, 1),
)
def test_a_constant_mask_scales_a_recording_of_any_length(
    rate: int, frames: int, length: int, channels: int, value: float
) -> None:
    samples = noise(frames, channels)
    model = FakeModel(constant(value), plan=WindowPlan(length=length, overlap=1))
    result = kept(samples, rate, model)
    assert result.shape == samples.shape
    assert result.dtype == np.float32
    assert peak_db(result - np.float32(value) * samples) < -120


@GRIDS
@pytest.mark.parametrize("channels", ["linked", "independent"])
def test_thirty_two_channels(grid: SpectralGrid, channels: str) -> None:
    samples = noise(12_000, 32)
    model = FakeModel(identity, grid, WindowPlan(length=2, overlap=1))
    assert peak_db(kept(samples, 8_000, model, channels=channels) - samples) < -120


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_strength_takes_that_part_away(strength: float) -> None:
    samples = noise(100_000, 2)
    full = kept(samples, 44_100, FakeModel(by_signal))
    partly = kept(samples, 44_100, FakeModel(by_signal), strength=strength)
    expected = samples - np.float32(strength) * (samples - full)
    assert peak_db(partly - expected) < -140
    if strength == 0:
        np.testing.assert_array_equal(partly, samples)


def test_the_complement_keeps_what_was_removed() -> None:
    samples = noise(100_000, 2)
    blocks = list(Separator(FakeModel(tilted)).extract(ArraySource(samples, 44_100)))
    other = kept(samples, 44_100, FakeModel(tilted), complement=True)
    np.testing.assert_array_equal(other, np.concatenate([block.removed for block in blocks]))


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10), st.booleans())
def test_kept_and_removed_add_up_to_the_source(seed: int, double: bool) -> None:
    samples = noise(150_000, 2, seed=seed).astype(np.float64 if double else np.float32)
    for block in Separator(FakeModel(by_signal)).extract(ArraySource(samples, 48_000)):
        assert block.kept.dtype == block.removed.dtype == samples.dtype
        assert block.removed.shape == block.kept.shape
        assert peak_db(block.kept + block.removed - block.source) < (-300 if double else -140)
        own = samples[block.span.start : block.span.stop]
        np.testing.assert_array_equal(block.source, own)


def test_a_double_recording_keeps_its_precision() -> None:
    samples = noise(60_000).astype(np.float64) + 1e-12
    result = kept(samples, 96_000, FakeModel(identity))
    assert result.dtype == np.float64
    assert peak_db(result - samples) < -120


# Bands: what the model hears, and what it cannot.


def test_a_mask_by_frequency_acts_at_the_recordings_own_rate() -> None:
    rate = 48_000
    result = kept(tone(4 * rate, rate, 5_000), rate, FakeModel(tilted))
    gain = 1 - 0.8 * 5_000 / 16_000
    middle = slice(rate, 3 * rate)
    np.testing.assert_allclose(
        result[middle], gain * tone(4 * rate, rate, 5_000)[middle], atol=1e-3
    )


@pytest.mark.parametrize("hertz", [17_000, 20_000, 30_000, 44_000])
def test_above_the_models_limit_the_top_of_its_mask_holds(hertz: float) -> None:
    rate = 96_000
    samples = tone(4 * rate, rate, hertz)
    result = kept(samples, rate, FakeModel(tilted))
    ratio = np.sqrt(np.mean(result**2) / np.mean(samples**2))
    assert ratio == pytest.approx(0.2 + 0.8 * 500 / 16_000, abs=0.01)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050])
def test_below_the_models_rate_the_whole_band_is_masked(rate: int) -> None:
    def low_half(windows: torch.Tensor, grid: SpectralGrid) -> torch.Tensor:
        limit = int(rate / 4 / grid.rate * grid.n_fft)
        return (torch.arange(grid.bins) < limit).float()

    model = FakeModel(low_half)
    for part, gain in ((0.1, 1.0), (0.2, 1.0), (0.3, 0.0), (0.4, 0.0), (0.49, 0.0)):
        samples = tone(4 * rate, rate, part * rate)
        result = kept(samples, rate, model)
        assert peak_db((result - gain * samples)[rate : 3 * rate]) < -60


@pytest.mark.parametrize("rate", [8_000, 22_050])
def test_what_a_mask_says_above_the_recordings_band_does_not_matter(rate: int) -> None:
    def only_the_recordings_band(windows: torch.Tensor, grid: SpectralGrid) -> torch.Tensor:
        return (torch.arange(grid.bins) * grid.rate / grid.n_fft <= rate / 2).float()

    samples = tone(4 * rate, rate, 0.49 * rate)
    result = kept(samples, rate, FakeModel(only_the_recordings_band))
    assert peak_db((result - samples)[rate : 3 * rate]) < -40


def test_a_mask_that_changes_with_time_changes_the_air_band_with_it() -> None:
    def second_by_second(windows: torch.Tensor, grid: SpectralGrid) -> torch.Tensor:
        frames = torch.arange(windows.shape[1] // grid.hop + 1)
        return ((frames // grid.frames_per_second) % 2).float()[:, None]

    rate = 96_000
    samples = tone(4 * rate, rate, 30_000)
    model = FakeModel(second_by_second, plan=WindowPlan(length=4, overlap=1))
    result = kept(samples, rate, model)
    for second in range(4):
        part = slice(second * rate + rate // 10, (second + 1) * rate - rate // 10)
        expected = samples[part] * (second % 2)
        assert peak_db(result[part] - expected) < -110


# Channels.


def test_linked_channels_keep_the_stereo_image() -> None:
    mono = noise(100_000)
    stereo = np.concatenate([mono, 0.5 * mono], axis=1)
    result = kept(stereo, 44_100, FakeModel(by_signal))
    assert peak_db(result[:, 1] - 0.5 * result[:, 0]) < -120


def test_anti_phase_channels_are_separated_like_the_louder_one() -> None:
    mono = noise(100_000)
    alone = kept(mono, 44_100, FakeModel(by_signal))
    result = kept(np.concatenate([mono, -mono], axis=1), 44_100, FakeModel(by_signal))
    assert peak_db(result - np.concatenate([alone, -alone], axis=1)) < -120


def test_independent_channels_are_separated_as_if_alone() -> None:
    stereo = np.concatenate([noise(100_000, seed=1), noise(100_000, seed=2, level=0.02)], axis=1)
    result = kept(stereo, 44_100, FakeModel(by_signal), channels="independent")
    for channel in range(2):
        alone = kept(stereo[:, channel : channel + 1], 44_100, FakeModel(by_signal))
        assert peak_db(result[:, channel : channel + 1] - alone) < -120


# Running.


def test_the_condition_reaches_the_model() -> None:
    model = FakeModel(identity)
    condition = np.arange(4, dtype=np.float32)
    assemble(Separator(model).extract(ArraySource(noise(100), 8_000), None, condition))
    (received,) = model.conditions
    assert received is not None
    np.testing.assert_array_equal(received.numpy(), condition)


def test_closing_the_generator_stops_all_work() -> None:
    source = CountingSource(noise(8_000 * 40), 8_000)
    model = FakeModel(identity)
    blocks = Separator(model).extract(source)
    next(blocks)
    blocks.close()
    assert len(model.calls) == 1
    assert len(source.reads) == 1
    assert next(blocks, None) is None


def test_nothing_is_read_or_computed_before_the_first_block_is_asked_for() -> None:
    source = CountingSource(noise(8_000), 8_000)
    model = FakeModel(identity)
    Separator(model).extract(source)
    assert not model.calls
    assert not source.reads


def test_blocks_are_the_callers_own() -> None:
    samples = noise(8_000 * 9)
    untouched = samples.copy()
    for block in Separator(FakeModel(identity)).extract(ArraySource(samples, 8_000)):
        block.source[:] = 9.0
        block.kept[:] = 9.0
    np.testing.assert_array_equal(samples, untouched)


def test_memory_does_not_grow_with_length() -> None:
    def peak(seconds: int) -> int:
        separator = Separator(FakeModel(identity, SpectralGrid(8_000, 256, 80)))
        tracemalloc.start()
        for block in separator.extract(EndlessSource(seconds)):
            del block
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(20)  # what is cached once
    assert peak(400) < 1.05 * peak(40)


def test_a_model_may_be_used_for_several_recordings_at_once() -> None:
    separator = Separator(FakeModel(by_signal))
    samples = [noise(8_000 * 9, seed=seed) for seed in (1, 2)]
    one, other = (separator.extract(ArraySource(part, 8_000)) for part in samples)
    pairs = list(zip(one, other, strict=True))
    for index, part in enumerate(samples):
        together = np.concatenate([pair[index].kept for pair in pairs])
        np.testing.assert_array_equal(together, kept(part, 8_000, FakeModel(by_signal)))


# Refusals.


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_that_are_no_numbers_are_refused_with_their_time(value: float, dtype: type) -> None:
    samples = noise(48_000 * 3, 2).astype(dtype)
    samples[60_000, 1] = value
    with pytest.raises(AudioReadError, match=r"00:00:01\.250"):
        kept(samples, 48_000, FakeModel(identity))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_model_that_answers_without_numbers_is_refused(bad: float) -> None:
    with pytest.raises(ModelError, match="“fake” gave no usable answer"):
        kept(noise(1_000), 8_000, FakeModel(constant(bad)))
    with pytest.raises(ModelError, match=r"between 00:00:00\.000"):
        kept(noise(1_000), 8_000, TapsModel(constant(1.0), (bad, 0.0), lookahead=0))


@pytest.mark.parametrize("level", [1e-30, 1e-6, 1.0, 1e3, 1e6])
def test_any_level_is_safe(level: float) -> None:
    samples = noise(20_000) * np.float32(level)
    result = kept(samples, 44_100, FakeModel(identity))
    assert peak_db((result - samples) / level) < -120


@pytest.mark.parametrize("rate", [0, 999, 768_001])
def test_absurd_rates_are_refused(rate: int) -> None:
    with pytest.raises(AudioFormatError, match="sample rate"):
        Separator(FakeModel(identity)).extract(ArraySource(noise(10), rate))


@pytest.mark.parametrize("channels", [0, 33])
def test_absurd_channel_counts_are_refused(channels: int) -> None:
    samples = np.zeros((10, channels), np.float32)
    with pytest.raises(AudioFormatError, match="channels"):
        Separator(FakeModel(identity)).extract(ArraySource(samples, 8_000))


@pytest.mark.parametrize("options", [{"strength": 1.1}, {"strength": -0.1}, {"channels": "mid"}])
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"strength|channel mode"):
        kept(noise(10), 8_000, FakeModel(identity), **options)


def test_progress_is_the_part_that_is_done() -> None:
    empty = np.zeros((10, 1), np.float32)
    assert Block(Span(0, 10), empty, empty, done=10, total=40).progress == 0.25
