"""Paths and URLs alike: where a batch reads recordings and puts results.

A place is a path, or a URL that fsspec knows (``s3://``, ``gs://``, ``sftp://``, ``memory://``).
Results are complete under another name before they take their own.
"""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

from clapsep_desktop.audio import staging
from clapsep_desktop.audio.staging import StagedFile, put_in_place, writing
from clapsep_desktop.errors import AudioReadError, AudioWriteError
from clapsep_desktop.query import expanded

SHOP = ".clapsep-"
"""What the name of a folder for unfinished results begins with; see `workshop`."""

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://.*", re.DOTALL)


def is_url(place: str) -> bool:
    """Whether a place is a URL; a Windows drive is none."""
    return _URL.fullmatch(place) is not None


def joined(folder: str, name: str) -> str:
    """A name below a folder."""
    return f"{folder.rstrip('/')}/{name}" if is_url(folder) else str(Path(folder) / name)


def parent(place: str) -> str:
    """The folder of a place."""
    return place.rpartition("/")[0] if is_url(place) else str(Path(place).parent)


def name_of(place: str) -> str:
    """The last part of a place."""
    return PurePosixPath(place).name if is_url(place) else Path(place).name


def absolute(place: str) -> str:
    """The place as every process of this machine, and of those that share its disk, knows it."""
    return place if is_url(place) else str(expanded(place).absolute())


def state(place: str) -> tuple[int, str] | None:
    """Size in bytes and a mark that changes with the content; None where there is no file.

    Raises:
        AudioReadError: the place is on a store that cannot be asked.
    """
    if is_url(place):
        system, path = _system(place)
        with _speaking(place, AudioReadError, "cannot be reached"):
            try:
                info = system.info(path)
            except OSError:
                return None
        mark = info.get("ETag") or info.get("mtime") or info.get("created") or ""
        return int(info.get("size") or 0), str(mark)
    try:
        found = Path(place).stat()
    except (OSError, ValueError):
        return None
    return found.st_size, str(found.st_mtime_ns)


def is_folder(place: str) -> bool:
    """Whether a path is that of a folder; URLs are not asked."""
    try:
        return not is_url(place) and Path(place).is_dir()
    except (OSError, ValueError):
        return False


def files_in(folder: str) -> list[str]:
    """The files of a folder, by name; none where it cannot be read."""
    try:
        if is_url(folder):
            system, path = _system(folder)
            with _speaking(folder, AudioReadError, "cannot be reached"):
                found = system.ls(path, detail=False)
            return sorted(joined(folder, PurePosixPath(each).name) for each in found)
        return sorted(str(each) for each in Path(folder).iterdir())
    except (OSError, ValueError, AudioReadError):
        return []


def read_text(place: str) -> str | None:
    """A small text; None where there is none that can be read."""
    try:
        if is_url(place):
            system, path = _system(place)
            with _speaking(place, AudioReadError, "cannot be read"):
                data = system.cat_file(path)
            return str(data.decode())
        return Path(place).read_text(encoding="utf-8")
    except (OSError, ValueError, AudioReadError):
        return None


def write_text(place: str, text: str) -> None:
    """Put a small text in place, whole or not at all; raises AudioWriteError."""
    if not is_url(place):
        with writing(Path(place)):
            Path(place).parent.mkdir(parents=True, exist_ok=True)
        staging.write_text(Path(place), text)
        return
    with tempfile.TemporaryDirectory(prefix="clapsep-") as folder:
        local = Path(folder) / "text"
        local.write_bytes(text.encode())
        deliver([(local, place)])


def remove(place: str) -> None:
    """Delete a file, if it is there."""
    with suppress(OSError, AudioWriteError):
        if is_url(place):
            system, path = _system(place)
            with _speaking(place, AudioWriteError, "cannot be deleted"):
                system.rm(path)
        else:
            Path(place).unlink(missing_ok=True)


@contextmanager
def fetched(place: str) -> Iterator[Path]:
    """A recording as a file of this machine; raises AudioReadError."""
    if not is_url(place):
        yield Path(place)
        return
    with tempfile.TemporaryDirectory(prefix="clapsep-") as folder:
        local = Path(folder) / name_of(place)
        with _speaking(place, AudioReadError, "could not be fetched"):
            system, path = _system(place)
            system.get_file(path, str(local))
        yield local


@contextmanager
def workshop(key: str, places: Sequence[str]) -> Iterator[Path]:
    """A folder for unfinished results, on the disk of the first local place; deleted afterwards.

    Args:
        key: of the job, by which `sweep` finds what a killed process left.
        places: where the results will go.
    """
    folders = [Path(place).parent for place in places if not is_url(place)]
    if not folders:
        with tempfile.TemporaryDirectory(prefix="clapsep-") as folder:
            yield Path(folder)
        return
    shop = folders[0] / f"{_shop_prefix(key)}{secrets.token_hex(4)}.part"
    with writing(Path(next(place for place in places if not is_url(place)))):
        folders[0].mkdir(parents=True, exist_ok=True)
        shop.mkdir()
    try:
        yield shop
    finally:
        shutil.rmtree(shop, ignore_errors=True)


def sweep(key: str, places: Sequence[str]) -> None:
    """Delete what killed processes left of a job."""
    for folder in {Path(place).parent for place in places if not is_url(place)}:
        if folder.is_dir():
            for shop in folder.glob(f"{_shop_prefix(key)}*.part"):
                shutil.rmtree(shop, ignore_errors=True)


def deliver(files: Sequence[tuple[Path, str]]) -> None:
    """Move complete local files to their places, those on disks together or none of them.

    Raises:
        AudioWriteError: a place cannot be written.
    """
    staged: list[StagedFile] = []
    try:
        for local, place in files:
            if is_url(place):
                _upload(local, place)
                continue
            target = Path(place)
            with writing(target):
                target.parent.mkdir(parents=True, exist_ok=True)
            staged.append(StagedFile(target))
            staged[-1].take(local)
        put_in_place(staged)
    finally:
        for file in staged:
            file.discard()


def _upload(local: Path, place: str) -> None:
    with _speaking(place, AudioWriteError, "could not be written"):
        system, path = _system(place)
        system.makedirs(system._parent(path), exist_ok=True)
        system.put_file(str(local), f"{path}.part")
        system.mv(f"{path}.part", path)


@contextmanager
def _speaking(
    place: str, kind: type[AudioReadError | AudioWriteError], what: str
) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # every kind of store raises errors of its own
        reason = str(error).strip(" .") or type(error).__name__
        raise kind(f"“{place}” {what}: {reason}.") from error


def _system(place: str) -> tuple[Any, str]:
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(place)
    except (ImportError, ValueError) as error:
        raise AudioReadError(
            f"“{place}” cannot be reached: {error}. Install what fsspec needs for it."
        ) from error
    return system, path


def _shop_prefix(key: str) -> str:
    return f"{SHOP}{key[:16]}-"
