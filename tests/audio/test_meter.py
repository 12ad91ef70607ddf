from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from clapsep_desktop.audio.channelmap import channel_map
from clapsep_desktop.audio.meter import FLOOR, FULL_SCALE, Levels, Meter, levels_of
from clapsep_desktop.audio.playback_feed import Piece
from clapsep_desktop.audio.playback_route import BLOCK, Programme, Route, render
from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.timebase import Span


def levels(*peaks: float, seconds: float = 0.03) -> Levels:
    peak = np.array(peaks, np.float32)
    return Levels(peak, peak**2 / 2, seconds)


def fed(meter: Meter, level: Levels | None, seconds: float) -> None:
    """The same level for a while."""
    for _ in range(round(seconds / 0.03)):
        meter.update(level, 0.03)


def test_a_peak_rises_at_once_and_falls_slowly() -> None:
    meter = Meter(1)
    fed(meter, levels(0.5), 0.03)
    (channel,) = meter.channels
    assert channel.peak == pytest.approx(-6.02, abs=0.01)
    fed(meter, None, 0.9)
    assert channel.peak == pytest.approx(-6.02 - 18, abs=0.1)
    fed(meter, None, 6)
    assert channel.peak == FLOOR


def test_the_highest_peak_is_held_and_then_let_go() -> None:
    meter = Meter(1)
    fed(meter, levels(0.5), 0.03)
    (channel,) = meter.channels
    fed(meter, levels(0.01), 1.2)
    assert channel.held == pytest.approx(-6.02, abs=0.01)
    fed(meter, levels(0.01), 3)
    assert channel.held < -30


def test_the_rms_of_a_steady_tone_is_3_db_under_its_peak() -> None:
    meter = Meter(1)
    fed(meter, levels(0.5), 3)
    assert meter.channels[0].rms == pytest.approx(-6.02 - 3.01, abs=0.05)


def test_lamps_stay_lit_until_they_are_reset() -> None:
    meter = Meter(2)
    fed(meter, levels(0.2, FULL_SCALE), 0.03)
    fed(meter, None, 10)
    meter.rest()
    assert [channel.clipped for channel in meter.channels] == [False, True]
    meter.reset_clip()
    assert not any(channel.clipped for channel in meter.channels)


def test_a_16_bit_recordings_largest_sample_counts_as_clipped() -> None:
    meter = Meter(1)
    fed(meter, levels(32_766 / 32_768), 0.03)
    assert not meter.channels[0].clipped
    fed(meter, levels(32_767 / 32_768), 0.03)
    assert meter.channels[0].clipped


def test_another_channel_count_is_another_set_of_readings() -> None:
    meter = Meter(1)
    fed(meter, levels(0.1, 0.2, 0.3), 0.03)
    assert len(meter.channels) == 3
    meter.rest()
    assert all(channel.peak == FLOOR for channel in meter.channels)


def piece(value: float, frames: int, gain: float = 1.0, role: str = "original") -> Piece:
    source = ArraySource(np.full((BLOCK, 1), value, np.float32), 48_000)
    route = Route(Span(0, BLOCK), 0)
    programme = Programme(1, {"original": source}, route, Fraction(1), channel_map(1, 2, "mix"))
    sound = render(programme, 0).sounds.get(role)
    return Piece(0.0, 0, frames, programme, None if sound is None else sound.level, gain)


def test_levels_join_pieces_by_their_length_and_gain() -> None:
    found = levels_of([piece(0.5, 300), piece(-0.5, 100, gain=2.0)], 48_000)
    assert found is not None
    np.testing.assert_allclose(found.peak, [1.0])
    np.testing.assert_allclose(found.power, [(0.25 * 300 + 1.0 * 100) / 400])
    assert found.seconds == pytest.approx(400 / 48_000)


def test_nothing_heard_has_no_level() -> None:
    assert levels_of([], 48_000) is None
    assert levels_of([piece(0.5, 300, role="removed")], 48_000) is None
