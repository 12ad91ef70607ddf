"""What tests of batches share: a model without weights, and recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from clapsep_desktop.batch import versions
from clapsep_desktop.model import registry
from clapsep_desktop.separation.models import Models
from tests.support.hearing import HearingModel

RATE = 16_000


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> HearingModel:
    """The model that every name leads to, as if it were the only one installed."""
    hearing = HearingModel()
    hearing.name = "mini"
    only = registry.InstalledModel("mini", Path("mini"), shipped=True)
    monkeypatch.setattr(registry, "installed", lambda: [only])
    monkeypatch.setattr(registry, "load", lambda *_, **__: hearing)
    monkeypatch.setattr(versions, "query_models", lambda: {"mini": "v1"})
    return hearing


@pytest.fixture
def models(model: HearingModel) -> Models:
    return Models("cpu")


def tones(path: Path, *hertz: float, seconds: float = 3.0, level: float = 0.2) -> Path:
    """A 24-bit file of some tones."""
    times = np.arange(round(seconds * RATE)) / RATE
    samples = sum(level * np.sin(2 * np.pi * each * times) for each in hertz)
    soundfile.write(path, samples, RATE, subtype="PCM_24")
    return path


def power_at(path: Path, hertz: float) -> float:
    """How loud a tone is in a file, 1 for full scale."""
    samples, rate = soundfile.read(path)
    spectrum = np.abs(np.fft.rfft(samples)) / len(samples) * 2
    return float(spectrum[round(hertz * len(samples) / rate)])
