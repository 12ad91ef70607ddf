"""Labelled sounds: a manifest and its splits.

A manifest is a CSV file with at least the columns ``path`` (relative to the manifest),
``concept``, ``captions`` (separated by ``|``) and ``split_group``. Recordings of one split group
never stand on both sides of a split.
"""

from __future__ import annotations

import csv
import re
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


SOUND_FILES = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff"})
"""Endings of recordings that are looked for in a folder."""


def read_sounds(path: Path) -> list[Sound]:
    """The sounds of a manifest, or of a folder of recordings with captions; see `read_folder`.

    Raises:
        DataError: there are none, or what should list them cannot be read.
    """
    return read_folder(path) if path.is_dir() else read_manifest(path)


def read_folder(folder: Path) -> list[Sound]:
    """The recordings in a folder and the folders in it, sorted.

    ``rain.wav`` has its captions in ``rain.txt``, one a line. A recording without such a file is
    called by the folder it lies in, or else by its own name less the number at its end. Those of
    one caption and folder are one concept; recordings whose names differ in their last number
    only belong to one split group, for they may be parts of one.

    Raises:
        DataError: it holds no recordings, or captions that are no text in UTF-8.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUND_FILES)
    if not files:
        raise DataError(
            f"The folder “{folder}” holds no recordings. Recordings end in "
            f"{', '.join(sorted(SOUND_FILES))}."
        )
    return [_from_folder(path, folder) for path in files]


def _from_folder(path: Path, folder: Path) -> Sound:
    name = re.sub(r"[\s_.-]*\d+$", "", path.stem) or path.stem
    inside = path.parent.name if path.parent != folder else name
    captions = _captions_beside(path) or (spoken(inside),)
    concept = inside if path.parent != folder else captions[0].replace(" ", "_")
    group = path.relative_to(folder).with_name(name).as_posix()
    return Sound(path, concept, captions, group)


def _captions_beside(path: Path) -> tuple[str, ...]:
    try:
        lines = path.with_suffix(".txt").read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"The captions “{path.with_suffix('.txt')}” cannot be read as text in UTF-8."
        ) from error
    return tuple(line.strip() for line in lines if line.strip())


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
