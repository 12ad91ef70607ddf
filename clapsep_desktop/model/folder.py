"""Model folders on the disk: reading their description, checking them, writing them whole or not.

A folder is built under a name that starts with a dot and renamed when all of it is on the disk,
so a failure, a cancellation or a power cut leaves either the old folder or the new one. (Only a
power cut in the moment between two renames leaves the old one as ``.NAME.old``.)
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clapsep_desktop.errors import ModelDamagedError, ModelError, ModelMissingError

CONFIG_NAME = "config.json"
BLOCK = 1 << 20


@dataclass(frozen=True)
class Progress:
    """How far a long step has come."""

    phase: str  # "downloading", "reading", "converting", "measuring" or "checking"
    item: str  # the file at hand
    done: int  # bytes
    total: int  # bytes


Report = Callable[[Progress], None]
"""Called often during long steps. An exception it raises stops the step and is passed on; what
was complete before stays, nothing half-written does."""


def silent(_: Progress) -> None:
    """A `Report` that tells nobody."""


def read_config(folder: Path) -> dict[str, Any]:
    """A model folder's config.json as a dict.

    Raises:
        ModelMissingError: there is none.
        ModelDamagedError: it is not a JSON object.
    """
    path = folder / CONFIG_NAME
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelMissingError(f"{folder} is not a model: it has no {CONFIG_NAME}.") from None
    except (OSError, ValueError) as error:
        raise ModelDamagedError(
            f"{path} cannot be read ({error}). Install the model again."
        ) from error
    if not isinstance(config, dict):
        raise ModelDamagedError(f"{path} is not a model description. Install the model again.")
    return config


def write_config(folder: Path, config: dict[str, Any]) -> None:
    """Writes a model folder's config.json whole."""
    write_whole(folder / CONFIG_NAME, (json.dumps(config, indent=2) + "\n").encode())


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file beside its place, waits until it is on the disk, and puts it there."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def describe_file(folder: Path, name: str) -> None:
    """Notes in config.json what a file of the folder is now, so that `check_files` looks at it.

    Raises:
        ModelMissingError, ModelDamagedError: see `read_config`.
    """
    config = read_config(folder)
    config["files"] = {**config.get("files", {}), name: describe(folder / name)}
    write_config(folder, config)


def describe(path: Path, report: Report = silent) -> dict[str, Any]:
    """A file's size and SHA-256, as config.json keeps them."""
    return {"bytes": path.stat().st_size, "sha256": sha256(path, report)}


def sha256(path: Path, report: Report = silent) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest, total, done = hashlib.sha256(), path.stat().st_size, 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            done += len(block)
            report(Progress("checking", path.name, done, total))
    return digest.hexdigest()


def check_files(folder: Path, report: Report = silent) -> None:
    """Compares every file that config.json describes with what it says.

    Raises:
        ModelDamagedError: naming each file that is missing or altered.
    """
    described = read_config(folder).get("files")
    if not isinstance(described, dict) or not described:
        raise ModelDamagedError(
            f"The model in {folder} does not say what its files should be. Install it again."
        )
    wrong = []
    for name, expected in described.items():
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()) or not path.is_file():
            wrong.append(f"{name} is missing")
        elif describe(path, report) != expected:
            wrong.append(f"{name} is altered")
    if wrong:
        raise ModelDamagedError(
            f"The model in {folder} is damaged: {', '.join(wrong)}. Install it again."
        )


@contextmanager
def built(folder: Path, needed: int) -> Iterator[Path]:
    """Builds a folder in another's place: yields an empty one, which takes that place at the end.

    Args:
        folder: the place; a model already there stays until the new one is whole.
        needed: bytes that will be written.

    Raises:
        ModelError: the disk is full, or the place cannot be written.
    """
    part = folder.with_name(f".{folder.name}.part")
    with disk_errors(folder.parent, needed):
        folder.parent.mkdir(parents=True, exist_ok=True)
        require_space(folder.parent, needed)
        _remove(part)
        part.mkdir()
        try:
            yield part
            _flush(part)
            _put(part, folder)
        finally:
            _remove(part)


@contextmanager
def disk_errors(place: Path, needed: int) -> Iterator[None]:
    """Turns a disk's refusals into sentences."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise _full(place, needed) from error
        raise ModelError(
            f"{place} cannot be written ({error.strerror or error}). Choose another folder for "
            "models with CLAPSEP_MODELS."
        ) from error


def require_space(place: Path, needed: int) -> None:
    """Raises ModelError where a folder's disk has less free than will be written."""
    if shutil.disk_usage(place).free < needed:
        raise _full(place, needed)


def remove_folder(folder: Path) -> None:
    """Deletes a model folder, out of sight first.

    Raises:
        ModelError: it could not be deleted; it is then still whole, or no longer found by name.
    """
    aside = folder.with_name(f".{folder.name}.removed")
    try:
        _remove(aside)
        folder.rename(aside)
        shutil.rmtree(aside)
    except OSError as error:
        raise ModelError(
            f"{folder} could not be removed ({error.strerror or error}). "
            "Close the program that uses it and try again."
        ) from error


def size_text(size: int) -> str:
    """Bytes for a person.

    >>> size_text(2_352_471_003)
    '2.35 GB'
    """
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.3g} MB"


def _flush(folder: Path) -> None:
    """Waits until every file is on the disk, not only on its way there."""
    for path in folder.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def _put(part: Path, folder: Path) -> None:
    """Gives a whole folder its name; where that fails, the former one has it again."""
    old = folder.with_name(f".{folder.name}.old")
    _remove(old)
    if folder.exists():
        folder.rename(old)
    try:
        part.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)  # what is still in use goes with the next one


def _remove(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)


def _full(place: Path, needed: int) -> ModelError:
    free = shutil.disk_usage(place).free
    return ModelError(
        f"The disk of {place} is full: {size_text(needed)} are needed, {size_text(free)} are free. "
        "Free some space, or choose another folder for models with CLAPSEP_MODELS."
    )
