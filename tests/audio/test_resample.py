from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.audio.resample import (
    CONTEXT,
    MAX_RATE,
    MIN_RATE,
    PASS_BAND,
    ResampledSource,
    resample,
    support,
)
from clapsep_desktop.audio.source import ArraySource, AudioSource
from tests.support.signals import noise, peak_db, tone

USUAL = [8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000]
PAIRS = [(rate, 32_000) for rate in USUAL] + [(32_000, rate) for rate in USUAL]
ODD_PAIRS = [(44_101, 32_000), (7_919, 48_000), (48_000, 47_952), (1_009, 8_000)]
RATES = st.one_of(st.sampled_from(USUAL), st.integers(MIN_RATE, 50_000))


def whole(samples: np.ndarray, rate_in: int, rate_out: int) -> np.ndarray:
    return resample(samples, 0, rate_in, rate_out, 0, len(samples) * rate_out // rate_in)


@pytest.mark.parametrize(("rate_in", "rate_out"), PAIRS + ODD_PAIRS)
def test_a_tone_stays_in_place_and_at_its_level(rate_in: int, rate_out: int) -> None:
    hertz = 0.99 * PASS_BAND * min(rate_in, rate_out) / 2
    converted = whole(tone(3 * rate_in, rate_in, hertz), rate_in, rate_out)
    expected = tone(3 * rate_out, rate_out, hertz)
    middle = slice(rate_out, 2 * rate_out)
    assert peak_db(converted[middle] - expected[middle]) < -120


@pytest.mark.parametrize(
    ("rate_in", "rate_out"), [p for p in PAIRS + ODD_PAIRS if p[0] > 1.02 * p[1]]
)
def test_what_the_lower_rate_cannot_hold_is_removed(rate_in: int, rate_out: int) -> None:
    hertz = 1.01 * rate_out / 2
    converted = whole(tone(3 * rate_in, rate_in, hertz), rate_in, rate_out)
    assert peak_db(converted[rate_out : 2 * rate_out]) < -120


@pytest.mark.parametrize(("rate_in", "rate_out"), [*PAIRS, *ODD_PAIRS, (1_000, 768_000)])
def test_an_impulse_on_a_whole_second_stays_there(rate_in: int, rate_out: int) -> None:
    impulse = np.zeros((3 * rate_in, 1))
    impulse[2 * rate_in] = 1.0
    converted = whole(impulse, rate_in, rate_out)[:, 0]
    assert np.argmax(converted) == 2 * rate_out
    reach = CONTEXT * rate_out // rate_in
    after = converted[2 * rate_out + 1 : 2 * rate_out + reach]
    before = converted[2 * rate_out - reach + 1 : 2 * rate_out][::-1]
    np.testing.assert_allclose(before, after, atol=1e-7 * converted.max())


@settings(deadline=None, max_examples=40)
@given(RATES, RATES, st.data())
def test_a_block_equals_the_same_stretch_of_the_whole(
    rate_in: int, rate_out: int, data: st.DataObject
) -> None:
    samples = noise(2 * rate_in, 2)
    start = data.draw(st.integers(0, 2 * rate_out - 1))
    stop = data.draw(st.integers(start + 1, min(2 * rate_out, start + rate_out)))
    lowest, highest = support(start, stop, rate_in, rate_out)
    lowest, highest = max(lowest, 0), min(highest, len(samples))
    block = resample(samples[lowest:highest], lowest, rate_in, rate_out, start, stop)
    assert block.shape == (stop - start, 2)
    assert block.dtype == np.float32
    expected = whole(samples, rate_in, rate_out)[start:stop]
    assert peak_db(block - expected) < -120


@settings(deadline=None, max_examples=25)
@given(RATES, RATES, st.integers(0, 30))
def test_what_lies_beyond_the_support_does_not_matter(
    rate_in: int, rate_out: int, second: int
) -> None:
    """Far from the start as well: no clock slips."""
    start = second * rate_out + 17
    stop = start + 200
    lowest, highest = support(start, stop, rate_in, rate_out)
    samples = noise(highest - lowest).astype(np.float64)
    louder = np.concatenate([np.full((50, 1), 9.0), samples, np.full((50, 1), -9.0)])
    one = resample(samples, lowest, rate_in, rate_out, start, stop)
    other = resample(louder, lowest - 50, rate_in, rate_out, start, stop)
    assert peak_db(one - other) < -120


def test_a_seconds_position_does_not_matter() -> None:
    """The same sound an hour later is converted to the same samples."""
    samples = noise(44_101)
    now = resample(samples, 0, 44_101, 32_000, 0, 32_000)
    later = resample(samples, 3_600 * 44_101, 44_101, 32_000, 3_600 * 32_000, 3_601 * 32_000)
    np.testing.assert_array_equal(now, later)


def test_silence_stands_beyond_a_block() -> None:
    converted = resample(noise(100), 0, 48_000, 32_000, -5_000, 5_000)
    assert peak_db(converted[: 5_000 - CONTEXT]) < -140
    assert peak_db(converted[5_000 + 67 + CONTEXT :]) < -140
    assert peak_db(converted) > -20


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_rates_change_nothing(dtype: type) -> None:
    samples = noise(1_000, 3).astype(dtype)
    same = resample(samples, 0, 48_000, 48_000, 10, 990)
    np.testing.assert_array_equal(same, samples[10:990])
    assert same.dtype == dtype


@pytest.mark.parametrize("rate", [0, -1, MIN_RATE - 1, MAX_RATE + 1])
def test_absurd_rates_are_refused(rate: int) -> None:
    for pair in ((rate, 48_000), (48_000, rate)):
        with pytest.raises(ValueError, match="cannot be converted"):
            resample(noise(10), 0, *pair, 0, 10)


class TestResampledSource:
    def test_is_a_source_of_the_same_duration(self) -> None:
        source = ResampledSource(ArraySource(noise(44_100 + 1, 2), 44_100), 32_000)
        assert isinstance(source, AudioSource)
        assert (source.rate, source.channels, source.frames) == (32_000, 2, 32_001)

    @settings(deadline=None, max_examples=20)
    @given(st.lists(st.integers(0, 33_000), max_size=6))
    def test_any_read_size_gives_the_same_samples(self, cuts: list[int]) -> None:
        source = ResampledSource(ArraySource(noise(44_100 + 1_378, 2), 44_100), 32_000)
        edges = [0, *sorted(cuts), source.frames]
        pieces = [source.read(*pair) for pair in pairwise(edges)]
        expected = source.read(0, source.frames)
        assert peak_db(np.concatenate(pieces) - expected) < -120

    def test_reading_past_the_end_is_an_error(self) -> None:
        source = ResampledSource(ArraySource(noise(100), 44_100), 32_000)
        with pytest.raises(ValueError, match="outside"):
            source.read(0, source.frames + 1)
