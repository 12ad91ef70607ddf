"""End to end, with all that ships: the demo recording, both models, the real command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clapsep_desktop.resources import resource
from tests.cli.conftest import Clapsep

DEMO = resource("demo", "demo.flac")


@pytest.fixture(autouse=True)
def no_models_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAPSEP_MODELS", str(tmp_path / "models"))


def _read(path: Path) -> np.ndarray:
    samples, _ = soundfile.read(path, dtype="int16", always_2d=True)
    return samples.astype(np.int64)


def _change(samples: np.ndarray, source: np.ndarray, start: float, end: float) -> float:
    """By how many dB a stretch (s) is louder than in the source."""
    part = slice(round(start * 48_000), round(end * 48_000))
    return float(10 * np.log10(np.square(samples[part]).sum() / np.square(source[part]).sum()))


def test_the_voice_is_kept_and_the_rain_removed(clapsep: Clapsep, tmp_path: Path) -> None:
    told = json.loads(resource("demo", "demo.json").read_text("utf-8"))
    texts = [("--keep", text) for text in told["keep"]]
    texts += [("--remove", text) for text in told["remove"]]
    targets = ("-o", tmp_path / "kept.flac", "--removed", tmp_path / "removed.flac")
    outcome = clapsep(
        "extract", DEMO, *(word for pair in texts for word in pair), *targets, "--json"
    )
    assert outcome.code == 0, outcome.err
    assert outcome.json["null_test"]["exact"]
    assert "speech" in outcome.json["devices"]
    source, kept, removed = _read(DEMO), _read(targets[1]), _read(targets[3])
    np.testing.assert_array_equal(kept + removed, source)
    assert _change(kept, source, 1.0, 2.0) > -6  # he speaks
    assert _change(removed, source, 1.0, 2.0) < -3
    assert _change(kept, source, 20.2, 22.0) < -20  # only rain is left
    assert _change(removed, source, 20.2, 22.0) > -1


def test_mini_alone_in_a_selection(clapsep: Clapsep, tmp_path: Path) -> None:
    target = tmp_path / "kept.flac"
    command = ("extract", DEMO, "--remove", "rain", "--start", "3", "--end", "6", "-o", target)
    results = []
    for _ in range(2):
        outcome = clapsep(*command, "--model", "mini", "--overwrite", "--json")
        assert outcome.json["devices"] == {"mini": "cpu"}
        results.append(target.read_bytes())
    assert results[0] == results[1]
    source, kept = _read(DEMO), _read(target)
    inside = slice(3 * 48_000, 6 * 48_000)
    assert not np.array_equal(kept[inside], source[inside])
    kept[inside] = source[inside]
    np.testing.assert_array_equal(kept, source)


def test_what_ships_is_intact(clapsep: Clapsep) -> None:
    assert clapsep("models", "verify").out == "“mini” is intact.\n“speech” is intact.\n"
