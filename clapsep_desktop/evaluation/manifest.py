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

from clapsep_desktop.errors import DataError

COLUMNS = ("path", "concept", "captions", "split_group")
"""Columns every manifest has."""

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
    """All rows of a manifest, in its order.

    A row without captions is called by the name of its concept.

    Raises:
        DataError: the file is missing, no CSV in UTF-8, empty, or lacks a column.
    """
    rows = read_table(path, COLUMNS, "manifest")
    return [
        Sound(
            path=path.parent / row["path"],
            concept=row["concept"],
            captions=_listed(row["captions"]) or (spoken(row["concept"]),),
            split_group=row["split_group"],
        )
        for row in rows
    ]


def read_table(path: Path, columns: Sequence[str], kind: str) -> list[dict[str, str]]:
    """The rows of a CSV file that has some columns, and may have more.

    Args:
        path: the file, in UTF-8.
        columns: names its first line must have; no field in them may be missing.
        kind: what to call it in a message, such as "manifest".

    Raises:
        DataError: it is missing, no such file, or empty.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise DataError(
                    f"“{path.name}” is not a {kind}: the column {', '.join(missing)} is missing."
                )
            rows = list(reader)
    except OSError as error:
        raise DataError(f"The {kind} “{path}” could not be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"“{path.name}” is not a {kind}: it is no CSV file in UTF-8.") from error
    if not rows:
        raise DataError(f"The {kind} “{path.name}” lists nothing.")
    return rows


def spoken(concept: str) -> str:
    """A concept's name as a person would type it.

    >>> spoken("dog_bark")
    'dog bark'
    """
    return concept.replace("_", " ")


def _listed(captions: str) -> tuple[str, ...]:
    return tuple(caption.strip() for caption in captions.split("|") if caption.strip())


def by_split(sounds: Sequence[Sound], split: str) -> list[Sound]:
    """The sounds of one split, in order."""
    return [sound for sound in sounds if sound.split == split]


def by_concept(sounds: Sequence[Sound]) -> dict[str, list[int]]:
    """Indices of the sounds of each concept."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, sound in enumerate(sounds):
        groups[sound.concept].append(index)
    return dict(groups)
