"""Sound files in: what they are, and random access to their samples.

libsndfile (through soundfile) decodes. Its seeks are exact for PCM and FLAC. In Vorbis, MP3 and
Opus they are not: a sample read after a jump differs from the same sample read in passing. Those
are decoded once, front to back and no further than asked for, into a temporary file that serves
the reads, so that a frame's value never depends on how it was reached.

A file that ends too early is read as far as it goes, and its `AudioInfo.cut` says so. A file that
is damaged before its end is refused where the damage is met.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile

from clapsep_desktop.audio import ogg
from clapsep_desktop.audio.formats import (
    FLOAT_BITS,
    INTEGER_BITS,
    MAX_CHANNELS,
    MAX_RATE,
    MIN_RATE,
    AudioInfo,
)
from clapsep_desktop.audio.iff import is_cut, sound_chunk
from clapsep_desktop.audio.sequential import SequentialFile, native_name
from clapsep_desktop.errors import AudioFormatError, AudioReadError
from clapsep_desktop.timebase import format_time

_DECODE_BLOCK = 4_096  # frames decoded at once; what is lost where a coded file breaks off
_UNKNOWN_LENGTH = 2**62  # frames; libsndfile's answer for a stream that does not say is larger
_EXACT_SEEKS = frozenset({*INTEGER_BITS, *FLOAT_BITS, "ULAW", "ALAW"})


def probe(path: str | Path) -> AudioInfo:
    """What a sound file holds, without reading its samples.

    Raises:
        AudioReadError: missing, not a file, empty, damaged or not audio.
        AudioFormatError: a rate or channel count outside what is supported.
    """
    with AudioFile(path) as file:
        return file.info


class AudioFile:
    """A sound file as an `AudioSource`: float32 or float64 (frames, channels), full scale = 1.0.

    A context manager. Reads may come from several threads; they wait for each other.

    Args:
        path: WAV, RF64, W64, AIFF, FLAC, Ogg Vorbis, Opus, MP3 or another kind libsndfile knows,
            whatever its extension.

    Attributes:
        info: what the file says of itself.

    Raises:
        AudioReadError: missing, not a file, empty, damaged or not audio.
        AudioFormatError: a rate or channel count outside what is supported.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._decoded: _Decoded | None = None
        self._file = _open(self.path)
        try:
            self.info = self._examine()
        except BaseException:
            self.close()
            raise
        self.rate = self.info.rate
        self.channels = self.info.channels
        self.frames = self.info.frames

    def _examine(self) -> AudioInfo:
        info = _info_of(self.path, self._file)
        _check_form(info)
        unknown = info.frames >= _UNKNOWN_LENGTH
        early = not unknown and _ends_early(self._file)
        if unknown or early or info.subtype not in _EXACT_SEEKS:
            self._decoded = _Decoded(self.path)
        if unknown or early:
            assert self._decoded is not None
            info = replace(info, frames=self._decoded.decode_all(), cut=early)
        if info.frames < 1:
            raise AudioReadError(f"“{self.path.name}” holds no sound: its length is zero.")
        return info

    def read(self, start: int, stop: int) -> np.ndarray:
        """Frames ``start <= frame < stop``: ``info.dtype`` (stop - start, channels).

        Raises:
            AudioReadError: the file is damaged there, has changed since it was opened, or is
                closed.
        """
        if not 0 <= start <= stop <= self.frames:
            raise ValueError(f"frames {start} to {stop} lie outside 0 to {self.frames}")
        with self._lock, _reading(self.path):
            if self._file.closed:
                raise AudioReadError(f"“{self.path.name}” was closed. Open it again.")
            if self._decoded:
                samples = self._decoded.read(start, stop)
            else:
                self._file.seek(start)
                samples = self._file.read(stop - start, dtype=self.info.dtype.name, always_2d=True)
        if len(samples) < stop - start:
            reached = format_time((start + len(samples)) / self.rate)
            raise AudioReadError(
                f"“{self.path.name}” is damaged: it can be read up to {reached}, but says it lasts "
                f"{format_time(self.frames / self.rate)}. Repair it or use another copy."
            )
        return samples

    def close(self) -> None:
        """Let go of the file, once a read that goes on has ended; a second call does nothing."""
        with self._lock:
            self._file.close()
            if self._decoded:
                self._decoded.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Decoded:
    """Samples decoded front to back into a temporary file, as far as they were asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _open(path, SequentialFile)
        self._channels: int = self._file.channels
        self._frame_bytes = 4 * self._channels
        self._length = 0  # frames decoded so far
        self._store = tempfile.TemporaryFile(prefix="clapsep-", buffering=0)  # noqa: SIM115

    def read(self, start: int, stop: int) -> np.ndarray:
        """float32 (n, channels); fewer frames than asked for where the stream ends early."""
        while self._length < stop and self._decode_block():
            pass
        samples = np.empty((max(min(stop, self._length) - start, 0), self._channels), np.float32)
        self._store.seek(start * self._frame_bytes)
        rest = _bytes_of(samples)
        while rest:
            rest = rest[self._store.readinto(rest) :]
        return samples

    def decode_all(self) -> int:
        """Decode to the end, or to where the stream breaks off; the length in frames."""
        with suppress(soundfile.LibsndfileError):
            while self._decode_block():
                pass
        return self._length

    def _decode_block(self) -> int:
        block = self._file.read(_DECODE_BLOCK, dtype="float32", always_2d=True)
        self._store.seek(self._length * self._frame_bytes)
        rest = _bytes_of(block)
        try:
            while rest:
                rest = rest[self._store.write(rest) :]
        except OSError as error:
            raise AudioReadError(
                f"“{self._path.name}” could not be decoded: no room in the folder for temporary "
                f"files, {tempfile.gettempdir()} ({error.strerror}). Make room there, or set "
                "TMPDIR to another folder."
            ) from error
        self._length += len(block)
        return len(block)

    def close(self) -> None:
        self._file.close()
        self._store.close()


def _bytes_of(samples: np.ndarray) -> memoryview:
    return samples.reshape(-1).view(np.uint8).data


# -- Opening and checking ----------------------------------------------------------------------


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what libsndfile and the system say into sentences."""
    try:
        yield
    except soundfile.LibsndfileError as error:
        reason = str(error.error_string).strip(" .").removeprefix("Error : ")
        if "does not exist" in reason:  # said of an MP3 without one whole frame, though it is there
            reason = "no beginning of a sound was found"
        raise AudioReadError(
            f"“{path.name}” is damaged, or no sound file that can be read ({reason}). "
            "Use another copy, or save it as WAV or FLAC first."
        ) from error
    except OSError as error:
        raise AudioReadError(f"“{path.name}” could not be read: {error.strerror}.") from error


