"""A corpus small enough for a test: noise in one of eight bands, called by that band's name."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import numpy as np
import soundfile

from clapsep_desktop.evaluation.manifest import COLUMNS, VALIDATION_SHARE
from clapsep_desktop.model.interface import WindowPlan
from tests.support.hearing import HearingModel

RATE = 32_000
BANDS = 8  # of 1 kHz, as `tests.support.hearing` hears them


class QuickModel(HearingModel):
    """Parts the corpus's bands well, in short windows."""

    plan = WindowPlan(length=2, overlap=1)


def band_noise(band: int, seconds: float, seed: int = 0) -> np.ndarray:
    """Noise well inside one band, float32 (n,), root mean square 0.1."""
    samples = np.random.default_rng([band, seed]).standard_normal(round(seconds * RATE))
    spectrum = np.fft.rfft(samples)
    frequencies = np.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum[(frequencies < 1000 * band + 200) | (frequencies > 1000 * band + 800)] = 0
    noise = np.fft.irfft(spectrum, len(samples))
    return np.asarray(0.1 * noise / np.sqrt(np.mean(noise**2)), np.float32)


def write_clip(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    """Write a mono float file."""
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


def write_manifest(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    """Write rows of path, concept, captions and split group."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return path


def validation_group(name: str) -> str:
    """A split group of that name that is for validation."""
    return next(
        group
        for number in count()
        if zlib.crc32((group := f"{name}-{number}").encode()) % VALIDATION_SHARE == 0
    )


def make_corpus(folder: Path, recordings: int = 3, seconds: float = 1.5) -> Path:
    """Write recordings of all eight bands, all for validation, and return their manifest."""
    rows = []
    for band in range(BANDS):
        for number in range(recordings):
            name = f"band{band}-{number}.wav"
            write_clip(folder / name, band_noise(band, seconds, number))
            rows.append((name, f"band_{band}", f"band {band}", validation_group(name)))
    return write_manifest(folder / "manifest.csv", rows)


def distinct(texts: Sequence[str]) -> np.ndarray:
    """Embeddings in which different texts are hardly alike, float32 (n, 64)."""
    rows = [np.random.default_rng(zlib.crc32(text.encode())).standard_normal(64) for text in texts]
    return np.stack([row / np.linalg.norm(row) for row in rows]).astype(np.float32)
