"""Results on disk: float32 buffers in one folder, by id.

A buffer is first written, then sealed; a sealed one never changes, so any thread may read it, and
is deleted when nothing needs it any more. Each is a WAV file of 32-bit floats, so that a project
can take it in by a link. Its name ends in ``.part`` until it is sealed.

The folder belongs to the process that its lock file names. That of a process which died is swept
by `remove_orphans`, or taken over, with every sealed buffer, by opening it again.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import struct
import threading
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

import numpy as np
import soundfile

from clapsep_desktop.audio.iff import sound_chunk
from clapsep_desktop.audio.sequential import native_name
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.audio.staging import check_room
from clapsep_desktop.errors import AudioReadError, AudioWriteError
from clapsep_desktop.processes import Owner
from clapsep_desktop.timebase import Span

_LOCK = "process.json"
_SEALED, _WRITING = ".wav", ".part"
_SAMPLE = np.dtype("<f4")
_MOST_OPEN = 64  # files of sealed buffers; macOS gives a process 256 of all kinds
_IDENTITY = re.compile(r"[0-9A-Za-z_-]{1,64}")


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
                    one._release()
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
        return self.channels * _SAMPLE.itemsize

    def read(self, start: int, stop: int) -> np.ndarray:
        """Frames ``start <= frame < stop`` as float32 (stop - start, channels).

        Raises:
            AudioReadError: the buffer was deleted, or its file is gone or too short.
        """
        if not 0 <= start <= stop <= self.frames:
            raise ValueError(f"frames {start} to {stop} lie outside 0 to {self.frames}")
        samples = np.empty((stop - start, self.channels), _SAMPLE)
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

    def _release(self) -> None:
        """Close the file; Windows neither renames nor deletes one that is open."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _delete(self) -> None:
        with self._lock:
            self._deleted = True
            self._release()
            _open_files.remove(self)
            with suppress(OSError):
                self.path.unlink(missing_ok=True)


class BufferWriter(StoredBuffer):
    """A buffer while it is written; frames that are not written yet are zeros.

    Made by `AudioStore.create`. Any thread may read it, one may write. A context manager: leaving
    it before it is sealed discards it.
    """

    def __init__(
        self, store: AudioStore, identity: str, path: Path, rate: int, channels: int, frames: int
    ) -> None:
        header = _header(rate, channels, frames)
        super().__init__(
            identity, path, rate=rate, channels=channels, frames=frames, offset=len(header)
        )
        self._store = store
        self._sealed = False
        self._written: tuple[Span, ...] = ()
        with _storing(path.parent):
            self._file = FileIO(path, "x+")
            self._file.write(header)
            self._file.truncate(self.size)

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
        rest = np.ascontiguousarray(samples, _SAMPLE).reshape(-1).view(np.uint8).data
        with self._lock, _storing(self.path.parent):
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
        with self._lock, _storing(self.path.parent):
            if self._deleted:
                raise AudioWriteError("This result was discarded.")
            if not self._sealed:
                os.fsync(self._opened().fileno())
                self._release()
                self.path = self.path.replace(self.path.with_suffix(_SEALED))
                self._sealed = True
        self._store._seal(self)
        return self.identity

    def discard(self) -> None:
        """Delete the buffer, unless it is sealed."""
        if not self._sealed:
            self._store._forget(self)

    def __enter__(self) -> BufferWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


