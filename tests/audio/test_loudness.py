"""Loudness and true peak: the standard's own numbers, pyloudnorm, and streaming equals whole."""

from __future__ import annotations

import math

import numpy as np
import pyloudnorm
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.audio.loudness import Loudness, LoudnessMeter, k_weighting, measure
from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.timebase import Span
from tests.support.signals import noise, tone


def measured(samples: np.ndarray, rate: int = 48_000, span: Span | None = None) -> Loudness:
    steps = measure(ArraySource(samples, rate), span)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def test_the_filters_are_the_standards_at_48_khz():
    """BS.1770-4, Annex 1, tables 1 and 2."""
    shelf, high_pass = k_weighting(48_000)
    ahead, back = [1.53512485958697, -2.69169618940638, 1.19839281085285], [1.0, -2.0, 1.0]
    np.testing.assert_allclose(shelf, [*ahead, 1.0, -1.69065929318241, 0.73248077421585])
    np.testing.assert_allclose(high_pass, [*back, 1.0, -1.99004745483398, 0.99007225036621])


def test_a_full_scale_tone_in_one_channel():
    """BS.1770-4, Annex 1: 997 Hz at 0 dBFS in one front channel reads -3.01 LKFS."""
    assert measured(tone(480_000, 48_000, 997, level=1.0)).integrated == pytest.approx(
        -3.01, abs=0.01
    )


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000, 22_050])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_it_agrees_with_pyloudnorm(rate, channels):
    generator = np.random.default_rng(rate)
    level = np.repeat(10 ** generator.uniform(-3, -0.5, 60), rate // 5)[:, None]
    samples = (noise(len(level), channels, seed=channels, level=1.0) * level).astype(np.float32)
    expected = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(samples)
    assert measured(samples, rate).integrated == pytest.approx(expected, abs=0.05)


def test_gates_leave_silence_and_quiet_parts_out():
    loud, quiet = noise(480_000, level=0.1), noise(480_000, seed=1, level=0.0005)
    alone = measured(loud).integrated
    assert measured(np.concatenate((loud, quiet))).integrated == pytest.approx(alone, abs=0.1)
    assert measured(np.concatenate((loud, 0 * quiet))).integrated == pytest.approx(alone, abs=0.1)


@given(st.integers(1, 60_000), st.lists(st.integers(1, 7_000), min_size=1, max_size=12))
@settings(max_examples=25)
def test_pieces_measure_as_the_whole(frames, sizes):
    samples = noise(frames, 2, seed=frames)
    whole, meter, start = LoudnessMeter(32_000, 2), LoudnessMeter(32_000, 2), 0
    whole.add(samples)
    for size in sizes:
        meter.add(samples[start : start + size])
        start += size
    meter.add(samples[start:])
    found, expected = meter.result(), whole.result()
    assert found.integrated == pytest.approx(expected.integrated, abs=1e-9)
    assert found.true_peak == pytest.approx(expected.true_peak, abs=1e-9)
    assert found.peak == expected.peak


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000, 192_000])
def test_the_peak_between_the_samples_is_found(rate):
    """A tone at a quarter of the rate, sampled 45 degrees off its peaks, stands 3.01 dB above."""
    samples = np.sqrt(0.5) * np.tile([1.0, 1.0, -1.0, -1.0], 5_000)[:, None]
    edges = scipy.signal.windows.tukey(len(samples), 0.2)[:, None]
    found = measured(samples * edges, rate)
    assert found.peak == pytest.approx(-3.01, abs=0.01)
    if rate < 192_000:
        assert found.true_peak == pytest.approx(0.0, abs=0.1)
    else:  # high enough already
        assert found.true_peak == found.peak


@given(st.integers(1, 3_000), st.floats(0.001, 2.0))
@settings(max_examples=25)
def test_the_true_peak_equals_a_whole_interpolation(frames, level):
    sound = scipy.signal.firwin(65, 0.85)  # what an interpolation can be asked to find
    samples = np.convolve(noise(frames, 1, seed=frames, level=level)[:, 0], sound)[:, None]
    found = 10 ** (measured(samples).true_peak / 20)
    padded = np.concatenate((np.zeros(200), samples[:, 0], np.zeros(200)))
    finer = np.abs(scipy.signal.resample(padded, 4 * len(padded))).max()
    assert found >= np.abs(samples).max() - 1e-9
    assert found == pytest.approx(finer, rel=0.06)


def rare(rate: int = 8_000) -> np.ndarray:
    """Half a second of a tone in ten minutes of noise too faint to count."""
    samples = noise(600 * rate, level=10 ** (-76 / 20))
    samples[: rate // 2] += tone(rate // 2, rate, 997, level=10 ** (-32 / 20)).astype(np.float32)
    return samples


@pytest.mark.parametrize("gain", [-40.0, -7.5, 0.0, 4.0, 19.0, 45.0])
def test_the_loudness_at_a_gain_is_that_of_the_louder_recording(gain):
    samples = rare()
    found = measured(samples, 8_000)
    louder = measured(samples.astype(np.float64) * 10 ** (gain / 20), 8_000)
    assert found.integrated_at(gain) == pytest.approx(louder.integrated, abs=1e-6)
    if gain == 19.0:  # the noise counts by now
        assert louder.integrated < found.integrated + gain - 10


@pytest.mark.parametrize("target", [-60.0, -45.0, -23.0, -16.0, 0.0])
@pytest.mark.parametrize("samples", [noise(16_000), rare(), rare()[: 8_000 * 60]])
def test_the_gain_to_a_loudness_meets_it(target, samples):
    found = measured(samples, 8_000)
    assert found.integrated_at(found.gain_to(target)) == pytest.approx(target, abs=1e-5)


def test_silence_has_no_gain_to_a_loudness():
    assert measured(np.zeros((48_000, 1))).gain_to(-16.0) == 0.0
    assert LoudnessMeter(48_000, 1).result().gain_to(-16.0) == 0.0


def test_a_part_is_measured_alone():
    samples = np.concatenate((noise(48_000, level=0.5), noise(96_000, seed=1, level=0.01)))
    part = measured(samples, span=Span(48_000, 144_000))
    assert part == measured(samples[48_000:])


def test_silence_and_nothing_and_short_sounds():
    assert measured(np.zeros((48_000, 2))) == Loudness(-math.inf, -math.inf, -math.inf)
    assert LoudnessMeter(48_000, 1).result().integrated == -math.inf
    short = measured(tone(9_600, 48_000, 997, level=0.1)).integrated
    assert short == pytest.approx(-23.0, abs=0.3)


def test_surround_counts_more_and_low_frequency_effects_not():
    front, rear, effects = (np.zeros((48_000, 6)) for _ in range(3))
    front[:, 0] = rear[:, 4] = effects[:, 3] = noise(48_000)[:, 0]
    assert measured(rear).integrated - measured(front).integrated == pytest.approx(1.49, abs=0.01)
    assert measured(effects).integrated == -math.inf


def test_samples_that_are_no_numbers_count_as_silence():
    samples = noise(48_000)
    samples[100] = np.nan
    assert math.isfinite(measured(samples).integrated)