def _open(path: Path, kind: type[soundfile.SoundFile] = soundfile.SoundFile) -> soundfile.SoundFile:
    _check_path(path)
    with _reading(path):
        try:
            return kind(native_name(path))
        except TypeError as error:  # soundfile asks for the rate of a file named .raw
            raise AudioFormatError(
                f"“{path.name}” holds bare samples without rate or channels. Save it as WAV first."
            ) from error


def _check_path(path: Path) -> None:
    with _reading(path):
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise AudioReadError(f"There is no file “{path}”.") from None
        except ValueError as error:  # a null character in the name
            raise AudioReadError(f"“{path.name!r}” is not a file name.") from error
        if path.is_dir():
            raise AudioReadError(f"“{path.name}” is a folder. Choose a sound file in it.")
        if not path.is_file():
            raise AudioReadError(f"“{path.name}” is not a regular file.")
        if size == 0:
            raise AudioReadError(f"“{path.name}” is empty (0 bytes).")
        with path.open("rb"):  # names a missing permission better than libsndfile does
            pass


def _info_of(path: Path, file: soundfile.SoundFile) -> AudioInfo:
    info = AudioInfo(
        path=path,
        container=file.format,
        subtype=file.subtype,
        rate=file.samplerate,
        channels=file.channels,
        frames=file.frames,
    )
    with _reading(path):
        if file.format == "OGG":
            return replace(info, cut=ogg.breaks_off(path))
        chunk = sound_chunk(path)
        if chunk is None:
            return info
        if file.format == "W64" and info.sample_bits:
            # libsndfile takes whatever follows the samples for more of them.
            held = chunk.size // (info.channels * info.sample_bits // 8)
            info = replace(info, frames=min(info.frames, held))
        return replace(info, cut=is_cut(path, chunk))


def _ends_early(file: soundfile.SoundFile) -> bool:
    """Whether the last frame of a coded file cannot be reached; uncompressed files tell themselves.

    Tells by a jump, so that a whole file need not be decoded to be opened.
    """
    if file.format in _UNCOMPRESSED or file.frames < 1 or not file.seekable():
        return False
    try:
        file.seek(file.frames - 1)
        return len(file.read(1)) < 1
    except soundfile.LibsndfileError:
        return True


_UNCOMPRESSED = frozenset({"WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF"})


def _check_form(info: AudioInfo) -> None:
    name = info.path.name
    if not MIN_RATE <= info.rate <= MAX_RATE:
        raise AudioFormatError(
            f"“{name}” has a rate of {info.rate:,} Hz; from {MIN_RATE // 1000} to "
            f"{MAX_RATE // 1000} kHz can be used. Convert it first."
        )
    if not 1 <= info.channels <= MAX_CHANNELS:
        raise AudioFormatError(
            f"“{name}” has {info.channels} channels; up to {MAX_CHANNELS} can be used. "
            "Split it first."
        )
