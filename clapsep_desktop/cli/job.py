"""One extraction from file to files: check everything, then load, listen, separate, write, prove.

Whatever can be refused is refused before a model is loaded. torch is imported with the model.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clapsep_desktop import __version__
from clapsep_desktop.audio.export import ExportResult, PairWriter
from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.audio.formats import AudioInfo, choose_format
from clapsep_desktop.audio.nulltest import NullTest, null_test
from clapsep_desktop.audio.staging import check_free
from clapsep_desktop.cli.console import Progress
from clapsep_desktop.cli.report import Report
from clapsep_desktop.errors import AudioFormatError, AudioWriteError
from clapsep_desktop.query import AudioPrompt, Query
from clapsep_desktop.timebase import Span

if TYPE_CHECKING:
    from clapsep_desktop.separation.blocks import Block
    from clapsep_desktop.separation.channels import ChannelMode
    from clapsep_desktop.separation.models import Models
    from clapsep_desktop.separation.plan import Plan


@dataclass(frozen=True)
class Request:
    """What a command asks for.

    Attributes:
        source: the recording.
        query: what to keep and remove.
        start: s; None for the recording's start.
        end: s; None for its end.
        band: Hz, lowest and highest, or None for the recording's own; None for all.
        model: "auto", a model's name or a folder.
        device: one of `clapsep_desktop.model.device.DEVICE_NAMES`.
        channels: one filter for all channels or one for each.
        specialists: whether ``auto`` may hand a part of the query to a specialist.
        kept: where the kept sound goes; with neither this nor ``removed``, both go beside the
            recording.
        removed: where the removed sound goes.
        overwrite: whether files that are there already may be replaced.
        depth: a key of `formats.DEPTHS`; None for the source's own.
    """

    source: Path
    query: Query
    start: float | None = None
    end: float | None = None
    band: tuple[float, float | None] | None = None
    model: str = "auto"
    device: str = "auto"
    channels: ChannelMode = "linked"
    specialists: bool = True
    kept: Path | None = None
    removed: Path | None = None
    overwrite: bool = False
    depth: str | None = None


def run(request: Request, progress: Progress) -> Report:
    """Do what a request asks for.

    Args:
        request: what to do.
        progress: shows the plan before it runs, phases, and sentences the user should know.

    Raises:
        ClapSepError: anything a user can meet; nothing was written then.
    """
    clock, notes = _Clock(progress), _Notes(progress)
    with ExitStack() as stack:
        source, span = _opened(request, stack, notes)
        band = _band(request, source.rate)
        kept, removed = targets(request, source.info)
        writer = stack.enter_context(_writer(request, source, kept, removed))
        plan, models = _planned(request, clock, notes)
        progress.tell(str(plan))
        with clock.phase("listening to the query"):
            from clapsep_desktop.separation.pipeline import Pipeline

            pipeline = Pipeline(plan, models)
        blocks = pipeline.extract(
            source,
            span,
            strength=request.query.strength,
            channels=request.channels,
            band=band,
        )
        with clock.phase("separating", span.length / source.rate):
            peaks = _write(writer, blocks, source.rate, progress)
        with clock.phase("writing"):
            written = writer.finish()
        for sentence in (*written.notes, *_clipping(written)):
            notes.add(sentence)
        with clock.phase("checking"):
            null = _prove(source, written, span)
    return Report(
        request=request,
        info=source.info,
        span=span,
        band=band,
        plan=plan,
        devices={name: str(models.model(name).device) for name in plan.models},
        conditions=pipeline.conditions,
        written=written,
        seconds=clock.seconds,
        peaks=peaks,
        null=null,
        notes=notes.sentences,
    )


def make_plan(request: Request, progress: Progress) -> Plan:
    """The plan for a request, of which nothing is carried out.

    Raises:
        ClapSepError: what would stop `run` before it separates, but for its targets.
    """
    notes = _Notes(progress)
    with ExitStack() as stack:
        _opened(request, stack, notes)
        plan, _ = _planned(request, _Clock(progress), notes)
    return plan


def _opened(request: Request, stack: ExitStack, notes: _Notes) -> tuple[AudioFile, Span]:
    """The recording and the part of it to work on."""
    source = stack.enter_context(AudioFile(request.source))
    if source.info.cut:
        notes.add(f"“{request.source.name}” ends before its header says; what is there is used.")
    return source, Span.from_seconds(request.start, request.end, source.rate, source.frames)


def _band(request: Request, rate: int) -> tuple[float, float] | None:
    """The band to work on, in Hz.

    Raises:
        SpanError: it holds nothing of a recording at that rate.
    """
    if request.band is None:
        return None
    from clapsep_desktop.separation.band import check

    low, high = request.band
    band = (low, rate / 2 if high is None else high)
    check(band, rate)
    return band


def _planned(request: Request, clock: _Clock, notes: _Notes) -> tuple[Plan, Models]:
    """Which model does what; loads the models that are needed to tell."""
    with clock.phase("loading the model"):
        from clapsep_desktop.separation import models as loading

        models = loading.Models(request.device, notes.add)
        plan = loading.make_plan(
            request.query, models, request.model, specialists=request.specialists
        )
    return plan, models


def targets(request: Request, info: AudioInfo) -> tuple[Path | None, Path | None]:
    """Where the kept and the removed sound go.

    Raises:
        AudioWriteError: a file is there already, or is an example of the query.
    """
    kept, removed = request.kept, request.removed
    if kept is None and removed is None:
        kept, removed = (_beside(request.source, info, role) for role in ("kept", "removed"))
    for target in (kept, removed):
        if target is not None:
            _check_target(target, request)
    return kept, removed


def _beside(source: Path, info: AudioInfo, role: str) -> Path:
    """``rain.wav`` -> ``rain.kept.wav``; WAV where the source's own format cannot be written."""
    target = source.with_name(f"{source.stem}.{role}{source.suffix}")
    try:
        choose_format(target, info)
    except AudioFormatError:
        return target.with_suffix(".wav")
    return target


