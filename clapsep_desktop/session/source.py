"""The recording behind a project: found again when it was moved, told when it was changed."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from clapsep_desktop.audio.formats import AudioInfo
from clapsep_desktop.errors import AudioReadError, SourceChangedError
from clapsep_desktop.session.history import History
from clapsep_desktop.session.session import Recording

_BLOCK = 1 << 20  # bytes read at once
_BLOCKS_PER_STEP = 16


def hashing(path: Path) -> Generator[int, None, str]:
    """The SHA-256 of a file's bytes, in hexadecimal; yields the bytes read so far.

    Raises:
        AudioReadError: it cannot be read.
    """
    digest, read, count = hashlib.sha256(), 0, 0
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                read += len(block)
                count += 1
                if count % _BLOCKS_PER_STEP == 0:
                    yield read
    except FileNotFoundError:
        raise AudioReadError(f"There is no file “{path}”.") from None
    except OSError as error:
        raise AudioReadError(f"“{path.name}” could not be read: {error.strerror}.") from error
    return digest.hexdigest()


def hash_of(path: Path) -> str:
    """The SHA-256 of a file's bytes at once; see `hashing`."""
    steps = hashing(path)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return str(stop.value)


def check(recording: Recording, info: AudioInfo, digest: str) -> None:
    """Whether a file is the recording that a project was made of.

    Args:
        recording: what the project knows of it.
        info: what the file says of itself.
        digest: the file's SHA-256.

    Raises:
        SourceChangedError: it has other bytes.
    """
    if not recording.digest or recording.digest == digest:
        if not fits(recording, info):
            raise SourceChangedError(_other(info.path, recording))
        return
    raise SourceChangedError(
        f"“{info.path.name}” has changed since the project was saved, or is another recording. "
        + (
            "The results were made of the older one and may not suit it: use it as it is, or "
            "look for the one that the project was made of."
            if fits(recording, info)
            else "Its rate, channels or length differ, so the project cannot be shown with it. "
            "Look for the recording that the project was made of."
        )
    )


def fits(recording: Recording, info: AudioInfo) -> bool:
    """Whether a file can stand in for a recording: the same rate, channels and length."""
    return (info.rate, info.channels, info.frames) == (
        recording.rate,
        recording.channels,
        recording.frames,
    )


def found_at(history: History, path: Path, digest: str) -> History:
    """A history whose recording lies elsewhere, or has another content, from now on."""
    return history.of_recording(replace(history.recording, path=path, digest=digest))


def _other(path: Path, recording: Recording) -> str:
    return (
        f"“{path.name}” is not the recording that the project was made of: that one has "
        f"{recording.channels} channels at {recording.rate:,} Hz and {recording.frames:,} frames. "
        "Look for it in another folder."
    )
