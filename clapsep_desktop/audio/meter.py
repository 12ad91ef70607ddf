"""Level meters: what is measured, and how a reading moves. Widget-free; time is an argument."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clapsep_desktop.audio.playback_feed import Piece

FLOOR = -60.0
"""dBFS; the lowest level a meter shows."""

FULL_SCALE = 1.0 - 2.0**-15
"""A peak from here on counts as clipped: the largest sample that 16 bits hold."""

_FALL = 20.0  # dB a second by which a peak falls back (IEC 60268-10, type I: 20 dB in 1.7 s)
_HOLD = 1.5  # seconds for which the highest peak stays marked
_RMS_TIME = 0.3  # seconds; time constant of the RMS reading


@dataclass(frozen=True, eq=False)
class Levels:
    """How loud a stretch was, each array float32 (channels,), full scale = 1.0.

    Attributes:
        peak: the largest magnitude.
        power: the mean square.
        seconds: how long it was.
    """

    peak: np.ndarray
    power: np.ndarray
    seconds: float


def levels_of(pieces: Sequence[Piece], rate: int) -> Levels | None:
    """The levels of what was heard, gains included; None where nothing was.

    A channel of the recording is measured before it is mixed for the device: a mix of many
    channels can hide that one of them clips.
    """
    measured = [(piece, piece.level) for piece in pieces if piece.level is not None]
    if not measured:
        return None
    peaks = [level.peak * piece.gain for piece, level in measured]
    powers = [level.power * (piece.gain**2 * piece.frames) for piece, level in measured]
    frames = sum(piece.frames for piece, _ in measured)
    peak = np.max(peaks, axis=0).astype(np.float32)
    return Levels(peak, (np.sum(powers, axis=0) / frames).astype(np.float32), frames / rate)


def decibels(magnitude: float) -> float:
    """DBFS of a magnitude, not below `FLOOR`.

    >>> decibels(1.0), decibels(0.0)
    (0.0, -60.0)
    """
    return max(20 * math.log10(magnitude), FLOOR) if magnitude > 0 else FLOOR


class ChannelMeter:
    """The reading of one channel.

    Attributes:
        peak: dBFS; rises at once and falls slowly.
        rms: dBFS.
        held: dBFS; the highest peak of the last while.
        clipped: whether full scale was reached since `reset_clip`.
    """

    def __init__(self) -> None:
        self.clipped = False
        self.rest()

    def rest(self) -> None:
        """Fall to the bottom; the lamp stays as it is."""
        self.peak = self.rms = self.held = FLOOR
        self._power = 0.0
        self._held_for = 0.0  # seconds

    def update(self, peak: float, power: float, seconds: float) -> None:
        """Take in a stretch: its largest magnitude, its mean square, and how long it was."""
        level = decibels(peak)
        self.peak = max(level, self.peak - _FALL * seconds, FLOOR)
        self._power += (power - self._power) * -math.expm1(-seconds / _RMS_TIME)
        self.rms = decibels(math.sqrt(self._power))
        self._held_for += seconds
        if level >= self.held or self._held_for > _HOLD:
            self.held = self.peak
            self._held_for = 0.0
        self.clipped = self.clipped or peak >= FULL_SCALE

    def reset_clip(self) -> None:
        """Put the lamp out."""
        self.clipped = False


class Meter:
    """The readings of all channels."""

    def __init__(self, channels: int = 0) -> None:
        self.channels = [ChannelMeter() for _ in range(channels)]

    def update(self, levels: Levels | None, seconds: float) -> None:
        """Move on by some time, in which ``levels`` were heard; None for silence."""
        if levels is not None and len(levels.peak) != len(self.channels):
            self.channels = [ChannelMeter() for _ in levels.peak]
        for number, channel in enumerate(self.channels):
            if levels is None:
                channel.update(0.0, 0.0, seconds)
            else:
                channel.update(float(levels.peak[number]), float(levels.power[number]), seconds)

    def rest(self) -> None:
        """Fall to the bottom; lamps stay as they are."""
        for channel in self.channels:
            channel.rest()

    def reset_clip(self) -> None:
        """Put all lamps out."""
        for channel in self.channels:
            channel.reset_clip()
