"""What is measured: one sound to be found in a mixture, and all that may be asked about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from clapsep_desktop.errors import DataError
from clapsep_desktop.evaluation.concepts import Concepts
from clapsep_desktop.evaluation.manifest import Sound, by_concept
from clapsep_desktop.evaluation.mixtures import PEAK, Scene, window

RATE = 32_000
"""Hz; the rate of all mixtures, that of the published lists."""

MOST_EXAMPLES = 10
"""Recordings that are ever shown of one sound."""

TARGETS = 2
"""Sounds of a scene that are asked for in turn."""

SILENT = 1e-6
"""Root mean square of full scale under which a cut holds no sound: -120 dBFS."""

Cut = Literal["loudest", "start"]
"""Which part of a long recording is heard. A mixture of loudest cuts is brought to `PEAK`; one of
starts, as the published lists have it, keeps its level while it does not exceed full scale."""

Decode = Callable[[Path], np.ndarray]
"""A sound file as mono float32 (n,) at `RATE`."""


@dataclass(frozen=True)
class Part:
    """One sound of a mixture.

    Attributes:
        path: its recording.
        concept: what it is, for tables.
        caption: how it is asked for in words.
        examples: other recordings of the same concept, in the order in which they are shown.
    """

    path: Path
    concept: str
    caption: str
    examples: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Item:
    """One mixture and which of its sounds is asked for.

    Attributes:
        name: unique in its list, and the same for the same seed.
        split: the part of the manifest it comes from, or the name of a published list.
        parts: the sounds.
        target: index of the one that is asked for.
        snr: dB, its energy over that of all others together.
        seconds: length of the mixture.
        cut: see `Cut`.
        seed: of the places of short sounds.
        absent: caption of a sound that is not there; empty where none is known.
    """

    name: str
    split: str
    parts: tuple[Part, ...]
    target: int
    snr: float
    seconds: float
    cut: Cut
    seed: int
    absent: str = ""

    @property
    def scene(self) -> str:
        """Its name without its level."""
        return scene_of(self.name)

    @property
    def wanted(self) -> Part:
        """The sound that is asked for."""
        return self.parts[self.target]

    @property
    def others(self) -> tuple[Part, ...]:
        """All other sounds."""
        return self.parts[: self.target] + self.parts[self.target + 1 :]

    def sources(self, decode: Decode) -> tuple[np.ndarray, np.ndarray]:
        """The target and the sum of all else, float32 (n,) each, as they stand in the mixture.

        Raises:
            DataError: a recording is silent.
            AudioError: a recording cannot be read.
        """
        random = np.random.default_rng(self.seed)
        length = round(self.seconds * RATE)
        cut = window if self.cut == "loudest" else _start
        rows = [cut(decode(part.path), length, random) for part in self.parts]
        levels = [_level(row) for row in rows]
        for part, level in zip(self.parts, levels, strict=True):
            if level < SILENT:
                raise DataError(f"“{part.path.name}” is silent where the mixture would hear it.")
        target, level = rows.pop(self.target), levels.pop(self.target)
        rest = np.zeros(length, np.float32)
        for row, own in zip(rows, levels, strict=True):
            rest += row * (level / own)
        rest *= level / _level(rest) * 10.0 ** (-self.snr / 20.0)
        gain = self._gain(float(np.max(np.abs(target + rest))))
        return np.asarray(target * gain, np.float32), np.asarray(rest * gain, np.float32)

    def _gain(self, peak: float) -> float:
        return PEAK / peak if self.cut == "loudest" or peak > 1.0 else 1.0


def items_of(
    found: Sequence[Scene],
    sounds: Sequence[Sound],
    concepts: Concepts,
    *,
    split: str,
    snrs: Sequence[float] = (0.0,),
    seconds: float = 5.0,
    targets: int = TARGETS,
) -> list[Item]:
    """The items of some scenes: the first sounds of each in turn, at each level.

    Args:
        found: scenes drawn from ``sounds``.
        sounds: other recordings to show are taken from these.
        concepts: of these sounds or of more.
        split: see `Item`.
        snrs: dB, see `Item`.
        seconds: length of a mixture.
        targets: how many sounds of a scene are asked for.
    """
    members = by_concept(sounds)
    items = []
    for number, scene in enumerate(found):
        parts = tuple(_parts(scene, sounds, members))
        absent = _absent_caption(scene, sorted(members), concepts)
        items += [
            Item(
                f"{split}-{len(parts)}-{number:05d}-{target}@{snr:+g}dB",
                split,
                parts,
                target,
                snr,
                seconds,
                "loudest",
                scene.seed,
                absent,
            )
            for target in range(min(targets, len(parts)))
            for snr in snrs
        ]
    return items


def scene_of(name: str) -> str:
    """The name of an item without its level.

    >>> scene_of("validation-2-00001-0@+5dB")
    'validation-2-00001-0'
    """
    return name.partition("@")[0]


def missing_files(items: Iterable[Item]) -> list[Path]:
    """Recordings of mixtures that do not exist, each once, in order."""
    paths = dict.fromkeys(part.path for item in items for part in item.parts)
    return [path for path in paths if not path.is_file()]


def _parts(scene: Scene, sounds: Sequence[Sound], members: dict[str, list[int]]) -> Iterator[Part]:
    for place, (sound, shown) in enumerate(zip(scene.sounds, scene.examples, strict=True)):
        others = [
            sounds[i].path
            for i in members[sound.concept]
            if sounds[i].path not in (sound.path, shown.path)
        ]
        order = np.random.default_rng([scene.seed, place]).permutation(len(others))
        examples = [shown.path] if shown.path != sound.path else []
        examples += [others[i] for i in order]
        yield Part(
            sound.path, sound.concept, scene.captions[place], tuple(examples[:MOST_EXAMPLES])
        )


def _absent_caption(scene: Scene, names: Sequence[str], concepts: Concepts) -> str:
    """A caption that fits no sound of a scene; empty where there is none."""
    random = np.random.default_rng([scene.seed, len(scene.sounds)])
    for index in random.permutation(len(names)):
        name = names[index]
        if not any(concepts.confusable(name, sound.concept) for sound in scene.sounds):
            captions = concepts.captions[name]
            return captions[int(random.integers(len(captions)))]
    return ""


def _start(samples: np.ndarray, length: int, random: np.random.Generator) -> np.ndarray:  # noqa: ARG001
    """The first ``length`` samples, silence after the end."""
    return np.pad(samples[:length], (0, max(length - len(samples), 0)))


def _level(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
