"""The transport: plays a recording, and what was kept and removed of it, on a sound card.

All roles are prepared for the same place, so that the ear can go from one to another without a
gap. A thread of the player's own opens the device and reads ahead (`playback_feed.Feed`); the
calls below only leave it a note, and never wait for a disk or a card.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from clapsep_desktop.audio.channelmap import Layout
from clapsep_desktop.audio.devices import Backend, OutputDevice, PortAudio
from clapsep_desktop.audio.meter import Levels, levels_of
from clapsep_desktop.audio.playback_deck import Deck, Take, entered
from clapsep_desktop.audio.playback_feed import Voice
from clapsep_desktop.audio.playback_route import Route
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.errors import ClapSepError, DeviceError
from clapsep_desktop.timebase import Span

MIN_SPEED = 0.5
MAX_SPEED = 2.0

_TURN = 0.005  # seconds between looks at the ring while a device is open
_PATIENCE = 10.0  # seconds to wait for a device that does not let itself be closed


class Player:
    """Plays recordings of one rate, channel count and length, one for each role. Knows no Qt.

    Every method may be called from any one thread, and returns at once. `close` ends the
    player's thread and must be called.

    Args:
        backend: what plays; this machine's sound cards by default.
        clock: seconds, running on; the same in all threads.

    Attributes:
        on_trouble: called with a sentence for the user when playback stopped because of a
            device or a recording; from the player's thread.
        on_change: called when playback ended or failed by itself and when the list of devices
            was read; from the player's thread.
    """

    def __init__(
        self, backend: Backend | None = None, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.on_trouble: Callable[[str], None] = _nothing
        self.on_change: Callable[[], None] = _nothing
        self._lock = threading.Lock()  # for the fields below; never taken by the callback
        self._sources: Mapping[str, AudioSource] = {}
        self._role = "original"
        self._gains: dict[str, float] = {}  # dB
        self._take: Take | None = None  # what is played; None while nothing is
        self._paused: Take | None = None
        self._takes = 0
        self._rest = 0  # the place, while nothing is played
        self._device: str | None = None
        self._layout: Layout = "mix"
        self._devices: tuple[OutputDevice, ...] = ()
        self._deck = Deck(backend or PortAudio(), clock)  # the player's thread's
        self._notes: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    # -- What is played ------------------------------------------------------------------------

    def set_sources(self, sources: Mapping[str, AudioSource]) -> None:
        """Play these from now on; without a gap where rate, channels and length are the same.

        Give the same ones again to have them read anew, as while an extraction grows. Reads come
        from the player's thread. A role that is missing is silent.
        """
        forms = {(source.rate, source.channels, source.frames) for source in sources.values()}
        if len(forms) > 1:
            raise ValueError("all roles must have the same rate, channels and length")
        if forms != {_form(self._sources)}:
            self.stop()
            self._rest = 0
        with self._lock:
            self._sources = dict(sources)
            if self._take is not None:
                self._take = replace(self._take, sources=self._sources)
            take = self._take
        if take is not None:
            self._note(self._swap)

    @property
    def frames(self) -> int:
        """Length of what is played."""
        return _form(self._sources)[2]

    @property
    def rate(self) -> int:
        """Hz of what is played; 0 where there is nothing."""
        return _form(self._sources)[0]

    @property
    def role(self) -> str:
        """What is heard: "original", "kept" or "removed". A change is heard at once."""
        return self._role

    @role.setter
    def role(self, role: str) -> None:
        self._role = role
        self._speak()

    def set_gain(self, role: str, gain: float) -> None:
        """Play a role louder or softer: ``gain`` in dB."""
        if not math.isfinite(gain):
            raise ValueError("a gain must be finite")
        self._gains[role] = gain
        self._speak()

    def gain(self, role: str) -> float:
        """The gain of a role, in dB."""
        return self._gains.get(role, 0.0)

    # -- Transport -----------------------------------------------------------------------------

    def play(
        self,
        span: Span | None = None,
        *,
        start: int | None = None,
        loop: bool = False,
        speed: float = 1.0,
    ) -> None:
        """Play a span, or all there is, from a frame on.

        Args:
            span: what to play; the whole recording by default. Cut to the recording.
            start: the frame to begin with; where the player stands without a span, the span's
                start with one. Where it lies outside, the span's start is taken.
            loop: whether to go round in the span.
            speed: `MIN_SPEED` to `MAX_SPEED`. The pitch follows the speed.
        """
        _check_speed(speed)
        if not self.frames:
            return
        whole = Span(0, self.frames)
        inside = whole if span is None or span.start >= self.frames else span.clipped(0, whole.stop)
        if start is None:
            start = self.position if span is None else inside.start
        if not inside.start <= start < inside.stop:
            start = inside.start
        self._play(Route(inside, start, loop), speed)

    def pause(self) -> None:
        """Stop here; `resume` goes on in the same span."""
        self._halt(keep=True)

    def resume(self) -> None:
        """Go on after `pause`, from where the player stands by now."""
        paused = self._paused
        if paused is not None and self.frames:
            self._play(_moved(paused.route, self._rest, self.frames), paused.speed)

    def stop(self) -> None:
        """Stop, and go back to where playback began."""
        self._halt(keep=False)

    def seek(self, frame: int) -> None:
        """Go to a frame; playback goes on there.

        Within the span that is played it stays in it; outside it plays on to the end.
        """
        frame = min(max(frame, 0), max(self.frames - 1, 0))
        take = self._take
        if take is None:
            self._rest = frame
        else:
            self._play(_moved(take.route, frame, self.frames), take.speed)

    @property
    def loop(self) -> bool:
        """Whether playback goes round; may change while it does."""
        take = self._take or self._paused
        return take is not None and take.route.loop

    @loop.setter
    def loop(self, loop: bool) -> None:
        self._alter(lambda take: replace(take, route=replace(take.route, loop=loop)))

    @property
    def speed(self) -> float:
        """Times the normal speed; may change while something is played."""
        take = self._take or self._paused
        return 1.0 if take is None else take.speed

    @speed.setter
    def speed(self, speed: float) -> None:
        _check_speed(speed)
        self._alter(lambda take: replace(take, speed=speed))

    def set_span(self, span: Span) -> None:
        """Go on within another span, as when a loop's edges are moved; the place stays in it."""
        if self.frames and span.start < self.frames:
            inside = span.clipped(0, self.frames)
            self._alter(
                lambda take: replace(
                    take, route=Route(inside, inside.start, take.route.loop), began=inside.start
                )
            )

    @property
    def is_playing(self) -> bool:
        """Whether something is played, or about to be."""
        return self._take is not None

    @property
    def is_paused(self) -> bool:
        """Whether `resume` has something to go on with."""
        return self._paused is not None

    @property
    def position(self) -> int:
        """Frame of the recording that is heard now; where playback would begin, in silence."""
        take, feed = self._take, self._deck.feed
        if take is None:
            return self._rest
        heard = feed.heard() if feed is not None else None
        if heard is None or heard[0].take != take.number:  # not yet heard
            return take.route.start
        programme, frame = heard
        return programme.position(frame)

    @property
    def underruns(self) -> int:
        """How often sound was not ready in time, since the player exists."""
        feed = self._deck.feed
        return self._deck.underruns + (feed.underruns if feed else 0)

    def levels(self) -> Levels | None:
        """How loud it was since the last call; None where nothing was heard."""
        feed = self._deck.feed
        return levels_of(feed.metered(), feed.rate) if feed is not None else None

    # -- Devices -------------------------------------------------------------------------------

    def devices(self) -> Sequence[OutputDevice]:
        """The outputs as they were last seen; see `look_for_devices`."""
        return self._devices

    def look_for_devices(self) -> None:
        """Look anew, if nothing is played; `on_change` tells when that is done."""
        self._note(self._look)

    @property
    def device(self) -> str | None:
        """Name of the output to play on; None for the one the system prefers."""
        return self._device

    def set_device(self, name: str | None) -> None:
        """Play on another output; what is being played goes on there."""
        if name != self._device:
            self._device = name
            self._reopen_later()

    @property
    def layout(self) -> Layout:
        """How more than two channels are heard; see `channelmap.Layout`."""
        return self._layout

    def set_layout(self, layout: Layout) -> None:
        """Hear more than two channels in another way; what is being played goes on."""
        if layout != self._layout:
            self._layout = layout
            self._reopen_later()

    def settle(self, timeout: float = 10.0) -> bool:
        """Wait until all that was asked for so far is done and read ahead; for scripts and tests.

        Returns whether that was so within ``timeout`` seconds.
        """
        done = threading.Event()

        def read_ahead() -> None:
            while self._deck.prepare():
                pass
            done.set()

        self._note(read_ahead)
        return done.wait(timeout)

    def close(self) -> None:
        """Stop, let go of the device and end the thread; a second call does nothing."""
        self.stop()
        if self._thread is not None:
            self._notes.put(None)
            self._thread.join(_PATIENCE)
            self._thread = None

    # -- Notes for the thread ------------------------------------------------------------------

    def _reopen_later(self) -> None:
        if self._thread is not None:
            self._note(self._reopen)

    def _note(self, action: Callable[[], None]) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="playback", daemon=True)
            self._thread.start()
        self._notes.put(action)

    def _play(self, route: Route, speed: float) -> None:
        with self._lock:
            self._takes += 1
            self._paused = None
            self._take = take = Take(self._takes, self._sources, route, speed, route.start)
        self._note(lambda: self._start(take.number))

    def _halt(self, *, keep: bool) -> None:
        position = self.position
        with self._lock:
            take = self._take
            if take is None:
                self._paused = self._paused if keep else None
                return
            self._take = None
            self._paused = take if keep else None
            self._rest = position if keep else take.began
        self._note(self._quiet)

    def _alter(self, change: Callable[[Take], Take]) -> None:
        with self._lock:
            if self._take is not None:
                self._take = change(self._take)
            elif self._paused is not None:
                self._paused = change(self._paused)
        self._note(self._take_up)

    def _speak(self) -> None:
        """Tell the feed what is to be heard; the callback takes it up at once."""
        feed = self._deck.feed
        with self._lock:
            if feed is not None and feed.voice is not None:
                feed.voice = self._voice()

    def _voice(self) -> Voice:
        return Voice(self._role, 10 ** (self.gain(self._role) / 20))

    # -- The player's thread -------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            try:
                note = self._notes.get(timeout=_TURN if self._deck.is_open else None)
            except queue.Empty:
                note = _nothing
            if note is None:
                break
            try:
                note()
                while self._notes.empty() and self._deck.prepare():
                    pass
                self._finish(self._deck.tend())
            except ClapSepError as error:
                self._fail(str(error))
            except Exception as error:  # a source's own; the session must go on
                self._fail(f"Playback stopped: the recording cannot be read here ({error}).")
        self._deck.shut()

    def _is_outdated(self) -> bool:
        """Whether sources are read that nobody wants any more, and may have been closed."""
        take, sources = self._take, self._deck.sources
        return take is None or (sources is not None and sources is not take.sources)

    def _start(self, number: int) -> None:
        take = self._take
        if take is not None and take.number == number:  # neither stopped nor overtaken meanwhile
            self._deck.device, self._deck.layout = self._device, self._layout
            self._deck.play(take, self._voice())
            self._speak()  # the role may have changed while the device was opened

    def _swap(self) -> None:
        take = self._take
        if take is not None:
            self._deck.swap(take.sources)

    def _take_up(self) -> None:
        take = self._take
        if take is not None:
            self._deck.alter(take)

    def _quiet(self) -> None:
        with self._lock:  # against `_speak`
            if self._take is None:
                self._deck.quiet()

    def _reopen(self) -> None:
        """Go on with another device or layout."""
        position = self.position
        self._deck.shut()
        with self._lock:
            if self._take is None:
                return
            self._take = take = replace(self._take, route=entered(self._take.route, position))
        self._start(take.number)

    def _look(self) -> None:
        if self._take is None:
            self._deck.shut()
        try:
            self._devices = tuple(self._deck.backend.devices(rescan=not self._deck.is_open))
        except DeviceError:
            self._devices = ()
        self.on_change()

    def _finish(self, over: Take | None) -> None:
        """Playback ended by itself: back to where it began."""
        with self._lock:
            take = self._take
            if over is None or take is None or take.number != over.number:
                return
            self._take = None
            self._rest = take.began
        self.on_change()

    def _fail(self, sentence: str) -> None:
        """Playback cannot go on: stay here, so that it can go on later."""
        if self._is_outdated():  # a note about that is on its way
            return
        position = self.position
        self._deck.shut()
        with self._lock:
            failed, self._take = self._take, None
            if failed is not None:
                self._paused, self._rest = failed, position
        self.on_change()
        self.on_trouble(sentence)


def _form(sources: Mapping[str, AudioSource]) -> tuple[int, int, int]:
    """Rate, channels and frames of what is played."""
    source = next(iter(sources.values()), None)
    return (0, 0, 0) if source is None else (source.rate, source.channels, source.frames)


def _moved(route: Route, frame: int, frames: int) -> Route:
    """The same route from a frame on; from one outside its span, on to the recording's end."""
    if route.span.start <= frame < route.span.stop:
        return replace(route, start=frame)
    frame = min(frame, frames - 1)
    return Route(Span(frame, frames), frame)


def _check_speed(speed: float) -> None:
    if not MIN_SPEED <= speed <= MAX_SPEED:
        raise ValueError(f"a speed of {speed} lies outside {MIN_SPEED} to {MAX_SPEED}")


def _nothing(*_: object) -> None:
    """What is done where nobody asked for anything."""