class AudioStore:
    """Disk-backed float32 buffers in one folder, by id. Any thread may use it.

    A context manager: leaving it closes it.

    Args:
        folder: made where it is not there. One that a dead process left is taken over: its
            sealed buffers are there again, its unfinished ones are deleted.
        budget: bytes that all buffers together may take; None for what the disk holds.

    Raises:
        AudioWriteError: the folder cannot be written, or belongs to a process that is alive.
    """

    def __init__(self, folder: Path, *, budget: int | None = None) -> None:
        self.folder = folder
        self.budget = budget
        self._lock = threading.RLock()
        self._sealed: dict[str, StoredBuffer] = {}
        self._writing: dict[str, BufferWriter] = {}
        with _storing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            _take(folder)
            for part in folder.glob(f"*{_WRITING}"):
                part.unlink()
        for path in sorted(folder.glob(f"*{_SEALED}")):
            with suppress(AudioReadError):
                self._sealed[path.stem] = _open_sealed(path.stem, path)

    def __contains__(self, identity: object) -> bool:
        return identity in self._sealed

    @property
    def used(self) -> int:
        """Bytes that all buffers take."""
        with self._lock:
            return sum(one.size for one in (*self._sealed.values(), *self._writing.values()))

    def create(
        self, rate: int, channels: int, frames: int, identity: str | None = None
    ) -> BufferWriter:
        """A new buffer to be written.

        Args:
            rate: Hz.
            channels: their number.
            frames: its length.
            identity: its id, letters and digits; a new one if left out.

        Raises:
            AudioWriteError: the disk or the budget has no room for it.
        """
        identity = identity or uuid.uuid4().hex
        with self._lock:
            path = self._free_path(identity, _WRITING)
            self._check_room(path, frames * channels * _SAMPLE.itemsize)
            writer = BufferWriter(self, identity, path, rate, channels, frames)
            self._writing[identity] = writer
        return writer

    def open(self, identity: str) -> AudioSource:
        """A sealed buffer; raises KeyError where there is none of that id."""
        with self._lock:
            return self._sealed[identity]

    def path(self, identity: str) -> Path:
        """The WAV file of a sealed buffer, to be linked or copied, never changed.

        Raises:
            KeyError: there is none of that id.
        """
        with self._lock:
            return self._sealed[identity].path

    def size(self, identity: str) -> int:
        """Bytes on disk of a sealed buffer; raises KeyError where there is none of that id."""
        with self._lock:
            return self._sealed[identity].size

    def adopt(self, identity: str, path: Path) -> None:
        """Take in a file of a project: by a hard link where that can be done, else by a copy.

        Args:
            identity: the id it gets; a buffer that already has it stays as it is.
            path: a WAV, RF64 or W64 file of 32-bit floats, which must not be changed afterwards.

        Raises:
            AudioReadError: the file is missing, damaged, cut off or of another kind.
            AudioWriteError: the disk or the budget has no room for it.
        """
        if not _IDENTITY.fullmatch(identity):
            raise AudioReadError(f"“{path.name}” has an id that cannot be used: {identity[:40]!r}.")
        with self._lock:
            if identity in self._sealed:
                return
            found = _open_sealed(identity, path)
            target = self._free_path(identity, _SEALED)
            self._check_room(target, found.size)
            _link_or_copy(path, target)
            found.path = target
            self._sealed[identity] = found

    def sweep(self, keep: Collection[str]) -> int:
        """Delete the sealed buffers whose ids are not in ``keep``; the bytes that freed."""
        with self._lock:
            gone = [self._sealed.pop(one) for one in [*self._sealed] if one not in keep]
        for buffer in gone:
            buffer._delete()
        return sum(buffer.size for buffer in gone)

    def leave(self) -> None:
        """Let go of every file and delete nothing, for a recovery to find it all."""
        with self._lock:
            for buffer in (*self._sealed.values(), *self._writing.values()):
                with buffer._lock:
                    buffer._release()

    def close(self) -> None:
        """Delete every buffer and the folder."""
        with self._lock:
            every = (*self._sealed.values(), *self._writing.values())
            self._sealed.clear()
            self._writing.clear()
        for buffer in every:
            buffer._delete()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> AudioStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_room(self, path: Path, size: int) -> None:
        if self.budget is not None and self.used + size > self.budget:
            raise AudioWriteError(
                f"The result needs {_megabytes(size)}, but of the {_megabytes(self.budget)} "
                f"allowed for results {_megabytes(self.used)} are taken. Delete steps that are no "
                "longer needed, or allow more in the preferences."
            )
        check_room([path], [size])

    def _free_path(self, identity: str, suffix: str) -> Path:
        if not _IDENTITY.fullmatch(identity) or identity in {**self._sealed, **self._writing}:
            raise ValueError(f"{identity!r} cannot be the id of a new buffer")
        return self.folder / f"{identity}{suffix}"

    def _seal(self, writer: BufferWriter) -> None:
        with self._lock:
            if self._writing.pop(writer.identity, None) is not None:
                self._sealed[writer.identity] = writer

    def _forget(self, writer: BufferWriter) -> None:
        with self._lock:
            self._writing.pop(writer.identity, None)
        writer._delete()


