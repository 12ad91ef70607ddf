"""Sound files read or written front to back."""

from __future__ import annotations

import soundfile


class SequentialFile(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file that is never asked to seek.

    soundfile seeks around every read and write of a file that it holds for seekable. In Opus that
    changes what is decoded, in a file being written it costs more than the writing.
    """

    def seekable(self) -> bool:
        """Always False: see above."""
        return False
