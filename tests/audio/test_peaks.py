"""The waveform pyramid against brute force over the samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.audio.peaks import BIN, FACTOR, PeakPyramid, sample_peaks
from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.timebase import Span
from tests.support.signals import noise

RATE = 48_000
lengths = st.one_of(st.integers(1, 1_500), st.integers(1, 80 * BIN), st.just(16 * BIN))


def built(samples: np.ndarray) -> PeakPyramid:
    pyramid = PeakPyramid(*samples.shape)
    for _ in pyramid.build(ArraySource(samples, RATE)):
        pass
    return pyramid


def by_hand(samples: np.ndarray, size: int, start: float, stop: float, pixels: int):
    """Lowest, highest and RMS of the bins of a size that lie in each pixel, one by one."""
    edges = [start + (stop - start) * (pixel / pixels) for pixel in range(pixels + 1)]
    for pixel in range(pixels):
        first = int(np.floor(edges[pixel] / size))
        last = int(np.floor(edges[pixel + 1] / size))
        if pixel == pixels - 1:
            last = int(np.ceil(edges[pixel + 1] / size))
        last = max(last, first + 1)
        shown = samples[max(first, 0) * size : max(last, 0) * size].astype(np.float64)
        if len(shown):
            yield pixel, shown.min(axis=0), shown.max(axis=0), np.sqrt((shown**2).mean(axis=0))
        else:
            yield pixel, *(np.full(samples.shape[1], np.nan),) * 3


def assert_shows(peaks, samples, size, start, stop, pixels):
    for pixel, low, high, rms in by_hand(samples, size, start, stop, pixels):
        np.testing.assert_array_equal(peaks.minimum[pixel], low.astype(np.float32))
        np.testing.assert_array_equal(peaks.maximum[pixel], high.astype(np.float32))
        np.testing.assert_allclose(peaks.rms[pixel], rms, rtol=1e-5)


def bin_size(per_pixel: float, frames: int) -> int:
    """The largest bins of at most a pixel's frames, of levels with more than a few bins."""
    size = BIN
    while size * FACTOR <= per_pixel and -(-frames // size) > FACTOR:
        size *= FACTOR
    return size


@given(st.data(), lengths, st.sampled_from([1, 2, 3]))
@settings(max_examples=60)
def test_every_zoom_equals_brute_force(data, frames, channels):
    samples = noise(frames, channels, seed=frames)
    start = data.draw(st.floats(-500, frames - 1))
    stop = data.draw(st.floats(start + 1, frames + 5_000))
    pixels = data.draw(st.integers(1, 40))
    peaks = built(samples).query(start, stop, pixels)
    size = bin_size((stop - start) / pixels, frames)
    assert_shows(peaks, samples, size, start, stop, pixels)


@given(st.data(), st.integers(1, 600))
def test_close_zooms_show_the_samples(data, frames):
    samples = noise(frames, 2, seed=frames)
    start = data.draw(st.floats(-20, frames - 1))
    stop = data.draw(st.floats(start + 1, frames + 50))
    pixels = data.draw(st.integers(1, 40))
    peaks = sample_peaks(ArraySource(samples, RATE), start, stop, pixels)
    assert_shows(peaks, samples, 1, start, stop, pixels)


@given(lengths, st.integers(1, 5_000))
@settings(max_examples=40)
def test_appending_in_any_pieces_gives_the_same(frames, size):
    samples = noise(frames, 2, seed=frames)
    pyramid = PeakPyramid(frames, 2)
    for start in range(0, frames, size):
        pyramid.append(samples[start : start + size])
    assert_same(pyramid, built(samples))


@given(st.data(), lengths)
@settings(max_examples=40)
def test_a_part_computed_anew_is_as_if_built_of_it(data, frames):
    samples = noise(frames, 1, seed=frames)
    pyramid = built(samples)
    start = data.draw(st.integers(0, frames - 1))
    span = pyramid.aligned(Span(start, data.draw(st.integers(start + 1, frames))))
    samples[start : span.stop] *= 2
    pyramid.update(span.start, samples[span.start : span.stop])
    assert_same(pyramid, built(samples))


@given(lengths, st.randoms())
@settings(max_examples=20)
def test_parts_may_be_built_in_any_order(frames, random):
    samples = noise(frames, 1, seed=frames)
    spans = [Span(at, min(at + 1_000, frames)) for at in range(0, frames, 1_000)]
    random.shuffle(spans)
    pyramid = PeakPyramid(frames, 1)
    done = list(pyramid.build(ArraySource(samples, RATE), spans))
    assert [pyramid.aligned(span) for span in spans] == done
    assert_same(pyramid, built(samples))


def assert_same(one: PeakPyramid, other: PeakPyramid) -> None:
    for per_pixel in (BIN, BIN * FACTOR, BIN * FACTOR**2, BIN * FACTOR**3):
        pixels = -(-one.frames // per_pixel)
        shown = [each.query(0, pixels * per_pixel, pixels) for each in (one, other)]
        for values, expected in zip(*shown, strict=True):
            np.testing.assert_array_equal(values, expected)
            assert np.isfinite(values).all()


def test_what_is_not_known_yet_is_not_shown():
    samples = noise(10 * BIN)
    pyramid = PeakPyramid(10 * BIN, 1)
    pyramid.append(samples[: 5 * BIN + 7])
    known = np.isfinite(pyramid.query(0, 10 * BIN, 10).minimum[:, 0])
    assert known.tolist() == [True] * 5 + [False] * 5
    pyramid.append(samples[5 * BIN + 7 :])
    assert np.isfinite(pyramid.query(0, 10 * BIN, 10).rms).all()


def test_scrolling_by_whole_pixels_changes_no_pixel():
    pyramid = built(noise(1_000 * BIN))
    per_pixel = 1_000.0
    here = pyramid.query(3_333, 3_333 + 100 * per_pixel, 100)
    there = pyramid.query(3_333 + 40 * per_pixel, 3_333 + 140 * per_pixel, 100)
    np.testing.assert_array_equal(here.minimum[40:99], there.minimum[:59])
    np.testing.assert_array_equal(here.maximum[40:99], there.maximum[:59])


def test_samples_that_are_no_numbers_count_as_silence():
    samples = noise(3 * BIN)
    samples[BIN + 5], samples[2 * BIN + 1] = np.nan, np.inf
    silent = np.nan_to_num(samples, posinf=0.0)
    assert_same(built(samples), built(silent))


def test_only_whole_bins_can_be_put_in():
    pyramid = PeakPyramid(1_000, 1)
    for start, length in ((1, BIN), (0, BIN + 1), (768, BIN)):
        with pytest.raises(ValueError, match="whole bins"):
            pyramid.update(start, np.zeros((length, 1), np.float32))
    pyramid.update(768, np.zeros((232, 1), np.float32))
