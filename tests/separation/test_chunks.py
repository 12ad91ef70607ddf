from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.separation.chunks import Windows, plan

RATE = 100  # frames per second
GUARD = 10


@st.composite
def plans(draw: st.DrawFn) -> tuple[int, int, int, Windows]:
    """A stretch, its recording's length, and the plan for it."""
    seconds = draw(st.integers(1, 80))
    first = draw(st.integers(0, seconds - 1))
    last = draw(st.integers(first + 1, seconds))
    overlap = draw(st.integers(1, 4))
    length = draw(st.integers(2 * overlap, 12))
    return first, last, seconds, plan(first, last, seconds, length, overlap)


def shares(windows: Windows, start: int, stop: int) -> np.ndarray:
    """(windows, frames)"""
    return np.stack([windows.weights(i, start, stop, RATE, GUARD) for i in range(windows.count)])


@given(plans())
def test_every_frame_of_the_stretch_is_covered_once_in_all(
    case: tuple[int, int, int, Windows],
) -> None:
    first, last, _, windows = case
    weights = shares(windows, first * RATE, last * RATE + 1)
    np.testing.assert_allclose(weights.sum(axis=0), 1.0, atol=1e-12)
    assert weights.min() >= 0.0
    for index, own in enumerate(weights):
        used = np.flatnonzero(own) + first * RATE
        if len(used):
            assert windows.start(index) * RATE <= used[0]
            assert used[-1] <= windows.stop(index) * RATE


@given(plans())
def test_guards_are_never_used_and_the_earlier_window_speaks_alone_around_a_seam(
    case: tuple[int, int, int, Windows],
) -> None:
    *_, windows = case
    weights = shares(windows, windows.first * RATE, windows.stop(windows.count - 1) * RATE)
    origin = windows.first * RATE
    for index in range(1, windows.count):
        seam = windows.seam(index) * RATE - origin
        np.testing.assert_array_equal(weights[index - 1, seam - GUARD : seam + GUARD], 1.0)
        start, stop = windows.start(index) * RATE - origin, windows.stop(index - 1) * RATE - origin
        assert not weights[index, : start + GUARD].any()
        assert not weights[index - 1, stop - GUARD :].any()


@given(plans())
def test_no_window_is_empty_or_needless(case: tuple[int, int, int, Windows]) -> None:
    first, last, seconds, windows = case
    step = windows.length - windows.overlap
    assert windows.count == 1 or windows.length + (windows.count - 2) * step < last - first
    starts = [windows.start(index) for index in range(windows.count)]
    assert starts == sorted(set(starts))
    assert starts[0] >= 0
    assert windows.stop(windows.count - 1) <= max(seconds, windows.length)
    for index in range(windows.count):
        assert windows.seam(index) < min(windows.seam(index + 1), seconds)


@given(plans())
def test_seams_part_the_seconds_among_the_windows(case: tuple[int, int, int, Windows]) -> None:
    first, last, _, windows = case
    assert windows.seam(0) <= first
    assert last <= windows.seam(windows.count)
    for second in range(first, last):
        index = windows.index_at(second)
        assert windows.seam(index) <= second < windows.seam(index + 1)


@given(st.integers(1, 300), st.integers(4, 12), st.integers(1, 2))
def test_a_whole_recording_has_regular_windows(seconds: int, length: int, overlap: int) -> None:
    windows = plan(0, seconds, seconds, length, overlap)
    for index in range(windows.count - 1):
        assert windows.start(index) == index * (length - overlap)


@pytest.mark.parametrize(("first", "expected"), [(0, 0), (2, 0), (30, 27), (55, 50), (57, 50)])
def test_a_short_stretch_lies_in_the_middle_of_one_window(first: int, expected: int) -> None:
    windows = plan(first, first + 3, 60, 10, 2)
    assert (windows.count, windows.start(0)) == (1, expected)


@given(st.integers(1, 9), st.data())
def test_a_short_recording_is_heard_without_silence_behind_it(
    seconds: int, data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, seconds - 1))
    windows = plan(first, data.draw(st.integers(first + 1, seconds)), seconds, 10, 2)
    assert (windows.count, windows.start(0), windows.stop(0)) == (1, 0, seconds)
    shares = windows.weights(0, -RATE, (seconds + 1) * RATE, RATE, 1)
    assert (shares == 1).all()


def test_positions_beyond_the_stretch_belong_to_its_first_and_last_window() -> None:
    windows = plan(20, 50, 60, 10, 2)
    assert windows.index_at(0) == 0
    assert windows.index_at(1_000) == windows.count - 1


@pytest.mark.parametrize(("length", "overlap"), [(10, 0), (10, 6), (1, 1)])
def test_windows_must_overlap_by_half_at_most(length: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="overlap"):
        plan(0, 20, 20, length, overlap)


@pytest.mark.parametrize(("first", "last"), [(-1, 3), (3, 3), (4, 3), (0, 21)])
def test_a_stretch_must_lie_in_the_recording(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="no stretch"):
        plan(first, last, 20, 10, 2)


def test_guards_must_leave_room_for_a_fade() -> None:
    with pytest.raises(ValueError, match="no room"):
        plan(0, 20, 20, 10, 2).weights(0, 0, 2_000, RATE, RATE)


@given(st.integers(1, 200), st.data())
def test_with_a_lead_nothing_is_used_before_it_was_heard(seconds: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, seconds - 1))
    last = data.draw(st.integers(first + 1, seconds))
    lead = data.draw(st.integers(1, 8))
    windows = plan(first, last, seconds, 30, lead + 2, lead)
    weights = shares(windows, first * RATE, last * RATE + 1)
    np.testing.assert_allclose(weights.sum(axis=0), 1.0, atol=1e-12)
    for index, own in enumerate(weights):
        used = np.flatnonzero(own) + first * RATE
        if len(used) and windows.start(index) > 0:
            assert used[0] >= (windows.start(index) + lead) * RATE


def test_with_a_lead_a_short_stretch_costs_no_more_than_itself_and_the_lead() -> None:
    windows = plan(100, 103, 600, 60, 15, 12)
    assert (windows.count, windows.start(0), windows.length) == (1, 88, 15)
