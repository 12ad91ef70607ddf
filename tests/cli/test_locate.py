"""``clapsep locate`` and ``clapsep tag``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from clapsep_desktop.model import registry
from clapsep_desktop.separation import tags as tagging
from clapsep_desktop.separation.locate import Thresholds
from tests.cli.conftest import Clapsep
from tests.support.along import AlongHearing, put_thresholds

RATE = 16_000


@pytest.fixture(autouse=True)
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = put_thresholds(tmp_path / "mini")
    only = registry.InstalledModel("mini", folder, shipped=True)
    hearing = AlongHearing()
    monkeypatch.setattr(registry, "installed", lambda: [only])
    monkeypatch.setattr(registry, "find", lambda name: only)
    monkeypatch.setattr(registry, "load", lambda *_, **__: hearing)
    monkeypatch.setattr(tagging, "vocabulary", lambda: {"Hum": ("low",), "Hiss": ("high",)})
    stored = Thresholds.load(folder)
    stored.tags.update({"Hum": (0.3, 0.1), "Hiss": (0.3, 0.1)})
    stored.save(folder)


@pytest.fixture
def field(tmp_path: Path) -> Path:
    """12 s, with a low tone from 4 to 8 s."""
    times = np.arange(12 * RATE) / RATE
    samples = 1e-4 * np.random.default_rng(0).standard_normal(len(times))
    samples += np.where((times >= 4) & (times < 8), 0.3 * np.sin(2 * np.pi * 500 * times), 0)
    path = tmp_path / "field.wav"
    soundfile.write(path, samples, RATE)
    return path


def test_a_sound_is_located(clapsep: Clapsep, field: Path) -> None:
    outcome = clapsep("locate", field, "low")
    assert outcome.code == 0, outcome.err
    (line,) = outcome.out.splitlines()
    assert line.startswith("00:00:0")
    answer = clapsep("locate", field, "low", "--json").json
    assert answer["found"]
    assert answer["spans"][0]["start"] == pytest.approx(4, abs=1.1)
    assert answer["spans"][0]["end"] == pytest.approx(8, abs=1.1)
    assert len(answer["curve"]) == 12 / answer["step"] + 1


def test_or_not(clapsep: Clapsep, field: Path) -> None:
    outcome = clapsep("locate", field, "high")
    assert outcome.code == 1
    assert "Not found here" in outcome.out
    answer = clapsep("locate", field, "high", "--json")
    assert (answer.code, answer.json["found"], answer.json["spans"]) == (1, False, [])


def test_by_example(clapsep: Clapsep, field: Path) -> None:
    assert clapsep("locate", field, f"{field}#5-7").code == 0


def test_by_a_saved_sound_that_is_not_there(
    clapsep: Clapsep, field: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLAPSEP_SOUNDS", str(tmp_path / "sounds"))
    outcome = clapsep("locate", field, "@fridge")
    assert outcome.code == 2
    assert "no saved sound “fridge”" in outcome.sentence


def test_tags(clapsep: Clapsep, field: Path) -> None:
    outcome = clapsep("tag", field)
    assert outcome.code == 0, outcome.err
    (line,) = outcome.out.splitlines()
    assert "Hum" in line
    (tag,) = clapsep("tag", field, "--json").json["tags"]
    assert (tag["name"], tag["text"]) == ("Hum", "low")
    assert tag["spans"]


def test_what_cannot_be_read_is_told(clapsep: Clapsep, tmp_path: Path) -> None:
    for command in (["tag"], ["locate"]):
        more = ["low"] if command == ["locate"] else []
        outcome = clapsep(*command, tmp_path / "gone.wav", *more)
        assert outcome.code == 3
        assert "gone.wav" in outcome.sentence


def test_a_file_that_is_not_there_is_not_taken_for_words(clapsep: Clapsep, field: Path) -> None:
    for missing in ("gone.wav", "gone.FLAC#1-2"):
        outcome = clapsep("locate", field, missing)
        assert (outcome.code, "There is no file “gone" in outcome.sentence) == (3, True)
    outcome = clapsep("locate", field, "")
    assert (outcome.code, "sound file" in outcome.sentence) == (2, False)
