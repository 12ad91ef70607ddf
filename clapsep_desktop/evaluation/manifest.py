"""Labelled sounds: a manifest and its splits.

A manifest is a CSV file with at least the columns ``path`` (relative to the manifest),
``concept``, ``captions`` (separated by ``|``) and ``split_group``. Recordings of one split group
never stand on both sides of a split.
"""

from __future__ import annotations

import csv
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clapsep_desktop.errors import AudioReadError

VALIDATION_SHARE = 8
"""One split group in this many is for validation."""

UNSEEN_CONCEPTS = frozenset(
    {
        "angklung",
        "bagpipe",
        "church_bell",
        "elephant",
        "geiger",
        "monkey",
        "pencil_sharpener",
        "roller_coaster",
        "sitar",
        "theremin",
        "typewriter",
        "wolf",
    }
)
"""Concepts kept out of training altogether, to measure queries for sounds never heard."""


@dataclass(frozen=True)
class Sound:
    """One row of a manifest."""

    path: Path
    concept: str
    captions: tuple[str, ...]
    split_group: str

    @property
    def split(self) -> str:
        """``train``, ``validation`` or ``unseen``; depends on nothing but this row."""
        if self.concept in UNSEEN_CONCEPTS:
            return "unseen"
        if zlib.crc32(self.split_group.encode()) % VALIDATION_SHARE == 0:
            return "validation"
        return "train"


def read_manifest(path: Path) -> list[Sound]:
    """All rows of a manifest, in its order; raises AudioReadError if a column is missing."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = {"path", "concept", "captions", "split_group"} - set(reader.fieldnames or ())
        if missing:
            raise AudioReadError(
                f"{path} is not a manifest: the column {', '.join(sorted(missing))} is missing."
            )
        return [
            Sound(
                path=path.parent / row["path"],
                concept=row["concept"],
                captions=tuple(c.strip() for c in row["captions"].split("|") if c.strip()),
                split_group=row["split_group"],
            )
            for row in reader
        ]


def by_split(sounds: Sequence[Sound], split: str) -> list[Sound]:
    """The sounds of one split, in order."""
    return [sound for sound in sounds if sound.split == split]


def by_concept(sounds: Sequence[Sound]) -> dict[str, list[int]]:
    """Indices of the sounds of each concept."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, sound in enumerate(sounds):
        groups[sound.concept].append(index)
    return dict(groups)
