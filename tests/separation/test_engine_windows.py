"""Windows and selections: how the engine cuts its work up leaves no trace in the sound."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.errors import SpanError
from clapsep_desktop.model.interface import SpectralGrid, WindowPlan
from clapsep_desktop.separation.engine import EDGE, Separator, assemble
from clapsep_desktop.timebase import Span
from tests.support.extracting import GRIDS, CountingSource, kept
from tests.support.models import (
    FakeModel,
    TapsModel,
    by_signal,
    constant,
    identity,
    tilted,
    wrong_at_the_edges,
    zero,
)
from tests.support.signals import noise, peak_db, tone

# Windows: their number, order and seams leave no trace.


@GRIDS
@pytest.mark.parametrize("rate", [22_050, 32_000, 48_000])
@pytest.mark.parametrize("batch", [1, 3])
def test_windows_leave_no_trace(grid: SpectralGrid, rate: int, batch: int) -> None:
    samples = noise(rate * 13 + 77, 2)
    windowed = FakeModel(by_signal, grid, WindowPlan(length=4, overlap=1, batch=batch))
    at_once = FakeModel(by_signal, grid, WindowPlan(length=14, overlap=1))
    difference = kept(samples, rate, windowed) - kept(samples, rate, at_once)
    assert len(at_once.calls) == 1
    assert peak_db(difference) < -115


@pytest.mark.parametrize("rate", [44_100, 32_000])
@pytest.mark.parametrize("first", [0, 1, 6.5, 12.9, 500])
def test_the_order_of_work_leaves_no_trace(rate: int, first: float) -> None:
    samples = noise(rate * 13 + 5)
    model = FakeModel(by_signal, plan=WindowPlan(length=4, overlap=1, batch=2))
    blocks = list(Separator(model).extract(ArraySource(samples, rate), first=int(first * rate)))
    playhead = min(int(first * rate), len(samples) - 1)
    assert blocks[0].span.start <= playhead < blocks[0].span.stop
    assert peak_db(assemble(blocks) - kept(samples, rate, model)) < -120


@GRIDS
def test_a_stationary_mask_gives_no_beat_at_the_window_hop(grid: SpectralGrid) -> None:
    """A steady tone keeps one level through every window and cross-fade."""
    rate = 44_100
    model = FakeModel(tilted, grid, WindowPlan(length=3, overlap=1))
    result = kept(tone(12 * rate, rate, 1_000), rate, model)[rate // 10 : -rate // 10]
    cycles = result[: len(result) // 441 * 441].reshape(-1, 441)  # ten periods in each row
    levels = np.sqrt(np.mean(cycles**2, axis=1))
    assert np.ptp(levels) / levels.mean() < 1e-5


def test_the_guard_keeps_a_models_edges_out() -> None:
    rate = 48_000
    model = FakeModel(wrong_at_the_edges(0.3), plan=WindowPlan(length=4, overlap=1, guard=0.35))
    samples = noise(rate * 12)
    result = kept(samples, rate, model)
    inner = slice(rate // 2, -rate // 2)  # at the recording's own ends there is no other window
    assert peak_db((result - samples)[inner]) < -120


@pytest.mark.parametrize("seconds", [(5, 6), (5.2, 8.6), (5.2, 11.6), (8, 20), (26, 30)])
def test_a_selections_windows_reach_a_guard_beyond_it(seconds: tuple[float, float]) -> None:
    rate = 48_000
    model = FakeModel(wrong_at_the_edges(0.3), plan=WindowPlan(length=4, overlap=1, guard=0.35))
    samples = noise(rate * 31)
    span = Span(round(seconds[0] * rate), round(seconds[1] * rate))
    result = kept(samples, rate, model, span)
    assert peak_db(result - samples[span.start : span.stop]) < -120


@pytest.mark.parametrize("lookahead", [0, 2])
def test_taps_reach_across_seams(lookahead: int) -> None:
    rate = 48_000
    coefficients = (0.3, 0.2j, 0.5, -0.1, 0.1j)
    samples = noise(rate * 9, 2)

    def model(length: int) -> TapsModel:
        plan = WindowPlan(length=length, overlap=1, guard=0.2)
        return TapsModel(constant(0.7), coefficients, lookahead, plan=plan)

    assert peak_db(kept(samples, rate, model(3)) - kept(samples, rate, model(10))) < -120


def test_taps_at_the_frame_itself_are_a_gain() -> None:
    samples = noise(100_000)
    model = TapsModel(constant(0.7), (0, 0, 0.7, 0, 0), lookahead=2)
    assert peak_db(kept(samples, 48_000, model) - np.float32(0.7) * samples) < -120


def test_every_window_is_heard_once_when_work_goes_forward() -> None:
    model = FakeModel(identity, plan=WindowPlan(length=4, overlap=1, batch=2))
    kept(noise(8_000 * 31), 8_000, model)
    assert sum(call[0] for call in model.calls) == 10


# Selections.


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_selection_is_covered_exactly(data: st.DataObject) -> None:
    rate, frames = 8_000, 8_000 * 11
    start = data.draw(st.integers(0, frames - 1))
    stop = data.draw(st.integers(start + 1, frames))
    first = data.draw(st.one_of(st.none(), st.integers(0, frames)))
    samples = noise(frames)
    model = FakeModel(zero, plan=WindowPlan(length=3, overlap=1, batch=2))
    blocks = list(
        Separator(model).extract(ArraySource(samples, rate), Span(start, stop), first=first)
    )
    spans = sorted(block.span for block in blocks)
    assert spans[0].start == start
    assert spans[-1].stop == stop
    assert all(one.stop == other.start for one, other in pairwise(spans))
    assert [block.progress for block in blocks] == sorted(block.progress for block in blocks)
    assert blocks[-1].progress == 1.0
    assert all(block.kept.shape == (block.span.length, 1) for block in blocks)


def test_a_short_selection_takes_one_window_with_real_surroundings() -> None:
    rate = 16_000
    source = CountingSource(noise(rate * 60), rate)
    model = FakeModel(identity, plan=WindowPlan(length=10, overlap=2, guard=0.5))
    assemble(Separator(model).extract(source, Span(20 * rate, 23 * rate)))
    assert model.calls == [(1, 320_000)]
    ((start, stop),) = source.reads
    assert start < 17 * rate
    assert stop > 26 * rate


def test_a_selection_equals_the_same_stretch_of_the_whole() -> None:
    rate = 44_100
    samples = noise(rate * 20, 2)
    model = FakeModel(by_signal, plan=WindowPlan(length=4, overlap=1))
    span = Span(5 * rate + 99, 14 * rate + 7)
    whole = kept(samples, rate, model)[span.start : span.stop]
    edge = round(EDGE * rate)
    difference = kept(samples, rate, model, span) - whole
    assert peak_db(difference[edge:-edge]) < -115


def test_a_selections_edges_are_faded_inside_it() -> None:
    rate = 48_000
    samples = np.ones((rate * 10, 1), np.float32)
    span = Span(2 * rate, 7 * rate)
    result = kept(samples, rate, FakeModel(zero), span)[:, 0]
    edge = round(EDGE * rate)
    assert result[0] == pytest.approx(1.0, abs=1e-4)
    assert result[-1] == pytest.approx(1.0, abs=1e-4)
    assert (np.diff(result[:edge]) < 0).all()
    assert (np.diff(result[-edge:]) > 0).all()
    assert not result[edge:-edge].any()


def test_there_is_no_fade_at_the_recordings_own_ends() -> None:
    rate = 48_000
    samples = np.ones((rate * 6, 1), np.float32)
    source = ArraySource(samples, rate)
    assert not assemble(Separator(FakeModel(zero)).extract(source)).any()
    head = assemble(Separator(FakeModel(zero)).extract(source, Span(0, rate)))
    assert not head[: rate // 2].any()
    assert head[-1] > 0.99


@pytest.mark.parametrize("length", [1, 2, 3, 4, 17])
def test_tiny_selections(length: int) -> None:
    samples = noise(48_000)
    result = kept(samples, 48_000, FakeModel(zero), Span(30_000, 30_000 + length))
    assert result.shape == (length, 1)
    assert np.abs(result).max() < np.abs(samples[30_000 : 30_000 + length]).max()


def test_a_selection_reaching_past_the_end_is_cut_to_it() -> None:
    result = kept(noise(1_000), 8_000, FakeModel(identity), Span(900, 5_000))
    assert result.shape == (100, 1)


def test_a_selection_outside_the_recording_is_refused() -> None:
    with pytest.raises(SpanError):
        Separator(FakeModel(identity)).extract(ArraySource(noise(100), 8_000), Span(100, 200))
