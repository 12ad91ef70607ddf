"""A small corpus of synthetic sounds and a fake sentence encoder, enough to train on."""

from __future__ import annotations

import csv
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clapsep_desktop.evaluation.manifest import by_split, read_manifest
from clapsep_desktop.model.mini_net import MiniConfig
from clapsep_desktop.training.captions import CaptionTable
from clapsep_desktop.training.config import JointConfig, MixingConfig, TrainingConfig
from clapsep_desktop.training.data import RATE, SoundBank
from clapsep_desktop.training.runs import Sounds

CONCEPTS = ("low_tone", "high_tone", "hiss", "clicks")

TINY = MiniConfig(
    mels=32,
    widths=(8, 8, 16, 16),
    context=16,
    context_blocks=1,
    decoder_blocks=1,
    condition=16,
    map_width=8,
    mask_channels=4,
    mask_width=16,
    mask_blocks=1,
    embedding=24,
)


def make_sound(concept: str, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    time = np.arange(RATE) / RATE
    if concept == "low_tone":
        return 0.3 * np.sin(2 * np.pi * random.uniform(200, 300) * time)
    if concept == "high_tone":
        return 0.3 * np.sin(2 * np.pi * random.uniform(3_000, 4_000) * time)
    if concept == "hiss":
        return 0.1 * random.standard_normal(len(time))
    clicks = np.zeros(len(time))
    clicks[random.integers(0, len(time), 12)] = 0.8
    return clicks


def embed(texts: list[str]) -> np.ndarray:
    """A point for each text, the same for the same words; nothing is confusable."""
    rows = []
    for text in texts:
        words = [np.random.default_rng(zlib.crc32(w.encode())) for w in text.split()]
        rows.append(sum(random.standard_normal(TINY.embedding) for random in words))
    stacked = np.stack(rows).astype(np.float32)
    return stacked / np.linalg.norm(stacked, axis=1, keepdims=True)


@pytest.fixture(scope="session")
def manifest(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    rows = []
    for concept in CONCEPTS:
        for number in range(14):
            name = f"{concept}-{number}.wav"
            sound = make_sound(concept, zlib.crc32(name.encode()))
            soundfile.write(folder / name, sound, RATE, "PCM_16")
            rows.append((name, concept, concept.replace("_", " "), f"{concept}-{number}"))
    path = folder / "manifest.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "concept", "captions", "split_group"])
        writer.writerows(rows)
    return path


@pytest.fixture(scope="session")
def sounds(manifest, tmp_path_factory) -> Sounds:
    cache = tmp_path_factory.mktemp("cache")
    rows = read_manifest(manifest)
    return Sounds(
        SoundBank(by_split(rows, "train"), cache),
        SoundBank(by_split(rows, "validation"), cache),
        CaptionTable(rows, embed, cache),
    )


@pytest.fixture
def config() -> TrainingConfig:
    return TrainingConfig(
        model=TINY,
        joint=JointConfig(clips=8, seconds=0.6),
        mixing=MixingConfig(seconds=0.63, mixtures=4, examples=4, example_seconds=0.47),
        warmup=5,
        steps=30,
        decay=10,
        averaging=0.8,
        log_steps=10,
        validation_pairs=4,
    )
