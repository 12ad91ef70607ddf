from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.audio.band import BandSource
from clapsep_desktop.audio.source import ArraySource
from tests.support.signals import noise, peak_db, tone

RATE, FRAMES = 16_000, 12_000


def passed(samples: np.ndarray, band: tuple[float, float]) -> np.ndarray:
    source = BandSource(ArraySource(samples, RATE), band)
    return source.read(0, source.frames)[4_000:8_000]


@pytest.mark.parametrize("hertz", [1_200, 2_000, 2_800])
def test_what_lies_inside_stays_where_it_was(hertz):
    sound = tone(FRAMES, RATE, hertz)
    assert peak_db(passed(sound, (1_000, 3_000)) - sound[4_000:8_000]) < -80


@pytest.mark.parametrize("hertz", [50, 800, 3_300, 7_900])
def test_what_lies_outside_goes(hertz):
    assert peak_db(passed(tone(FRAMES, RATE, hertz), (1_000, 3_000))) < -80


@pytest.mark.parametrize(
    ("band", "low", "high"), [((0, 2_000), True, False), ((2_000, 8_000), False, True)]
)
def test_a_band_may_be_open_at_one_end(band, low, high):
    assert (peak_db(passed(tone(FRAMES, RATE, 100), band)) > -10) == low
    assert (peak_db(passed(tone(FRAMES, RATE, 7_000), band)) > -10) == high


def test_the_whole_band_is_the_sound_itself():
    sound = noise(FRAMES, 2)
    assert np.allclose(passed(sound, (0, 8_000)), sound[4_000:8_000], atol=1e-7)


def test_a_band_above_half_the_rate_holds_nothing():
    assert not passed(noise(FRAMES), (8_000, 9_000)).any()


def test_the_ends_are_faded_unless_they_are_the_recordings_own():
    source = ArraySource(np.ones((FRAMES, 1)), RATE)
    both = BandSource(source, (0, 8_000)).read(0, FRAMES)
    own = BandSource(source, (0, 8_000), fade_in=False, fade_out=False).read(0, FRAMES)
    assert abs(both[0, 0]) < 1e-4
    assert abs(both[-1, 0]) < 1e-4
    assert np.allclose(own, 1.0)


@given(st.integers(0, FRAMES), st.integers(0, FRAMES))
def test_samples_do_not_depend_on_how_they_are_reached(start, stop):
    start, stop = sorted((start, stop))
    source = BandSource(ArraySource(noise(FRAMES, 2), RATE), (500, 3_000))
    whole = source.read(0, FRAMES)
    assert np.allclose(source.read(start, stop), whole[start:stop], atol=1e-6)
