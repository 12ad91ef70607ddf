from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from clapsep_desktop.audio.meter import FLOOR
from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.gui.actions import Actions, Needs
from clapsep_desktop.timebase import Span
from tests.support.signals import noise
from tests.support.transport import Transport

RATE = 48_000
FRAMES = 2 * RATE


class Rig(Transport):
    """With two seconds of noise."""

    def __init__(self) -> None:
        super().__init__()
        self.samples = noise(FRAMES, 1)
        self.player.set_sources({"original": ArraySource(self.samples, RATE)})
        self.timeline.set_recording(RATE, FRAMES)

    def play_on(self, frames: int) -> np.ndarray:
        """What the device plays meanwhile."""
        assert self.player.settle()
        return self.card.streams[-1].pull(frames)[:, 0]


@pytest.fixture
def rig(qtbot: QtBot) -> Iterator[Rig]:
    rig = Rig()
    yield rig
    rig.link.close()


def test_play_starts_at_the_cursor_and_stop_goes_back_there(rig: Rig, qtbot: QtBot) -> None:
    rig.timeline.set_cursor(5_000)
    with qtbot.waitSignal(rig.link.state_changed):
        rig.link.play_or_stop()
    assert rig.link.is_playing
    np.testing.assert_array_equal(rig.play_on(1_000), rig.samples[5_000:6_000, 0])
    qtbot.waitUntil(lambda: rig.timeline.playhead == 6_000)
    rig.link.play_or_stop()
    assert not rig.link.is_playing
    assert rig.timeline.playhead == rig.timeline.cursor == 5_000


def test_a_selection_is_played_and_nothing_else(rig: Rig, qtbot: QtBot) -> None:
    rig.timeline.select(Span(10_000, 11_000))
    rig.link.play_or_stop()
    heard = rig.play_on(1_500)
    np.testing.assert_array_equal(heard[:1_000], rig.samples[10_000:11_000, 0])
    assert not heard[1_000:].any()
    qtbot.waitUntil(lambda: not rig.link.is_playing)
    qtbot.waitUntil(lambda: rig.timeline.playhead == 0)


def test_playing_past_the_selection(rig: Rig) -> None:
    rig.timeline.set_cursor(9_500)
    rig.timeline.select(Span(10_000, 11_000))
    rig.link.play_past()
    np.testing.assert_array_equal(rig.play_on(2_000), rig.samples[9_500:11_500, 0])


def test_pause_stays_here_and_goes_on(rig: Rig) -> None:
    rig.link.play_or_stop()
    rig.play_on(3_000)
    rig.link.pause_or_resume()
    assert rig.link.is_paused
    assert rig.timeline.playhead == 3_000
    assert rig.timeline.cursor == 0
    rig.play_on(1_000)  # fades out
    rig.link.play_or_stop()
    np.testing.assert_array_equal(rig.play_on(500), rig.samples[3_000:3_500, 0])


def test_stop_here_brings_the_cursor_along(rig: Rig) -> None:
    rig.link.play_or_stop()
    rig.play_on(3_000)
    rig.link.stop_here()
    assert not rig.link.is_playing
    assert rig.timeline.cursor == rig.timeline.playhead == 3_000


def test_stop_stays_where_it_is_if_that_is_preferred(rig: Rig) -> None:
    rig.link.return_on_stop = False
    rig.link.play_or_stop()
    rig.play_on(3_000)
    rig.link.play_or_stop()
    assert rig.timeline.cursor == rig.timeline.playhead == 3_000


def test_a_click_while_playing_goes_on_from_there(rig: Rig) -> None:
    rig.link.play_or_stop()
    rig.play_on(3_000)
    rig.timeline.set_cursor(20_000)
    assert rig.link.is_playing
    rig.play_on(4_000)
    assert rig.player.position > 20_000
    rig.link.seek(20_000)  # the same place again
    assert rig.player.position == 20_000


def test_a_click_in_a_pause_is_where_it_goes_on(rig: Rig) -> None:
    rig.link.play_or_stop()
    rig.play_on(3_000)
    rig.link.pause_or_resume()
    rig.play_on(1_000)
    rig.timeline.set_cursor(20_000)
    assert rig.timeline.playhead == 20_000
    rig.link.pause_or_resume()
    np.testing.assert_array_equal(rig.play_on(500), rig.samples[20_000:20_500, 0])


