"""Extractions within a band: nothing outside it, all inside it, whatever they are made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.errors import SpanError
from clapsep_desktop.model.interface import WindowPlan
from clapsep_desktop.separation import band as band_module
from clapsep_desktop.separation.blocks import EDGE, assemble
from clapsep_desktop.separation.engine import Separator
from clapsep_desktop.timebase import Span
from tests.support.models import (
    GRID,
    SPEECH_GRID,
    FakeModel,
    TapsModel,
    by_signal,
    constant,
    identity,
    tilted,
    zero,
)
from tests.support.signals import noise, peak_db, tone

RATE = 48_000
BAND = (1_000.0, 4_000.0)
FLANK = 60.0  # Hz; half the width of BAND's flanks, and some more
PLAN = WindowPlan(length=4, overlap=1)


def kept(
    samples: np.ndarray, model: FakeModel, span: Span | None = None, rate: int = RATE, **options
) -> np.ndarray:
    return assemble(Separator(model).extract(ArraySource(samples, rate), span, **options))


def spectrum_db(samples: np.ndarray, rate: int = RATE) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies, and levels of one channel with the leakage of a Kaiser window's 180 dB."""
    windowed = samples[:, 0].astype(np.float64) * np.kaiser(len(samples), 20)
    levels = np.abs(np.fft.rfft(windowed)) / np.kaiser(len(samples), 20).sum()
    return np.fft.rfftfreq(len(samples), 1 / rate), 20 * np.log10(levels + 1e-12)


def taps(gain: float) -> TapsModel:
    return TapsModel(constant(gain), (0.3, 0.2j, 0.5, -0.1, 0.1j), lookahead=2, plan=PLAN)


MODELS = pytest.mark.parametrize(
    "model",
    [FakeModel(zero), FakeModel(by_signal), FakeModel(tilted, SPEECH_GRID), taps(0.2)],
    ids=["zeros", "busy", "tilted", "taps"],
)


