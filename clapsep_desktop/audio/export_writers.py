"""What writes the files of an export: as a pair that adds up, or each by itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator

import numpy as np

from clapsep_desktop.audio.export import PairWriter
from clapsep_desktop.audio.export_level import Rendition
from clapsep_desktop.audio.quantize import Dither, split_stems, to_integers
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.audio.staging import StagedFile
from clapsep_desktop.audio.writer import SoundWriter, no_numbers
from clapsep_desktop.timebase import Span

_PIECE = 32_768  # frames taken at once


def writer_of(rendition: Rendition) -> TakeWriter:
    """What writes the files of a take, at the level that is decided.

    Raises:
        AudioWriteError: a file cannot be made there.
    """
    files = rendition.take.files
    apart = any(file.role == "stem" or rendition.dither(file) for file in files)
    return _Apart(rendition) if apart or rendition.softened else _Pair(rendition)


class TakeWriter(ABC):
    """Writes the files of a take.

    Attributes:
        clipped: samples that did not fit the format, by file; known once it is complete.
    """

    clipped: tuple[int, ...] = ()

    def __init__(self, rendition: Rendition) -> None:
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


class _Pair(TakeWriter):
    """Kept and removed sound that add up, or one of the two as it would be in the pair."""

    def __init__(self, rendition: Rendition) -> None:
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


class _Apart(TakeWriter):
    """Files of which each is rounded by itself, but for stems: these add up if nothing is added."""

    def __init__(self, rendition: Rendition) -> None:
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
