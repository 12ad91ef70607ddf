"""One result on disk: 32-bit floats in a WAV file, written once, read by any thread.

See `clapsep_desktop.audio.store` for where such files lie and how long.
"""

from __future__ import annotations

import errno
import os
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

import numpy as np
import soundfile

from clapsep_desktop.audio.iff import sound_chunk
from clapsep_desktop.audio.sequential import native_name
from clapsep_desktop.errors import AudioReadError, AudioWriteError
from clapsep_desktop.timebase import Span

SEALED, WRITING, GONE = ".wav", ".part", ".gone"
"""What the names of files end in that are finished, unfinished and about to be deleted."""

SAMPLE = np.dtype("<f4")
"""What the files hold."""

_MOST_OPEN = 64  # files of sealed buffers; macOS gives a process 256 of all kinds


class _OpenFiles:
    """The sealed buffers whose files are open: a system allows only so many.

    A long history has hundreds of buffers. Beyond ``_MOST_OPEN`` of them, that which was opened
    first is closed for the next one; its next read opens it again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buffers: dict[StoredBuffer, None] = {}  # in the order of their opening

    def add(self, buffer: StoredBuffer) -> None:
        """Count a buffer whose file was just opened; the caller holds that buffer's lock."""
        with self._lock:
            self._buffers.pop(buffer, None)
            surplus = max(len(self._buffers) + 1 - _MOST_OPEN, 0)
            for one in [*self._buffers][:surplus]:
                if one._lock.acquire(blocking=False):  # one that is being read stays for now
                    one._close()
                    one._lock.release()
                    del self._buffers[one]
            self._buffers[buffer] = None

    def remove(self, buffer: StoredBuffer) -> None:
        """Forget a buffer that will not be opened again."""
        with self._lock:
            self._buffers.pop(buffer, None)


_open_files = _OpenFiles()  # of this process, as is the system's limit


