"""Mixtures of two sounds at 0 dB, made from a manifest, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from clapsep_desktop.evaluation.manifest import Sound, by_concept


@dataclass(frozen=True)
class Pair:
    """Two sounds, each asked for by one of its captions and shown by another recording."""

    sounds: tuple[Sound, Sound]
    captions: tuple[str, str]
    examples: tuple[Sound, Sound]  # of the same concept; another recording where there is one
    seed: int  # of the places of short sounds in the window

    def sources(self, decode: Callable[[Sound], np.ndarray], length: int) -> np.ndarray:
        """The two sounds at equal energy, their sum peaking at 0.9 or less; float32 (2, n)."""
        random = np.random.default_rng(self.seed)
        rows = np.stack([window(decode(sound), length, random) for sound in self.sounds])
        rows /= np.sqrt(np.mean(rows**2, axis=1, keepdims=True)) + 1e-9
        return np.asarray(rows * (0.9 / np.max(np.abs(rows.sum(axis=0)))), dtype=np.float32)


def pairs(
    sounds: Sequence[Sound],
    count: int,
    seed: int,
    confusable: Callable[[str, str], bool],
    examples: Sequence[Sound] | None = None,
) -> list[Pair]:
    """Pairs of sounds whose concepts are not confusable.

    Args:
        sounds: to draw from; every concept is drawn alike.
        count: number of pairs.
        seed: the same seed gives the same pairs.
        confusable: whether two concepts could answer to one query.
        examples: recordings to show; those of ``sounds`` if None.
    """
    random = np.random.default_rng(seed)
    members = by_concept(sounds)
    concepts = sorted(members)
    shown = sounds if examples is None else examples
    shown_members = by_concept(shown)
    found: list[Pair] = []
    while len(found) < count:
        first, second = (concepts[i] for i in random.choice(len(concepts), 2, replace=False))
        if confusable(first, second):
            continue
        chosen = tuple(sounds[int(random.choice(members[c]))] for c in (first, second))
        captions = tuple(s.captions[int(random.integers(len(s.captions)))] for s in chosen)
        others = tuple(_other(s, shown, shown_members, random) for s in chosen)
        found.append(Pair(chosen, captions, others, int(random.integers(2**31))))  # type: ignore[arg-type]
    return found


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
        power = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
        starts = np.arange(0, len(samples) - length + 1, 1600)
        start = int(starts[np.argmax(power[starts + length] - power[starts])])
        return samples[start : start + length]
    padded = np.zeros(length, dtype=np.float32)
    start = int(random.integers(length - len(samples) + 1))
    padded[start : start + len(samples)] = samples
    return padded