# -- The folder's owner ------------------------------------------------------------------------


def remove_orphans(root: Path, needed: Callable[[Path], bool] = lambda _: False) -> int:
    """Delete the stores in a folder whose processes are dead.

    Args:
        root: the folder of the stores; it need not be there.
        needed: whether a store's folder must stay, as what a recovery would open.

    Returns:
        The bytes that freed.
    """
    freed = 0
    for lock in root.glob(f"*/{_LOCK}"):
        folder = lock.parent
        if _owner_lives(lock) or needed(folder):
            continue
        with suppress(OSError):
            freed += sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
        shutil.rmtree(folder, ignore_errors=True)
    return freed


def in_use(folder: Path) -> bool:
    """Whether the process that a store's folder belongs to is alive."""
    return _owner_lives(folder / _LOCK)


def _take(folder: Path) -> None:
    """Make this process the folder's owner; raises AudioWriteError where another one lives."""
    lock = folder / _LOCK
    if lock.exists() and _owner_lives(lock):
        raise AudioWriteError(
            f"“{folder}” is in use by another window of CLAPSep Desktop. Close it first."
        )
    part = lock.with_suffix(".new")
    part.write_text(json.dumps(Owner.this().to_dict()), encoding="utf-8")
    part.replace(lock)


def _owner_lives(lock: Path) -> bool:
    """Whether the process that a lock file names may still run; a damaged file names none."""
    try:
        return Owner.from_dict(json.loads(lock.read_text(encoding="utf-8"))).is_live
    except (OSError, ValueError):
        return False


# -- Files -------------------------------------------------------------------------------------

_FLOAT = 3  # WAVE_FORMAT_IEEE_FLOAT
_LARGEST = 0xFFFF_FFFF


def _header(rate: int, channels: int, frames: int) -> bytes:
    """The head of a WAV file of 32-bit floats, RF64 where it outgrows 4 GB (EBU Tech 3306).

    Always of one length, for a JUNK chunk holds the place of the 64-bit sizes.
    """
    frame_bytes = channels * _SAMPLE.itemsize
    data = frames * frame_bytes
    form = struct.pack(
        "<HHIIHHH", _FLOAT, channels, rate, rate * frame_bytes, frame_bytes, 8 * _SAMPLE.itemsize, 0
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


def _open_sealed(identity: str, path: Path) -> StoredBuffer:
    """A buffer in a file of 32-bit floats; raises AudioReadError where that is no such file."""
    try:
        info = soundfile.info(native_name(path))
        chunk = sound_chunk(path)
        size = path.stat().st_size
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioReadError(f"“{path}” is missing or damaged. Render the step again.") from error
    if chunk is None or info.subtype != "FLOAT" or info.endian == "BIG" or info.format == "AIFF":
        raise AudioReadError(f"“{path}” is no WAV file of 32-bit floats. Render the step again.")
    frames = chunk.size // (info.channels * _SAMPLE.itemsize)
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


def _link_or_copy(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
        return
    except OSError:  # another file system, or one without links
        pass
    part = target.with_suffix(_WRITING)
    try:
        with _storing(target.parent):
            shutil.copyfile(path, part)
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)


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
def _storing(folder: Path) -> Iterator[None]:
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


def _megabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
