"""Between the prefetch thread and the device's callback: a ring of prepared blocks.

The callback may not wait: it takes what lies ready and answers with silence where nothing does.
So there is no lock in here. The two threads share references that each changes whole, which in
CPython is indivisible: a slot of the ring is written by the prefetch thread only, the number of
frames taken by the callback only.

A block that was not heard yet can be replaced, and remembers the one it replaced: whatever
changes (the role, a gain, the sources, the place), the callback finds both the sound it comes
from and the one it goes to, and fades from one to the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from clapsep_desktop.audio.playback_route import BLOCK, Block, Level, Programme, Sound, render
from clapsep_desktop.audio.source import AudioSource

_AHEAD_SECONDS = 0.35
"""How far is read ahead: enough to outlast a busy disk or interpreter."""

_FADE_SECONDS = 0.010

_TRAIL = 4_096
"""Pieces remembered after they were handed over: more than any device's latency holds."""


@dataclass(frozen=True)
class Voice:
    """What is to be heard: a role and its gain (linear)."""

    role: str
    gain: float = 1.0


@dataclass(frozen=True)
class _Tone:
    """What is heard: a voice of a programme."""

    programme: Programme
    voice: Voice


@dataclass(frozen=True, eq=False)
class Piece:
    """A stretch of the device's frames that was handed over.

    Attributes:
        time: when its first frame is heard, on the feed's clock.
        frame: its first frame of the device.
        frames: its length.
        programme: what it is a part of.
        level: of the block it was taken from, before the gain; None where nothing has the role.
        gain: linear.
    """

    time: float
    frame: int
    frames: int
    programme: Programme
    level: Level | None
    gain: float


