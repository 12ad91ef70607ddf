"""The command line as a test runs it: in this process, with a model that needs no weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from clapsep_desktop.cli.main import main
from clapsep_desktop.model import registry
from tests.support.hearing import HearingModel


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on the standard output."""
        assert self.out.isascii()
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value

    @property
    def sentence(self) -> str:
        """The one line on the standard error."""
        (line,) = self.err.splitlines()
        return line


Clapsep = Callable[..., Outcome]


@pytest.fixture
def clapsep(capsys: pytest.CaptureFixture[str]) -> Clapsep:
    """Runs a command line."""

    def run(*arguments: object) -> Outcome:
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(int(stop.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> HearingModel:
    """The model that every name leads to, as if it were the only one installed."""
    hearing = HearingModel()
    only = registry.InstalledModel("mini", Path("mini"), shipped=True)
    monkeypatch.setattr(registry, "installed", lambda: [only])
    monkeypatch.setattr(registry, "load", lambda *_, **__: hearing)
    return hearing


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A low and a high tone, 3 s of 24-bit stereo at 44.1 kHz, alone in a folder."""
    folder = tmp_path / "field"
    folder.mkdir()
    times = np.arange(3 * 44_100) / 44_100
    low, high = (0.2 * np.sin(2 * np.pi * frequency * times) for frequency in (500, 7_500))
    path = folder / "tones.wav"
    soundfile.write(path, np.stack([low + high, low - high], axis=1), 44_100, subtype="PCM_24")
    return path
