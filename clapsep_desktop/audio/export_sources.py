"""Results out, as settings ask: converted, levelled and dithered, all files or none.

Kept and removed sound go through `PairWriter` wherever they shall add up: at the recording's own
rate and depth they do so bit for bit, at others to the recording converted likewise. What is
dithered or has its peaks softened, and the stems, are written one by one.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clapsep_desktop.audio.excerpt import Excerpt
from clapsep_desktop.audio.export import PairWriter
from clapsep_desktop.audio.export_plan import (
    ExportMaterial,
    ExportSettings,
    PlannedFile,
    Take,
    check_export,
    plan_export,
)
from clapsep_desktop.audio.loudness import Loudness, LoudnessMeter, measure
from clapsep_desktop.audio.mix import MixSource
from clapsep_desktop.audio.quantize import Dither, split_stems, to_integers
from clapsep_desktop.audio.rendition import GainSource, LimitedSource, PartSource, SilentSource
from clapsep_desktop.audio.resample import ResampledSource
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.audio.staging import StagedFile, put_in_place
from clapsep_desktop.audio.writer import SoundWriter, no_numbers
from clapsep_desktop.timebase import Span

_PIECE = 32_768  # frames taken at once
_DITHER_STEPS = 2  # of an integer's, that dither and rounding can add to a peak
_AUDIBLE = 0.05  # dB; smaller differences from a loudness that was asked for are not told


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
    renditions = [_Rendition(material, settings, take) for take in takes]
    yield from _measured(renditions)
    with ExitStack() as stack:
        writers: list[_TakeWriter] = []
        total = sum(take.info.duration for take in takes)
        done = 0.0
        for rendition in renditions:
            writer = rendition.writer()
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
        for file in rendition.report(writer.clipped)
    )
    notes.update(dict.fromkeys(note for one in renditions if (note := one.loudness_note())))
    notes.update(dict.fromkeys(_clipping(files)))
    return ExportReport(files, tuple(notes))


def _measured(renditions: list[_Rendition]) -> Generator[ExportProgress, None, None]:
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


def _clipping(files: tuple[ExportedFile, ...]) -> list[str]:
    return [
        f"{file.clipped:,} samples of “{file.path.name}” were too loud for its format and were "
        "cut off. Make it quieter, soften its peaks, or choose a 32-bit float WAV."
        for file in files
        if file.clipped
    ]


class _Rendition:
    """A take on its way to its files: its sources at the files' rate, their measures and gain."""

    def __init__(self, material: ExportMaterial, settings: ExportSettings, take: Take) -> None:
        self.info = take.info
        self.take = take
        self.settings = settings
        self.comment = material.comment
        self.markers = material.markers
        self.loudness: dict[PlannedFile | None, Loudness] = {}
        self.meters: dict[PlannedFile, LoudnessMeter] = {}  # of what is written, if softened
        self.gain = 0.0  # dB
        self._source_info = material.info
        self.original = self._converted(material.original)
        self.kept = self._converted(material.kept)
        self.sources = {file: self._source_of(material, file) for file in take.files}
        self.measured: dict[PlannedFile | None, AudioSource] = {}
        for file, source in self.sources.items():
            self.measured[file] = source
        if self.settings.what == "both":  # what they add up to must fit as well
            self.measured[None] = self.original

    def _source_of(self, material: ExportMaterial, file: PlannedFile) -> AudioSource:
        if file.role == "kept":
            return self.kept
        if file.role == "removed":
            return self._converted(material.removed)
        layers = [material.stems[file.stem].layer]
        silence = SilentSource(material.original)
        return self._converted(MixSource(silence, layers, role="removed"))

    def _converted(self, source: AudioSource) -> AudioSource:
        if source.rate != self.info.rate:
            source = ResampledSource(source, self.info.rate)
        return PartSource(source, self.take.cut)

    # The level

    @property
    def needs_measure(self) -> bool:
        """Whether a gain depends on what the files measure."""
        lowered = self.settings.clipping == "lower" and self._can_clip
        return self.settings.loudness is not None or lowered

    @property
    def _can_clip(self) -> bool:
        return not all(file.format.is_float for file in self.take.files)

    @property
    def softened(self) -> bool:
        """Whether peaks are held down."""
        wanted = self.settings.loudness is not None or self._can_clip
        return self.settings.clipping == "soft" and wanted

    def decide_gain(self) -> None:
        """The gain that all files of the take share; the first one's loudness counts."""
        if not self.loudness:
            return
        wanted = self.settings.loudness
        if wanted is not None:
            self.gain = self.loudness[self.take.files[0]].gain_to(wanted)
        if not self.softened:
            self.gain = min(self.gain, self._most_gain())
        if wanted is not None and self.softened:
            form = self.info.rate, self.info.channels
            self.meters = {file: LoudnessMeter(*form) for file in self.take.files}

    def _most_gain(self) -> float:
        """DB that the loudest peak of the take has left."""
        if self.settings.loudness is not None:
            peaks = [one.true_peak for one in self.loudness.values()]
            return self.settings.ceiling - max(peaks)
        bits = min((file.format.bits or 16 for file in self.take.files), default=16)
        limit = 1.0 - (1 + _DITHER_STEPS) * 2.0 ** (1 - bits)
        lossy = any(file.format.lossy for file in self.take.files)
        peaks = [one.true_peak if lossy else one.peak for one in self.loudness.values()]
        return 20 * math.log10(limit) - max(peaks)

    def loudness_note(self) -> str | None:
        """A sentence on a loudness that was asked for and not met."""
        wanted, file = self.settings.loudness, self.take.files[0]
        name, reached = file.target.name, self._integrated(file)
        if wanted is None or reached is None:
            return None
        if not math.isfinite(reached):
            return f"“{name}” is silent or too short, so that no loudness could be met."
        if reached >= wanted - _AUDIBLE:
            return None
        told = f"“{name}” has {reached:.1f} LUFS, not {wanted:g}: "
        ceiling = f"{self.settings.ceiling:g} dBTP"
        if self.softened:
            return f"{told}softening the peaks above {ceiling} took the rest."
        return f"{told}any louder, its peaks would exceed {ceiling}. Soften the peaks to meet it."

    def _integrated(self, file: PlannedFile) -> float | None:
        """LUFS of a file as it was written, where that is known."""
        if file in self.meters:
            return self.meters[file].result().integrated
        if file in self.loudness and not self.softened:
            return self.loudness[file].integrated_at(self.gain)
        return None

    def finished(self, source: AudioSource) -> AudioSource:
        """A source at the level that is written."""
        if self.gain:
            source = GainSource(source, 10 ** (self.gain / 20))
        if self.softened:
            source = LimitedSource(source, 10 ** (self.settings.ceiling / 20))
        return source

    # The files

    @property
    def excerpt(self) -> Excerpt | None:
        """Which part of the recording the files hold; None for the whole as it is."""
        whole = self.take.span == Span(0, self._source_info.frames)
        if whole and self.info.rate == self._source_info.rate:
            return None
        return Excerpt(self.take.span, self._source_info.rate, self.info.rate, whole)

    def dither(self, file: PlannedFile) -> Dither | None:
        """What a file is dithered with, if it is."""
        bits = file.format.bits
        if not self.settings.dither or bits is None or self.settings.what == "both":
            return None
        deeper = self._source_info.bits is None or self._source_info.bits > bits
        computed = bool(self.gain) or self.softened or self.info.rate != self._source_info.rate
        return Dither(bits) if deeper or computed else None

    def writer(self) -> _TakeWriter:
        """What writes the take's files."""
        apart = any(file.role == "stem" or self.dither(file) for file in self.take.files)
        return _Apart(self) if apart or self.softened else _Pair(self)

    def report(self, clipped: tuple[int, ...]) -> list[ExportedFile]:
        """What became of the take's files."""
        return [
            ExportedFile(
                file.target, count, self.gain, self.loudness.get(file), self._integrated(file)
            )
            for file, count in zip(self.take.files, clipped, strict=True)
        ]


