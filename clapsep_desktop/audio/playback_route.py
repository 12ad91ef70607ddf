"""What is played: the way through a recording, and the blocks a device is given along it.

Everything here is a pure function of positions. A block depends on nothing but its programme and
its number, so that blocks may be computed again, in any order, while others are being heard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from clapsep_desktop.audio.resample import MAX_RATE, MIN_RATE, resample, support
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.timebase import Span

BLOCK = 1_024
"""Frames of the device that are prepared together: 21 ms at 48 kHz."""

_FINEST_RATIO = 1_000
"""Largest denominator of the ratio of two rates. Exact for all usual rates at normal speed; the
rest is less than a cent off. The position follows the ratio itself."""


@dataclass(frozen=True)
class Route:
    """The way through a recording, from one frame to the end of a span, or round and round it.

    Args:
        span: what is played.
        start: the frame heard first; within the span.
        loop: whether the span's start follows its end, without a seam.

    >>> Route(Span(10, 14), 12, loop=True).position(5)
    13
    """

    span: Span
    start: int
    loop: bool = False

    def __post_init__(self) -> None:
        if not self.span.start <= self.start < self.span.stop:
            raise ValueError(f"frame {self.start} lies outside {self.span}")

    @property
    def length(self) -> int | None:
        """Frames until the end; None for a loop."""
        return None if self.loop else self.span.stop - self.start

    def position(self, clock: int) -> int:
        """Frame of the recording that is heard after ``clock`` frames."""
        passed = self.start - self.span.start + clock
        if self.loop:
            return self.span.start + passed % self.span.length
        return min(self.span.start + passed, self.span.stop)

    def read(self, source: AudioSource, first: int, last: int) -> np.ndarray:
        """What is heard from clock ``first`` up to ``last``: float32 (last - first, channels).

        Silence before the start and after the end.
        """
        samples = np.zeros((last - first, source.channels), np.float32)
        begin = max(first, 0)
        end = last if self.length is None else min(last, self.length)
        if begin >= end:
            return samples
        if self.loop and self.span.length < end - begin:  # the span goes round within this read
            once = source.read(self.span.start, self.span.stop)
            turns = self.start - self.span.start + np.arange(begin, end)
            samples[begin - first : end - first] = once[turns % self.span.length]
            return samples
        while begin < end:
            frame = self.position(begin)
            count = min(end - begin, self.span.stop - frame)
            samples[begin - first : begin - first + count] = source.read(frame, frame + count)
            begin += count
        return samples


def rate_ratio(rate: int, speed: float, device_rate: int) -> Fraction:
    """Frames of a recording for each frame of the device.

    >>> rate_ratio(44_100, 1.0, 48_000)
    Fraction(147, 160)
    """
    return (Fraction(rate, device_rate) * Fraction(speed)).limit_denominator(_FINEST_RATIO)


@dataclass(frozen=True, eq=False)
class Programme:
    """What a device is given from one of its frames on.

    Args:
        take: number of the playback it belongs to.
        sources: a recording for each role ("original", "kept", "removed"); all have the same
            rate, channels and length.
        route: the way through them.
        ratio: frames of the recording for each frame of the device. Other than 1, the sound is
            resampled: at another speed it sounds higher or lower, as a tape does.
        channel_map: float32 (channels, outputs), see `channelmap.channel_map`.
        origin: the device's frame at which the route starts; a multiple of `BLOCK`.
    """

    take: int
    sources: Mapping[str, AudioSource]
    route: Route
    ratio: Fraction
    channel_map: np.ndarray
    origin: int = 0

    @property
    def end(self) -> int | None:
        """One past the device's last frame; None for a loop."""
        length = self.route.length
        return None if length is None else self.origin + -(-length // self.ratio)

    def position(self, frame: int) -> int:
        """Frame of the recording that is heard at a frame of the device."""
        return self.route.position(int((frame - self.origin) * self.ratio))


@dataclass(frozen=True, eq=False)
class Level:
    """How loud a stretch is, in each channel of the recording.

    Attributes:
        peak: float32 (channels,), the largest magnitude.
        power: float32 (channels,), the mean square.
    """

    peak: np.ndarray
    power: np.ndarray


@dataclass(frozen=True, eq=False)
class Sound:
    """One role's part of a block.

    Attributes:
        samples: float32 (BLOCK, outputs).
        level: of the channels before they were mixed for the device.
    """

    samples: np.ndarray
    level: Level


@dataclass(frozen=True, eq=False)
class Block:
    """`BLOCK` prepared frames of the device, of every role.

    Attributes:
        index: its number; it starts at the device's frame ``index * BLOCK``.
        programme: what it is a part of.
        sounds: by role.
        previous: the block that it took the place of before that was heard.
    """

    index: int
    programme: Programme
    sounds: Mapping[str, Sound]
    previous: Block | None = field(default=None, repr=False)


def render(programme: Programme, index: int) -> Block:
    """Read, resample and map one block; raises what the sources raise."""
    start = index * BLOCK - programme.origin
    sounds: dict[str, Sound] = {}
    same: dict[int, str] = {}  # the same source often stands for two roles
    for role, source in programme.sources.items():
        known = same.setdefault(id(source), role)
        sounds[role] = sounds[known] if known != role else _sound(programme, source, start)
    return Block(index, programme, sounds)


def _sound(programme: Programme, source: AudioSource, start: int) -> Sound:
    samples = _at_device_rate(programme, source, start)  # (BLOCK, channels)
    if np.array_equal(programme.channel_map, np.eye(source.channels)):
        mapped = samples
    else:
        mapped = samples @ programme.channel_map
    power = np.einsum("nc,nc->c", samples, samples) / BLOCK
    return Sound(mapped, Level(np.abs(samples).max(axis=0), power))


def _at_device_rate(programme: Programme, source: AudioSource, start: int) -> np.ndarray:
    step_in, step_out = programme.ratio.as_integer_ratio()
    if step_in == step_out:
        return programme.route.read(source, start, start + BLOCK)
    scale = -(-MIN_RATE // min(step_in, step_out))
    rate_in, rate_out = step_in * scale, step_out * scale  # any two rates of this ratio will do
    assert max(rate_in, rate_out) <= MAX_RATE
    first, last = support(start, start + BLOCK, rate_in, rate_out)
    native = programme.route.read(source, first, last)
    return resample(native, first, rate_in, rate_out, start, start + BLOCK)
