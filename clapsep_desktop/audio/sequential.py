"""How soundfile is asked to open files: by any name, and for reading or writing front to back."""

from __future__ import annotations

import os
from pathlib import Path

import soundfile


def native_name(path: Path) -> str | bytes:
    """A path as soundfile takes it whatever its characters.

    Names on POSIX systems are bytes that need not be valid text; soundfile encodes text strictly.
    """
    return os.fsencode(path) if os.name == "posix" else str(path)


class SequentialFile(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file that is never asked to seek.

    soundfile seeks around every read and write of a file that it holds for seekable. In Opus that
    changes what is decoded, in a file being written it costs more than the writing.
    """

    def seekable(self) -> bool:
        """Always False: see above."""
        return False
