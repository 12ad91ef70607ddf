"""Frequencies and places are each other's inverse, and no bin is lost on the way to a row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.gui.frequency_scale import FrequencyScale, RowMap, ScaleName

NAMES = st.sampled_from(["linear", "log", "mel"])


@given(NAMES, st.floats(0, 1), st.sampled_from([8_000, 48_000, 192_000]))
def test_frequency_and_place_are_inverse(name: ScaleName, place: float, rate: int) -> None:
    scale = FrequencyScale.whole(name, rate)
    assert scale.place(scale.frequency(place)) == pytest.approx(place, abs=1e-6)


@given(NAMES, st.floats(0, 1), st.floats(0.05, 20), st.floats(0, 1), st.floats(0.05, 20))
def test_zooming_stays_within_the_rate(
    name: ScaleName, one: float, factor: float, other: float, factor2: float
) -> None:
    whole = FrequencyScale.whole(name, 48_000)
    scale = whole.zoomed(one, factor, 48_000).zoomed(other, factor2, 48_000)
    assert whole.low - 1e-6 <= scale.low < scale.high <= whole.high + 1e-6


def test_zooming_keeps_the_frequency_under_the_pointer() -> None:
    scale = FrequencyScale.whole("log", 48_000)
    zoomed = scale.zoomed(0.4, 2, 48_000)
    assert zoomed.frequency(0.4) == pytest.approx(scale.frequency(0.4))


@pytest.mark.parametrize("name", ["linear", "log", "mel"])
@pytest.mark.parametrize("fft", [512, 2048, 16_384])
@pytest.mark.parametrize("height", [37, 400, 1500])
def test_a_tone_is_seen_at_its_frequency(name: ScaleName, fft: int, height: int) -> None:
    rate = 48_000
    scale = FrequencyScale.whole(name, rate)
    rows = RowMap(scale, height, fft, rate)
    for hertz in (200, 1_000, 6_000, 20_000):
        spectra = np.zeros((fft // 2 + 1, 3), np.uint8)
        spectra[round(hertz * fft / rate)] = 255
        picture = rows.apply(spectra)
        brightest = picture[:, 0].argmax()
        shown = scale.frequency(1 - (brightest + 0.5) / height)
        row = scale.frequency(1 - brightest / height) - scale.frequency(
            1 - (brightest + 1) / height
        )
        assert abs(shown - hertz) <= row + rate / fft


@pytest.mark.parametrize("name", ["linear", "log", "mel"])
def test_where_rows_are_coarser_than_bins_each_bin_is_seen(name: ScaleName) -> None:
    rate, fft, height = 48_000, 16_384, 60
    scale = FrequencyScale.whole(name, rate)
    rows = RowMap(scale, height, fft, rate)
    bins = fft // 2 + 1
    first = int(np.ceil(scale.low * fft / rate))
    for bin_ in {*range(first, first + 40), *range(first, bins, 97), bins - 1}:
        spectra = np.zeros((bins, 1), np.uint8)
        spectra[bin_] = 200
        full = scale.frequency(1 / height) - scale.frequency(0) > rate / fft
        if full or bin_ > bins // 2:
            assert rows.apply(spectra).max() == 200


def test_between_bins_levels_are_interpolated() -> None:
    scale = FrequencyScale("linear", 0, 1_000)
    rows = RowMap(scale, 100, 16, 2_000)  # 9 bins of 125 Hz over 100 rows
    picture = rows.apply((np.arange(9, dtype=np.uint8) * 20)[:, None])[::-1, 0].astype(int)
    assert (np.diff(picture) >= 0).all()
    assert np.diff(picture).max() <= 3
