from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from clapsep_desktop.audio.devices import OutputDevice
from clapsep_desktop.audio.playback import Player
from clapsep_desktop.audio.source import ArraySource, AudioSource
from clapsep_desktop.errors import AudioReadError
from clapsep_desktop.timebase import Span
from tests.support.playback import FakeBackend, FakeClock
from tests.support.signals import noise

RATE = 48_000
FADE = RATE // 100
FRAMES = 2 * RATE
ORIGINAL = ArraySource(noise(FRAMES, 2, seed=1), RATE)
KEPT = ArraySource(noise(FRAMES, 2, seed=2), RATE)
SOURCES: dict[str, AudioSource] = {"original": ORIGINAL, "kept": KEPT}


class Rig:
    """A player, its card, and what it told."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.card = FakeBackend(self.clock)
        self.troubles: list[str] = []
        self.changes = 0
        self.player = Player(self.card, clock=self.clock)
        self.player.on_trouble = self.troubles.append
        self.player.on_change = self._changed
        self.player.set_sources(SOURCES)

    def _changed(self) -> None:
        self.changes += 1

    def pull(self, *counts: int) -> np.ndarray:
        """What the device plays, everything asked for being done and read ahead before."""
        blocks = []
        for count in counts or (1_000,):
            assert self.player.settle()
            blocks.append(self.card.streams[-1].pull(count))
        return np.concatenate(blocks)

    def halt(self) -> None:
        """Let a stop take its effect."""
        self.pull(FADE)


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.player.close()
    assert all(stream.closed for stream in rig.card.streams)
    assert not [thread for thread in threading.enumerate() if thread.name == "playback"]


def test_a_selection_is_played_to_its_end_and_then_it_is_over(rig: Rig) -> None:
    rig.player.play(Span(1_000, 3_500))
    assert rig.player.is_playing
    heard = rig.pull(2_000, 2_000)
    np.testing.assert_array_equal(heard[:2_500], ORIGINAL.samples[1_000:3_500])
    assert not heard[2_500:].any()
    rig.pull(1)
    assert rig.player.settle()
    assert not rig.player.is_playing
    assert rig.player.position == 1_000
    assert rig.changes == 1


def test_it_counts_as_playing_until_the_last_frame_is_heard(rig: Rig) -> None:
    rig.card.delay = 0.1
    rig.player.play(Span(0, 2_000))
    rig.pull(3_000)
    assert rig.player.settle()
    assert rig.player.is_playing
    rig.pull(*[1_000] * 8)
    assert rig.player.settle()
    assert not rig.player.is_playing


def test_a_loop_goes_round_until_it_is_switched_off(rig: Rig) -> None:
    rig.player.play(Span(1_000, 4_000), loop=True)
    heard = rig.pull(5_000, 5_000)
    frames = 1_000 + np.arange(10_000) % 3_000
    np.testing.assert_array_equal(heard, ORIGINAL.samples[frames])
    rig.player.loop = False
    rest = rig.pull(5_000)
    np.testing.assert_allclose(rest[:2_000], ORIGINAL.samples[2_000:4_000], atol=1e-6)
    assert not rest[2_000:].any()


def test_switching_the_loop_on_while_playing_keeps_the_place(rig: Rig) -> None:
    rig.player.play(Span(0, 5_000))
    heard = [rig.pull(500)]
    rig.player.loop = True
    assert rig.player.loop
    heard.append(rig.pull(9_000))
    np.testing.assert_array_equal(np.concatenate(heard), ORIGINAL.samples[np.arange(9_500) % 5_000])


def test_the_role_changes_in_place(rig: Rig) -> None:
    rig.player.play()
    rig.pull(777)
    rig.player.role = "kept"
    heard = rig.card.streams[-1].pull(2_000)  # at once: nothing was read anew
    np.testing.assert_array_equal(heard[FADE:], KEPT.samples[777 + FADE : 2_777])


def test_a_role_and_a_gain_chosen_beforehand_hold_from_the_first_frame(rig: Rig) -> None:
    rig.player.role = "kept"
    rig.player.set_gain("kept", -6.0)
    assert rig.player.gain("kept") == -6.0
    assert rig.player.gain("original") == 0.0
    rig.player.play()
    np.testing.assert_allclose(rig.pull(500), KEPT.samples[:500] * 10 ** (-6 / 20), rtol=1e-6)
    with pytest.raises(ValueError, match="finite"):
        rig.player.set_gain("kept", float("-inf"))


def test_sources_are_swapped_while_playing(rig: Rig) -> None:
    rig.player.play()
    rig.pull(500)
    rig.player.set_sources({"original": KEPT})
    heard = rig.pull(3_000)
    np.testing.assert_array_equal(heard[-1_000:], KEPT.samples[2_500:3_500])
    assert rig.player.position == 3_500


def test_another_recording_stops_the_old_one(rig: Rig) -> None:
    rig.player.play(start=5_000)
    rig.pull(500)
    rig.player.set_sources({"original": ArraySource(noise(100), RATE)})
    assert not rig.player.is_playing
    assert rig.player.position == 0
    with pytest.raises(ValueError, match="same rate"):
        rig.player.set_sources({"original": ORIGINAL, "kept": ArraySource(noise(100), RATE)})


def test_nothing_to_play_is_no_trouble() -> None:
    player = Player(FakeBackend(FakeClock()))
    player.play()
    player.resume()
    player.seek(100)
    player.set_sources({})
    assert not player.is_playing
    assert player.position == 0
    assert player.rate == 0
    assert player.levels() is None
    player.close()
    player.close()


def test_seeking_goes_on_from_there(rig: Rig) -> None:
    rig.player.play()
    rig.pull(500)
    rig.player.seek(30_000)
    assert rig.player.position == 30_000
    heard = rig.pull(4_000)
    begun = np.flatnonzero(heard[:, 0] == ORIGINAL.samples[30_000 + FADE, 0])[0] - FADE
    assert begun + 500 in (1_024, 2_048)
    np.testing.assert_array_equal(
        heard[begun + FADE :], ORIGINAL.samples[30_000 + FADE : 34_000 - begun]
    )
    rig.player.stop()
    assert rig.player.position == 30_000


def test_seeking_inside_a_loop_stays_in_it_and_outside_leaves_it(rig: Rig) -> None:
    rig.player.play(Span(1_000, 9_000), loop=True)
    rig.pull(500)
    rig.player.seek(8_000)
    assert rig.player.loop
    rig.player.seek(20_000)
    assert not rig.player.loop
    rig.pull(5_000)
    assert rig.player.position > 20_000


def test_pause_stays_and_resume_goes_on(rig: Rig) -> None:
    rig.player.play(Span(1_000, 9_000), loop=True)
    rig.pull(500)
    rig.player.pause()
    assert (rig.player.is_playing, rig.player.is_paused) == (False, True)
    assert rig.player.position == 1_500
    rig.halt()
    assert not rig.pull(500).any()
    rig.player.resume()
    assert not rig.player.is_paused
    np.testing.assert_array_equal(rig.pull(700), ORIGINAL.samples[1_500:2_200])
    assert rig.player.loop
    rig.player.stop()
    assert rig.player.position == 1_500
    rig.player.resume()
    assert not rig.player.is_playing


def test_stop_goes_back_to_where_it_began(rig: Rig) -> None:
    rig.player.seek(7_000)
    rig.player.play()
    rig.pull(500)
    assert rig.player.position == 7_500
    rig.player.stop()
    assert rig.player.position == 7_000


def test_playing_from_within_a_selection_and_from_outside_of_it(rig: Rig) -> None:
    rig.player.play(Span(1_000, 2_000), start=1_500)
    np.testing.assert_array_equal(rig.pull(100), ORIGINAL.samples[1_500:1_600])
    rig.player.stop()
    rig.halt()
    rig.player.play(Span(1_000, 2_000), start=5_000)
    np.testing.assert_array_equal(rig.pull(100), ORIGINAL.samples[1_000:1_100])


def test_speed_may_change_on_the_way(rig: Rig) -> None:
    rig.player.play(speed=2.0)
    assert rig.player.speed == 2.0
    rig.pull(4_000)
    assert rig.player.position == 8_000
    rig.player.speed = 0.5
    rig.pull(8_000)
    assert 8_000 + 3_000 < rig.player.position < 8_000 + 6_500
    with pytest.raises(ValueError, match="speed"):
        rig.player.speed = 3.0


def test_a_rate_the_device_refuses_is_converted(rig: Rig) -> None:
    rig.card.rates = {44_100}
    rig.card.cards = [OutputDevice("Old", 1, 44_100, True)]
    rig.player.play(Span(0, RATE), loop=True)
    heard = rig.pull(*[4_410] * 10)
    assert heard.shape == (44_100, 1)
    assert rig.card.streams[-1].rate == 44_100
    assert rig.player.position == 0  # a second later, round the loop
    rig.pull(441)
    assert rig.player.position == 480


def test_levels_are_those_of_the_role_that_is_heard(rig: Rig) -> None:
    loud = np.zeros((FRAMES, 2), np.float32)
    loud[:, 1] = 0.5
    rig.player.set_sources({"original": ORIGINAL, "kept": ArraySource(loud, RATE)})
    rig.player.role = "kept"
    rig.player.set_gain("kept", 20 * np.log10(2))
    rig.player.play()
    rig.pull(2_048)
    levels = rig.player.levels()
    assert levels is not None
    np.testing.assert_allclose(levels.peak, [0, 1])
    np.testing.assert_allclose(levels.power, [0, 1])
    assert levels.seconds == pytest.approx(2_048 / RATE)
    assert rig.player.levels() is None


def test_a_missing_portaudio_costs_a_sentence(rig: Rig) -> None:
    rig.card.installed = False
    rig.player.play()
    assert rig.player.settle()
    assert not rig.player.is_playing
    assert rig.troubles == ["There is no PortAudio."]


def test_a_device_that_vanishes_costs_a_sentence_and_may_come_back(rig: Rig) -> None:
    rig.player.play(start=1_000)
    rig.pull(500)
    rig.card.streams[-1].active = False
    cards, rig.card.cards = rig.card.cards, []
    assert rig.player.settle()
    assert rig.player.settle()  # the look at the device comes after the note
    assert not rig.player.is_playing
    assert len(rig.troubles) == 1
    assert "“Loudspeakers” stopped" in rig.troubles[0]
    assert rig.player.position == 1_500
    rig.player.resume()
    assert rig.player.settle()
    assert len(rig.troubles) == 2
    assert rig.card.scans == 1
    rig.card.cards = cards
    rig.player.resume()
    np.testing.assert_array_equal(rig.pull(500), ORIGINAL.samples[1_500:2_000])


def test_a_device_that_no_longer_asks_is_given_up(rig: Rig) -> None:
    rig.player.play()
    rig.pull(500)
    assert rig.player.settle()
    assert rig.player.settle()
    rig.clock.now += 10
    assert rig.player.settle()
    assert rig.player.settle()
    assert not rig.player.is_playing
    assert len(rig.troubles) == 1


def test_a_damaged_recording_costs_a_sentence(rig: Rig) -> None:
    class Damaged(ArraySource):
        def read(self, start: int, stop: int) -> np.ndarray:
            if stop > 30_000:
                raise AudioReadError("The recording is damaged.")
            return super().read(start, stop)

    rig.player.set_sources({"original": Damaged(ORIGINAL.samples, RATE)})
    rig.player.play()
    rig.pull(1_000)
    while rig.player.is_playing:
        rig.player.settle(0.2)  # the note that fails is never done
        if rig.player.is_playing:
            rig.card.streams[-1].pull(4_000)
    assert rig.troubles == ["The recording is damaged."]


class Closable(ArraySource):
    """A recording that is closed while its last read goes on."""

    def __init__(self, samples: np.ndarray, rate: int) -> None:
        super().__init__(samples, rate)
        self.closed = threading.Event()
        self.reading = threading.Event()
        self.hold = False

    def read(self, start: int, stop: int) -> np.ndarray:
        if self.hold:
            self.reading.set()
            assert self.closed.wait(10)
            raise ValueError("read of closed file")
        return super().read(start, stop)


@pytest.mark.parametrize("others", [{}, {"original": KEPT}])
def test_a_recording_that_is_closed_while_it_is_read_is_no_trouble(
    rig: Rig, others: dict[str, AudioSource]
) -> None:
    source = Closable(ORIGINAL.samples, RATE)
    rig.player.set_sources({"original": source})
    rig.player.play()
    rig.pull(1_000)
    source.hold = True
    rig.card.streams[-1].pull(4_000)  # so that there is something to read
    assert source.reading.wait(10)
    rig.player.set_sources(others)
    source.closed.set()
    assert rig.player.settle()
    assert rig.troubles == []
    assert rig.player.is_playing == bool(others)
    if others:
        np.testing.assert_array_equal(rig.pull(4_000, 4_000)[-1_000:], KEPT.samples[12_000:13_000])


def test_another_device_takes_over_in_place(rig: Rig) -> None:
    rig.card.cards.append(OutputDevice("Headphones", 2, RATE))
    rig.player.play()
    rig.pull(500)
    rig.player.set_device("Headphones")
    np.testing.assert_array_equal(rig.pull(500), ORIGINAL.samples[500:1_000])
    assert [stream.device for stream in rig.card.streams] == ["Loudspeakers", "Headphones"]
    assert rig.card.streams[0].closed


def test_many_channels_are_mixed_or_the_first_two_heard(rig: Rig) -> None:
    four = ArraySource(noise(FRAMES, 4), RATE)
    rig.player.set_sources({"original": four})
    rig.player.play()
    expected = (four.samples[:500, :2] + four.samples[:500, 2:]) / 2
    np.testing.assert_allclose(rig.pull(500), expected, atol=1e-6)
    rig.player.set_layout("first")
    np.testing.assert_array_equal(rig.pull(500), four.samples[500:1_000, :2])


def test_the_devices_are_read_on_the_players_thread(rig: Rig) -> None:
    assert list(rig.player.devices()) == []
    rig.player.look_for_devices()
    assert rig.player.settle()
    assert [device.name for device in rig.player.devices()] == ["Loudspeakers"]
    assert (rig.card.scans, rig.changes) == (1, 1)
    rig.card.installed = False
    rig.player.look_for_devices()
    assert rig.player.settle()
    assert list(rig.player.devices()) == []


def test_an_idle_device_is_let_go_after_a_while(rig: Rig) -> None:
    rig.player.play()
    rig.pull(500)
    rig.player.stop()
    rig.halt()
    assert not rig.card.streams[-1].closed
    rig.clock.now += 3
    assert rig.player.settle()
    assert rig.player.settle()
    assert rig.card.streams[-1].closed


def test_stop_and_play_in_one_breath(rig: Rig) -> None:
    rig.player.play()
    rig.pull(500)
    rig.player.stop()
    rig.player.play(start=9_000)
    stream = rig.card.streams[-1]
    for _ in range(2_000):  # the device runs on by itself meanwhile
        block = stream.pull(64)
        if rig.player.position > 9_000 + FADE + 64:
            break
        time.sleep(0.001)
    frame = rig.player.position
    np.testing.assert_array_equal(block, ORIGINAL.samples[frame - 64 : frame])
    assert rig.player.underruns == 0
