"""``clapsep export``: a project or a recording in, files for delivery out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from clapsep_desktop.audio.export_plan import ExportMaterial, ExportSettings
from clapsep_desktop.audio.export_plan import Range as RangeName
from clapsep_desktop.audio.export_sources import ExportedFile, ExportReport, export_sources
from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.audio.formats import CONTAINERS, AudioInfo
from clapsep_desktop.cli.console import Progress, answer, say
from clapsep_desktop.cli.options import AsJson, Depth, Overwrite
from clapsep_desktop.cli.report import sha256
from clapsep_desktop.errors import AudioReadError, ProjectError, SpanError
from clapsep_desktop.session.deliverable import export_material
from clapsep_desktop.session.project import SUFFIX, data_folder, load
from clapsep_desktop.session.session import Extraction, Recording, Session
from clapsep_desktop.session.source import check, hash_of
from clapsep_desktop.steps import carried_out
from clapsep_desktop.timebase import Span, parse_time

EXAMPLES = """\b
Examples:
  clapsep export field.clapsep -o out/field.flac --what stems
  clapsep export talk.clapsep -o talk.mp3 --loudness -16 --clipping soft
  clapsep export field.wav -o field-cd.wav --depth 16 --rate 44100
"""


class What(StrEnum):
    """What is exported."""

    kept = "kept"
    removed = "removed"
    both = "both"
    stems = "stems"


class Clipping(StrEnum):
    """What becomes of samples that are too loud for the format."""

    leave = "leave"
    lowered = "lower"  # every str has a method “lower”
    soft = "soft"


def export(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="A .clapsep project, or a recording.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="Where it goes; the extension names the format, several files add to the name.",
        ),
    ] = None,
    what: Annotated[
        What,
        typer.Option(help="One side, both as a pair that adds up, or every step as a stem."),
    ] = What.kept,
    start: Annotated[str | None, typer.Option(metavar="TIME", help="Where the part starts.")] = (
        None
    ),
    end: Annotated[str | None, typer.Option(metavar="TIME", help="Where the part ends.")] = None,
    regions: Annotated[
        bool, typer.Option("--regions", help="A file for each region between markers.")
    ] = False,
    rate: Annotated[
        int | None, typer.Option(metavar="HZ", help="Sample rate; the recording's own if left out.")
    ] = None,
    depth: Annotated[
        Depth | None, typer.Option(help="Sample format; the recording's own if left out.")
    ] = None,
    dither: Annotated[
        bool,
        typer.Option("--dither/--no-dither", help="Where a depth is reduced; never in a pair."),
    ] = True,
    clipping: Annotated[
        Clipping, typer.Option(help="Cut peaks that are too loud, lower all, or soften peaks.")
    ] = Clipping.leave,
    loudness: Annotated[
        float | None,
        typer.Option(metavar="LUFS", help="A loudness to meet, such as -16, -19 or -23."),
    ] = None,
    ceiling: Annotated[
        float, typer.Option(metavar="DBTP", help="How high true peaks may then reach.")
    ] = -1.0,
    metadata: Annotated[
        bool, typer.Option("--metadata/--no-metadata", help="Carry tags and markers over.")
    ] = True,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Export what a project keeps or removes, or convert a recording.

    No model runs: a project holds its results. Without -o the files go beside IN.
    """
    with Progress() as progress, _opened(source) as material:
        selection = _selection(start, end, material.info)
        target = output or _beside(source, what, material.info)
        settings = ExportSettings(
            folder=target.parent,
            name=target.stem,
            extension=target.suffix,
            what=what.value,
            range=_range(selection, regions),
            rate=rate,
            depth=depth.value if depth else None,
            dither=dither,
            clipping=clipping.value,
            loudness=loudness,
            ceiling=ceiling,
            metadata=metadata,
            overwrite=overwrite,
        )
        report = _run(replace(material, selection=selection), settings, progress)
        for note in report.notes:
            progress.note(note)
    if as_json:
        answer({"files": [_file(one) for one in report.files], "notes": list(report.notes)})
        return
    for one in report.files:
        say(_line(one))


