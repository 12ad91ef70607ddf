"""Parts, levels and held-down peaks on the way to a file."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.audio.loudness import LoudnessMeter
from clapsep_desktop.audio.rendition import GainSource, LimitedSource, PartSource, SilentSource
from clapsep_desktop.audio.source import ArraySource, AudioSource
from clapsep_desktop.timebase import Span
from tests.support.signals import noise, tone

RATE = 48_000


def whole(source: AudioSource) -> np.ndarray:
    return source.read(0, source.frames)


def test_a_part_is_the_samples_of_its_span():
    samples = noise(100, 2)
    part = PartSource(ArraySource(samples, RATE), Span(30, 200))
    assert isinstance(part, AudioSource)
    assert part.frames == 70
    np.testing.assert_array_equal(part.read(5, 20), samples[35:50])
    with pytest.raises(ValueError, match="lie outside"):
        part.read(0, 71)


def test_levels_and_silence():
    source = ArraySource(noise(100, 2), RATE)
    np.testing.assert_array_equal(whole(GainSource(source, 0.5)), source.samples / 2)
    assert whole(GainSource(source, 0.5)).dtype == np.float32
    assert not whole(SilentSource(source)).any()


def bursts(seed: int, frames: int = 12_000, channels: int = 2) -> np.ndarray:
    """Quiet noise with a few short loud moments."""
    generator = np.random.default_rng(seed)
    samples = noise(frames, channels, seed=seed, level=0.1)
    for start in generator.integers(0, frames, 4):
        samples[start : start + int(generator.integers(1, 300))] *= 12
    return samples


@given(st.integers(0, 1_000), st.floats(0.1, 1.0))
@settings(max_examples=20)
def test_peaks_stay_below_the_ceiling_and_the_rest_is_untouched(seed, ceiling):
    samples = bursts(seed)
    limited = whole(LimitedSource(ArraySource(samples, RATE), ceiling))
    assert np.abs(limited).max() <= ceiling * (1 + 1e-6)
    assert limited.dtype == samples.dtype
    far = np.ones(len(samples), bool)
    for frame in np.flatnonzero(np.abs(samples).max(axis=1) * 1.8 > ceiling):
        far[max(frame - 500, 0) : frame + 501] = False
    np.testing.assert_array_equal(limited[far], samples[far])


@given(st.integers(0, 1_000), st.lists(st.integers(1, 4_000), min_size=1, max_size=8))
@settings(max_examples=20)
def test_the_size_of_reads_changes_nothing(seed, sizes):
    source = LimitedSource(ArraySource(bursts(seed), RATE), 0.5)
    edges = np.minimum(np.cumsum([0, *sizes, source.frames]), source.frames)
    parts = [source.read(*edge) for edge in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), whole(source))


def test_peaks_between_the_samples_are_held_down():
    # At a quarter of the rate and 45 degrees off, the waveform stands 3 dB above its samples.
    loud = np.sqrt(0.5) * np.tile([1.0, 1.0, -1.0, -1.0], 6_000)[:, None]
    fade = scipy.signal.windows.tukey(24_000, 0.5)[:, None]
    source = LimitedSource(ArraySource(loud * fade, RATE), 0.8)
    meter = LoudnessMeter(RATE, 1)
    meter.add(whole(source))
    assert meter.result().true_peak < 20 * np.log10(0.8) + 0.1


def test_a_steady_tone_is_only_made_quieter():
    """A limiter that distorted would add harmonics."""
    source = LimitedSource(ArraySource(tone(48_000, RATE, 1_000, level=1.0), RATE), 0.5)
    spectrum = np.abs(np.fft.rfft(whole(source)[12_000:36_000, 0] * np.hanning(24_000)))
    carrier = spectrum[400:600].max()
    spectrum[490:511] = 0
    assert 20 * np.log10(spectrum.max() / carrier) < -60


def test_samples_that_are_no_numbers_pass():
    samples = bursts(1)
    samples[500] = np.nan
    limited = whole(LimitedSource(ArraySource(samples, RATE), 0.5))
    assert np.isnan(limited[500]).all()
    assert np.isfinite(np.delete(limited, 500, axis=0)).all()