class Feed:
    """What a device's callback draws from.

    Args:
        rate: Hz of the device.
        clock: seconds, running on; the same in all threads.

    Attributes:
        voice: what is to be heard from the next callback on, None to fade out. Set by any thread.
        underruns: how often a block was not ready in time.
        calls: how often the device asked.
        ended: the programme whose end was reached; nothing more is heard until the next start.
    """

    def __init__(self, rate: int, clock: Callable[[], float]) -> None:
        self.rate = rate
        self.voice: Voice | None = None
        self.underruns = 0
        self.calls = 0
        self.ended: Programme | None = None
        self._clock = clock
        self._size = math.ceil(_AHEAD_SECONDS * rate / BLOCK) + 2  # of the ring, in blocks
        self._slots: list[Block | None] = [None] * self._size
        self._programme: Programme | None = None
        self._next = 0  # index of the block that is prepared next
        # The callback's own.
        self._frame = 0  # of the device, handed over next; stands still in silence
        self._tone: _Tone | None = None
        self._before: _Tone | None = None  # what is being faded from
        self._fading = 0  # frames
        self._starved = False
        # Rises over the fade, never quite 0 or 1: (n, 1).
        steps = max(round(_FADE_SECONDS * rate), 1)
        self._ramp = ((np.arange(steps, dtype=np.float32) + 0.5) / steps)[:, np.newaxis]
        self._trail: list[Piece | None] = [None] * _TRAIL
        self._handed = 0  # pieces so far; written by the callback
        # The readers' own.
        self._fresh = 0  # the first piece of the present playback
        self._metered = 0  # the first piece whose level was not told yet
        self._latest = 0  # the furthest frame that was told as heard

    # -- The prefetch thread's side ------------------------------------------------------------

    @property
    def silent(self) -> bool:
        """Whether nothing is heard any more, fades included."""
        return self._tone is None and not self._fading

    @property
    def programme(self) -> Programme | None:
        """What is being played."""
        return self._programme

    def start(self, programme: Programme, voice: Voice, ready: int = 4) -> None:
        """Play from the programme's first frame on, at once and without a fade; only in silence.

        Args:
            programme: its origin is set here.
            voice: what is heard of it.
            ready: blocks to prepare beforehand.
        """
        assert self.silent, "something is being heard"
        self.voice = None
        self.ended = None
        self._slots = [None] * self._size
        self._programme = replace(programme, origin=self._frame)
        self._next = self._frame // BLOCK
        self._fresh = self._metered = self._handed
        self._latest = self._frame
        for _ in range(ready):
            self.prepare()
        self.voice = voice

    def swap(self, sources: Mapping[str, AudioSource]) -> None:
        """Go on at the same place in other sources, or in the same ones read anew."""
        assert self._programme is not None, "nothing is being played"
        self._programme = replace(self._programme, sources=sources)
        self._next = min(self._next, self._reading + 1)

    def jump(self, make: Callable[[int], Programme]) -> None:
        """Go over to another programme, with a short fade, as soon as its first block is ready.

        Args:
            make: the programme, given the device's frame with which it starts; that becomes its
                origin. Called again where the callback was faster.
        """
        present = self._programme
        assert present is not None, "nothing is being played"
        while True:
            index, passed = divmod(self._frame, BLOCK)
            index += 1 if passed <= BLOCK // 2 else 2  # time to prepare it
            while self._next < index:  # the callback was faster than the disk
                self._put(render(present, self._next))
            programme = replace(make(index * BLOCK), origin=index * BLOCK)
            block = render(programme, index)
            if self._reading < index:
                break
        self._programme = programme
        self._put(block)

    def prepare(self) -> bool:
        """Prepare the next block; False where there is no room, or nothing left to play.

        Raises what the sources raise.
        """
        programme = self._programme
        if programme is None:
            return False
        index = max(self._next, self._reading)
        end = programme.end
        if index >= self._reading + self._size or (end is not None and index * BLOCK >= end):
            return False
        self._put(render(programme, index))
        return True

    @property
    def _reading(self) -> int:
        """Index of the block that is being taken, or is taken next."""
        return self._frame // BLOCK

    def _put(self, block: Block) -> None:
        slot = block.index % self._size
        old = self._slots[slot]
        if old is not None and old.index == block.index:
            block = replace(block, sounds=_kept_where_equal(old, block), previous=old)
        self._slots[slot] = block
        self._next = block.index + 1

    # -- The callback's side -------------------------------------------------------------------

    def fill(self, out: np.ndarray, delay: float) -> None:
        """Hand over the next frames; the device's callback.

        Args:
            out: float32 (n, outputs), filled whole.
            delay: seconds until its first frame is heard.
        """
        self.calls += 1
        time = self._clock() + delay
        done = 0
        while done < len(out):
            count = self._hand_over(out[done:], time + done / self.rate)
            if not count:
                out[done:] = 0
                return
            done += count

    def _hand_over(self, out: np.ndarray, time: float) -> int:
        """Fill the beginning of ``out``, as far as one block and one fade reach; 0 for silence."""
        voice = self.voice
        if self.silent and (voice is None or self.ended is not None):
            return 0
        index, offset = divmod(self._frame, BLOCK)
        block = self._slots[index % self._size]
        if block is None or block.index != index or self._is_left_behind(block):
            self.underruns += not self._starved
            self._starved = True
            if voice is None:  # nothing to fade out
                self._fall_silent()
            return 0
        self._starved = False
        end = block.programme.end
        if end is not None and self._frame >= end:
            self.ended = block.programme
            self._fall_silent()
            return 0
        self._turn_to(block, voice)
        count = min(len(out), BLOCK - offset)
        if end is not None:
            count = min(count, end - self._frame)
        if self._fading:
            count = min(count, self._fading)
        tone = self._tone or self._before
        assert tone is not None
        self._mix(block, slice(offset, offset + count), out[:count])
        sound = block.sounds.get(tone.voice.role)
        level = None if sound is None else sound.level
        piece = Piece(time, self._frame, count, block.programme, level, tone.voice.gain)
        self._trail[self._handed % _TRAIL] = piece
        self._handed += 1
        self._frame += count
        if self.silent:
            self._fall_silent()
        return count

    def _is_left_behind(self, block: Block) -> bool:
        """Whether a block was prepared before a jump that was already made."""
        return self._tone is not None and block.programme.origin < self._tone.programme.origin

    def _turn_to(self, block: Block, voice: Voice | None) -> None:
        """Begin a fade where something else is to be heard; one fade at a time."""
        if self._fading:
            return
        tone = None if voice is None else _Tone(block.programme, voice)
        if tone == self._tone:
            return
        unheard = self._tone is None or (
            tone is not None
            and tone.voice == self._tone.voice
            and _sound(block, tone) is _sound(block, self._tone)
        )
        if not unheard:
            self._before = self._tone
            self._fading = len(self._ramp)
        self._tone = tone

    def _mix(self, block: Block, part: slice, out: np.ndarray) -> None:
        _play(block, self._tone, part, out)
        if not self._fading:
            return
        before = np.empty_like(out)
        _play(block, self._before, part, before)
        done = len(self._ramp) - self._fading
        ramp = self._ramp[done : done + len(out)]
        out *= ramp
        before *= 1 - ramp
        out += before
        self._fading -= len(out)

    def _fall_silent(self) -> None:
        self._tone = self._before = None
        self._fading = 0
        self._frame = -(-self._frame // BLOCK) * BLOCK  # what comes next starts with a block

    # -- The readers' side ---------------------------------------------------------------------

    def heard(self) -> tuple[Programme, int] | None:
        """What is heard now: the programme, and the device's frame; None before the first.

        The frame never goes back while one playback lasts, however the device's clock jitters.
        """
        now = self._clock()
        handed = self._handed
        for number in range(handed - 1, max(self._fresh, handed - _TRAIL) - 1, -1):
            piece = self._trail[number % _TRAIL]
            if piece is not None and piece.time <= now:
                passed = min(round((now - piece.time) * self.rate), piece.frames)
                self._latest = max(self._latest, piece.frame + passed)
                return piece.programme, self._latest
        return None

    def metered(self) -> list[Piece]:
        """The pieces that began to be heard since the last call."""
        now = self._clock()
        handed = self._handed
        pieces: list[Piece] = []
        self._metered = max(self._metered, handed - _TRAIL)
        while self._metered < handed:
            piece = self._trail[self._metered % _TRAIL]
            if piece is None or piece.time > now:
                break
            pieces.append(piece)
            self._metered += 1
        return pieces


def _sound(block: Block, tone: _Tone) -> Sound | None:
    """A tone's part of a block, or of one that it replaced."""
    candidate: Block | None = block
    while candidate is not None and candidate.programme is not tone.programme:
        candidate = candidate.previous
    return None if candidate is None else candidate.sounds.get(tone.voice.role)


def _play(block: Block, tone: _Tone | None, part: slice, out: np.ndarray) -> None:
    sound = None if tone is None else _sound(block, tone)
    if tone is None or sound is None:
        out[:] = 0
    else:
        np.multiply(sound.samples[part], np.float32(tone.voice.gain), out=out)


def _kept_where_equal(old: Block, new: Block) -> dict[str, Sound]:
    """The new block's sounds, but the old ones themselves where nothing changed."""
    sounds = dict(new.sounds)
    for role, sound in sounds.items():
        former = old.sounds.get(role)
        if former is not None and np.array_equal(former.samples, sound.samples):
            sounds[role] = former
    return sounds
