"""Plays on this machine's default device, for a test that listens to it: one scene a process."""

from __future__ import annotations

import sys
import time

import numpy as np

from clapsep_desktop.audio.playback import Player
from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.timebase import Span
from tests.support.signals import noise

RATE = 48_000
LOOP = Span(12_345, 12_345 + 17_001)


def sounds() -> tuple[np.ndarray, np.ndarray]:
    """The original and what is kept of it."""
    return noise(2 * RATE, 2, seed=1), noise(2 * RATE, 2, seed=2)


def say(*words: object) -> None:
    """A line for the test."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def wait_until_heard(player: Player) -> None:
    """Returns once the position has moved on."""
    first = player.position
    while player.is_playing and player.position == first:
        time.sleep(0.01)


def switches(player: Player) -> None:
    """A loop during which the role changes to and fro."""
    player.play(LOOP, loop=True)
    wait_until_heard(player)
    for role in ("kept", "original"):
        time.sleep(0.8)
        player.role = role
    time.sleep(0.8)
    player.stop()
    time.sleep(0.5)
    say("underruns", player.underruns)


def loss(player: Player) -> None:
    """A loop that is resumed whenever a line comes in."""
    player.on_trouble = lambda sentence: say("trouble", sentence)
    player.play(LOOP, loop=True)
    wait_until_heard(player)
    say("playing")
    for _ in sys.stdin:
        player.resume()
        wait_until_heard(player)
        if player.is_playing:
            say("playing")


def main() -> None:
    original, kept = sounds()
    player = Player()
    player.set_sources({"original": ArraySource(original, RATE), "kept": ArraySource(kept, RATE)})
    {"switches": switches, "loss": loss}[sys.argv[1]](player)
    player.close()


if __name__ == "__main__":
    main()
