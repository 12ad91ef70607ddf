"""What metadata says of positions, told anew for a part of a recording or another rate."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from clapsep_desktop.audio.chunk_metadata import Marker
from clapsep_desktop.timebase import Span

_TIME_REFERENCE = 338  # bytes into a bext chunk, 8 of them (EBU Tech 3285, 2.3)
_SINCE_MIDNIGHT = "TIMESTAMP_SAMPLES_SINCE_MIDNIGHT"
_IXML_RATES = ("TIMESTAMP_SAMPLE_RATE", "FILE_SAMPLE_RATE")


@dataclass(frozen=True)
class Excerpt:
    """Which part of a recording a file holds, and at what rate.

    Attributes:
        span: frames of the recording.
        source_rate: the recording's, Hz.
        rate: the file's, Hz.
        is_whole: whether the part is all of the recording, so that nothing changes but the rate.
    """

    span: Span
    source_rate: int
    rate: int
    is_whole: bool = False

    def frames(self, count: int) -> int:
        """So many frames of the recording, as frames of the file.

        >>> Excerpt(Span(0, 100), 48_000, 96_000).frames(10)
        20
        """
        return round(count * self.rate / self.source_rate)

    def markers(self, markers: list[Marker]) -> list[Marker]:
        """The markers that lie in the part, where they are in the file."""
        return [
            Marker(one.number, self.frames(one.frame - self.span.start), one.label)
            for one in markers
            if self.span.start <= one.frame < self.span.stop
        ]

    def bext(self, data: bytes) -> bytes:
        """A bext chunk whose time reference is that of the file's first frame."""
        if len(data) < _TIME_REFERENCE + 8:
            return data
        (start,) = struct.unpack_from("<Q", data, _TIME_REFERENCE)
        moved = struct.pack("<Q", self._since_midnight(start))
        return data[:_TIME_REFERENCE] + moved + data[_TIME_REFERENCE + 8 :]

    def ixml(self, data: bytes) -> bytes:
        """An iXML chunk with the file's rate and the time of its first frame."""
        halves = [_number(data, f"{_SINCE_MIDNIGHT}_{half}") for half in ("HI", "LO")]
        if None not in halves:
            high, low = (half or 0 for half in halves)
            moved = self._since_midnight((high << 32) + low)
            data = _with_number(data, f"{_SINCE_MIDNIGHT}_HI", moved >> 32)
            data = _with_number(data, f"{_SINCE_MIDNIGHT}_LO", moved & 0xFFFF_FFFF)
        for name in _IXML_RATES:
            if _number(data, name) == self.source_rate:
                data = _with_number(data, name, self.rate)
        return data

    def _since_midnight(self, frames: int) -> int:
        return min(self.frames(frames + self.span.start), 2**64 - 1)


def _element(name: str) -> re.Pattern[bytes]:
    return re.compile(rb"(<%s>\s*)(\d+)(\s*</%s>)" % (name.encode(), name.encode()))


def _number(data: bytes, name: str) -> int | None:
    match = _element(name).search(data)
    return int(match[2]) if match and len(match[2]) < 20 else None


def _with_number(data: bytes, name: str, number: int) -> bytes:
    return _element(name).sub(lambda match: b"%s%d%s" % (match[1], number, match[3]), data)
