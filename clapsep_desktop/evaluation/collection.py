"""From a manifest or a published list to the items that can be measured here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from clapsep_desktop.errors import DataError
from clapsep_desktop.evaluation.concepts import Concepts, Embed
from clapsep_desktop.evaluation.items import TARGETS, Item, items_of, missing_files
from clapsep_desktop.evaluation.lists import read_list, read_samples, with_absent
from clapsep_desktop.evaluation.manifest import Sound, by_split, read_manifest
from clapsep_desktop.evaluation.mixtures import scenes
from clapsep_desktop.model.text import SentenceEncoder
from clapsep_desktop.resources import resource

SPLITS = ("train", "validation", "unseen")


@dataclass(frozen=True)
class Collection:
    """What can be measured.

    Attributes:
        items: those whose recordings are there.
        missing: recordings that are not there.
        dropped: items that lack one of them.
        identity: what else the items' numbers depend on, for `Results`.
    """

    items: list[Item]
    missing: list[Path]
    dropped: int
    identity: Mapping[str, Any]


@dataclass(frozen=True)
class Mixing:
    """How mixtures are made from a manifest.

    Attributes:
        splits: parts of the manifest, each of `SPLITS`.
        count: scenes of each split.
        seed: of the draw.
        interferers: sounds beside the target.
        snrs: dB, the target over all else; every scene is measured at each.
        seconds: length of a mixture.
        targets: how the concepts begin that are asked for, and that are no interferers; empty
            for all.
    """

    splits: Sequence[str] = ("validation",)
    count: int = 200
    seed: int = 0
    interferers: int = 1
    snrs: Sequence[float] = (0.0,)
    seconds: float = 5.0
    targets: str = ""

    def __post_init__(self) -> None:
        for split in self.splits:
            if split not in SPLITS:
                raise DataError(f"There is no split “{split[:40]}”. Choose {', '.join(SPLITS)}.")
        _check_within("The number of mixtures", self.count, 1, 1_000_000)
        _check_within("The number of interferers", self.interferers, 1, 9)
        _check_within("The length of a mixture in seconds", self.seconds, 1, 60)
        for snr in self.snrs:
            _check_within("The level of the target in dB", snr, -60, 60)


def from_manifest(path: Path, mixing: Mixing, embed: Embed, cache: Path | None) -> Collection:
    """Mixtures of a manifest's sounds.

    Args:
        path: the manifest.
        mixing: how to make them.
        embed: texts to embeddings, see `Concepts`.
        cache: see `Concepts`.

    Raises:
        DataError: no manifest, too few sounds, or none of them is there.
    """
    sounds = read_manifest(path)
    concepts = Concepts(sounds, embed, cache)
    items: list[Item] = []
    for split in mixing.splits:
        items += _items(by_split(sounds, split), split, mixing, concepts)
    identity = {
        "data": {"name": path.name, "sha256": _sha256(path)},
        "seed": mixing.seed,
        "seconds": mixing.seconds,
        "targets": mixing.targets,
    }
    return _present(items, identity, path.parent)


def from_list(
    path: Path,
    audio: Path,
    samples: Path | None = None,
    *,
    count: int | None = None,
    seed: int = 0,
    embed: Embed | None = None,
) -> Collection:
    """The mixtures of a published list.

    Args:
        path: the list.
        audio: folder of its sounds.
        samples: a list of recordings to show; those that are missing are left out.
        count: rows to take; None for all.
        seed: of the draw.
        embed: texts to embeddings, to find captions of absent sounds; None for none.

    Raises:
        DataError: no such list, or none of its sounds is there.
    """
    shown = {} if samples is None else read_samples(samples, audio)
    there = {name: [clip for clip in clips if clip.is_file()] for name, clips in shown.items()}
    items = read_list(path, audio, there, count=count, seed=seed)
    identity = {"data": {"name": path.name, "sha256": _sha256(path)}, "seed": seed}
    found = _present(items, identity, audio)
    absent = [clip for clips in shown.values() for clip in clips if not clip.is_file()]
    return Collection(
        found.items if embed is None else with_absent(found.items, path, embed),
        list(dict.fromkeys([*found.missing, *absent])),
        found.dropped,
        found.identity,
    )


@lru_cache(maxsize=1)
def _encoder() -> SentenceEncoder:
    return SentenceEncoder.load(resource("models", "mini", "text"))


def embed_texts(texts: Sequence[str]) -> np.ndarray:
    """Texts in the space of the sentence encoder that ships with the program, float32 (n, D)."""
    return _encoder().embed(texts)


def _items(sounds: list[Sound], split: str, mixing: Mixing, concepts: Concepts) -> list[Item]:
    targets = mixing.targets
    first = (lambda concept: concept.startswith(targets)) if targets else None
    found = scenes(
        sounds,
        mixing.count,
        mixing.seed,
        concepts.confusable,
        size=1 + mixing.interferers,
        first=first,
    )
    return items_of(
        found,
        sounds,
        concepts,
        split=split,
        snrs=mixing.snrs,
        seconds=mixing.seconds,
        targets=1 if targets else TARGETS,
    )


def _present(items: Sequence[Item], identity: Mapping[str, Any], folder: Path) -> Collection:
    missing = missing_files(items)
    lacking = set(missing)
    there = [item for item in items if not any(part.path in lacking for part in item.parts)]
    if not there:
        raise DataError(
            f"None of the recordings was found in “{folder}”; the first that is missing is "
            f"“{missing[0].name}”."
        )
    return Collection(there, missing, len(items) - len(there), identity)


def _check_within(what: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise DataError(f"{what} must lie from {low:g} to {high:g}, not at {value:g}.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
