"""The kept and the removed side of a stack: exact where nothing lies, the sum elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.audio.mix import Layer, MixSource
from clapsep_desktop.audio.source import ArraySource, AudioSource
from tests.support.signals import noise

RATE = 48_000


def array(frames: int, channels: int = 2, seed: int = 0) -> ArraySource:
    return ArraySource(noise(frames, channels, seed=seed), RATE)


@st.composite
def stacks(draw):
    frames = draw(st.integers(1, 400))
    base = array(frames)
    layers = [
        Layer(
            array(draw(st.integers(1, 300)), seed=seed),
            draw(st.integers(-100, 450)),
            draw(st.sampled_from([0.0, 0.25, 0.7, 1.0])),
        )
        for seed in range(1, draw(st.integers(1, 5)))
    ]
    start = draw(st.integers(0, frames))
    return base, layers, start, draw(st.integers(start, frames))


def taken(base: ArraySource, layers: list[Layer]) -> tuple[np.ndarray, np.ndarray]:
    """What is taken away from each frame in float64, and which frames a layer reaches."""
    total, reached = np.zeros(base.samples.shape), np.zeros(base.frames, bool)
    for layer in layers:
        for frame in range(layer.source.frames):
            at = layer.start + frame
            if 0 <= at < base.frames and layer.gain:
                total[at] += layer.gain * layer.source.samples[frame].astype(np.float64)
                reached[at] = True
    return total, reached


@given(stacks())
def test_both_sides_equal_the_sum_by_hand(stack):
    base, layers, start, stop = stack
    total, reached = taken(base, layers)
    kept = MixSource(base, layers, role="kept").read(start, stop)
    removed = MixSource(base, layers, role="removed").read(start, stop)
    span, own = slice(start, stop), base.samples[start:stop]
    np.testing.assert_array_equal(kept, (base.samples - total)[span].astype(np.float32))
    np.testing.assert_array_equal(removed, own - kept)
    np.testing.assert_array_equal(kept[~reached[span]], own[~reached[span]])
    assert not removed[~reached[span]].any()
    assert kept.dtype == removed.dtype == own.dtype


@given(stacks(), st.integers(1, 50))
def test_the_size_of_reads_changes_nothing(stack, size):
    base, layers, _, _ = stack
    mix = MixSource(base, layers, role="kept")
    parts = [mix.read(at, min(at + size, mix.frames)) for at in range(0, mix.frames, size)]
    np.testing.assert_array_equal(np.concatenate(parts), mix.read(0, mix.frames))


def test_deep_recordings_stay_deep():
    base = ArraySource(np.full((10, 1), 1 / 3), RATE)
    layer = Layer(ArraySource(np.full((4, 1), 0.25, np.float32), RATE), 2, 1.0)
    kept = MixSource(base, [layer], role="kept").read(0, 10)
    assert kept.dtype == np.float64
    assert kept[0] == 1 / 3
    assert kept[2] == 1 / 3 - 0.25


def test_what_is_no_number_stays_where_nothing_lies():
    samples = noise(10)
    samples[3] = np.nan
    mix = MixSource(ArraySource(samples, RATE), [Layer(array(2, 1), 6, 1.0)], role="kept")
    np.testing.assert_array_equal(mix.read(0, 6), samples[:6])


def test_layers_must_have_the_recordings_form():
    assert isinstance(MixSource(array(5), [], role="kept"), AudioSource)
    for source in (array(5, 1), ArraySource(noise(5, 2), 44_100)):
        with pytest.raises(ValueError, match="rate and channels"):
            MixSource(array(5), [Layer(source, 0, 1.0)], role="kept")
