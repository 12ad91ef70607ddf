from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.audio.channelmap import channel_map
from clapsep_desktop.audio.playback_feed import Feed, Voice
from clapsep_desktop.audio.playback_route import BLOCK, Programme, Route
from clapsep_desktop.audio.source import ArraySource, AudioSource
from clapsep_desktop.timebase import Span
from tests.support.playback import FakeClock
from tests.support.signals import noise

RATE = 48_000
FADE = RATE // 100
FRAMES = 40 * BLOCK
ORIGINAL = ArraySource(noise(FRAMES, 2, seed=1), RATE)
KEPT = ArraySource(noise(FRAMES, 2, seed=2), RATE)
SOURCES: dict[str, AudioSource] = {"original": ORIGINAL, "kept": KEPT}
WHOLE = Route(Span(0, FRAMES), 0)
HEAR_ORIGINAL, HEAR_KEPT = Voice("original"), Voice("kept")


def programme(
    route: Route = WHOLE, sources: dict[str, AudioSource] = SOURCES, take: int = 1
) -> Programme:
    return Programme(take, sources, route, Fraction(1), channel_map(2, 2, "mix"))


class Rig:
    """A feed whose thread and device are the test itself."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.feed = Feed(RATE, self.clock)

    def start(self, route: Route = WHOLE, voice: Voice = HEAR_ORIGINAL) -> None:
        self.feed.start(programme(route), voice)
        self.read_ahead()

    def read_ahead(self) -> None:
        while self.feed.prepare():
            pass

    def pull(self, *counts: int, delay: float = 0.0, ahead: bool = True) -> np.ndarray:
        blocks = []
        for count in counts:
            if ahead:
                self.read_ahead()
            out = np.full((count, 2), np.nan, np.float32)
            self.feed.fill(out, delay)
            self.clock.now += count / RATE
            blocks.append(out)
        return np.concatenate(blocks)


@pytest.fixture
def rig() -> Rig:
    return Rig()


@settings(max_examples=30)
@given(st.lists(st.integers(1, 3_000), min_size=1, max_size=12), st.integers(0, FRAMES - 1))
def test_what_is_handed_over_is_the_recording(counts: list[int], start: int) -> None:
    rig = Rig()
    rig.start(Route(Span(0, FRAMES), start))
    heard = rig.pull(*counts)
    left = ORIGINAL.samples[start : start + len(heard)]
    np.testing.assert_array_equal(heard[: len(left)], left)
    assert not heard[len(left) :].any()
    assert rig.feed.underruns == 0


@settings(max_examples=30)
@given(st.integers(1, 3_000), st.integers(1, 2_500), st.lists(st.integers(1, 2_000), max_size=10))
def test_a_loop_is_exact_to_the_sample(start: int, length: int, counts: list[int]) -> None:
    rig = Rig()
    rig.start(Route(Span(start, start + length), start, loop=True))
    heard = rig.pull(1, *counts)
    frames = start + np.arange(len(heard)) % length
    np.testing.assert_array_equal(heard, ORIGINAL.samples[frames])


def test_another_role_is_heard_at_once_and_in_place(rig: Rig) -> None:
    rig.start()
    rig.pull(700)
    rig.feed.voice = HEAR_KEPT
    heard = rig.pull(1_500, ahead=False)
    rise = ((np.arange(FADE) + 0.5) / FADE)[:, np.newaxis]
    fade = slice(700, 700 + FADE)
    expected = KEPT.samples[fade] * rise + ORIGINAL.samples[fade] * (1 - rise)
    np.testing.assert_allclose(heard[:FADE], expected, atol=1e-6)
    np.testing.assert_array_equal(heard[FADE:], KEPT.samples[700 + FADE : 2_200])


def test_switching_to_and_fro_within_a_fade_never_steps(rig: Rig) -> None:
    flat = {
        "original": ArraySource(np.full((FRAMES, 2), 0.5, np.float32), RATE),
        "kept": ArraySource(np.full((FRAMES, 2), -0.5, np.float32), RATE),
    }
    rig.feed.start(programme(sources=dict(flat)), HEAR_ORIGINAL)
    heard = []
    for turn in range(40):
        rig.feed.voice = (HEAR_ORIGINAL, HEAR_KEPT)[turn % 2]
        heard.append(rig.pull(97))
    steps = np.abs(np.diff(np.concatenate(heard), axis=0))
    assert steps.max() <= 1 / FADE + 1e-6


def test_a_gain_is_applied_with_a_fade(rig: Rig) -> None:
    rig.start()
    rig.pull(100)
    rig.feed.voice = Voice("original", 0.5)
    heard = rig.pull(1_000)
    np.testing.assert_allclose(heard[FADE:], ORIGINAL.samples[100 + FADE : 1_100] / 2)


def test_a_missing_role_is_silent_and_takes_its_time(rig: Rig) -> None:
    rig.start(voice=Voice("removed"))
    assert not rig.pull(500).any()
    rig.feed.voice = HEAR_ORIGINAL
    heard = rig.pull(1_000)
    np.testing.assert_array_equal(heard[FADE:], ORIGINAL.samples[500 + FADE : 1_500])


def test_swapped_sources_are_heard_from_the_next_block(rig: Rig) -> None:
    rig.start()
    rig.pull(100)
    rig.feed.swap({"original": KEPT})
    heard = rig.pull(3 * BLOCK)
    np.testing.assert_array_equal(heard[: BLOCK - 100], ORIGINAL.samples[100:BLOCK])
    after = BLOCK - 100 + FADE
    np.testing.assert_array_equal(heard[after:], KEPT.samples[BLOCK + FADE : 100 + 3 * BLOCK])
    assert np.abs(heard[BLOCK - 100 : after]).max() <= 1


def test_where_new_sources_hold_the_same_not_one_sample_changes(rig: Rig) -> None:
    rig.start()
    heard = [rig.pull(333)]
    for _ in range(20):
        copy = ArraySource(ORIGINAL.samples.copy(), RATE)
        rig.feed.swap({"original": copy, "kept": KEPT})
        heard.append(rig.pull(700))
    whole = np.concatenate(heard)
    np.testing.assert_array_equal(whole, ORIGINAL.samples[: len(whole)])


def test_swaps_faster_than_blocks_are_one_fade(rig: Rig) -> None:
    rig.start()
    rig.pull(100)
    for level in (0.1, 0.2, 0.3):
        rig.feed.swap({"original": ArraySource(np.full((FRAMES, 2), level, np.float32), RATE)})
        rig.read_ahead()
    heard = rig.pull(2 * BLOCK)[BLOCK - 100 :]
    rise = ((np.arange(FADE) + 0.5) / FADE)[:, np.newaxis]
    expected = 0.3 * rise + ORIGINAL.samples[BLOCK : BLOCK + FADE] * (1 - rise)
    np.testing.assert_allclose(heard[:FADE], expected, atol=1e-6)
    assert (heard[FADE:] == np.float32(0.3)).all()


def test_a_jump_begins_with_its_first_frame(rig: Rig) -> None:
    rig.start()
    rig.pull(100)
    rig.feed.jump(lambda _: programme(Route(Span(0, FRAMES), 20_000), take=2))
    heard = rig.pull(3 * BLOCK)[BLOCK - 100 :]
    np.testing.assert_array_equal(
        heard[FADE:], ORIGINAL.samples[20_000 + FADE : 20_000 + len(heard)]
    )


def test_a_late_jump_does_not_go_back_to_what_was_prepared_before_it(rig: Rig) -> None:
    rig.start()
    rig.pull(100)
    rig.feed.jump(lambda _: programme(Route(Span(0, FRAMES), 20_000), take=2))
    heard = rig.pull(3 * BLOCK, ahead=False)[2 * BLOCK - 100 :]
    assert not heard.any()
    assert rig.feed.underruns == 1
    np.testing.assert_array_equal(
        rig.pull(BLOCK), ORIGINAL.samples[20_000 + BLOCK : 20_000 + 2 * BLOCK]
    )


def test_a_late_block_is_silence_that_is_counted_and_nothing_is_lost(rig: Rig) -> None:
    rig.feed.start(programme(), HEAR_ORIGINAL, ready=1)
    heard = rig.pull(700, 700, 700, ahead=False)
    np.testing.assert_array_equal(heard[:BLOCK], ORIGINAL.samples[:BLOCK])
    assert not heard[BLOCK:].any()
    assert rig.feed.underruns == 1
    np.testing.assert_array_equal(rig.pull(900), ORIGINAL.samples[BLOCK : BLOCK + 900])


@pytest.mark.parametrize("act", ["swap", "jump"])
def test_changes_while_the_disk_is_late_do_not_stop_the_feed(rig: Rig, act: str) -> None:
    rig.feed.start(programme(), HEAR_ORIGINAL, ready=1)
    rig.pull(BLOCK + 10, ahead=False)
    if act == "swap":
        rig.feed.swap({"original": KEPT})
    else:
        rig.feed.jump(lambda _: programme(sources={"original": KEPT}, take=2))
    rig.pull(4 * BLOCK)
    assert rig.pull(BLOCK).any()
    assert rig.feed.underruns == 1


def test_the_end_is_exact(rig: Rig) -> None:
    rig.start(Route(Span(100, 5_000), 100))
    heard = rig.pull(4_000, 4_000)
    np.testing.assert_array_equal(heard[:4_900], ORIGINAL.samples[100:5_000])
    assert not heard[4_900:].any()
    assert rig.feed.silent
    assert rig.feed.ended is rig.feed.programme


def test_it_fades_out_and_starts_again_without_a_fade(rig: Rig) -> None:
    rig.start()
    rig.pull(100)
    rig.feed.voice = None
    heard = rig.pull(2 * FADE)
    fall = 1 - ((np.arange(FADE) + 0.5) / FADE)[:, np.newaxis]
    np.testing.assert_allclose(heard[:FADE], ORIGINAL.samples[100 : 100 + FADE] * fall, atol=1e-6)
    assert not heard[FADE:].any()
    assert rig.feed.silent
    rig.start(Route(Span(0, FRAMES), 9_000))
    np.testing.assert_array_equal(rig.pull(700), ORIGINAL.samples[9_000:9_700])


def test_what_is_heard_lags_behind_what_was_handed_over(rig: Rig) -> None:
    rig.start(Route(Span(0, FRAMES), 1_000))
    rig.pull(480, delay=0.1)
    assert rig.feed.heard() is None
    rig.pull(*[480] * 11, delay=0.1)  # 120 ms later
    heard = rig.feed.heard()
    assert heard is not None
    assert heard[0].position(heard[1]) == pytest.approx(1_000 + 0.020 * RATE, abs=1)


def test_what_is_heard_never_goes_back(rig: Rig) -> None:
    rig.start()
    frames = []
    for delay in (0.05, 0.02, 0.09, 0.0, 0.08, 0.03) * 5:
        rig.pull(512, delay=delay)
        heard = rig.feed.heard()
        frames.append(heard[1] if heard else 0)
    assert frames == sorted(frames)
    assert frames[-1] > 0


def test_levels_come_when_they_are_heard_and_once(rig: Rig) -> None:
    rig.start(voice=Voice("original", 0.5))
    rig.pull(BLOCK, delay=0.03)
    assert rig.feed.metered() == []
    rig.pull(BLOCK, delay=0.03)
    (piece,) = rig.feed.metered()
    assert piece.level is not None
    np.testing.assert_array_equal(piece.level.peak, np.abs(ORIGINAL.samples[:BLOCK]).max(axis=0))
    assert piece.gain == 0.5
    assert rig.feed.metered() == []
