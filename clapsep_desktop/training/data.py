"""Decoded sounds for training."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
import soxr

from clapsep_desktop.errors import AudioReadError
from clapsep_desktop.evaluation.manifest import Sound

RATE = 32_000
"""Rate of all training sounds in Hz."""


class SoundBank:
    """Decoded mono sounds at `RATE`, kept as 16-bit samples in one memory-mapped file.

    The file is made once per list of sounds and reused; decoding 7 hours takes about a minute.
    """

    def __init__(self, sounds: Sequence[Sound], cache: Path) -> None:
        self.sounds = list(sounds)
        names = "\n".join(str(sound.path) for sound in self.sounds)
        key = hashlib.sha256(names.encode()).hexdigest()[:16]
        samples_path = cache / f"sounds-{key}.npy"
        offsets_path = cache / f"sounds-{key}-offsets.npy"
        if not offsets_path.exists():
            _decode_all(self.sounds, samples_path, offsets_path)
        self._samples = np.load(samples_path, mmap_mode="r")
        self._offsets = np.load(offsets_path)

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


def _decode_all(sounds: Sequence[Sound], samples_path: Path, offsets_path: Path) -> None:
    samples_path.parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:
        decoded = list(pool.map(lambda sound: _as_int16(decode(sound.path)), sounds))
    offsets = np.zeros(len(decoded) + 1, dtype=np.int64)
    np.cumsum([len(samples) for samples in decoded], out=offsets[1:])
    np.save(samples_path, np.concatenate(decoded))
    np.save(offsets_path, offsets)


def _as_int16(samples: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(samples * 32767.0), -32768, 32767).astype(np.int16)
