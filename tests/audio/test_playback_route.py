from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.audio.channelmap import channel_map
from clapsep_desktop.audio.playback import MAX_SPEED, MIN_SPEED
from clapsep_desktop.audio.playback_route import BLOCK, Programme, Route, rate_ratio, render
from clapsep_desktop.audio.resample import resample
from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.timebase import Span
from tests.support.signals import noise, peak_db

ROUTES = st.tuples(st.integers(0, 60), st.integers(1, 40), st.integers(0, 39), st.booleans()).map(
    lambda t: Route(Span(t[0], t[0] + t[1]), t[0] + t[2] % t[1], t[3])
)
COUNTING = ArraySource(np.arange(1, 101, dtype=np.float32)[:, None], 8_000)


def walked(route: Route, count: int) -> list[float]:
    """What is heard along a route, frame by frame."""
    heard: list[float] = []
    frame = route.start
    while len(heard) < count:
        if frame == route.span.stop and route.loop:
            frame = route.span.start
        heard.append(frame + 1.0 if frame < route.span.stop else 0.0)
        frame = min(frame + 1, route.span.stop)
    return heard


@given(ROUTES, st.integers(0, 200), st.integers(0, 150))
def test_a_route_reads_what_a_walk_along_it_meets(route: Route, first: int, count: int) -> None:
    expected = walked(route, first + count)[first:]
    np.testing.assert_array_equal(route.read(COUNTING, first, first + count)[:, 0], expected)


@given(ROUTES, st.integers(0, 200))
def test_the_position_is_the_frame_that_is_read(route: Route, clock: int) -> None:
    value = route.read(COUNTING, clock, clock + 1)[0, 0]
    if route.length is None or clock < route.length:
        assert value == route.position(clock) + 1
    else:
        assert route.position(clock) == route.span.stop


def test_nothing_is_heard_before_the_start() -> None:
    route = Route(Span(0, 10), 5)
    np.testing.assert_array_equal(route.read(COUNTING, -2, 2)[:, 0], [0, 0, 6, 7])


def test_a_route_starts_within_its_span() -> None:
    with pytest.raises(ValueError, match="lies outside"):
        Route(Span(0, 10), 10)


def programme(source: ArraySource, route: Route, ratio: Fraction, outputs: int = 1) -> Programme:
    mapping = channel_map(source.channels, outputs, "mix")
    return Programme(1, {"original": source}, route, ratio, mapping, origin=3 * BLOCK)


def rendered(played: Programme, blocks: int) -> np.ndarray:
    first = played.origin // BLOCK
    return np.concatenate(
        [render(played, first + k).sounds["original"].samples for k in range(blocks)]
    )


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000, 22_050])
@pytest.mark.parametrize("device_rate", [44_100, 48_000])
def test_a_resampled_loop_has_no_seam(rate: int, device_rate: int) -> None:
    source = ArraySource(noise(3_001, seed=1), rate)
    route = Route(Span(500, 2_500), 700, loop=True)
    played = rendered(programme(source, route, rate_ratio(rate, 1.0, device_rate)), 4)
    rounds = np.concatenate([source.samples[700:2_500], *[source.samples[500:2_500]] * 6])
    expected = resample(rounds, 0, rate, device_rate, 0, 4 * BLOCK)
    assert peak_db(played - expected) < -120


def test_at_its_own_rate_nothing_is_changed() -> None:
    source = ArraySource(noise(3 * BLOCK, 2), 48_000)
    route = Route(Span(100, 2_000), 100)
    played = programme(source, route, rate_ratio(48_000, 1.0, 48_000), outputs=2)
    np.testing.assert_array_equal(rendered(played, 2)[:1_900], source.samples[100:2_000])
    assert not rendered(played, 2)[1_900:].any()
    assert played.end == played.origin + 1_900


@pytest.mark.parametrize("speed", [MIN_SPEED, 0.9, 1.37, MAX_SPEED])
def test_the_speed_is_the_tapes(speed: float) -> None:
    rate = 48_000
    times = np.arange(4 * rate) / rate
    source = ArraySource(0.5 * np.sin(2 * np.pi * 1_000 * times)[:, None].astype(np.float32), rate)
    played = programme(source, Route(Span(0, source.frames), 0), rate_ratio(rate, speed, rate))
    sound = rendered(played, 16)[BLOCK:, 0]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    peak = np.argmax(spectrum) * rate / len(sound)
    assert peak == pytest.approx(1_000 * speed, abs=rate / len(sound))
    assert played.position(played.origin + rate) == pytest.approx(rate * speed, rel=1e-3)


@given(st.integers(8_000, 384_000), st.floats(MIN_SPEED, MAX_SPEED), st.integers(8_000, 192_000))
def test_any_rate_and_speed_is_met_closely_and_can_be_resampled(
    rate: int, speed: float, device_rate: int
) -> None:
    ratio = rate_ratio(rate, speed, device_rate)
    assert float(ratio) == pytest.approx(rate * speed / device_rate, rel=5.5e-4)
    source = ArraySource(np.zeros((10, 1), np.float32), rate)
    render(programme(source, Route(Span(0, 10), 0), ratio), 3)


def test_levels_are_the_recordings_own_channels() -> None:
    samples = np.zeros((BLOCK, 4), np.float32)
    samples[:, 2] = 0.5
    samples[10, 3] = -1.0
    source = ArraySource(samples, 48_000)
    played = programme(source, Route(Span(0, BLOCK), 0), Fraction(1), outputs=2)
    sound = render(played, 3).sounds["original"]
    np.testing.assert_allclose(sound.level.peak, [0, 0, 0.5, 1.0])
    np.testing.assert_allclose(sound.level.power, [0, 0, 0.25, 1 / BLOCK])
    assert sound.samples.shape == (BLOCK, 2)


def test_a_source_in_two_roles_is_read_once() -> None:
    class Counted(ArraySource):
        reads = 0

        def read(self, start: int, stop: int) -> np.ndarray:
            self.reads += 1
            return super().read(start, stop)

    source = Counted(noise(BLOCK), 48_000)
    mapping = channel_map(1, 1, "mix")
    roles = {"original": source, "kept": source}
    block = render(Programme(1, roles, Route(Span(0, BLOCK), 0), Fraction(1), mapping), 0)
    assert source.reads == 1
    assert block.sounds["kept"] is block.sounds["original"]