def _run(material: ExportMaterial, settings: ExportSettings, progress: Progress) -> ExportReport:
    return carried_out(
        export_sources(material, settings),
        lambda step: progress.show(step.phase, step.done, step.total),
    )


# -- What comes in -----------------------------------------------------------------------------


@contextmanager
def _opened(path: Path) -> Iterator[ExportMaterial]:
    """A project or a recording, whose files are closed in the end.

    Raises:
        AudioReadError: a file is missing or damaged.
        ProjectError: the project is, or its recording has changed.
    """
    with ExitStack() as stack:
        if path.suffix.lower() != SUFFIX:
            file = stack.enter_context(AudioFile(path))
            recording = Recording(path, file.rate, file.channels, file.frames)
            yield export_material(Session(recording), file.info, file, _no_results)
            return
        session = load(path).history.current
        file = stack.enter_context(AudioFile(session.recording.path))
        if session.recording.digest:
            check(session.recording, file.info, hash_of(file.path))
        folder = data_folder(path)
        steps = {one.buffer: one for one in session}

        def sound(identity: str) -> AudioFile:
            return stack.enter_context(_result(folder, steps[identity], session.recording))

        yield export_material(session, file.info, file, sound)


def _result(folder: Path, step: Extraction, recording: Recording) -> AudioFile:
    """What a step takes away; raises ProjectError where it is missing or damaged."""
    damaged = ProjectError(
        f"The sound of the step “{step.title}” is missing or damaged. Open the project in the "
        "editor and render this step again."
    )
    try:
        file = AudioFile(folder / f"{step.buffer}.wav")
    except AudioReadError as error:
        raise damaged from error
    shape = file.rate, file.channels, file.frames
    if shape != (recording.rate, recording.channels, step.span.length):
        file.close()
        raise damaged
    return file


def _no_results(identity: str) -> AudioFile:
    raise KeyError(identity)


def _selection(start: str | None, end: str | None, info: AudioInfo) -> Span | None:
    if start is None and end is None:
        return None
    first, last = (None if edge is None else parse_time(edge) for edge in (start, end))
    return Span.from_seconds(first, last, info.rate, info.frames)


def _range(selection: Span | None, regions: bool) -> RangeName:
    if regions and selection is not None:
        raise SpanError("Choose either a part (--start, --end) or the regions between markers.")
    return "regions" if regions else "all" if selection is None else "selection"


def _beside(source: Path, what: What, info: AudioInfo) -> Path:
    """``field.clapsep`` -> ``field.kept.wav``, in the recording's format if it can be written."""
    known = any(info.path.suffix.lower() in one.extensions for one in CONTAINERS)
    extension = info.path.suffix if known else ".wav"
    side = f".{what.value}" if what in {What.kept, What.removed} else ""
    return source.with_name(f"{source.stem}{side}{extension}")


# -- What goes out -----------------------------------------------------------------------------


def _line(file: ExportedFile) -> str:
    """A file as a person reads of it."""
    told = [f"{file.gain:+.1f} dB"] if file.gain else []
    if file.integrated is not None and math.isfinite(file.integrated):
        told.append(f"{file.integrated:.1f} LUFS")
    return f"{file.path}  ({', '.join(told)})" if told else str(file.path)


def _file(file: ExportedFile) -> dict[str, Any]:
    """A file as JSON holds it."""
    value: dict[str, Any] = {
        "path": str(file.path),
        "sha256": sha256(file.path),
        "clipped_samples": file.clipped,
        "gain_db": round(file.gain, 3),
    }
    if file.loudness is not None:
        value["loudness_before"] = {
            "integrated_lufs": _finite(file.loudness.integrated),
            "true_peak_dbtp": _finite(file.loudness.true_peak),
        }
    if file.integrated is not None:
        value["integrated_lufs"] = _finite(file.integrated)
    return value


def _finite(level: float) -> float | None:
    """A level, or None for silence, which JSON cannot write."""
    return round(level, 2) if math.isfinite(level) else None
