"""Spectrogram tiles against a column-by-column transform in float64."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.audio.spectrogram import (
    COLUMNS,
    FLOOR,
    STEP,
    SpectrogramSettings,
    decibels,
    tile,
)
from tests.support.signals import noise, tone

RATE = 48_000


def column(samples: np.ndarray, centre: int, zoom: int, fft: int, window: str) -> np.ndarray:
    """dBFS, float64 (fft // 2 + 1,), of the louder of the transforms around a sample."""
    taper = scipy.signal.get_window(window, fft)
    offsets = (0,) if zoom < fft else (-fft // 4, fft // 4)
    padded = np.concatenate((np.zeros(2 * fft), samples, np.zeros(2 * fft)))
    powers = []
    for offset in offsets:
        start = np.clip(centre + offset - fft // 2, -2 * fft, len(samples) + fft)
        part = padded[start + 2 * fft :][:fft]
        powers.append(np.abs(np.fft.rfft(part * taper) * 2 / taper.sum()) ** 2)
    return 10 * np.log10(np.maximum(np.max(powers, axis=0), 1e-15))


@given(
    fft=st.sampled_from([512, 1_024, 2_048]),
    zoom=st.sampled_from([1, 2**5, 2**8, 2**10, 2**11, 2**12, 2**14]),
    window=st.sampled_from(["hann", "blackmanharris"]),
    channel=st.sampled_from(["mix", 0, 1]),
    frames=st.integers(1, 60_000),
    data=st.data(),
)
@settings(max_examples=40)
def test_every_zoom_equals_brute_force(fft, zoom, window, channel, frames, data):
    samples = noise(frames, 2, seed=frames)
    index = data.draw(st.integers(0, frames // (COLUMNS * zoom) + 1))
    found = tile(ArraySource(samples, RATE), zoom, index, SpectrogramSettings(fft, window, channel))
    one = samples.astype(np.float64)
    one = one.mean(axis=1) if channel == "mix" else one[:, channel]
    assert found.shape == (COLUMNS, fft // 2 + 1)
    assert found.dtype == np.uint8
    for at in {0, COLUMNS - 1, data.draw(st.integers(0, COLUMNS - 1))}:
        expected = column(one, (index * COLUMNS + at) * zoom, zoom, fft, window)
        # float32 carries some -140 dBFS of its own rounding beside noise of this level.
        heard = expected > -110
        assert np.abs(decibels(found[at]) - np.minimum(expected, 0))[heard].max(initial=0) < STEP
        assert (decibels(found[at])[~heard] < -105).all()


@pytest.mark.parametrize("fft", [512, 2_048, 16_384])
def test_a_sine_of_full_scale_is_0_dbfs(fft):
    hertz = RATE / fft * (fft // 8)
    source = ArraySource(tone(200_000, RATE, hertz, level=1.0), RATE)
    shown = tile(source, 256, 1, SpectrogramSettings(fft=fft))
    assert (shown.argmax(axis=1) == fft // 8).all()
    assert (shown.max(axis=1) == 255).all()
    half = tile(ArraySource(source.samples / 2, RATE), 256, 1, SpectrogramSettings(fft=fft))
    assert np.abs(decibels(half.max(axis=1)) + 6.02).max() <= STEP / 2


def test_silence_and_what_lies_outside_are_the_floor():
    source = ArraySource(np.zeros((1_000, 1), np.float32), RATE)
    assert not tile(source, 512, 0, SpectrogramSettings()).any()
    loud = ArraySource(np.ones((1_000, 1), np.float32), RATE)
    assert not tile(loud, 512, 1, SpectrogramSettings()).any()
    assert decibels(np.array([0, 255], np.uint8)).tolist() == [FLOOR, 0.0]


def test_a_click_shows_in_its_column_at_any_zoom():
    samples = np.zeros((400_000, 1), np.float32)
    samples[100 * 1_024] = 1.0
    for zoom in (256, 1_024):
        shown = tile(
            ArraySource(samples, RATE), zoom, 100 * 1_024 // zoom // COLUMNS, SpectrogramSettings()
        )
        assert shown.max(axis=1).argmax() == 100 * 1_024 // zoom % COLUMNS


def test_samples_that_are_no_numbers_count_as_silence():
    samples = noise(20_000)
    samples[7_000] = np.nan
    shown = tile(ArraySource(samples, RATE), 64, 0, SpectrogramSettings())
    samples[7_000] = 0.0
    expected = tile(ArraySource(samples, RATE), 64, 0, SpectrogramSettings())
    np.testing.assert_array_equal(shown, expected)
