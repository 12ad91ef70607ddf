"""An open device and what feeds it: the half of the player that may wait for a card or a disk.

Used by one thread, `Player`'s own; other threads only read ``feed``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from clapsep_desktop.audio.channelmap import Layout, channel_map, outputs_wanted
from clapsep_desktop.audio.devices import Backend, OutputStream
from clapsep_desktop.audio.playback_feed import Feed, Voice
from clapsep_desktop.audio.playback_route import Programme, Route, rate_ratio
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.errors import DeviceError

_LINGER = 2.0  # seconds a device is kept after playback, so that the next one starts at once
_STALLED = 4.0  # seconds without a call from the device after which it is given up
_FADE_PATIENCE = 0.5  # seconds to wait for a device to take the end of what it played before


@dataclass(frozen=True)
class Take:
    """One playback, from play to stop.

    Attributes:
        number: counts up.
        sources: a recording for each role.
        route: the way through them.
        speed: times the normal speed.
        began: the frame to which stop goes back.
    """

    number: int
    sources: Mapping[str, AudioSource]
    route: Route
    speed: float
    began: int

    @property
    def rate(self) -> int:
        """Hz of the recordings."""
        return next(iter(self.sources.values())).rate

    @property
    def channels(self) -> int:
        """Channels of the recordings."""
        return next(iter(self.sources.values())).channels


class Deck:
    """Plays one take at a time on one device.

    Args:
        backend: where devices come from.
        clock: seconds, running on; the same in all threads.

    Attributes:
        device: name of the output to open; None for the one the system prefers.
        layout: how more than two channels are heard.
        feed: what the open device draws from.
        underruns: how often sound was not ready in time, in feeds that are gone.
    """

    def __init__(self, backend: Backend, clock: Callable[[], float]) -> None:
        self.backend = backend
        self.device: str | None = None
        self.layout: Layout = "mix"
        self.feed: Feed | None = None
        self.underruns = 0
        self._clock = clock
        self._stream: OutputStream | None = None
        self._form = (0, 0)  # rate and outputs the stream was opened for
        self._take: Take | None = None
        self._idle_since = 0.0
        self._calls = 0  # of the device, when last looked at
        self._called_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether a device is held."""
        return self._stream is not None

    @property
    def sources(self) -> Mapping[str, AudioSource] | None:
        """What is read from; None while nothing is played."""
        return None if self._take is None else self._take.sources

    def play(self, take: Take, voice: Voice) -> None:
        """Start a take, or go over to it with a short fade from the one that is playing.

        Raises:
            DeviceError: no device plays it.
        """
        feed = self._open_for(take)
        if self._take is not None and not feed.silent:
            feed.jump(lambda _: self._programme(take, take.route))
        else:
            self._wait_for_silence(feed)
            feed.start(self._programme(take, take.route), voice)
        self._take = take

    def alter(self, take: Take) -> None:
        """Take up another speed, or another loop, at the place that is being heard."""
        feed = self.feed
        if feed is None or feed.programme is None or self._take is None:
            return
        present = feed.programme
        feed.jump(lambda frame: self._programme(take, entered(take.route, present.position(frame))))
        self._take = take

    def swap(self, sources: Mapping[str, AudioSource]) -> None:
        """Go on at the same place in other sources."""
        if self._take is not None and self.feed is not None:
            self._take = replace(self._take, sources=sources)
            self.feed.swap(sources)

    def quiet(self) -> None:
        """Fade out, and keep the device for a while."""
        if self.feed is not None:
            self.feed.voice = None
        self._take = None
        self._idle_since = self._clock()

    def prepare(self) -> bool:
        """Prepare one block; False where there is no need. Raises what the sources raise."""
        return self._take is not None and self.feed is not None and self.feed.prepare()

    def tend(self) -> Take | None:
        """Look after the device; returns the take whose end was just heard.

        Raises:
            DeviceError: the device is gone.
        """
        self._watch()
        if self._take is None:
            if self._stream is not None and self._clock() - self._idle_since > _LINGER:
                self.shut()
            return None
        return self._arrived()

    def shut(self) -> None:
        """Let go of the device."""
        if self._stream is not None:
            self._stream.close()
        if self.feed is not None:
            self.underruns += self.feed.underruns
        self._stream = self.feed = self._take = None

    # -- Inside --------------------------------------------------------------------------------

    def _open_for(self, take: Take) -> Feed:
        form = take.rate, outputs_wanted(take.channels, self.layout)
        if self.feed is None or form != self._form:
            self.shut()
            stream = self._opened(*form)
            feed = Feed(stream.rate, self._clock)
            self._stream, self._form = stream, form
            self._calls, self._called_at = 0, self._clock()
            self.feed = feed
            stream.start(feed.fill)
        return self.feed

    def _opened(self, rate: int, outputs: int) -> OutputStream:
        try:
            return self.backend.open(self.device, rate, outputs)
        except DeviceError:
            self.backend.devices(rescan=True)  # it may have been connected since
            return self.backend.open(self.device, rate, outputs)

    def _wait_for_silence(self, feed: Feed) -> None:
        feed.voice = None
        patience = time.monotonic() + _FADE_PATIENCE
        while not feed.silent:
            if time.monotonic() > patience:
                raise self._lost()
            time.sleep(0.001)

    def _programme(self, take: Take, route: Route) -> Programme:
        stream = self._stream
        assert stream is not None
        ratio = rate_ratio(take.rate, take.speed, stream.rate)
        mapping = channel_map(take.channels, stream.outputs, self.layout)
        return Programme(take.number, take.sources, route, ratio, mapping)

    def _watch(self) -> None:
        if self._stream is None or self.feed is None:
            return
        now = self._clock()
        if self.feed.calls != self._calls:
            self._calls, self._called_at = self.feed.calls, now
        if self._stream.active and now - self._called_at <= _STALLED:
            return
        if self._take is not None:
            raise self._lost()
        self.shut()  # nobody hears the difference

    def _lost(self) -> DeviceError:
        assert self._stream is not None
        return DeviceError(
            f"The output device “{self._stream.device}” stopped, and playback with it. Connect it "
            "again, or choose another device, then play."
        )

    def _arrived(self) -> Take | None:
        """The take, once its end was heard."""
        feed, take = self.feed, self._take
        if feed is None or take is None or feed.ended is None or not feed.silent:
            return None
        programme = feed.programme
        assert programme is not None
        if feed.ended is not programme:  # it was jumped away from in the moment of its end
            feed.start(programme, feed.voice or Voice("original"))
            return None
        heard = feed.heard()
        if heard is None or programme.end is None or heard[1] < programme.end:
            return None
        self.quiet()
        return take


def entered(route: Route, frame: int) -> Route:
    """The same route from another frame on; one past its end is its end, or its start in a loop."""
    if not route.span.start <= frame < route.span.stop:
        frame = route.span.start if route.loop else route.span.stop - 1
    return replace(route, start=frame)
