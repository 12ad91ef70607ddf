"""What came of an extraction, for a person and for a script."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clapsep_desktop import __version__
from clapsep_desktop.audio.export import ExportResult
from clapsep_desktop.audio.formats import AudioInfo
from clapsep_desktop.audio.nulltest import NullTest
from clapsep_desktop.cli.console import speed_text
from clapsep_desktop.timebase import Span, format_time

if TYPE_CHECKING:
    from clapsep_desktop.cli.job import Request
    from clapsep_desktop.separation.condition import Condition
    from clapsep_desktop.separation.plan import Plan


@dataclass
class Report:
    """What came of a request."""

    request: Request
    info: AudioInfo
    span: Span
    band: tuple[float, float] | None  # Hz
    plan: Plan
    devices: dict[str, str]  # of each model
    conditions: tuple[Condition | None, ...]  # of each step of the plan
    written: ExportResult
    seconds: dict[str, float]  # of each phase
    peaks: dict[str, float]  # of the kept and the removed sound in the selection
    null: NullTest | None
    notes: list[str] = field(default_factory=list)

    @property
    def speed(self) -> float:
        """Seconds of sound separated and written in a second."""
        return self.span.length / self.info.rate / max(self.seconds["separating"], 1e-9)

    def to_dict(self) -> dict[str, Any]:
        """As ``--json`` answers."""
        return {
            "version": __version__,
            "source": {
                "path": str(self.request.source),
                "format": str(self.info),
                "rate": self.info.rate,
                "channels": self.info.channels,
                "frames": self.info.frames,
                "sha256": sha256(self.request.source),
            },
            "selection": {
                "start": self.span.start / self.info.rate,
                "end": self.span.stop / self.info.rate,
                "first_frame": self.span.start,
                "end_frame": self.span.stop,
                "band": self.band,
            },
            "query": self.request.query.to_dict(),
            "plan": self.plan.to_dict(),
            "devices": self.devices,
            "conditions": [each and each.to_dict() for each in self.conditions],
            "channels": self.request.channels,
            "kept": self._file("kept"),
            "removed": self._file("removed"),
            "null_test": self._null(),
            "seconds": {name: round(seconds, 4) for name, seconds in self.seconds.items()},
            "speed": round(self.speed, 2),
            "notes": self.notes,
        }

    def _file(self, role: str) -> dict[str, Any] | None:
        path: Path | None = getattr(self.written, role)
        if path is None:
            return None
        return {
            "path": str(path),
            "sha256": sha256(path),
            "peak_dbfs": _decibels(self.peaks[role]),
            "clipped_samples": getattr(self.written, f"clipped_{role}"),
        }

    def _null(self) -> dict[str, Any] | None:
        if self.null is None:
            return None
        return {
            "exact": self.null.peak == 0,
            "depth_dbfs": _decibels(self.null.peak),
            "outside_unchanged": self.null.outside_unchanged,
        }

    def lines(self) -> Iterator[str]:
        """As a person reads it."""
        for role in ("kept", "removed"):
            path = getattr(self.written, role)
            if path is not None:
                yield f"{role:<8} {path}  (peak {_level(self.peaks[role])})"
        length = self.span.length / self.info.rate
        used = " and ".join(f"{name} on {device}" for name, device in self.devices.items())
        yield (
            f"{format_time(length)} of sound in {self.seconds['separating']:.1f} s, "
            f"{speed_text(self.speed)}, {used}"
        )
        if self.null is not None:
            exact = "exactly" if self.null.peak == 0 else f"to {self.null.depth:.0f} dBFS"
            yield f"kept + removed = the recording, {exact}"


def sha256(path: Path) -> str:
    """Of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _decibels(peak: float) -> float | None:
    """DBFS, or None for silence, which JSON cannot write."""
    return round(20 * math.log10(peak), 2) if peak > 0 else None


def _level(peak: float) -> str:
    return f"{20 * math.log10(peak):.1f} dBFS" if peak > 0 else "silence"
