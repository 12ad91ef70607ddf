"""Decoded sounds for training."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
import soxr

from clapsep_desktop.audio.staging import StagedFile, put_in_place, writing
from clapsep_desktop.errors import AudioReadError
from clapsep_desktop.evaluation.manifest import Sound

RATE = 32_000
"""Rate of all training sounds in Hz."""

_DTYPE = np.dtype("<i2")  # of the samples in the cache


class SoundBank:
    """Decoded mono sounds at `RATE`, kept as 16-bit samples in one memory-mapped file.

    The file is made once per list of sounds and reused while none of them changes; decoding 7
    hours takes about a minute.

    Args:
        sounds: of which those that cannot be read, or hold no sound, are left out.
        cache: folder for the decoded samples.

    Attributes:
        sounds: those that can be heard, in order.
        left_out: the others.

    Raises:
        AudioWriteError: the cache cannot be written.
    """

    def __init__(self, sounds: Sequence[Sound], cache: Path) -> None:
        key = hashlib.sha256("\n".join(_state(sound.path) for sound in sounds).encode())
        samples = cache / f"sounds-{key.hexdigest()[:16]}.pcm"
        lengths_path = samples.with_suffix(".npy")
        if not (samples.exists() and lengths_path.exists()):
            _decode_all(sounds, samples, lengths_path)
        lengths = np.load(lengths_path)
        self.sounds = [sound for sound, length in zip(sounds, lengths, strict=True) if length]
        self.left_out = [s for s, length in zip(sounds, lengths, strict=True) if not length]
        self._offsets = np.concatenate([[0], np.cumsum(lengths[lengths > 0])])
        empty = not self.sounds  # of which no file can be mapped
        self._samples = np.empty(0, _DTYPE) if empty else np.memmap(samples, _DTYPE, mode="r")

    def __len__(self) -> int:
        return len(self.sounds)

    def length(self, index: int) -> int:
        """Samples of one sound."""
        return int(self._offsets[index + 1] - self._offsets[index])

    def samples(self, index: int) -> np.ndarray:
        """One whole sound, float32 (n,), full scale = 1.0."""
        start, stop = self._offsets[index : index + 2]
        return self._samples[start:stop].astype(np.float32) / 32768.0


def decode(path: Path) -> np.ndarray:
    """A file as mono float32 (n,) at `RATE`."""
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioReadError(f"{path} could not be read: {error}") from error
    mono = samples.mean(axis=1)
    return mono if rate == RATE else soxr.resample(mono, rate, RATE)


def _state(path: Path) -> str:
    """Differs for a file that was changed."""
    try:
        found = path.stat()
    except OSError:
        return f"{path} missing"
    return f"{path} {found.st_size} {found.st_mtime_ns}"


def _decode_all(sounds: Sequence[Sound], samples: Path, lengths: Path) -> None:
    """Writes the samples of all sounds in a row, and how many each has."""
    with writing(samples):
        samples.parent.mkdir(parents=True, exist_ok=True)
    staged, counts = StagedFile(samples), StagedFile(lengths)
    try:
        with ThreadPoolExecutor() as pool, writing(samples), staged.part.open("wb") as file:
            found = [file.write(each) for each in pool.map(_content, sounds)]
        with writing(lengths), counts.part.open("wb") as file:
            np.save(file, np.array(found, np.int64) // _DTYPE.itemsize)
        put_in_place([staged, counts])
    finally:
        staged.discard()
        counts.discard()


def _content(sound: Sound) -> bytes:
    """A sound's samples as they are kept; none where there is nothing to hear."""
    try:
        samples = decode(sound.path)
    except AudioReadError:
        return b""
    if not np.isfinite(samples).all():
        return b""
    kept = np.clip(np.rint(samples * 32767.0), -32768, 32767).astype(_DTYPE)
    return kept.tobytes() if kept.any() else b""
