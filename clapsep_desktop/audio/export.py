"""Results out: the kept and the removed part of a recording, written as a pair or not at all.

Each file grows under a temporary name in its target's folder, is flushed to the disk and only
then takes its name, so that neither a full disk, an error nor Ctrl-C leaves half a file or
touches what was there before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from clapsep_desktop.audio.chunk_metadata import Marker
from clapsep_desktop.audio.excerpt import Excerpt
from clapsep_desktop.audio.formats import AudioInfo, choose_format
from clapsep_desktop.audio.quantize import Quantized, split
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.audio.staging import (
    StagedFile,
    check_distinct,
    check_room,
    put_in_place,
    real_target,
)
from clapsep_desktop.audio.writer import SoundWriter, no_numbers
from clapsep_desktop.errors import AudioWriteError
from clapsep_desktop.timebase import Span

_PIECE = 32_768  # frames taken at once; small enough to stay in a processor's cache


@dataclass(frozen=True)
class ExportResult:
    """What was written."""

    kept: Path | None
    removed: Path | None
    clipped_kept: int  # samples that did not fit the format's range
    clipped_removed: int
    notes: tuple[str, ...]  # sentences on what the format could not hold


def export_pair(
    source: AudioSource,
    info: AudioInfo,
    blocks: Iterable[tuple[Span, np.ndarray, np.ndarray]],
    *,
    kept: Path | None = None,
    removed: Path | None = None,
    comment: str = "",
    depth: str | None = None,
) -> ExportResult:
    """Write the kept and the removed part of a recording in its own rate, channels and depth.

    Args:
        source: the recording; where no block lies its samples are kept unchanged.
        info: what the recording's file says of itself.
        blocks: spans in ascending order, each with the source's samples and the kept part of
            them, float (span.length, channels), full scale = 1.0.
        kept: where the kept part goes, if anywhere; the extension names the format.
        removed: where the removed part goes, if anywhere.
        comment: a note on the processing, added to the files' metadata.
        depth: a key of `formats.DEPTHS`, instead of the source's own.

    Raises:
        AudioWriteError: a target cannot be written, or is the source itself.
        AudioFormatError: a target's format cannot hold the recording.
    """
    with PairWriter(
        source, info, kept=kept, removed=removed, comment=comment, depth=depth
    ) as writer:
        for span, samples, kept_samples in blocks:
            writer.write(span, samples, kept_samples)
        return writer.finish()


class PairWriter:
    """Takes finished blocks in order and writes the kept and the removed part; see `export_pair`.

    A context manager: leaving it without `finish` leaves no trace.

    Args:
        source: see `export_pair`.
        info: likewise.
        kept: likewise.
        removed: likewise.
        comment: likewise.
        depth: likewise.
        excerpt: which part of the file the source is, where it is not the whole.
        markers: in frames of the recording, beside those that its file holds.
        metadata: whether what the file carries besides its samples is carried over.
    """

    def __init__(
        self,
        source: AudioSource,
        info: AudioInfo,
        *,
        kept: Path | None = None,
        removed: Path | None = None,
        comment: str = "",
        depth: str | None = None,
        excerpt: Excerpt | None = None,
        markers: Sequence[Marker] = (),
        metadata: bool = True,
    ) -> None:
        asked = [(role, path) for role, path in (("kept", kept), ("removed", removed)) if path]
        if not asked:
            raise AudioWriteError("Name a file for what is kept or for what is removed.")
        self._source = source
        self._info = info
        self._comment = comment
        self._excerpt = excerpt
        self._markers = markers
        self._metadata = metadata
        self._position = 0  # frames written so far
        targets = [real_target(path, info.path) for _, path in asked]
        check_distinct(targets)
        formats = [choose_format(target, info, depth) for target in targets]
        check_room(targets, [chosen.bytes_needed(info) for chosen in formats])
        self._outputs: dict[str, SoundWriter] = {}
        try:
            for (role, _), target, chosen in zip(asked, targets, formats, strict=True):
                self._outputs[role] = SoundWriter(target, chosen, info)
        except BaseException:
            self.discard()
            raise

    def write(self, span: Span, samples: np.ndarray, kept: np.ndarray) -> None:
        """Add a block; frames between the last one and this are copied from the source.

        Args:
            span: where the block lies; it must not start before the last one's end.
            samples: the source's samples there, float (span.length, channels).
            kept: the kept part of them, same shape.
        """
        if not self._position <= span.start < span.stop <= self._source.frames:
            raise ValueError(f"{span} does not follow frame {self._position}")
        if not samples.shape == kept.shape == (span.length, self._source.channels):
            raise ValueError(f"{span} does not match {samples.shape} and {kept.shape}")
        self._copy_until(span.start)
        for start in range(0, span.length, _PIECE):
            self._add(samples[start : start + _PIECE], kept[start : start + _PIECE])

    def finish(self) -> ExportResult:
        """Copy what follows the last block, carry the metadata over and put the files in place."""
        result = self.complete()
        put_in_place(self.staged)
        return result

    def complete(self) -> ExportResult:
        """All that `finish` does but for putting the files in place, which `staged` names."""
        self._copy_until(self._source.frames)
        notes: dict[str, None] = {}  # an ordered set: a pair usually has the same to say twice
        for output in self._outputs.values():
            said = output.complete(
                self._info, self._comment, self._excerpt, self._markers, metadata=self._metadata
            )
            notes.update(dict.fromkeys(said))
        kept, removed = self._outputs.get("kept"), self._outputs.get("removed")
        return ExportResult(
            kept=kept.target if kept else None,
            removed=removed.target if removed else None,
            clipped_kept=kept.clipped if kept else 0,
            clipped_removed=removed.clipped if removed else 0,
            notes=tuple(notes),
        )

    @property
    def staged(self) -> list[StagedFile]:
        """The files as long as they have temporary names."""
        return [output.staged for output in self._outputs.values()]

    def discard(self) -> None:
        """Delete whatever is not finished."""
        for output in self._outputs.values():
            output.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()

    def _copy_until(self, stop: int) -> None:
        while self._position < stop:
            samples = self._source.read(self._position, min(self._position + _PIECE, stop))
            self._add(samples, samples)

    def _add(self, samples: np.ndarray, kept: np.ndarray) -> None:
        if not all(output.format.is_float for output in self._outputs.values()):
            self._check_finite(samples, kept)
        parts: dict[int, Quantized] = {}  # by depth; a pair nearly always shares one
        for role, output in self._outputs.items():
            bits = output.format.bits
            if bits is None:
                part = kept.astype(output.dtype)
                with np.errstate(invalid="ignore"):  # infinite samples less themselves are NaN
                    output.write_floats(part if role == "kept" else samples - part)
                continue
            if bits not in parts:
                parts[bits] = split(samples, kept, bits)
            one = parts[bits]
            if role == "kept":
                output.write_integers(one.kept, one.clipped_kept)
            else:
                output.write_integers(one.removed, one.clipped_removed)
        self._position += len(samples)

    def _check_finite(self, samples: np.ndarray, kept: np.ndarray) -> None:
        if not (np.isfinite(samples).all() and np.isfinite(kept).all()):
            raise no_numbers(self._position / self._source.rate)