def test_a_new_selection_ends_a_pause(rig: Rig) -> None:
    rig.link.play_or_stop()
    rig.play_on(3_000)
    rig.link.pause_or_resume()
    rig.timeline.select(Span(10_000, 11_000))
    assert not rig.link.is_paused
    rig.play_on(1_000)
    rig.link.play_or_stop()
    np.testing.assert_array_equal(rig.play_on(500), rig.samples[10_000:10_500, 0])


def test_the_loop_follows_the_selections_edges(rig: Rig) -> None:
    rig.timeline.select(Span(10_000, 14_000))
    rig.link.set_loop(True)
    rig.link.play_or_stop()
    rig.play_on(1_000)
    rig.timeline.select(Span(10_000, 13_000))
    heard = np.concatenate([rig.play_on(1_000) for _ in range(6)])
    frames = 10_000 + (1_000 + np.arange(6_000)) % 3_000
    np.testing.assert_allclose(heard, rig.samples[frames, 0], atol=1e-6)
    rig.link.stop()
    assert rig.player.position == 10_000


def test_loop_and_speed_hold_for_the_next_time(rig: Rig, qtbot: QtBot) -> None:
    with qtbot.waitSignals([rig.link.loop_changed, rig.link.speed_changed]):
        rig.link.set_loop(True)
        rig.link.set_speed(2.0)
    rig.link.play_or_stop()
    assert (rig.player.loop, rig.player.speed) == (True, 2.0)
    rig.link.set_speed(0.5)
    rig.link.set_loop(False)
    assert (rig.player.loop, rig.player.speed) == (False, 0.5)
    rig.link.stop()


def test_going_to_the_start_and_the_end(rig: Rig) -> None:
    rig.timeline.set_cursor(5_000)
    rig.link.to_start()
    assert rig.timeline.cursor == 0
    rig.link.to_end()
    assert rig.timeline.cursor == FRAMES
    rig.link.play_or_stop()  # from the end it begins anew
    np.testing.assert_array_equal(rig.play_on(500), rig.samples[:500, 0])


def test_a_stretch_can_be_played_once(rig: Rig) -> None:
    rig.link.set_loop(True)
    rig.link.play_span(Span(7_000, 8_000))
    heard = rig.play_on(1_500)
    np.testing.assert_array_equal(heard[:1_000], rig.samples[7_000:8_000, 0])
    assert not heard[1_000:].any()


def test_meters_move_while_playing_and_rest_afterwards(rig: Rig, qtbot: QtBot) -> None:
    rig.link.play_or_stop()
    rig.play_on(4_096)
    qtbot.waitUntil(lambda: bool(rig.link.meter.channels))
    (channel,) = rig.link.meter.channels
    assert channel.peak > -20
    channel.clipped = True
    rig.link.stop()
    assert channel.peak == FLOOR
    assert channel.clipped
    with qtbot.waitSignal(rig.link.metered):
        rig.link.reset_clip()
    assert not channel.clipped


def test_a_lost_device_is_told_in_this_thread(rig: Rig, qtbot: QtBot) -> None:
    rig.link.play_or_stop()
    rig.play_on(1_000)
    with qtbot.waitSignal(rig.link.trouble) as told:
        rig.card.streams[-1].active = False
    assert "“Loudspeakers” stopped" in told.args[0]
    qtbot.waitUntil(lambda: rig.timeline.playhead == 1_000)
    assert rig.link.is_paused
    rig.link.play_or_stop()  # it is back
    np.testing.assert_array_equal(rig.play_on(500), rig.samples[1_000:1_500, 0])


def test_closing_the_recording_while_playing(rig: Rig, qtbot: QtBot) -> None:
    rig.link.play_or_stop()
    rig.play_on(1_000)
    with qtbot.waitSignal(rig.link.state_changed):
        rig.player.set_sources({})
        rig.timeline.set_recording(RATE, 0)
    assert not rig.link.is_playing


def test_the_commands_are_the_windows(rig: Rig, qtbot: QtBot) -> None:
    window = QObject()
    actions = Actions(window)
    actions.allow(~Needs.NOTHING)
    rig.link.bind(actions)
    actions["play"].trigger()
    assert rig.link.is_playing
    actions["pause"].trigger()
    assert rig.link.is_paused
    actions["loop"].trigger()
    assert rig.link.loop
    rig.link.set_loop(False)
    assert not actions["loop"].isChecked()
    actions["to_end"].trigger()
    assert rig.timeline.cursor == FRAMES
