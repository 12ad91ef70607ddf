"""Opening a recording: the part that runs on the job thread."""

from __future__ import annotations

from pathlib import Path

from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.gui.document import Material
from clapsep_desktop.gui.jobs import Progress, Steps
from clapsep_desktop.session.session import Recording

DECODED_AT_ONCE = 2.0
"""s of a coded file that are decoded between two chances to stop."""


def open_steps(path: Path) -> Steps[Material]:
    """Open a sound file, and decode it once where its samples cannot be reached by a jump.

    Raises:
        AudioError: it cannot be read.
    """
    yield Progress("opening")
    file = AudioFile(path)
    opened = False
    try:
        if file.info.lossy:
            yield from _decode(file)
        opened = True
    finally:
        if not opened:
            file.close()
    return Material(file.info, file, file.close)


def _decode(file: AudioFile) -> Steps[None]:
    step = round(DECODED_AT_ONCE * file.rate)
    for start in range(0, file.frames, step):
        yield Progress("decoding", start / file.rate, file.frames / file.rate)
        last = min(start + step, file.frames) - 1
        file.read(last, last + 1)  # everything before it is decoded and kept in passing


def recording_of(material: Material) -> Recording:
    """The session's word for a recording that was opened."""
    info = material.info
    return Recording(info.path.absolute(), info.rate, info.channels, info.frames)
