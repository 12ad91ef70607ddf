"""One sound file while it grows, under a temporary name, until it is complete."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from clapsep_desktop.audio.chunk_metadata import Marker
from clapsep_desktop.audio.excerpt import Excerpt
from clapsep_desktop.audio.formats import AudioInfo, TargetFormat
from clapsep_desktop.audio.iff import clear_peak_time, correct_aiff_length
from clapsep_desktop.audio.metadata import carry_metadata
from clapsep_desktop.audio.ogg import settle_serial
from clapsep_desktop.audio.sequential import SequentialFile, native_name
from clapsep_desktop.audio.staging import StagedFile, writing
from clapsep_desktop.errors import AudioWriteError
from clapsep_desktop.timebase import format_time

_LOSSY_BLOCK = 1_024  # frames; libvorbis keeps a whole write on the stack

# libsndfile's 0 is the best a lossy coder offers, its 1 the smallest file.
_QUALITY: dict[str, dict[str, Any]] = {
    "VORBIS": {"compression_level": 0.2},
    "OPUS": {"compression_level": 0.4},
    "MPEG_LAYER_III": {"compression_level": 0.0, "bitrate_mode": "VARIABLE"},
}


class SoundWriter:
    """A sound file that takes samples front to back.

    Args:
        target: the name it will have.
        chosen: its format.
        info: its rate, channels and length in frames.

    Attributes:
        staged: the file under its temporary name; `complete` it before it is put in place.
        clipped: samples that did not fit the format's range so far.
        dtype: of floats that the format holds without rounding them again.
    """

    def __init__(self, target: Path, chosen: TargetFormat, info: AudioInfo) -> None:
        self.target = target
        self.format = chosen
        self.clipped = 0
        self.staged = StagedFile(target)
        self.dtype = np.float64 if chosen.subtype == "DOUBLE" else np.float32
        self._frames = info.frames
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

    def write_integers(self, values: np.ndarray, clipped: int) -> None:
        """Write samples at the format's integer depth, and count those of them that were clipped.

        Args:
            values: int32 or int64 (n, channels), within the depth's range.
            clipped: how many did not fit it before.
        """
        bits = self.format.bits
        assert bits is not None
        self.clipped += clipped
        # libsndfile takes integers left-justified in 16 or 32 bits.
        if bits <= 16:
            self._write((values << (16 - bits)).astype(np.int16))
        else:
            self._write((values << (32 - bits)).astype(np.int32))

    def write_floats(self, values: np.ndarray) -> None:
        """Write float samples (n, channels); only lossy formats, which end at 1.0, clip them."""
        values = values.astype(self.dtype, copy=False)
        if not self.format.lossy:
            self._write(values)
            return
        self.clipped += int(np.count_nonzero(np.abs(values) > 1.0))
        values = np.clip(values, -1.0, 1.0)
        for start in range(0, len(values), _LOSSY_BLOCK):
            self._write(values[start : start + _LOSSY_BLOCK])

    def complete(
        self,
        info: AudioInfo,
        comment: str,
        excerpt: Excerpt | None = None,
        markers: Sequence[Marker] = (),
        *,
        metadata: bool = True,
    ) -> list[str]:
        """Have libsndfile write what it still holds back, add the metadata and look at the result.

        The same samples, metadata and note give the same bytes, whenever they are written.

        Args:
            info: the recording that metadata is carried over from.
            comment: a note on the processing; nothing is added where it is empty.
            excerpt: which part of the recording this is, where it is not the whole.
            markers: in frames of the recording, beside those that its file holds.
            metadata: whether anything but the note is wanted.

        Returns:
            Sentences for the user on what was left behind.

        Raises:
            AudioWriteError: the file does not hold what was written.
        """
        part = self.staged.part
        with writing(self.target):
            self._file.close()
            if self.format.major == "AIFF" and self.format.bits == 8:
                correct_aiff_length(part, self._frames, self._file.channels)
            if self.format.is_float:
                clear_peak_time(part)
            said = carry_metadata(
                info, part, self.format, comment, excerpt, markers, carry=metadata
            )
            if self.format.major == "OGG":
                settle_serial(part)
            written = soundfile.info(native_name(part)).frames
        if written != self._frames:
            raise AudioWriteError(
                f"“{self.target.name}” could not be written completely. Check the free space in "
                f"“{self.target.parent}” and try again; nothing was changed."
            )
        return said

    def _write(self, values: np.ndarray) -> None:
        with writing(self.target):
            self._file.write(values)

    def discard(self) -> None:
        """Delete what was written, unless it is in place already."""
        with suppress(soundfile.LibsndfileError, OSError):
            self._file.close()
        self.staged.discard()


def no_numbers(seconds: float) -> AudioWriteError:
    """What to raise where a format shall take samples that are no numbers, and cannot."""
    return AudioWriteError(
        "The recording holds samples that are not numbers (NaN or infinite) after "
        f"{format_time(seconds)}. Repair it, or choose a 32-bit float WAV, which can hold them."
    )