class _TakeWriter(ABC):
    """Writes the files of a take."""

    clipped: tuple[int, ...] = ()  # samples, by file; known once it is complete

    def __init__(self, rendition: _Rendition) -> None:
        self.rendition = rendition
        self.frames = rendition.info.frames

    def write_all(self) -> Generator[int, None, None]:
        """Write everything, yielding the frames that are done."""
        for start in range(0, self.frames, _PIECE):
            stop = min(start + _PIECE, self.frames)
            self.write(start, stop)
            yield stop

    @abstractmethod
    def write(self, start: int, stop: int) -> None:
        """Write a stretch; they come in order."""

    @abstractmethod
    def complete(self) -> list[str]:
        """Finish the files; sentences for the user."""

    @property
    @abstractmethod
    def staged(self) -> list[StagedFile]:
        """The files under their temporary names."""

    @abstractmethod
    def discard(self) -> None:
        """Delete what is not in place."""


class _Pair(_TakeWriter):
    """Kept and removed sound that add up, or one of the two as it would be in the pair."""

    def __init__(self, rendition: _Rendition) -> None:
        super().__init__(rendition)
        targets = {file.role: file.target for file in rendition.take.files}
        self._original = rendition.finished(rendition.original)
        self._kept = rendition.finished(rendition.kept)
        self._writer = PairWriter(
            self._original,
            rendition.info,
            kept=targets.get("kept"),
            removed=targets.get("removed"),
            comment=rendition.comment,
            depth=rendition.settings.depth,
            excerpt=rendition.excerpt,
            markers=rendition.markers,
            metadata=rendition.settings.metadata,
        )

    def write(self, start: int, stop: int) -> None:
        original = self._original.read(start, stop)
        self._writer.write(Span(start, stop), original, self._kept.read(start, stop))

    def complete(self) -> list[str]:
        result = self._writer.complete()
        counts = {"kept": result.clipped_kept, "removed": result.clipped_removed}
        self.clipped = tuple(counts[file.role] for file in self.rendition.take.files)
        return list(result.notes)

    @property
    def staged(self) -> list[StagedFile]:
        return self._writer.staged

    def discard(self) -> None:
        self._writer.discard()