def _check_target(target: Path, request: Request) -> None:
    with suppress(OSError, ValueError):  # what is wrong with a name is said when it is written
        if not target.exists():
            return
        for prompt in (*request.query.keep, *request.query.remove):
            if isinstance(prompt, AudioPrompt) and target.samefile(prompt.path):
                raise AudioWriteError(
                    f"“{target.name}” is an example of the query. Choose another name, so that "
                    "it is not lost."
                )
        if target.is_file() and not target.samefile(request.source):
            check_free(target, replace=request.overwrite)


def _writer(
    request: Request, source: AudioFile, kept: Path | None, removed: Path | None
) -> PairWriter:
    comment = f"CLAPSep Desktop {__version__}: {request.query}"
    return PairWriter(
        source, source.info, kept=kept, removed=removed, comment=comment, depth=request.depth
    )


def _write(
    writer: PairWriter, blocks: Iterator[Block], rate: int, progress: Progress
) -> dict[str, float]:
    """Write blocks as they come; the peaks of what was kept and removed."""
    peaks = {"kept": 0.0, "removed": 0.0}
    for block in blocks:
        writer.write(block.span, block.source, block.kept)
        for role, samples in (("kept", block.kept), ("removed", block.removed)):
            peaks[role] = max(peaks[role], float(np.abs(samples).max()))
        progress.show("separating", block.done / rate, block.total / rate)
    return peaks


def _clipping(written: ExportResult) -> Iterator[str]:
    for path, count in (
        (written.kept, written.clipped_kept),
        (written.removed, written.clipped_removed),
    ):
        if path is not None and count:
            yield (
                f"{count:,} samples of “{path.name}” were too loud for its format and were "
                "clipped. Use a .wav with --depth float to keep them."
            )


def _prove(source: AudioFile, written: ExportResult, span: Span) -> NullTest | None:
    """The null test of a pair that was written without loss; None where there is no such pair."""
    if written.kept is None or written.removed is None:
        return None
    with AudioFile(written.kept) as kept, AudioFile(written.removed) as removed:
        if kept.info.lossy or removed.info.lossy or source.frames != kept.frames:
            return None
        return null_test(source, kept, removed, span)


class _Notes:
    """Sentences for the user, each said once."""

    def __init__(self, progress: Progress) -> None:
        self.sentences: list[str] = []
        self._progress = progress

    def add(self, sentence: str) -> None:
        if sentence not in self.sentences:
            self.sentences.append(sentence)
            self._progress.note(sentence)


class _Clock:
    """Shows a job's phases and takes their times."""

    def __init__(self, progress: Progress) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress

    @contextmanager
    def phase(self, name: str, length: float | None = None) -> Iterator[None]:
        start = time.perf_counter()
        self._progress.show(name, 0.0, length)
        yield
        self.seconds[name] = time.perf_counter() - start
