"""Results on disk: float32 buffers in one folder, by id.

A buffer is first written, then sealed; a sealed one never changes, so any thread may read it, and
is deleted when nothing needs it any more. Each is a WAV file of 32-bit floats, so that a project
can take it in by a link. Its name ends in ``.part`` until it is sealed.

The folder belongs to the process that its lock file names; that of a process which died is swept
by `remove_orphans`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import uuid
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path

from clapsep_desktop.audio.buffers import (
    SAMPLE,
    SEALED,
    WRITING,
    BufferWriter,
    StoredBuffer,
    open_sealed,
    storing,
)
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.audio.staging import check_room, megabytes
from clapsep_desktop.errors import AudioReadError, AudioWriteError
from clapsep_desktop.processes import Owner

_LOCK = "process.json"
_IDENTITY = re.compile(r"[0-9A-Za-z_-]{1,64}")


class AudioStore:
    """Disk-backed float32 buffers in one folder, by id. Any thread may use it.

    A context manager: leaving it closes it.

    Args:
        folder: made where it is not there; of no other store.
        budget: bytes that all buffers together may take; None for what the disk holds.

    Raises:
        AudioWriteError: the folder cannot be written, or is that of another store.
    """

    def __init__(self, folder: Path, *, budget: int | None = None) -> None:
        self.folder = folder
        self.budget = budget
        self._lock = threading.RLock()
        self._sealed: dict[str, StoredBuffer] = {}
        self._writing: dict[str, BufferWriter] = {}
        self._removals: list[threading.Thread] = []  # that delete what was swept
        with storing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            _take(folder)

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
        self._wait_for_removals()
        with self._lock:
            path = self._free_path(identity, WRITING)
            self._check_room(path, frames * channels * SAMPLE.itemsize)
            writer = BufferWriter(
                identity,
                path,
                rate=rate,
                channels=channels,
                frames=frames,
                sealed=self._seal,
                discarded=self._forget,
            )
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
        found = open_sealed(identity, path)
        self._wait_for_removals()
        with self._lock:
            target = self._free_path(identity, SEALED)
            self._check_room(target, found.size)
        _link_or_copy(path, target)  # may take long, and others read meanwhile
        found.path = target
        with self._lock:
            self._sealed[identity] = found

    def sweep(self, keep: Collection[str]) -> int:
        """Delete the sealed buffers whose ids are not in ``keep``; the bytes that frees.

        Returns at once: their files go one after the other on a thread, for which whoever needs
        room waits, and whoever closes or leaves the store.
        """
        with self._lock:
            gone = [self._sealed.pop(one) for one in [*self._sealed] if one not in keep]
        files = [buffer.give_up() for buffer in gone]
        if files:
            removal = threading.Thread(target=_remove, args=(files,), name="deleting results")
            removal.start()
            with self._lock:
                self._removals = [one for one in self._removals if one.is_alive()] + [removal]
        return sum(buffer.size for buffer in gone)

    def _wait_for_removals(self) -> None:
        with self._lock:
            removals = self._removals
        for removal in removals:
            removal.join()

    def leave(self) -> None:
        """Let go of every file and delete no more, for a recovery to find it all."""
        with self._lock:
            for buffer in (*self._sealed.values(), *self._writing.values()):
                buffer.release()
        self._wait_for_removals()

    def close(self) -> None:
        """Delete every buffer and the folder."""
        with self._lock:
            every = (*self._sealed.values(), *self._writing.values())
            self._sealed.clear()
            self._writing.clear()
        self._wait_for_removals()
        for buffer in every:
            buffer.delete()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> AudioStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_room(self, path: Path, size: int) -> None:
        if self.budget is not None and self.used + size > self.budget:
            raise AudioWriteError(
                f"The result needs {megabytes(size)}, but of the {megabytes(self.budget)} "
                f"allowed for results {megabytes(self.used)} are taken. Delete steps that are no "
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
        writer.delete()


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
    """Make this process the folder's owner; raises AudioWriteError where there was one."""
    lock = folder / _LOCK
    if lock.exists():
        raise AudioWriteError(
            f"“{folder}” is of another window of CLAPSep Desktop. Choose another folder."
        )
    part = lock.with_suffix(".new")
    part.write_text(json.dumps(Owner.this().to_dict()), encoding="utf-8")
    part.replace(lock)


def _owner_lives(lock: Path) -> bool:
    """Whether the process that a lock file names may still run; a damaged file names none."""
    try:
        return Owner.from_dict(json.loads(lock.read_text(encoding="utf-8"))).is_live
    except (FileNotFoundError, ValueError):
        return False
    except OSError:  # a disk or a share that fails for now: nothing is known
        return True


# -- Files -------------------------------------------------------------------------------------


def _remove(files: Sequence[Path]) -> None:
    for file in files:
        with suppress(OSError):
            file.unlink(missing_ok=True)


def _link_or_copy(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
        return
    except OSError:  # another file system, or one without links
        pass
    part = target.with_suffix(WRITING)
    try:
        with storing(target.parent):
            shutil.copyfile(path, part)
            with part.open("r+b") as file:
                os.fsync(
                    file.fileno()
                )  # a project takes it in by a link, and may outlive the store
            part.replace(target)
    finally:
        part.unlink(missing_ok=True)