class _Apart(_TakeWriter):
    """Files of which each is rounded by itself, but for stems: these add up if nothing is added."""

    def __init__(self, rendition: _Rendition) -> None:
        super().__init__(rendition)
        dithers = [rendition.dither(file) for file in rendition.sources]
        self._original = rendition.finished(rendition.original)
        self._adds_up = not (any(dithers) or rendition.softened)
        self._outputs: list[tuple[SoundWriter, AudioSource, Dither | None]] = []
        try:
            for (file, source), dither in zip(rendition.sources.items(), dithers, strict=True):
                writer = SoundWriter(file.target, file.format, rendition.info)
                self._outputs.append((writer, rendition.finished(source), dither))
        except BaseException:
            self.discard()
            raise

    def write(self, start: int, stop: int) -> None:
        parts = [source.read(start, stop) for _, source, _ in self._outputs]
        for meter, part in zip(self.rendition.meters.values(), parts, strict=False):  # or none
            meter.add(part)
        form = self._outputs[0][0].format  # all files of a take have one
        if not (form.is_float or all(np.isfinite(part).all() for part in parts)):
            raise no_numbers(start / self.rendition.info.rate)
        if form.bits is None:
            for (writer, _, _), part in zip(self._outputs, parts, strict=True):
                writer.write_floats(part)
            return
        if self._adds_up:
            quantized = split_stems(self._original.read(start, stop), parts, form.bits)
        else:
            noisy = [
                dither(part) if dither else part
                for (_, _, dither), part in zip(self._outputs, parts, strict=True)
            ]
            quantized = [to_integers(part, form.bits) for part in noisy]
        for (writer, _, _), (values, clipped) in zip(self._outputs, quantized, strict=True):
            writer.write_integers(values, int(np.count_nonzero(clipped)))

    def complete(self) -> list[str]:
        one = self.rendition
        said = [
            writer.complete(
                one.info, one.comment, one.excerpt, one.markers, metadata=one.settings.metadata
            )
            for writer, _, _ in self._outputs
        ]
        self.clipped = tuple(writer.clipped for writer, _, _ in self._outputs)
        return [note for notes in said for note in notes]

    @property
    def staged(self) -> list[StagedFile]:
        return [writer.staged for writer, _, _ in self._outputs]

    def discard(self) -> None:
        for writer, _, _ in self._outputs:
            writer.discard()
