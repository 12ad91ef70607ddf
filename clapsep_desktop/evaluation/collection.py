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
from clapsep_desktop.evaluation.lists import name_of, read_list, read_samples, with_absent
from clapsep_desktop.evaluation.manifest import Sound, by_split, read_sounds
from clapsep_desktop.evaluation.mixtures import scenes
from clapsep_desktop.model.text import SentenceEncoder
from clapsep_desktop.resources import resource

SPLITS = ("train", "validation", "unseen")

SCENES = 200
"""Mixtures of a split, unless another number is asked for."""

SECONDS = 5.0
"""Length of a mixture, unless another is asked for."""


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
    """How mixtures are made from a manifest, or taken from a list.

    Attributes:
        splits: parts of the manifest, each of `SPLITS`.
        count: scenes of each split, or rows of a list; None for `SCENES`, or all rows.
        seed: of the draw.
        interferers: sounds beside the target.
        snrs: dB, the target over all else; every scene or row is measured at each.
        seconds: length of a mixture; None for `SECONDS`, or a list's own.
        targets: how the concepts begin that are asked for, and that are no interferers; empty
            for all.
    """

    splits: Sequence[str] = ("validation",)
    count: int | None = None
    seed: int = 0
    interferers: int = 1
    snrs: Sequence[float] = (0.0,)
    seconds: float | None = None
    targets: str = ""

    def __post_init__(self) -> None:
        for split in self.splits:
            if split not in SPLITS:
                raise DataError(f"There is no split “{split[:40]}”. Choose {', '.join(SPLITS)}.")
        if self.count is not None:
            _check_within("The number of mixtures", self.count, 1, 1_000_000)
        _check_within("The number of interferers", self.interferers, 1, 9)
        if self.seconds is not None:
            _check_within("The length of a mixture in seconds", self.seconds, 1, 60)
        for snr in self.snrs:
            _check_within("The level of the target in dB", snr, -60, 60)

    @property
    def suits_lists(self) -> bool:
        """Whether it asks for nothing that a list decides itself."""
        own = Mixing.splits, Mixing.interferers, Mixing.targets
        return (tuple(self.splits), self.interferers, self.targets) == own


@dataclass(frozen=True)
class Listed:
    """A published list of mixtures, or one in its form.

    Attributes:
        path: the list.
        audio: folder of its recordings.
        samples: its list of recordings to show; those that are missing are left out.
    """

    path: Path
    audio: Path
    samples: Path | None = None


def from_manifest(path: Path, mixing: Mixing, embed: Embed, cache: Path | None) -> Collection:
    """Mixtures of a manifest's sounds.

    Args:
        path: the manifest, or a folder of recordings with captions.
        mixing: how to make them.
        embed: texts to embeddings, see `Concepts`.
        cache: see `Concepts`.

    Raises:
        DataError: no manifest, too few sounds, or none of them is there.
    """
    sounds = read_sounds(path)
    concepts = Concepts(sounds, embed, cache)
    items: list[Item] = []
    for split in mixing.splits:
        items += _items(by_split(sounds, split), split, mixing, concepts)
    identity = {
        "data": {"name": path.name, "sha256": _sha256(path, sounds)},
        "seed": mixing.seed,
        "seconds": mixing.seconds or SECONDS,
        "targets": mixing.targets,
    }
    return _present(items, identity, path if path.is_dir() else path.parent)


def from_lists(lists: Sequence[Listed], mixing: Mixing, embed: Embed | None = None) -> Collection:
    """The mixtures of one or several lists.

    Args:
        lists: no two of one name.
        mixing: which rows, at which levels; its splits, interferers and targets do not count.
        embed: texts to embeddings, to find captions of absent sounds; None for none.

    Raises:
        DataError: no such list, none of its sounds is there, or two have one name.
    """
    names = [name_of(listed.path) for listed in lists]
    if len(set(names)) < len(names):
        raise DataError("Two lists begin with the same word. Rename one of the files.")
    found = [_from_list(listed, mixing, embed) for listed in lists]
    data = [each.identity["data"] for each in found]
    if len(data) == 1:
        return found[0]
    together = {
        "name": ", ".join(each["name"] for each in data),
        "sha256": [each["sha256"] for each in data],
    }
    return Collection(
        [item for each in found for item in each.items],
        [path for each in found for path in each.missing],
        sum(each.dropped for each in found),
        {**found[0].identity, "data": together},
    )


def _from_list(listed: Listed, mixing: Mixing, embed: Embed | None) -> Collection:
    path, audio = listed.path, listed.audio
    shown = {} if listed.samples is None else read_samples(listed.samples, audio)
    there = {name: [clip for clip in clips if clip.is_file()] for name, clips in shown.items()}
    items = read_list(
        path,
        audio,
        there,
        count=mixing.count,
        seed=mixing.seed,
        snrs=mixing.snrs,
        seconds=mixing.seconds,
    )
    identity = {
        "data": {"name": path.name, "sha256": _sha256(path)},
        "seed": mixing.seed,
        "seconds": mixing.seconds,
    }
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
        mixing.count or SCENES,
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
        seconds=mixing.seconds or SECONDS,
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


def _sha256(path: Path, sounds: Sequence[Sound] = ()) -> str:
    """Of a file, or of what a folder of sounds holds."""
    if path.is_dir():
        told = [(s.path.relative_to(path).as_posix(), s.concept, s.captions) for s in sounds]
        return hashlib.sha256(repr(told).encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
