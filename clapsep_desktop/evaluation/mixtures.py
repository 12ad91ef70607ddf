"""Scenes of two or more sounds at once, drawn from a manifest, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from clapsep_desktop.errors import DataError
from clapsep_desktop.evaluation.manifest import Sound, by_concept

PEAK = 0.9
"""Full scales; the loudest sample of a mixture."""

_STEP = 1600  # samples between the cuts among which the loudest is looked for
_ATTEMPTS = 200  # draws in a row that may fail before a manifest counts as too small


@dataclass(frozen=True)
class Scene:
    """Some sounds, each asked for by one of its captions and shown by another recording."""

    sounds: tuple[Sound, ...]
    captions: tuple[str, ...]
    examples: tuple[Sound, ...]  # of the same concept; another recording where there is one
    seed: int  # of the places of short sounds in the window

    def sources(self, decode: Callable[[Sound], np.ndarray], length: int) -> np.ndarray:
        """The sounds at equal energy, their sum peaking at `PEAK`; float32 (sounds, length)."""
        random = np.random.default_rng(self.seed)
        rows = np.stack([window(decode(sound), length, random) for sound in self.sounds])
        rows /= np.sqrt(np.mean(rows**2, axis=1, keepdims=True)) + 1e-9
        return np.asarray(rows * (PEAK / np.max(np.abs(rows.sum(axis=0)))), dtype=np.float32)


def scenes(
    sounds: Sequence[Sound],
    count: int,
    seed: int,
    confusable: Callable[[str, str], bool],
    *,
    size: int = 2,
    first: Callable[[str], bool] | None = None,
) -> list[Scene]:
    """Scenes of sounds whose concepts are not confusable; every concept is drawn alike.

    The first ``n`` scenes of a seed do not depend on ``count``.

    Args:
        sounds: to draw from, as sounds to mix and as examples to show.
        count: number of scenes.
        seed: the same seed gives the same scenes.
        confusable: whether two concepts could answer to one query.
        size: sounds in a scene.
        first: concepts the first sound of a scene is drawn from, and the others are not; None
            draws all from all.

    Raises:
        DataError: there are not enough different sounds.
    """
    random = np.random.default_rng(seed)
    members = by_concept(sounds)
    draw = _drawer(sorted(members), size, first, random)
    found: list[Scene] = []
    failed = 0
    while len(found) < count:
        concepts = draw()
        if any(confusable(one, other) for one, other in combinations(concepts, 2)):
            failed += 1
            if failed > _ATTEMPTS:
                raise _too_few(size)
            continue
        failed = 0
        chosen = [sounds[int(random.choice(members[c]))] for c in concepts]
        captions = [s.captions[int(random.integers(len(s.captions)))] for s in chosen]
        others = [_other(sound, sounds, members, random) for sound in chosen]
        place = int(random.integers(2**31))
        found.append(Scene(tuple(chosen), tuple(captions), tuple(others), place))
    return found


def _drawer(
    concepts: list[str],
    size: int,
    first: Callable[[str], bool] | None,
    random: np.random.Generator,
) -> Callable[[], list[str]]:
    """Draws the concepts of one scene at each call."""
    if first is None:
        if len(concepts) < size:
            raise _too_few(size)
        return lambda: [concepts[i] for i in random.choice(len(concepts), size, replace=False)]
    leading = [concept for concept in concepts if first(concept)]
    others = [concept for concept in concepts if not first(concept)]
    if not leading or len(others) < size - 1:
        raise _too_few(size)

    def draw() -> list[str]:
        leader = leading[int(random.integers(len(leading)))]
        rest = random.choice(len(others), size - 1, replace=False)
        return [leader, *(others[i] for i in rest)]

    return draw


def _too_few(size: int) -> DataError:
    return DataError(
        f"The manifest holds too few different sounds for mixtures of {size}. "
        "Choose another split, or fewer interferers."
    )


def _other(
    sound: Sound,
    shown: Sequence[Sound],
    members: dict[str, list[int]],
    random: np.random.Generator,
) -> Sound:
    others = [shown[i] for i in members.get(sound.concept, []) if shown[i].path != sound.path]
    return others[int(random.integers(len(others)))] if others else sound


def window(samples: np.ndarray, length: int, random: np.random.Generator) -> np.ndarray:
    """The loudest cut of a long sound; a short one somewhere in silence; float32 (length,)."""
    if len(samples) >= length:
        start = loudest(samples, length)
        return samples[start : start + length]
    padded = np.zeros(length, dtype=np.float32)
    start = int(random.integers(length - len(samples) + 1))
    padded[start : start + len(samples)] = samples
    return padded


def loudest(samples: np.ndarray, length: int) -> int:
    """Where the loudest cut of ``length`` samples starts, to a twentieth of a second at 32 kHz."""
    power = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    starts = np.arange(0, max(len(samples) - length, 0) + 1, _STEP)
    stops = np.minimum(starts + length, len(samples))
    return int(starts[np.argmax(power[stops] - power[starts])])
