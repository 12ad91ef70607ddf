"""``clapsep train``: from a folder of sounds and a file of settings to a model that answers."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from clapsep_desktop.model import registry
from clapsep_desktop.training import runs
from tests.cli.conftest import Clapsep
from tests.support.corpus import RATE, band_noise, write_clip

SETTINGS = """
steps = 4
decay = 1
log_steps = 2
validation_pairs = 2

[model]
mels = 32
widths = [8, 8, 16, 16]
context = 16
context_blocks = 1
decoder_blocks = 1
condition = 16
map_width = 8
mask_channels = 4
mask_width = 16
mask_blocks = 1
embedding = 24

[joint]
clips = 4
seconds = 0.6

[mixing]
seconds = 0.63
mixtures = 2
examples = 2
example_seconds = 0.47
"""


def _embed(texts: Sequence[str]) -> np.ndarray:
    rows = [np.random.default_rng(zlib.crc32(text.encode())).standard_normal(24) for text in texts]
    return np.stack([row / np.linalg.norm(row) for row in rows]).astype(np.float32)


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A folder of sounds and a file of settings; captions are placed without an encoder."""
    monkeypatch.setattr(runs, "_sentences", _embed)
    sounds = tmp_path / "sounds"
    for band in range(3):
        for letter in "abcdefghijklmnop":
            path = sounds / f"band {band}" / f"{letter}{band}{letter}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_clip(path, band_noise(band, 1.0, ord(letter)))
    settings = tmp_path / "tiny.toml"
    settings.write_text(SETTINGS)
    return sounds, settings


def test_from_a_folder_of_sounds_to_a_model(
    clapsep: Clapsep, corpus: tuple[Path, Path], tmp_path: Path
) -> None:
    sounds, settings = corpus
    options = ("--config", settings, "--cache", tmp_path / "cache", "--on", "cpu")
    outcome = clapsep("train", "joint", sounds, tmp_path / "joint", *options)
    assert outcome.code == 0, outcome.err
    run = tmp_path / "run"
    outcome = clapsep(
        "train", "separation", sounds, run, "--joint", tmp_path / "joint", *options, "--steps", "2"
    )
    assert outcome.code == 0, outcome.err
    assert "step 2 of 2" in outcome.out
    kept = json.loads((run / "config.json").read_text())
    assert (kept["steps"], kept["mixing"]["mixtures"], kept["kind"]) == (2, 2, "mini")
    for best in ((), ("--best",)):
        outcome = clapsep("train", "release", run, tmp_path / "mine", *best)
        assert outcome.code == 0
        difference = re.search(r"within (-\d+) dB", outcome.out)
        assert difference is not None
        assert int(difference[1]) < -25
    assert registry.load(tmp_path / "mine", "cpu").name == "mine"
    assert clapsep("models", "verify", tmp_path / "mine").code == 0


def test_a_run_goes_on_with_its_own_settings(
    clapsep: Clapsep, corpus: tuple[Path, Path], tmp_path: Path
) -> None:
    sounds, settings = corpus
    run, cache = tmp_path / "run", ("--cache", tmp_path / "cache", "--on", "cpu")
    begun = clapsep("train", "joint", sounds, run, "--config", settings, "--steps", 1, *cache)
    assert begun.code == 0, begun.err
    further = clapsep("train", "joint", sounds, run, "--steps", 2, *cache)
    assert further.code == 0, further.err
    kept = json.loads((run / "config.json").read_text())
    assert (kept["steps"], kept["model"]["mels"], kept["kind"]) == (2, 32, "joint")
    refused = clapsep("train", "separation", sounds, run, *cache)
    assert refused.code == 4
    assert "of stage one of mini, not of stage two of mini" in refused.sentence
    refused = clapsep("train", "release", run, tmp_path / "mine")
    assert refused.code == 4
    assert "cannot separate yet" in refused.sentence
    refused = clapsep("train", "separation", sounds, tmp_path / "two", "--joint", run, *cache)
    assert refused.code == 4
    assert "do not fit" in refused.sentence


def test_recordings_without_a_sound_are_told(
    clapsep: Clapsep, corpus: tuple[Path, Path], tmp_path: Path
) -> None:
    sounds, settings = corpus
    write_clip(sounds / "band 1" / "silent.wav", np.zeros(RATE, np.float32))
    outcome = clapsep(
        "train", "joint", sounds, tmp_path / "run", "--config", settings, "--steps", 1,
        "--cache", tmp_path / "cache", "--on", "cpu",
    )  # fmt: skip
    assert outcome.code == 0
    assert "Left out, for they cannot be read or hold no sound: silent.wav." in outcome.err


def test_a_setting_that_does_not_exist_is_refused(
    clapsep: Clapsep, corpus: tuple[Path, Path], tmp_path: Path
) -> None:
    sounds, settings = corpus
    settings.write_text("step = 3")
    outcome = clapsep("train", "joint", sounds, tmp_path / "run", "--config", settings)
    assert outcome.code != 0
    assert "there is no setting ['step']" in outcome.sentence
    assert not (tmp_path / "run").exists()


def test_too_few_sounds_are_said(
    clapsep: Clapsep, corpus: tuple[Path, Path], tmp_path: Path
) -> None:
    sounds, settings = corpus
    outcome = clapsep(
        "train", "joint", sounds / "band 1", tmp_path / "run", "--config", settings,
        "--cache", tmp_path / "cache", "--on", "cpu",
    )  # fmt: skip
    assert outcome.code != 0
    assert "too few sounds" in outcome.sentence


def test_base_must_be_installed(
    clapsep: Clapsep, corpus: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAPSEP_MODELS", str(tmp_path / "none"))
    outcome = clapsep(
        "train", "separation", corpus[0], tmp_path / "run", "--model", "base", "--on", "cpu",
        "--cache", tmp_path / "cache",
    )  # fmt: skip
    assert outcome.code == 4
    assert "clapsep models download base" in outcome.sentence
