"""The null test finds every sample that went missing, and names what is exact exact."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.audio import nulltest
from clapsep_desktop.audio.nulltest import null_test
from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.timebase import Span

RATE = 8_000


def _integers(seed: int, frames: int, channels: int) -> np.ndarray:
    values = np.random.default_rng(seed).integers(-(2**15), 2**15, (frames, channels))
    return (values / 2**16).astype(np.float32)


@given(
    st.integers(0, 1000),
    st.integers(2, 300),
    st.integers(1, 3),
    st.integers(1, 64),
    st.data(),
)
def test_a_changed_sample_is_found_wherever_it_is(
    seed: int, frames: int, channels: int, block: int, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, frames - 1))
    span = Span(start, data.draw(st.integers(start + 1, frames)))
    removed = np.zeros((frames, channels), np.float32)
    removed[span.start : span.stop] = _integers(seed + 1, span.length, channels)
    source = _integers(seed, frames, channels)
    kept = source - removed
    sources = [ArraySource(samples, RATE) for samples in (source, kept, removed)]
    original, nulltest._BLOCK = nulltest._BLOCK, block
    try:
        sound = null_test(*sources, span)
        assert (sound.peak, sound.depth, sound.outside_unchanged) == (0.0, -math.inf, True)
        where = data.draw(st.integers(0, frames - 1))
        kept[where, -1] += 2.0**-12
        changed = null_test(*sources, span)
    finally:
        nulltest._BLOCK = original
    assert changed.peak == 2.0**-12
    assert changed.depth == pytest.approx(-72.25, abs=0.01)
    assert changed.outside_unchanged == (span.start <= where < span.stop)


def test_other_lengths_are_refused() -> None:
    long, short = (ArraySource(np.zeros((n, 1), np.float32), RATE) for n in (3, 2))
    with pytest.raises(ValueError, match="one length"):
        null_test(long, long, short, Span(0, 1))


def test_what_is_no_number_counts_only_where_the_source_has_one() -> None:
    source, kept, removed = (np.zeros((4, 1), np.float32) for _ in range(3))
    source[0] = kept[0] = removed[0] = np.nan
    three = [ArraySource(samples, RATE) for samples in (source, kept, removed)]
    assert null_test(*three, Span(1, 2)) == nulltest.NullTest(0.0, True)
    removed[2] = np.nan
    assert null_test(*three, Span(1, 2)).peak == np.inf
