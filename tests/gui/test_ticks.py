"""Rulers keep to round values and leave room between labels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.gui.amplitude_scale import AmplitudeScale
from clapsep_desktop.gui.frequency_scale import FrequencyScale, ScaleName
from clapsep_desktop.gui.ticks import Tick, frequency_ticks, time_ticks


def labelled(ticks: list[Tick]) -> list[Tick]:
    return [tick for tick in ticks if tick.is_major]


def is_round(value: float) -> bool:
    """Whether a number has one or two leading digits and then zeros."""
    if value == 0:
        return True
    scaled = value / 10 ** math.floor(math.log10(value) + 1e-9)
    return abs(scaled * 10 - round(scaled * 10)) < 1e-6


@given(st.floats(0, 86_400), st.floats(1e-3, 86_400), st.floats(300, 4000))
def test_times_are_told_with_room_between_them(start: float, length: float, width: float) -> None:
    room = 100.0
    ticks = time_ticks(start, start + length, width, room)
    major = labelled(ticks)
    pixels = [(tick.value - start) / length * width for tick in major]
    assert all(b - a >= room * 0.999 for a, b in itertools.pairwise(pixels))
    assert len({tick.label for tick in major}) == len(major), "two times read the same"
    assert len(ticks) <= 12 * (width / room + 3)


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (3600, ["00:05:00", "00:10:00"]),
        (10, ["00:00:01", "00:00:02"]),
        (0.05, ["00:00:00.005", "00:00:00.010"]),
    ],
)
def test_times_are_round(length: float, expected: list[str]) -> None:
    major = labelled(time_ticks(0, length, 1500, 110))
    assert [tick.label for tick in major[1:3]] == expected


def y_on(scale: FrequencyScale, height: float) -> Callable[[float], float]:
    return lambda hertz: (1 - scale.place(hertz)) * height


@pytest.mark.parametrize("name", ["linear", "log", "mel"])
@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("height", [120.0, 400.0, 1200.0])
def test_frequencies_are_round_and_have_room(name: ScaleName, rate: int, height: float) -> None:
    scale = FrequencyScale.whole(name, rate)
    y_of = y_on(scale, height)
    ticks = frequency_ticks(scale.low, scale.high, y_of, 22, even=name == "linear")
    major = labelled(ticks)
    assert len(major) >= 3
    if name == "linear":
        step = major[1].value - major[0].value
        assert is_round(step)
        assert all(abs(tick.value / step - round(tick.value / step)) < 1e-9 for tick in major)
    else:
        assert all(is_round(tick.value) for tick in major)
    assert all(scale.low <= tick.value <= scale.high for tick in ticks)
    pixels = [y_of(tick.value) for tick in major]
    assert all(a - b >= 21.9 for a, b in itertools.pairwise(pixels))


def test_a_narrow_range_of_frequencies_still_has_labels() -> None:
    scale = FrequencyScale("log", 1_050, 1_380)
    ticks = frequency_ticks(scale.low, scale.high, y_on(scale, 400), 22, even=False)
    assert len(labelled(ticks)) >= 4


@pytest.mark.parametrize("zoom", [1.0, 3.0, 50.0])
def test_amplitudes_are_round_and_lie_on_the_scale(zoom: float) -> None:
    for name in ("linear", "decibels"):
        scale = AmplitudeScale(name, zoom)
        ticks = scale.ticks(200, 18)
        assert len(ticks) >= 2
        places = sorted(200 * scale.place(tick.value) for tick in ticks)
        assert places[-1] <= 200
        assert all(b - a >= 17.9 for a, b in itertools.pairwise(places))


def test_decibels_are_told_as_such() -> None:
    labels = [tick.label for tick in AmplitudeScale("decibels").ticks(400, 18)]
    assert {"0", "−6", "−12"} <= set(labels)