@pytest.mark.parametrize("hertz", [50, 500, 900, 4_200, 7_000, 15_900, 20_000])
@MODELS
def test_outside_the_band_nothing_changes(model, hertz) -> None:
    samples = tone(3 * RATE, RATE, hertz)
    result = kept(samples, model, band=BAND)
    # A gain that changes with time gives a tone sidebands, and some may lie within the band.
    frequencies, levels = spectrum_db((result - samples)[RATE // 2 : -RATE // 2])
    outside = (frequencies < BAND[0] - FLANK) | (frequencies > BAND[1] + FLANK)
    assert levels[outside].max() < -100


@pytest.mark.parametrize("hertz", [1_060, 2_000, 3_900])
@MODELS
def test_inside_the_band_all_is_as_it_would_be_without(model, hertz) -> None:
    samples = tone(3 * RATE, RATE, hertz)
    # What a tone's own filter makes of it may have sidebands outside the band, which stay.
    difference = kept(samples, model, band=BAND) - kept(samples, model)
    frequencies, levels = spectrum_db(difference[RATE // 2 : -RATE // 2])
    inside = (frequencies > BAND[0] + FLANK) & (frequencies < BAND[1] - FLANK)
    assert levels[inside].max() < -90


@MODELS
def test_noise_loses_nothing_outside_and_all_inside(model) -> None:
    samples = noise(4 * RATE, level=0.1)
    removed = samples - kept(samples, model, band=BAND)
    whole = samples - kept(samples, model)
    frequencies, levels = spectrum_db(removed)
    outside = (frequencies < BAND[0] - 3 * FLANK) | (frequencies > BAND[1] + 3 * FLANK)
    assert levels[outside].max() < -100
    assert levels[~outside].max() > -85
    frequencies, levels = spectrum_db((removed - whole)[RATE // 2 : -RATE // 2])
    inside = (frequencies > BAND[0] + FLANK) & (frequencies < BAND[1] - FLANK)
    assert levels[inside].max() < -100


@settings(deadline=None, max_examples=12)
@given(
    rate=st.sampled_from([8_000, 22_050, 44_100, 96_000]),
    low=st.floats(0, 3_000),
    width=st.floats(30, 60_000),
    frames=st.integers(1, 30_000),
    channels=st.integers(1, 3),
    value=st.floats(0, 1),
)
def test_a_filter_of_ones_changes_nothing_and_what_is_removed_scales(
    rate, low, width, frames, channels, value
) -> None:
    samples, band = noise(frames, channels), (low, low + width)
    ones = kept(samples, FakeModel(identity), rate=rate, band=band)
    assert peak_db(ones - samples) < -120
    none = kept(samples, FakeModel(zero), rate=rate, band=band)
    some = kept(samples, FakeModel(constant(value)), rate=rate, band=band)
    assert some.shape == samples.shape
    assert some.dtype == np.float32
    assert peak_db((samples - some) - np.float32(1 - value) * (samples - none)) < -110


@settings(deadline=None, max_examples=5)
@given(st.floats(-2, 2), st.floats(-2, 2))
def test_all_is_linear_in_the_recording(a: float, b: float) -> None:
    one, other = (noise(20_000, seed=seed) for seed in (1, 2))
    model = taps(0.4)
    together = kept(np.float32(a) * one + np.float32(b) * other, model, band=BAND)
    apart = np.float32(a) * kept(one, model, band=BAND)
    apart += np.float32(b) * kept(other, model, band=BAND)
    assert peak_db(together - apart) < -115


@pytest.mark.parametrize("seconds", [1, 3, 100])
@pytest.mark.parametrize("first", [None, 0, 3.5, 6.9])
def test_neither_the_blocks_nor_their_order_leave_a_trace(monkeypatch, seconds, first) -> None:
    samples = noise(7 * RATE + 55, 2, level=0.1)
    model = FakeModel(by_signal, plan=PLAN)
    expected = kept(samples, model, band=BAND)
    monkeypatch.setattr(band_module, "_BLOCK", seconds)
    frame = None if first is None else int(first * RATE)
    blocks = list(Separator(model).extract(ArraySource(samples, RATE), band=BAND, first=frame))
    assert blocks[0].span.start <= (frame or 0) < blocks[0].span.stop
    assert [block.progress for block in blocks] == sorted(block.progress for block in blocks)
    assert blocks[-1].progress == 1.0
    assert peak_db(assemble(blocks) - expected) < -120
    for block in blocks:
        np.testing.assert_array_equal(block.source, samples[block.span.start : block.span.stop])
        assert peak_db(block.kept + block.removed - block.source) < -140


def test_each_window_is_heard_once() -> None:
    model = FakeModel(identity, plan=PLAN)
    samples = noise(8_000 * 31)
    kept(samples, model, rate=8_000)
    expected = len(model.calls)
    model.calls.clear()
    kept(samples, model, rate=8_000, band=(500.0, 1_500.0))
    assert len(model.calls) == expected


@MODELS
def test_a_selection_is_the_same_part_of_the_whole(model) -> None:
    samples = noise(6 * RATE, 2, level=0.1)
    span = Span(2 * RATE + 11, 4 * RATE + 7)
    part = kept(samples, model, span, band=BAND)
    whole = kept(samples, model, band=BAND)[span.start : span.stop]
    edge = round(EDGE * RATE)
    assert peak_db((part - whole)[edge:-edge]) < -115
    own = samples[span.start : span.stop]
    assert peak_db((part - own)[[0, -1]]) < -75


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_strength_takes_that_part_away(strength) -> None:
    samples = noise(60_000, 2)
    full = kept(samples, FakeModel(by_signal), band=BAND)
    partly = kept(samples, FakeModel(by_signal), band=BAND, strength=strength)
    assert peak_db(partly - (samples - np.float32(strength) * (samples - full))) < -130


def test_the_complement_and_the_extraction_take_the_band_away_between_them() -> None:
    samples = noise(60_000, 2)
    one, other = (
        samples - kept(samples, FakeModel(by_signal), band=BAND, complement=complement)
        for complement in (False, True)
    )
    everything = samples - kept(samples, FakeModel(zero), band=BAND)
    assert peak_db(one + other - everything) < -115


@pytest.mark.parametrize("rate", [96_000, 192_000])
def test_above_what_the_model_hears_its_top_gain_still_decides(rate) -> None:
    band = (20_000.0, 40_000.0)
    samples = tone(2 * rate, rate, 30_000)
    inner = slice(rate // 2, -rate // 2)
    result = kept(samples, FakeModel(tilted), rate=rate, band=band)[inner]
    assert peak_db(result - kept(samples, FakeModel(tilted), rate=rate)[inner]) < -95
    samples = tone(2 * rate, rate, 18_000)
    result = kept(samples, FakeModel(tilted), rate=rate, band=band)[inner]
    assert peak_db(result - samples[inner]) < -100


def test_the_whole_spectrum_is_no_band() -> None:
    samples = noise(60_000, 2)
    model = FakeModel(by_signal, GRID)
    assert peak_db(kept(samples, model, band=(0.0, RATE / 2)) - kept(samples, model)) < -130


@pytest.mark.parametrize(
    ("band", "sentence"),
    [
        ((500.0, 500.0), "holds nothing"),
        ((900.0, 100.0), "Give the lower frequency first"),
        ((-1.0, 100.0), "holds nothing"),
        ((float("nan"), 100.0), "holds nothing"),
        ((100.0, float("inf")), "holds nothing"),
        ((30_000.0, 40_000.0), "The recording ends at 24000 Hz"),
        ((30_000.0, 24_000.0), "The recording ends at 24000 Hz"),
    ],
)
def test_a_band_that_holds_nothing_is_refused_at_once(band, sentence) -> None:
    with pytest.raises(SpanError, match=sentence):
        Separator(FakeModel(zero)).extract(ArraySource(noise(100), RATE), band=band)
