"""Results out: the kept and the removed part of a recording, written as a pair or not at all.

Each file grows under a temporary name in its target's folder, is flushed to the disk and only
then takes its name, so that neither a full disk, an error nor Ctrl-C leaves half a file or
touches what was there before.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import soundfile

from clapsep_desktop.audio.formats import AudioInfo, TargetFormat, choose_format
from clapsep_desktop.audio.iff import correct_aiff_length
from clapsep_desktop.audio.metadata import carry_metadata
from clapsep_desktop.audio.quantize import Quantized, split
from clapsep_desktop.audio.sequential import SequentialFile, native_name
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.audio.staging import (
    StagedFile,
    check_distinct,
    check_room,
    put_in_place,
    real_target,
    writing,
)
from clapsep_desktop.errors import AudioWriteError
from clapsep_desktop.timebase import Span, format_time

_PIECE = 32_768  # frames taken at once; small enough to stay in a processor's cache
_LOSSY_BLOCK = 1_024  # frames; libvorbis keeps a whole write on the stack

# libsndfile's 0 is the best a lossy coder offers, its 1 the smallest file.
_QUALITY: dict[str, dict[str, Any]] = {
    "VORBIS": {"compression_level": 0.2},
    "OPUS": {"compression_level": 0.4},
    "MPEG_LAYER_III": {"compression_level": 0.0, "bitrate_mode": "VARIABLE"},
}


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
    ) -> None:
        asked = [(role, path) for role, path in (("kept", kept), ("removed", removed)) if path]
        if not asked:
            raise AudioWriteError("Name a file for what is kept or for what is removed.")
        self._source = source
        self._info = info
        self._comment = comment
        self._position = 0  # frames written so far
        targets = [real_target(path, info.path) for _, path in asked]
        check_distinct(targets)
        formats = [choose_format(target, info, depth) for target in targets]
        check_room(targets, [chosen.bytes_needed(info) for chosen in formats])
        self._outputs: list[_Output] = []
        try:
            for (role, _), target, chosen in zip(asked, targets, formats, strict=True):
                self._outputs.append(_Output(role, target, chosen, info))
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
        self._copy_until(self._source.frames)
        notes: dict[str, None] = {}  # an ordered set: a pair usually has the same to say twice
        for output in self._outputs:
            output.close(self._source.frames)
            with writing(output.target):
                said = carry_metadata(self._info, output.staged.part, output.format, self._comment)
            notes.update(dict.fromkeys(said))
            output.check(self._source.frames)
        put_in_place([output.staged for output in self._outputs])
        by_role = {output.role: output for output in self._outputs}
        kept, removed = by_role.get("kept"), by_role.get("removed")
        return ExportResult(
            kept=kept.target if kept else None,
            removed=removed.target if removed else None,
            clipped_kept=kept.clipped if kept else 0,
            clipped_removed=removed.clipped if removed else 0,
            notes=tuple(notes),
        )

    def discard(self) -> None:
        """Delete whatever is not finished."""
        for output in self._outputs:
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
        parts: dict[int, Quantized] = {}  # by depth; a pair nearly always shares one
        for output in self._outputs:
            bits = output.format.bits
            if bits is None:
                output.write_floats(samples, kept)
                continue
            if bits not in parts:
                self._check_finite(samples, kept)
                parts[bits] = split(samples, kept, bits)
            output.write_integers(parts[bits])
        self._position += len(samples)

    def _check_finite(self, samples: np.ndarray, kept: np.ndarray) -> None:
        if not (np.isfinite(samples).all() and np.isfinite(kept).all()):
            raise AudioWriteError(
                "The recording holds samples that are not numbers (NaN or infinite) after "
                f"{format_time(self._position / self._source.rate)}. Repair it, or choose a "
                "32-bit float WAV, which can hold them."
            )


class _Output:
    """One of the two files while it grows."""

    def __init__(self, role: str, target: Path, chosen: TargetFormat, info: AudioInfo) -> None:
        self.role = role  # "kept" or "removed"
        self.target = target
        self.format = chosen
        self.clipped = 0  # samples
        self.staged = StagedFile(target)
        self._dtype = np.float64 if chosen.subtype == "DOUBLE" else np.float32
        try:
            with writing(target):
                self._file = SequentialFile(
                    native_name(self.staged.part),
                    "w",
                    samplerate=info.rate,
                    channels=info.channels,
                    format=chosen.major,
                    subtype=chosen.subtype,
                    **_QUALITY.get(chosen.subtype, {}),
                )
        except BaseException:
            self.staged.discard()
            raise

    def write_integers(self, parts: Quantized) -> None:
        """Write this output's part of a split block."""
        bits = self.format.bits
        assert bits is not None
        part = parts.kept if self.role == "kept" else parts.removed
        self.clipped += parts.clipped_kept if self.role == "kept" else parts.clipped_removed
        # libsndfile takes integers left-justified in 16 or 32 bits.
        if bits <= 16:
            self._write((part << (16 - bits)).astype(np.int16))
        else:
            self._write((part << (32 - bits)).astype(np.int32))

    def write_floats(self, samples: np.ndarray, kept: np.ndarray) -> None:
        """Write this output's part of a block; only lossy formats, which end at 1.0, clip it."""
        part = kept.astype(self._dtype)
        if self.role == "removed":
            part = (samples - part).astype(self._dtype)
        if not self.format.lossy:
            self._write(part)
            return
        self.clipped += int(np.count_nonzero(np.abs(part) > 1.0))
        part = np.clip(part, -1.0, 1.0)
        for start in range(0, len(part), _LOSSY_BLOCK):
            self._write(part[start : start + _LOSSY_BLOCK])

    def _write(self, values: np.ndarray) -> None:
        with writing(self.target):
            self._file.write(values)

    def close(self, frames: int) -> None:
        """Have libsndfile write what it still holds back."""
        with writing(self.target):
            self._file.close()
            if self.format.major == "AIFF" and self.format.bits == 8:
                correct_aiff_length(self.staged.part, frames, self._file.channels)

    def check(self, frames: int) -> None:
        """Make sure that the file holds what was written."""
        with writing(self.target):
            written = soundfile.info(native_name(self.staged.part)).frames
        if written != frames:
            raise AudioWriteError(
                f"“{self.target.name}” could not be written completely. Check the free space in "
                f"“{self.target.parent}” and try again; nothing was changed."
            )

    def discard(self) -> None:
        """Delete what was written, unless it is in place already."""
        with suppress(soundfile.LibsndfileError, OSError):
            self._file.close()
        self.staged.discard()
