"""What is to be exported: settings, and the files that follow from them before any is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

from clapsep_desktop.audio.chunk_metadata import Marker
from clapsep_desktop.audio.formats import (
    MAX_RATE,
    MIN_RATE,
    AudioInfo,
    TargetFormat,
    choose_format,
)
from clapsep_desktop.audio.mix import Layer
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.audio.staging import NOT_IN_NAMES, check_room, real_target
from clapsep_desktop.errors import AudioFormatError, AudioWriteError, SpanError
from clapsep_desktop.timebase import Span

What = Literal["kept", "removed", "both", "stems"]
Range = Literal["all", "selection", "regions"]
Clipping = Literal["leave", "lower", "soft"]

LOUDNESS_TARGETS = (-16.0, -19.0, -23.0)
"""LUFS: podcasts in stereo, podcasts in mono, and broadcasts (EBU R 128)."""

_FAINTEST = -70.0  # LUFS and dBTP; what is fainter has no loudness (ITU-R BS.1770)
_LONGEST_LABEL = 40  # characters of a marker's or a step's name in a file's
_NOT_IN_LABELS = re.compile(NOT_IN_NAMES.pattern + "|[“”]+")


@dataclass(frozen=True)
class ExportSettings:
    """How to export.

    Attributes:
        folder: where the files go; it must be there.
        name: of the files, without an extension; what tells several apart is added to it.
        extension: with its dot; names the format.
        what: "both" are a pair that adds up to the recording; "stems" are what is kept and what
            each step removes.
        range: the whole recording, its selection, or each region between markers.
        rate: Hz; None for the recording's own.
        depth: a key of `formats.DEPTHS`; None for the recording's own.
        dither: whether noise is added where a depth is reduced; never where files add up.
        clipping: what becomes of samples that are too loud for the format: they are cut off, or
            all is made quieter, or only their surroundings are.
        loudness: LUFS to be met; None leaves it as it is.
        ceiling: dBTP that peaks may reach where a loudness is met or peaks are softened.
        metadata: whether what the recording carries besides its samples is carried over.
        overwrite: whether files that are there already may be replaced.
    """

    folder: Path
    name: str
    extension: str = ".wav"
    what: What = "kept"
    range: Range = "all"
    rate: int | None = None
    depth: str | None = None
    dither: bool = True
    clipping: Clipping = "leave"
    loudness: float | None = None
    ceiling: float = -1.0
    metadata: bool = True
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.what == "both" and self.clipping == "soft":
            raise AudioWriteError(
                "Two files that add up to the recording cannot have their peaks softened. Leave "
                "the peaks as they are, make both files quieter, or export one of them."
            )
        if self.rate is not None and not MIN_RATE <= self.rate <= MAX_RATE:
            raise AudioFormatError(
                f"A rate of {self.rate:,} Hz cannot be written. Choose one from {MIN_RATE:,} to "
                f"{MAX_RATE:,} Hz."
            )
        if self.loudness is not None and not _FAINTEST <= self.loudness <= 0.0:
            raise AudioWriteError(
                f"A loudness of {self.loudness:g} LUFS cannot be met. Choose one from "
                f"{_FAINTEST:g} to 0, such as -16, -19 or -23."
            )
        if not _FAINTEST <= self.ceiling <= 0.0:
            raise AudioWriteError(
                f"Peaks cannot be kept below {self.ceiling:g} dBTP. Choose from {_FAINTEST:g} to 0."
            )
        if not self.name.strip() or NOT_IN_NAMES.search(self.name):
            raise AudioWriteError(f"“{self.name}” is not a file name. Write letters or digits.")


@dataclass(frozen=True, eq=False)
class Stem:
    """What one step removes.

    Attributes:
        title: the step's.
        layer: its sound and where it lies.
    """

    title: str
    layer: Layer


@dataclass(frozen=True, eq=False)
class ExportMaterial:
    """What there is to export.

    Attributes:
        info: what the recording's file says of itself.
        original: the recording.
        kept: what is kept of it.
        removed: what is removed of it.
        stems: its steps, first to last.
        selection: the part of it that is selected, if any.
        markers: places in it.
        comment: a note on the processing, for the files' metadata.
    """

    info: AudioInfo
    original: AudioSource
    kept: AudioSource
    removed: AudioSource
    stems: Sequence[Stem] = ()
    selection: Span | None = None
    markers: Sequence[Marker] = ()
    comment: str = ""


@dataclass(frozen=True)
class PlannedFile:
    """One file to be written.

    Attributes:
        target: its name, with all links followed.
        role: "kept", "removed" or "stem".
        stem: which step, from 0, where it is one.
        span: the part of the recording it holds.
        format: how it is written.
        frames: its length at its own rate.
        size: bytes it takes, an estimate where the format is compressed.
    """

    target: Path
    role: Literal["kept", "removed", "stem"]
    stem: int
    span: Span
    format: TargetFormat
    frames: int
    size: int


@dataclass(frozen=True)
class Take:
    """Files that hold the same part of a recording and share one level."""

    info: AudioInfo  # the recording's, but with the rate and length of these files
    span: Span  # of the recording
    cut: Span  # the same at the files' rate
    files: tuple[PlannedFile, ...]


def plan_export(material: ExportMaterial, settings: ExportSettings) -> tuple[Take, ...]:
    """The files that settings ask for; nothing is written.

    Raises:
        AudioFormatError: the format cannot hold the rate, channels, length or depth.
        AudioWriteError: a file cannot be written there, or is the recording.
        SpanError: nothing is selected, or there is no marker to part the recording at.
    """
    return tuple(
        _take(material, settings, span, label) for span, label in _regions(material, settings)
    )


def check_export(takes: Sequence[Take], settings: ExportSettings) -> None:
    """Refuse to start where a file is there already or the disk has no room for all of them.

    Raises:
        AudioWriteError: so it is.
    """
    files = planned_files(takes)
    there = [file.target.name for file in files if file.target.exists()]
    if there and not settings.overwrite:
        rest = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise AudioWriteError(
            f"“{there[0]}”{rest} in “{settings.folder}” would be replaced. Choose another name, or "
            "allow it."
        )
    check_room([file.target for file in files], [file.size for file in files])


def planned_files(takes: Sequence[Take]) -> list[PlannedFile]:
    """All files of some takes, in order."""
    return [file for take in takes for file in take.files]


def _regions(material: ExportMaterial, settings: ExportSettings) -> Iterator[tuple[Span, str]]:
    """The parts to export, each with what is added to its name."""
    frames = material.original.frames
    if settings.range == "all":
        yield Span(0, frames), ""
    elif settings.range == "selection":
        if material.selection is None:
            raise SpanError("Nothing is selected. Select a part of the recording first.")
        yield material.selection.clipped(0, frames), ""
    else:
        names = {one.frame: one.label for one in material.markers if 0 < one.frame < frames}
        if not names:
            raise SpanError("There are no markers. Set some, or export the whole recording.")
        edges = [0, *sorted(names), frames]
        digits = len(str(len(edges) - 1))
        for number, (start, stop) in enumerate(pairwise(edges), start=1):
            label = _cleaned(names.get(start, ""))
            yield Span(start, stop), f" {number:0{digits}}" + (f" {label}" if label else "")


def _take(material: ExportMaterial, settings: ExportSettings, span: Span, label: str) -> Take:
    rate = settings.rate or material.original.rate
    cut = _at_rate(span, material.original, rate)
    info = replace(material.info, rate=rate, frames=cut.length)
    files = []
    for role, stem, suffix in _roles(material, settings):
        name = f"{settings.name}{label}{suffix}{settings.extension}"
        target = real_target(settings.folder / name, material.info.path)
        chosen = choose_format(target, info, settings.depth)
        size = chosen.bytes_needed(info)
        files.append(PlannedFile(target, role, stem, span, chosen, cut.length, size))
    return Take(info, span, cut, tuple(files))


def _at_rate(span: Span, source: AudioSource, rate: int) -> Span:
    """A span of a recording at another rate; spans that touch do so there as well."""
    start, stop = (round(edge * rate / source.rate) for edge in (span.start, span.stop))
    whole = -(-source.frames * rate // source.rate)
    return Span(start, whole if span.stop == source.frames else stop)


def _roles(
    material: ExportMaterial, settings: ExportSettings
) -> Iterator[tuple[Literal["kept", "removed", "stem"], int, str]]:
    """Role, step and the end of the name of each file of a take."""
    if settings.what == "kept" or settings.what == "removed":
        yield settings.what, 0, ""
        return
    yield "kept", 0, ".kept"
    if settings.what == "both":
        yield "removed", 0, ".removed"
        return
    digits = len(str(len(material.stems)))
    for index, stem in enumerate(material.stems):
        yield "stem", index, f".{index + 1:0{digits}} {_cleaned(stem.title)}".rstrip()


def _cleaned(label: str) -> str:
    """A label as a part of a file's name on any system."""
    words = " ".join(_NOT_IN_LABELS.sub(" ", label).split())
    return words[:_LONGEST_LABEL].strip(" .")
