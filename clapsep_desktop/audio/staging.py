"""Files that take their names only when they are complete, several together or none.

A staged file grows under a temporary name in its target's folder, so that the last step is a
rename within one file system; a failure before it leaves the target as it was.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import time
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PureWindowsPath

import soundfile

from clapsep_desktop.errors import AudioWriteError

_LEFT_BEHIND = 3600.0  # s without a change after which a temporary file is nobody's any more
NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*\x00-\x1f]+')
"""What some system or other does not take in a file's name."""

_WINDOWS = os.name == "nt"
_TOLD = 40  # characters of a target's name in its temporary one, which may not be much longer
_SPARE_BYTES = 16 * 1024**2  # room on the disk beyond what the files are known to need


class StagedFile:
    """An empty file under a temporary name beside its target, waiting to be written.

    Attributes:
        target: the name it will take.
        part: the name it has until then.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.part = _temporary_name(target)
        remove_left_behind(target, _LEFT_BEHIND)
        with writing(target):
            if target.is_dir():
                raise AudioWriteError(f"“{target}” is a folder. Add a file name.")
            os.close(os.open(self.part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            self._take_rights()

    def _take_rights(self) -> None:
        """Give the file the rights of the one it will replace."""
        with suppress(OSError):  # there is none, or a share or a stick on which rights stand fast
            shutil.copymode(self.target, self.part)

    def take(self, file: Path) -> None:
        """Become a complete file: that one itself from the same disk, from another one a copy."""
        with writing(self.target):
            try:
                file.replace(self.part)
            except OSError:  # another disk
                shutil.copyfile(file, self.part)
            self._take_rights()

    def flush(self) -> None:
        """Wait until the content is on the disk, not only on its way there."""
        with writing(self.target), self.part.open("r+b") as file:
            os.fsync(file.fileno())

    def discard(self) -> None:
        """Delete the temporary file, if it is still there."""
        with suppress(OSError):
            self.part.unlink(missing_ok=True)


def put_in_place(files: Sequence[StagedFile]) -> None:
    """Give complete files their names; where one fails, the others' targets are as before."""
    for file in files:
        file.flush()
    undo: list[tuple[Path, Path | None]] = []  # each target and its former content, if any
    try:
        for file in files:
            with writing(file.target):
                # The last one needs no way back: either it fails, or all are in place.
                former = None if file is files[-1] else _second_name(file.target)
                undo.append((file.target, former))
                file.part.replace(file.target)
    except BaseException:
        if any(file.part.exists() for file in files):
            for (target, former), file in zip(undo, files, strict=False):
                if not file.part.exists():
                    _restore(target, former)
        raise
    finally:
        for _, former in undo:
            if former is not None:
                with suppress(OSError):
                    former.unlink(missing_ok=True)
    for folder in {file.target.parent for file in files}:
        flush_folder(folder)


def write_text(target: Path, text: str) -> None:
    """Put a text in place as UTF-8, its line ends as they are; links are followed.

    Raises:
        AudioWriteError: the file cannot be written; the one that was there is as it was.
    """
    write_texts({target: text})


def write_texts(texts: Mapping[Path, str]) -> None:
    """Put texts in place, all of them or none; see `write_text`."""
    staged: list[StagedFile] = []
    try:
        for target, text in texts.items():
            data = text.encode()
            with writing(target):
                staged.append(StagedFile(Path(os.path.realpath(target))))
                staged[-1].part.write_bytes(data)
        put_in_place(staged)
    finally:
        for file in staged:
            file.discard()


def real_target(target: Path, source: Path) -> Path:
    """The file that a target's name leads to, once it is sure that it may be written.

    Raises:
        AudioWriteError: a folder, a device, write-protected, in a missing folder, or the source;
            on Windows also a name that it keeps for a device.
    """
    with writing(target):
        if _WINDOWS and PureWindowsPath(target).is_reserved():
            raise AudioWriteError(
                f"“{target.name}” is the name of a device in Windows. Choose another name."
            )
        real = Path(os.path.realpath(target))
        if real.is_dir():
            raise AudioWriteError(f"“{target}” is a folder. Add a file name.")
        if not real.parent.is_dir():
            raise AudioWriteError(f"There is no folder “{real.parent}”. Create it first.")
        if real.exists():
            if not real.is_file():
                raise AudioWriteError(f"“{target}” is not a regular file. Choose another name.")
            if source.exists() and real.samefile(source):
                raise AudioWriteError(
                    f"“{target.name}” is the recording itself. Choose another name, so that "
                    "nothing is lost."
                )
            if not os.access(real, os.W_OK):
                raise AudioWriteError(f"“{target}” is write-protected. Choose another name.")
    return real


