"""A transport without a window."""

from __future__ import annotations

from clapsep_desktop.audio.playback import Player
from clapsep_desktop.gui.player_link import PlayerLink
from clapsep_desktop.gui.timeline import Timeline
from tests.support.playback import FakeBackend, FakeClock


class Transport:
    """A player on a card that plays when it is told to, linked to a timeline.

    Whoever makes one calls `PlayerLink.close`.
    """

    def __init__(self) -> None:
        self.card = FakeBackend(FakeClock())
        self.player = Player(self.card, clock=self.card.clock)
        self.timeline = Timeline()
        self.link = PlayerLink(self.player, self.timeline)
