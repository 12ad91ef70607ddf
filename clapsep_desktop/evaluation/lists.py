"""The published lists of mixtures: AudioCaps, AudioSet, ESC-50, FSDKaggle2018 and MUSIC21.

A list is a CSV file with the columns ``source_file``, ``positive_caption``, ``noise_file`` and
``negative_caption``; the user gives the folder of the sounds. Both clips are heard from their
start at the same energy, for 10 s (ESC-50: 5 s) at 32 kHz, the sum scaled to 0.9 where it exceeds
full scale. A list of samples (``class``, ``file``) names recordings to show for each caption.
"""

from __future__ import annotations

import ast
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from clapsep_desktop.errors import DataError
from clapsep_desktop.evaluation.concepts import CONFUSABLE, Embed
from clapsep_desktop.evaluation.items import MOST_EXAMPLES, Item, Part
from clapsep_desktop.evaluation.manifest import read_table

COLUMNS = ("source_file", "positive_caption", "noise_file", "negative_caption")
SAMPLE_COLUMNS = ("class", "file")

SECONDS = 10.0
"""Length of a mixture, unless the list is one of `SHORTER`."""

SHORTER = {"esc": 5.0}
"""Lists of shorter clips, by the first word of their file's name."""

POOL = 200
"""Captions among which one is looked for that a mixture does not answer to."""


@dataclass(frozen=True)
class Figures:
    """What a paper or a measurement by others says of a list, in dB."""

    model: str
    query: str
    sdri: float
    si_sdri: float


_CLAPSEP = "CLAPSep, published (arXiv 2402.17455)"
_AGAIN = "CLAPSep, measured again by others"
_AUDIOSEP = "AudioSep, published"

PUBLISHED: Mapping[str, tuple[Figures, ...]] = {
    "audiocaps": (
        Figures(_CLAPSEP, "both", 10.08, 9.40),
        Figures(_AGAIN, "positive", 9.66, 8.76),
        Figures(_AUDIOSEP, "positive", 8.22, 7.19),
    ),
    "audioset": (
        Figures(_CLAPSEP, "both", 9.29, 8.44),
        Figures(_AUDIOSEP, "positive", 7.74, 6.90),
    ),
    "esc": (
        Figures(_AGAIN, "positive", 11.49, 10.23),
        Figures(_AUDIOSEP, "positive", 10.04, 8.81),
    ),
    "music": (Figures(_AUDIOSEP, "positive", 10.51, 9.43),),
}
"""Figures of others, by the first word of the list's file name."""


def name_of(path: Path) -> str:
    """What a list is called: the first word of its file's name.

    >>> name_of(Path("audiocaps_eval.csv"))
    'audiocaps'
    """
    return path.stem.partition("_")[0].lower()


def read_list(
    path: Path,
    audio: Path,
    samples: Mapping[str, Sequence[Path]] | None = None,
    *,
    count: int | None = None,
    seed: int = 0,
    snrs: Sequence[float] = (0.0,),
    seconds: float | None = None,
) -> list[Item]:
    """The items of a published list.

    Args:
        path: the list.
        audio: folder of the sounds.
        samples: recordings to show for each caption, see `read_samples`.
        count: rows to take, drawn by ``seed``; None for all. A draw holds every smaller one.
        seed: see ``count``.
        snrs: dB, the target over the other sound; every row is an item at each.
        seconds: length of a mixture; None for the list's own.

    Raises:
        DataError: no such list.
    """
    rows = read_table(path, COLUMNS, "list of mixtures")
    name = name_of(path)
    length = SHORTER.get(name, SECONDS) if seconds is None else seconds
    order = np.arange(len(rows))
    if count is not None and count < len(rows):
        order = np.sort(np.random.default_rng(seed).permutation(len(rows))[:count])
    shown = samples or {}

    def part(row: dict[str, str], file: str, caption: str) -> Part:
        sound = audio / row[file]
        examples = [clip for clip in shown.get(row[caption], ()) if clip != sound]
        return Part(sound, row[caption], row[caption], tuple(examples[:MOST_EXAMPLES]))

    return [
        Item(
            name=f"{name}-{number:05d}" + (f"@{snr:+g}dB" if snr else ""),
            split=name,
            parts=(
                part(rows[number], "source_file", "positive_caption"),
                part(rows[number], "noise_file", "negative_caption"),
            ),
            target=0,
            snr=snr,
            seconds=length,
            cut="start",
            seed=seed,
        )
        for number in order.tolist()
        for snr in snrs
    ]


def read_samples(path: Path, audio: Path) -> dict[str, list[Path]]:
    """Recordings to show for each caption, in the list's order.

    Raises:
        DataError: no such list, or one of its cells is no list of names.
    """
    found: dict[str, list[Path]] = {}
    for row in read_table(path, SAMPLE_COLUMNS, "list of samples"):
        try:
            names = ast.literal_eval(row["file"])
        except (ValueError, SyntaxError):
            names = None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DataError(
                f"“{path.name}” is not a list of samples: the files of “{row['class'][:40]}” "
                "are no list of names."
            )
        found.setdefault(row["class"], []).extend(audio / name for name in names)
    return found


def with_absent(items: Sequence[Item], path: Path, embed: Embed) -> list[Item]:
    """The same items, each with a caption that no sound of its mixture answers to.

    It is one of up to `POOL` captions of the list, and does not depend on which other items there
    are; where all of these could mean a sound of the mixture, it stays empty.

    Args:
        items: of the list.
        path: the list.
        embed: texts to embeddings, see `Concepts`.
    """
    rows = read_table(path, COLUMNS, "list of mixtures")
    every = sorted({row[column] for row in rows for column in COLUMNS if "caption" in column})
    random = np.random.default_rng(zlib.crc32(path.stem.encode()))
    pool = [every[i] for i in np.sort(random.permutation(len(every))[:POOL])]
    texts = sorted({*pool, *(part.caption for item in items for part in item.parts)})
    vectors = dict(zip(texts, embed(texts), strict=True))
    offered = np.stack([vectors[caption] for caption in pool])
    found = []
    for item in items:
        present = np.stack([vectors[part.caption] for part in item.parts])
        unlike = np.flatnonzero((offered @ present.T).max(axis=1) < CONFUSABLE)
        own = np.random.default_rng(zlib.crc32(item.scene.encode()))
        absent = pool[int(own.choice(unlike))] if len(unlike) else ""
        found.append(replace(item, absent=absent))
    return found
