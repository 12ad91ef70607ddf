"""The geometry that all views share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.gui.timeline import CLOSEST, Timeline
from clapsep_desktop.timebase import Span

HOUR = 48_000 * 3600


@pytest.fixture
def timeline() -> Timeline:
    timeline = Timeline()
    timeline.set_width(1600)
    timeline.set_recording(48_000, HOUR)
    return timeline


def test_a_recording_begins_all_visible(timeline: Timeline) -> None:
    assert timeline.visible == Span(0, HOUR)
    assert timeline.x_of(HOUR) == pytest.approx(1600)


@given(st.floats(0, 1600), st.floats(0.01, 100), st.floats(0, 1600), st.floats(0.01, 100))
def test_zoom_keeps_the_frame_under_the_pointer_and_stays_inside(
    x: float, factor: float, x2: float, factor2: float
) -> None:
    timeline = Timeline()
    timeline.set_width(1600)
    timeline.set_recording(48_000, HOUR)
    timeline.zoom_at(x, factor)
    before = timeline.position_at(x2)
    timeline.zoom_at(x2, factor2)
    assert CLOSEST <= timeline.frames_per_pixel <= timeline.farthest
    assert timeline.start >= 0
    assert timeline.stop <= HOUR * (1 + 1e-12)
    held = timeline.position_at(x2)
    at_an_end = timeline.start == 0 or timeline.stop >= HOUR * (1 - 1e-12)
    assert at_an_end or held == pytest.approx(before, abs=1e-3)


@given(st.floats(0, 1600), st.floats(1, 100_000))
def test_pixels_and_frames_are_each_others_inverse(x: float, factor: float) -> None:
    timeline = Timeline()
    timeline.set_width(1600)
    timeline.set_recording(48_000, HOUR)
    timeline.zoom_at(800, factor)
    frame = timeline.frame_at(x)
    assert abs(timeline.x_of(frame) - x) <= 0.5 / timeline.frames_per_pixel + 1e-6


def test_the_same_range_is_told_once(timeline: Timeline) -> None:
    told = []
    timeline.range_changed.connect(lambda: told.append(timeline.start))
    timeline.scroll(-1000)
    assert told == []
    timeline.zoom_at(0, 4)
    timeline.scroll(1000)
    assert len(told) == 2


def test_a_wider_window_shows_more_at_the_same_zoom(timeline: Timeline) -> None:
    timeline.zoom_to(Span(48_000, 96_000))
    zoom = timeline.frames_per_pixel
    timeline.set_width(3200)
    assert timeline.frames_per_pixel == zoom
    timeline.fit()
    timeline.set_width(800)
    assert timeline.visible == Span(0, HOUR)


def test_a_short_recording_fills_the_width_and_does_not_scroll(timeline: Timeline) -> None:
    timeline.set_recording(48_000, 10)
    assert timeline.frames_per_pixel == CLOSEST
    timeline.scroll(5)
    assert timeline.start == 0


def test_the_page_turns_when_the_playhead_leaves(timeline: Timeline) -> None:
    timeline.zoom_to(Span(0, 48_000))
    timeline.set_playhead(47_999)
    assert timeline.start == 0
    timeline.set_playhead(48_500)
    assert timeline.start < 48_500 < timeline.stop
    assert timeline.start > 40_000


def test_the_page_stays_where_the_user_looks_elsewhere(timeline: Timeline) -> None:
    timeline.zoom_to(Span(480_000, 528_000))
    start = timeline.start
    timeline.set_playhead(48_500)
    assert timeline.start == start
    timeline.follow = False
    timeline.set_playhead(500_000)
    timeline.set_playhead(600_000)
    assert timeline.start == start


def test_a_selection_is_cut_to_the_recording(timeline: Timeline) -> None:
    timeline.select(Span(HOUR - 10, HOUR + 10), (100.0, 200.0))
    assert timeline.selection == Span(HOUR - 10, HOUR)
    assert timeline.band == (100.0, 200.0)
    timeline.select(Span(HOUR, HOUR + 10))
    assert timeline.selection is None
    assert timeline.band is None


def test_edges_are_set_while_playing(timeline: Timeline) -> None:
    timeline.set_edge(1000, "start")
    assert timeline.selection == Span(1000, HOUR)
    timeline.set_edge(5000, "stop")
    assert timeline.selection == Span(1000, 5000)
    timeline.set_edge(500, "stop")
    assert timeline.selection == Span(0, 500)


def test_snapping_stays_inside(timeline: Timeline) -> None:
    timeline.snap = lambda frame: frame - 100
    assert timeline.snapped(50) == 0
    assert timeline.snapped(500) == 400
    timeline.snap = lambda _: None
    assert timeline.snapped(500) is None


def test_without_a_recording_nothing_is_visible() -> None:
    timeline = Timeline()
    timeline.fit()
    assert timeline.visible is None
    timeline.select_all()
    assert timeline.selection is None
    assert timeline.frame_at(500) == 0
