"""Exports for tests: something to export, and what came of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from clapsep_desktop.audio.export_plan import ExportMaterial, ExportSettings, Stem
from clapsep_desktop.audio.export_sources import ExportReport, export_sources
from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.audio.loudness import LoudnessMeter
from clapsep_desktop.audio.mix import Layer, MixSource
from clapsep_desktop.audio.source import ArraySource
from tests.support.signals import noise

RATE = 48_000


def material(path: Path, *, layers: int = 2, **more) -> ExportMaterial:
    """A recording of which each of some layers takes noise away, in spans of their own."""
    with AudioFile(path) as file:
        info, original = file.info, ArraySource(file.read(0, file.frames), file.rate)
    stems = []
    for index in range(layers):
        start = original.frames * index // (layers + 1)
        taken = noise(original.frames // 2, original.channels, seed=index, level=0.1)
        layer = Layer(ArraySource(taken, original.rate), start, 0.5 + 0.5 * (index % 2))
        stems.append(Stem(f"Remove “noise {index}”", layer))
    every = [stem.layer for stem in stems]
    kept, removed = (MixSource(original, every, role=role) for role in ("kept", "removed"))
    return ExportMaterial(info, original, kept, removed, stems, comment="a test", **more)


def run(material: ExportMaterial, settings: ExportSettings) -> ExportReport:
    steps = export_sources(material, settings)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def read(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float64", always_2d=True)[0]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def loudness(samples: np.ndarray, rate: int = RATE):
    meter = LoudnessMeter(rate, samples.shape[1])
    meter.add(samples)
    return meter.result()
