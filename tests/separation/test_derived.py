from __future__ import annotations

from collections.abc import Generator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.audio.source import ArraySource, AudioSource
from clapsep_desktop.separation.blocks import Block
from clapsep_desktop.separation.derived import DerivedSource
from clapsep_desktop.timebase import Span
from tests.support.signals import noise

RATE = 10
AROUND = 60 * RATE
FRAMES = 200 * RATE
SPAN = Span(100, 1900)
SAMPLES = noise(FRAMES, 2)


class Negator:
    """Gives the source upside down in blocks, as an engine would, and counts them."""

    def __init__(self, length: int = 170) -> None:
        self.length = length
        self.blocks = 0
        self.open = 0

    def __call__(
        self, source: AudioSource, span: Span, first: int | None
    ) -> Generator[Block, None, None]:
        starts = list(range(span.start, span.stop, self.length))
        begin = ((first or 0) - span.start) // self.length
        self.open += 1
        try:
            for start in [*starts[begin:], *starts[:begin]]:
                part = Span(start, min(start + self.length, span.stop))
                own = source.read(part.start, part.stop)
                self.blocks += 1
                yield Block(part, own, -own, 0, 1)
        finally:
            self.open -= 1


def expected() -> np.ndarray:
    turned = SAMPLES.copy()
    turned[SPAN.start : SPAN.stop] *= -1
    return turned


@pytest.fixture
def negator() -> Negator:
    return Negator()


@pytest.fixture
def derived(negator) -> DerivedSource:
    return DerivedSource(negator, ArraySource(SAMPLES, RATE), SPAN, AROUND)


def test_it_is_a_source_as_long_as_the_one_behind_it(derived) -> None:
    assert isinstance(derived, AudioSource)
    assert (derived.rate, derived.channels, derived.frames) == (RATE, 2, FRAMES)


@given(
    st.lists(st.tuples(st.integers(0, FRAMES), st.integers(0, FRAMES)).map(sorted), max_size=8),
    st.integers(1, 2000),
)
def test_reads_anywhere_give_what_is_kept_in_the_span_and_the_source_around_it(
    reads: list[list[int]], length: int
) -> None:
    derived = DerivedSource(Negator(length), ArraySource(SAMPLES, RATE), SPAN, AROUND)
    for start, stop in reads:
        np.testing.assert_array_equal(derived.read(start, stop), expected()[start:stop])
    derived.close()


def test_reads_that_go_forward_compute_each_block_once(derived, negator) -> None:
    for start in range(0, FRAMES - 150, 50):
        derived.read(start, start + 150)
    assert negator.blocks == 11
    assert negator.open == 1
    derived.close()
    assert negator.open == 0


def test_reads_from_the_playhead_on_and_round_compute_hardly_more(derived, negator) -> None:
    for start in [*range(1000, FRAMES - 100, 100), *range(0, 1000, 100)]:
        derived.read(start, start + 100)
    assert negator.blocks <= 13


def test_what_was_read_long_ago_is_forgotten() -> None:
    longer = 50 * AROUND
    source = ArraySource(noise(longer), RATE)
    derived = DerivedSource(Negator(), source, Span(0, longer), AROUND)
    most = 0
    middle = longer // 2
    for start in [*range(middle, longer, 100), *range(0, middle, 100)]:
        derived.read(start, start + 100)
        most = max(most, sum(block.span.length for block in derived._blocks))
    assert most < 2 * AROUND + 100 + 2 * 170


def test_the_source_behind_is_not_written_to(derived) -> None:
    before = SAMPLES.copy()
    derived.read(0, FRAMES)[:] = 7.0
    np.testing.assert_array_equal(before, SAMPLES)