def check_free(target: Path, *, replace: bool = False, needed: Iterable[Path] = ()) -> None:
    """Refuse a name that a file has already.

    Args:
        target: the name.
        replace: whether the user allowed the file to be replaced.
        needed: files that may not be replaced all the same.

    Raises:
        AudioWriteError: so it is.
    """
    with writing(target):
        if not target.exists():
            return
        if any(file.exists() and target.samefile(file) for file in needed):
            raise AudioWriteError(
                f"“{target}” is read by this very command. Choose another name, so that nothing "
                "is lost."
            )
        if not replace:
            raise AudioWriteError(
                f"“{target}” is there already. Choose another name, or allow it to be replaced "
                "with --overwrite."
            )


def check_distinct(targets: Sequence[Path]) -> None:
    """Refuse targets that are one file."""
    if len(set(map(folded, targets))) < len(targets):
        raise AudioWriteError(
            f"“{targets[0].name}” is named for both what is kept and what is removed. "
            "Choose two names."
        )


def folded(path: Path) -> str:
    """Equal for paths that are one on some disk: such as differ in case or in Unicode's form."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def check_room(targets: Sequence[Path], sizes: Sequence[int]) -> None:
    """Refuse to start where a disk has less room than its targets' sizes (bytes) together."""
    needed: dict[int, int] = {}
    for target, size in zip(targets, sizes, strict=True):
        with writing(target):
            disk = target.parent.stat().st_dev
            needed[disk] = needed.get(disk, _SPARE_BYTES) + size
            free = shutil.disk_usage(target.parent).free
        if needed[disk] > free:
            raise AudioWriteError(
                f"The disk of “{target.parent}” has {megabytes(free)} free, but the result needs "
                f"about {megabytes(needed[disk])}. Make room or choose another folder."
            )


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turn what libsndfile and the system say of a target into sentences."""
    try:
        yield
    except OSError as error:
        raise AudioWriteError(_sentence(target, error.errno, error.strerror or "")) from error
    except (soundfile.LibsndfileError, AssertionError) as error:
        # soundfile asserts that all frames were written; on a full disk they are not.
        full = _free(target.parent) < _SPARE_BYTES
        reason = getattr(error, "error_string", "it could not be written completely")
        raise AudioWriteError(
            _sentence(target, errno.ENOSPC if full else None, str(reason).strip(" .\n"))
        ) from error
    except ValueError as error:  # a null character in the name
        raise AudioWriteError(f"“{str(target)!r}” is not a file name.") from error


def _sentence(target: Path, number: int | None, reason: str) -> str:
    if number in {errno.ENOSPC, errno.EDQUOT}:
        return (
            f"The disk is full: “{target.name}” could not be written to “{target.parent}”. "
            "Make room or choose another folder."
        )
    if number in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return (
            f"“{target.name}” may not be written to “{target.parent}”: {reason.lower()}. "
            "Choose another folder, or close the program that uses the file."
        )
    return f"“{target.name}” could not be written to “{target.parent}”: {reason}."


def megabytes(size: int) -> str:
    """Bytes for people.

    >>> megabytes(1_500_000), megabytes(2_000_000_000)
    ('2 MB', '2.0 GB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _free(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def remove_left_behind(target: Path, age: float = 0.0) -> None:
    """Delete the temporary files of a target that a crash left.

    Args:
        target: the name they would have taken.
        age: s for which they must not have changed.
    """
    names = re.compile(rf"{re.escape(_temporary_prefix(target))}[0-9a-f]{{8}}\.part")
    with suppress(OSError):
        for file in target.parent.iterdir():
            if names.fullmatch(file.name) and time.time() - file.stat().st_mtime >= age:
                file.unlink()


def _temporary_prefix(target: Path) -> str:
    """What the temporary names of this target begin with, and those of no other one."""
    return f".{target.name[:_TOLD]}.{zlib.crc32(os.fsencode(target.name)):08x}."


def _temporary_name(target: Path) -> Path:
    return target.with_name(f"{_temporary_prefix(target)}{secrets.token_hex(4)}.part")


def _second_name(target: Path) -> Path | None:
    """Another name for an existing file, to bring it back by; None where there is none."""
    if not target.exists():
        return None
    former = _temporary_name(target)
    try:
        os.link(target, former)
    except OSError:  # no hard links on this file system
        try:
            shutil.copy2(target, former)
        except BaseException:
            former.unlink(missing_ok=True)
            raise
    return former


def _restore(target: Path, former: Path | None) -> None:
    with suppress(OSError):
        if former is None:
            target.unlink(missing_ok=True)
        else:
            former.replace(target)


def flush_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut; Windows neither needs nor allows it."""
    if os.name == "posix":
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
