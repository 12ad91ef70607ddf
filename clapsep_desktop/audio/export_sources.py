"""Results out, as settings ask: converted, levelled and dithered, all files or none.

Kept and removed sound go through `PairWriter` wherever they shall add up: at the recording's own
rate and depth they do so bit for bit, at others to the recording converted likewise. What is
dithered or has its peaks softened, and the stems, are written one by one.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from clapsep_desktop.audio.export_level import Rendition
from clapsep_desktop.audio.export_plan import (
    ExportMaterial,
    ExportSettings,
    check_export,
    plan_export,
)
from clapsep_desktop.audio.export_writers import TakeWriter, writer_of
from clapsep_desktop.audio.loudness import Loudness, measure
from clapsep_desktop.audio.staging import put_in_place


@dataclass(frozen=True)
class ExportProgress:
    """How far an export is.

    Attributes:
        phase: "measuring the loudness" or "writing".
        done: seconds of sound that went through the phase.
        total: seconds it will take in.
    """

    phase: str
    done: float
    total: float


@dataclass(frozen=True)
class ExportedFile:
    """What became of one file.

    Attributes:
        path: where it is.
        clipped: samples that did not fit its format.
        gain: dB by which it is louder than what was heard.
        loudness: what it measured before the gain, where it was measured.
        integrated: LUFS that it has as it was written, where that is known.
    """

    path: Path
    clipped: int
    gain: float
    loudness: Loudness | None
    integrated: float | None


@dataclass(frozen=True)
class ExportReport:
    """What was written, and sentences on what the user should know of it."""

    files: tuple[ExportedFile, ...]
    notes: tuple[str, ...]


def export_sources(
    material: ExportMaterial, settings: ExportSettings
) -> Generator[ExportProgress, None, ExportReport]:
    """Export what settings ask for; closing the generator leaves every folder as it was.

    Returns:
        The report, as the generator's value.

    Raises:
        AudioFormatError: the format cannot hold the rate, channels, length or depth.
        AudioWriteError: a file cannot be written, is there already, or the disk is full.
        SpanError: nothing is selected, or there is no marker to part the recording at.
    """
    takes = plan_export(material, settings)
    check_export(takes, settings)
    renditions = [Rendition(material, settings, take) for take in takes]
    yield from _measured(renditions)
    with ExitStack() as stack:
        writers: list[TakeWriter] = []
        total = sum(take.info.duration for take in takes)
        done = 0.0
        for rendition in renditions:
            writer = writer_of(rendition)
            stack.callback(writer.discard)
            writers.append(writer)
            for frames in writer.write_all():
                yield ExportProgress("writing", done + frames / rendition.info.rate, total)
            done += rendition.info.duration
        notes = dict.fromkeys(note for writer in writers for note in writer.complete())
        put_in_place([file for writer in writers for file in writer.staged])
    files = tuple(
        file
        for rendition, writer in zip(renditions, writers, strict=True)
        for file in _exported(rendition, writer.clipped)
    )
    notes.update(dict.fromkeys(note for one in renditions if (note := one.loudness_note())))
    notes.update(dict.fromkeys(_clipping(files)))
    return ExportReport(files, tuple(notes))


def _measured(renditions: list[Rendition]) -> Generator[ExportProgress, None, None]:
    """Measure what needs it, so that its gain is known."""
    asked = [(one, file) for one in renditions if one.needs_measure for file in one.measured]
    total = sum(one.info.duration for one, _ in asked)
    done = 0.0
    for rendition, file in asked:
        steps = measure(rendition.measured[file])
        while True:
            try:
                span = next(steps)
            except StopIteration as result:
                rendition.loudness[file] = result.value
                break
            at = done + span.stop / rendition.info.rate
            yield ExportProgress("measuring the loudness", at, total)
        done += rendition.info.duration
    for rendition in renditions:
        rendition.decide_gain()


def _exported(rendition: Rendition, clipped: tuple[int, ...]) -> list[ExportedFile]:
    """What became of a take's files."""
    loudness, gain = rendition.loudness, rendition.gain
    return [
        ExportedFile(file.target, count, gain, loudness.get(file), rendition.integrated(file))
        for file, count in zip(rendition.take.files, clipped, strict=True)
    ]


def _clipping(files: tuple[ExportedFile, ...]) -> list[str]:
    return [
        f"{file.clipped:,} samples of “{file.path.name}” were too loud for its format and were "
        "cut off. Make it quieter, soften its peaks, or choose a 32-bit float WAV."
        for file in files
        if file.clipped
    ]
