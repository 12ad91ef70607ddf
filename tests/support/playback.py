"""A sound card that exists only in tests: it asks for sound when it is told to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from clapsep_desktop.audio.devices import FillBlock, OutputDevice
from clapsep_desktop.errors import DeviceError


class FakeClock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass(eq=False)
class FakeStream:
    """An `OutputStream` whose sound is pulled by the test."""

    device: str
    rate: int
    outputs: int
    clock: FakeClock
    delay: float
    active: bool = True
    closed: bool = False
    fill: FillBlock | None = None

    def start(self, fill: FillBlock) -> None:
        self.fill = fill

    def close(self) -> None:
        self.active, self.closed = False, True

    def pull(self, frames: int) -> np.ndarray:
        """One call of the callback; time passes by as much as it takes to play."""
        assert self.fill is not None
        assert not self.closed, "the device was closed"
        out = np.full((frames, self.outputs), np.nan, np.float32)
        self.fill(out, self.delay)
        self.clock.now += frames / self.rate
        return out


@dataclass(eq=False)
class FakeBackend:
    """A `Backend` with cards made of nothing.

    Attributes:
        cards: what is connected, the preferred one first.
        rates: the rates they take; any where empty.
        delay: seconds from the callback to the ear.
        installed: whether there is a PortAudio.
        streams: all that were opened, the last one last.
        scans: how often it looked anew.
    """

    clock: FakeClock
    cards: list[OutputDevice] = field(
        default_factory=lambda: [OutputDevice("Loudspeakers", 2, 48_000, True)]
    )
    rates: set[int] = field(default_factory=set)
    delay: float = 0.0
    installed: bool = True
    streams: list[FakeStream] = field(default_factory=list)
    scans: int = 0

    def devices(self, *, rescan: bool = False) -> Sequence[OutputDevice]:
        self.scans += rescan
        if not self.installed:
            raise DeviceError("There is no PortAudio.")
        return list(self.cards)

    def open(self, device: str | None, rate: int, outputs: int) -> FakeStream:
        found = [card for card in self.devices() if device in (None, card.name)]
        if not found:
            raise DeviceError(f"There is no device {device}.")
        card = found[0]
        taken = rate if not self.rates or rate in self.rates else card.rate
        stream = FakeStream(card.name, taken, min(outputs, card.outputs), self.clock, self.delay)
        self.streams.append(stream)
        return stream