class StoredBuffer:
    """A buffer of an `AudioStore`: an `AudioSource` that any thread may read.

    Attributes:
        identity: its id.
        path: its file.
    """

    def __init__(
        self, identity: str, path: Path, *, rate: int, channels: int, frames: int, offset: int
    ) -> None:
        self.identity = identity
        self.path = path
        self.rate = rate
        self.channels = channels
        self.frames = frames
        self._offset = offset  # bytes before the samples
        self._lock = threading.Lock()
        self._file: FileIO | None = None  # opened by the first read
        self._deleted = False

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._offset + self.frames * self._frame_bytes

    @property
    def _frame_bytes(self) -> int:
        return self.channels * SAMPLE.itemsize

    def read(self, start: int, stop: int) -> np.ndarray:
        """Frames ``start <= frame < stop`` as float32 (stop - start, channels).

        Raises:
            AudioReadError: the buffer was deleted, or its file is gone or too short.
        """
        if not 0 <= start <= stop <= self.frames:
            raise ValueError(f"frames {start} to {stop} lie outside 0 to {self.frames}")
        samples = np.empty((stop - start, self.channels), SAMPLE)
        rest = samples.reshape(-1).view(np.uint8).data
        with self._lock, _reading(self.path):
            file = self._opened()
            file.seek(self._offset + start * self._frame_bytes)
            while rest and (count := file.readinto(rest)):
                rest = rest[count:]
        if rest:
            raise AudioReadError(
                f"“{self.path}” was cut while it was in use. Render the step again."
            )
        return samples

    def _opened(self) -> FileIO:
        if self._deleted:
            raise AudioReadError("This result was deleted. Render the step again.")
        if self._file is None:
            self._file = FileIO(self.path)
            _open_files.add(self)
        return self._file

    def release(self) -> None:
        """Close the file until the next read; Windows neither renames nor deletes an open one."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def give_up(self) -> Path:
        """Let the file go, under another name; reads fail from now on.

        Returns:
            The file, to be deleted: which takes seconds where it is large.
        """
        with self._lock:
            self._deleted = True
            self._close()
            _open_files.remove(self)
            try:
                return self.path.replace(self.path.with_suffix(GONE))
            except OSError:  # it went by itself, or deleting it will fail as well
                return self.path

    def delete(self) -> None:
        """Delete the file; reads fail from now on."""
        with suppress(OSError):
            self.give_up().unlink(missing_ok=True)


class BufferWriter(StoredBuffer):
    """A buffer while it is written; frames that are not written yet are zeros.

    Made by `AudioStore.create`. Any thread may read it, one may write. A context manager: leaving
    it before it is sealed discards it.
    """

    def __init__(
        self,
        identity: str,
        path: Path,
        *,
        rate: int,
        channels: int,
        frames: int,
        sealed: Callable[[BufferWriter], None],
        discarded: Callable[[BufferWriter], None],
    ) -> None:
        header = _header(rate, channels, frames)
        super().__init__(
            identity, path, rate=rate, channels=channels, frames=frames, offset=len(header)
        )
        self._tell_sealed, self._tell_discarded = sealed, discarded
        self._sealed = False
        self._written: tuple[Span, ...] = ()
        with storing(path.parent):
            self._file = FileIO(path, "x+")
            try:
                self._file.write(header)
                self._file.truncate(self.size)
            except OSError:
                self.delete()
                raise

    @property
    def written(self) -> tuple[Span, ...]:
        """The parts that are written, in order, those that touch joined."""
        return self._written

    def write(self, start: int, samples: np.ndarray) -> None:
        """Put samples at a frame.

        Args:
            start: frame of the buffer.
            samples: float (n, channels), full scale = 1.0; they must lie inside the buffer.

        Raises:
            AudioWriteError: the disk is full, or the buffer was discarded.
        """
        stop = start + len(samples)
        if samples.ndim != 2 or samples.shape[1] != self.channels:
            raise ValueError(f"{samples.shape} is no block of {self.channels} channels")
        if not 0 <= start <= stop <= self.frames:
            raise ValueError(f"frames {start} to {stop} lie outside 0 to {self.frames}")
        if not len(samples):
            return
        rest = np.ascontiguousarray(samples, SAMPLE).reshape(-1).view(np.uint8).data
        with self._lock, storing(self.path.parent):
            if self._sealed or self._deleted:
                raise AudioWriteError("This result is closed and takes no more sound.")
            file = self._opened()
            file.seek(self._offset + start * self._frame_bytes)
            while rest:
                rest = rest[file.write(rest) :]
        self._written = _merged(self._written, Span(start, stop))

    def seal(self) -> str:
        """Finish the buffer, so that it can be opened by its id; what is not written stays silent.

        Returns:
            The id.

        Raises:
            AudioWriteError: the disk is full, or the buffer was discarded.
        """
        with self._lock, storing(self.path.parent):
            if self._deleted:
                raise AudioWriteError("This result was discarded.")
            if not self._sealed:
                os.fsync(self._opened().fileno())
                self._close()
                self.path = self.path.replace(self.path.with_suffix(SEALED))
                self._sealed = True
        self._tell_sealed(self)
        return self.identity

    def discard(self) -> None:
        """Delete the buffer, unless it is sealed."""
        if not self._sealed:
            self._tell_discarded(self)

    def __enter__(self) -> BufferWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


# -- Files -------------------------------------------------------------------------------------

_FLOAT = 3  # WAVE_FORMAT_IEEE_FLOAT
_LARGEST = 0xFFFF_FFFF


def _header(rate: int, channels: int, frames: int) -> bytes:
    """The head of a WAV file of 32-bit floats, RF64 where it outgrows 4 GB (EBU Tech 3306).

    Always of one length, for a JUNK chunk holds the place of the 64-bit sizes.
    """
    frame_bytes = channels * SAMPLE.itemsize
    data = frames * frame_bytes
    form = struct.pack(
        "<HHIIHHH", _FLOAT, channels, rate, rate * frame_bytes, frame_bytes, 8 * SAMPLE.itemsize, 0
    )
    chunks = b"fmt " + struct.pack("<I", len(form)) + form
    chunks += b"fact" + struct.pack("<II", 4, min(frames, _LARGEST))
    whole = 4 + 36 + len(chunks) + 8 + data
    if whole <= _LARGEST:
        riff = b"RIFF" + struct.pack("<I", whole) + b"WAVE"
        sizes = b"JUNK" + struct.pack("<I28x", 28)
    else:
        riff = b"RF64" + struct.pack("<I", _LARGEST) + b"WAVE"
        sizes = b"ds64" + struct.pack("<IQQQI", 28, whole, data, frames, 0)
    return riff + sizes + chunks + b"data" + struct.pack("<I", min(data, _LARGEST))


def open_sealed(identity: str, path: Path) -> StoredBuffer:
    """A buffer in a file of 32-bit floats; raises AudioReadError where that is no such file."""
    try:
        info = soundfile.info(native_name(path))
        chunk = sound_chunk(path)
        size = path.stat().st_size
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioReadError(f"“{path}” is missing or damaged. Render the step again.") from error
    if chunk is None or info.subtype != "FLOAT" or info.endian == "BIG" or info.format == "AIFF":
        raise AudioReadError(f"“{path}” is no WAV file of 32-bit floats. Render the step again.")
    frames = chunk.size // (info.channels * SAMPLE.itemsize)
    buffer = StoredBuffer(
        identity,
        path,
        rate=info.samplerate,
        channels=info.channels,
        frames=frames,
        offset=chunk.offset,
    )
    if size < buffer.size:
        raise AudioReadError(f"“{path}” is cut off. Render the step again.")
    return buffer


def _merged(spans: tuple[Span, ...], new: Span) -> tuple[Span, ...]:
    """Spans in order with one more, those that touch joined."""
    start, stop, apart = new.start, new.stop, []
    for span in spans:
        if span.stop < start or stop < span.start:
            apart.append(span)
        else:
            start, stop = min(start, span.start), max(stop, span.stop)
    return tuple(sorted([*apart, Span(start, stop)]))


@contextmanager
def storing(folder: Path) -> Iterator[None]:
    """Turn what the system says of writing results into sentences."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise AudioWriteError(
                f"The disk is full: the result could not be stored in “{folder}”. Make room, or "
                "choose another folder for results in the preferences."
            ) from error
        raise AudioWriteError(
            f"The result could not be stored in “{folder}”: {error.strerror}. Choose another "
            "folder for results in the preferences."
        ) from error


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AudioReadError(
            f"“{path}” could not be read: {error.strerror}. Render the step again."
        ) from error
