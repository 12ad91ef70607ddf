"""The speech specialist through the engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch

from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.evaluation.manifest import read_manifest
from clapsep_desktop.evaluation.metrics import si_sdr
from clapsep_desktop.model import speech
from clapsep_desktop.resources import resource
from clapsep_desktop.separation.engine import Separator, assemble
from clapsep_desktop.timebase import Span
from tests.support.signals import noise, peak_db

RATE = 48_000


@pytest.fixture(scope="module")
def model() -> speech.Speech:
    return speech.load(resource("models", "speech"), torch.device("cpu"))


@pytest.fixture(scope="module")
def demo() -> np.ndarray:
    """Stereo, (n, 2): a man speaks in the rain."""
    samples, _ = soundfile.read(resource("demo", "demo.flac"), stop=4 * RATE, dtype="float32")
    return samples


def kept(model: speech.Speech, samples: np.ndarray, rate: int, **options: object) -> np.ndarray:
    return assemble(Separator(model).extract(ArraySource(samples, rate), **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [8_000, 44_100, 96_000])
def test_any_rate_and_its_complement_add_up(model, demo, rate: int) -> None:
    samples = soxr.resample(demo, RATE, rate)
    voice = kept(model, samples, rate)
    rest = kept(model, samples, rate, complement=True)
    assert peak_db(samples - voice - rest) < -120
    assert np.square(voice).sum() > np.square(rest).sum()


def test_a_selection_is_treated_as_part_of_the_whole(model, demo) -> None:
    span = Span(2 * RATE, 3 * RATE)
    part = kept(model, demo, RATE, span=span)
    inside = slice(RATE // 10, RATE - RATE // 10)
    whole = kept(model, demo, RATE)[span.start : span.stop]
    assert peak_db(part[inside] - whole[inside]) < -40


@pytest.mark.parametrize("frames", [1, 479, 48_001])
@pytest.mark.parametrize("samples", [np.zeros, np.ones, noise], ids=["silence", "direct", "noise"])
def test_any_length_of_anything_comes_out_in_its_length(model, samples, frames: int) -> None:
    signal = np.asarray(samples(frames), np.float32).reshape(-1, 1)
    result = kept(model, signal, RATE)
    assert result.shape == signal.shape
    assert np.isfinite(result).all()
    assert not result.any() or signal.any()


@pytest.fixture(scope="module")
def talk(shared: Path) -> tuple[np.ndarray, np.ndarray]:
    """A hundred seconds of changing voices, and the same in changing rain, (n,)."""
    sounds = read_manifest(shared / "corpus" / "manifest.csv")
    voices = [sound for sound in sounds if sound.concept.startswith("speech")][::31]
    rain = [sound for sound in sounds if sound.concept == "rain"]
    clean, weather = (
        np.concatenate([_decoded(sound.path) for sound in some]) for some in (voices, rain)
    )
    clean = clean[: 150 * RATE]
    weather = np.resize(weather, clean.shape)
    weather *= np.sqrt(np.mean(clean**2) / np.mean(weather**2))
    return clean, 0.5 * (clean + weather)


def _decoded(path: Path) -> np.ndarray:
    samples, rate = soundfile.read(path, dtype="float32")
    return np.asarray(soxr.resample(samples, rate, RATE))


@pytest.mark.shared
def test_it_finds_the_voice_in_the_rain(model, talk) -> None:
    clean, mixture = (signal[: 20 * RATE] for signal in talk)
    assert si_sdr(kept(model, mixture[:, None], RATE)[:, 0], clean) - si_sdr(mixture, clean) > 7


@pytest.mark.slow
@pytest.mark.shared
def test_windows_are_seamless(model, talk) -> None:
    _, mixture = talk
    in_windows = kept(model, mixture[:, None], RATE)
    whole = speech.load(resource("models", "speech"), torch.device("cpu"))
    whole.plan = replace(whole.plan, length=len(mixture) // RATE + 1)
    at_once = kept(whole, mixture[:, None], RATE)
    second = slice(speech.LEAD * RATE + 90 * RATE, None)  # all of it from the second window
    error = np.square(in_windows - at_once)[second].sum() / np.square(at_once)[second].sum()
    assert peak_db((in_windows - at_once)[: second.start]) < -80
    assert 10 * np.log10(error) < -60
