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
from clapsep_desktop.cli.console import Progress
from clapsep_desktop.cli.report import Report
from clapsep_desktop.errors import AudioFormatError, AudioWriteError
from clapsep_desktop.query import AudioPrompt, Query
from clapsep_desktop.timebase import Span

if TYPE_CHECKING:
    from clapsep_desktop.separation.channels import ChannelMode
    from clapsep_desktop.separation.engine import Block


@dataclass(frozen=True)
class Request:
    """What a command asks for.

    Attributes:
        source: the recording.
        query: what to keep and remove.
        start: s; None for the recording's start.
        end: s; None for its end.
        model: "auto", a model's name or a folder.
        device: one of `clapsep_desktop.model.device.DEVICE_NAMES`.
        channels: one filter for all channels or one for each.
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
    model: str = "auto"
    device: str = "auto"
    channels: ChannelMode = "linked"
    kept: Path | None = None
    removed: Path | None = None
    overwrite: bool = False
    depth: str | None = None


def run(request: Request, progress: Progress) -> Report:
    """Do what a request asks for.

    Raises:
        ClapSepError: anything a user can meet; nothing was written then.
    """
    clock = _Clock(progress)
    notes: list[str] = []

    def note(sentence: str) -> None:
        if sentence not in notes:
            notes.append(sentence)
            progress.note(sentence)

    with ExitStack() as stack:
        source = stack.enter_context(AudioFile(request.source))
        if source.info.warning:
            note(source.info.warning)
        span = Span.from_seconds(request.start, request.end, source.rate, source.frames)
        kept, removed = targets(request, source.info)
        writer = stack.enter_context(_writer(request, source, kept, removed))
        with clock.phase("loading the model"):
            from clapsep_desktop.model import registry
            from clapsep_desktop.model.interface import QueryModel
            from clapsep_desktop.separation.condition import Conditioner
            from clapsep_desktop.separation.engine import Separator

            name = _best_model() if request.model == "auto" else request.model
            model = registry.load(name, request.device, note)
        with clock.phase("listening to the query"):
            if isinstance(model, QueryModel):
                condition = Conditioner(model).condition(request.query)
            else:
                condition = None
                note(_without_words(model.name, request.query))
        blocks = Separator(model, note).extract(
            source,
            span,
            None if condition is None else condition.vector,
            strength=request.query.strength,
            channels=request.channels,
            complement=condition is None and not request.query.keep,
        )
        with clock.phase("separating", span.length / source.rate):
            peaks = _write(writer, blocks, source.rate, progress)
        with clock.phase("writing"):
            written = writer.finish()
        for sentence in (*written.notes, *_clipping(written)):
            note(sentence)
        with clock.phase("checking"):
            null = _prove(source, written, span)
    return Report(
        request,
        source.info,
        span,
        model.name,
        str(model.device),
        condition,
        written,
        clock.seconds,
        peaks,
        null,
        notes,
    )


def _without_words(name: str, query: Query) -> str:
    """What a model does that knows one kind of sound and takes no query."""
    done = "keeps them and removes all else" if query.keep else "removes them and keeps all else"
    return f"The model “{name}” knows voices only, whatever the words: it {done}."


def _best_model() -> str:
    from clapsep_desktop.model import registry

    return "base" if "base" in {model.name for model in registry.installed()} else "mini"


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
        if target.is_file() and not target.samefile(request.source) and not request.overwrite:
            raise AudioWriteError(
                f"“{target}” is there already. Choose another name, or allow it to be replaced "
                "with --overwrite."
            )


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
