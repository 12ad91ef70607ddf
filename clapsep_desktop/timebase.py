"""Positions in a recording: spans of frames, and their translation to and from seconds.

A *frame* here is one sample of every channel, counted from 0 at the start of the file.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from clapsep_desktop.errors import SpanError

_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?|\.\d+)")


@dataclass(frozen=True, order=True)
class Span:
    """A half-open range of frames, ``start <= frame < stop``.

    >>> Span(10, 30).length
    20
    >>> Span(10, 30).clipped(0, 20)
    Span(start=10, stop=20)
    """

    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise SpanError(
                f"The selection from frame {self.start} to {self.stop} holds nothing: "
                "its end must lie after its start, and its start at 0 or later."
            )

    @property
    def length(self) -> int:
        """Number of frames."""
        return self.stop - self.start

    def clipped(self, start: int, stop: int) -> Span:
        """The part inside ``[start, stop)``; raises SpanError where nothing is left."""
        return Span(max(self.start, start), min(self.stop, stop))

    @classmethod
    def from_seconds(cls, start: float | None, stop: float | None, rate: int, frames: int) -> Span:
        """The span between two times of a recording of ``frames`` frames at ``rate`` Hz.

        ``None`` stands for the recording's own start or end. An end past the recording is cut
        to it; a start at or past its end, a reversed or an empty span raises SpanError.
        """
        for seconds in (start, stop):
            if seconds is not None and not math.isfinite(seconds):
                raise SpanError("A time must be a finite number of seconds.")
        first = 0 if start is None else seconds_to_frames(start, rate)
        last = frames if stop is None else min(seconds_to_frames(stop, rate), frames)
        if first < 0:
            raise SpanError("A selection cannot start before the recording does.")
        if first >= frames:
            raise SpanError(
                f"The selection starts at {format_time(first / rate)}, "
                f"but the recording ends at {format_time(frames / rate)}."
            )
        if last <= first:
            raise SpanError(
                f"The selection from {format_time(first / rate)} to "
                f"{format_time(max(last, 0) / rate)} is empty: its end must lie after its start."
            )
        return cls(first, last)


def seconds_to_frames(seconds: float, rate: int) -> int:
    """The frame nearest to a time.

    >>> seconds_to_frames(0.5, 48_000)
    24000
    """
    return round(seconds * rate)


def parse_time(text: str) -> float:
    """Seconds from ``ss.mmm``, ``mm:ss.mmm`` or ``hh:mm:ss.mmm``; raises SpanError otherwise.

    >>> parse_time("1:02.5")
    62.5
    """
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise SpanError(f"“{text[:40]}” is not a time. Write seconds (12.5) or hh:mm:ss.mmm.")
    hours, minutes, seconds = match.groups()
    # No whole numbers: one of hundreds of digits would not become a float.
    return float(hours or 0) * 3600 + float(minutes or 0) * 60 + float(seconds)


def format_time(seconds: float) -> str:
    """``hh:mm:ss.mmm``.

    >>> format_time(3723.5)
    '01:02:03.500'
    """
    milliseconds = round(seconds * 1000)
    whole, milliseconds = divmod(milliseconds, 1000)
    minutes, whole = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{whole:02d}.{milliseconds:03d}"
