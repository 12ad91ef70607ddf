"""Concepts of a manifest: what they are called, and which of them one query could mean alike.

Two sounds stand in one mixture only where no caption of the one could be taken for the other: a
"bird" beside "birds" would make a right answer count as wrong.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from clapsep_desktop.evaluation.manifest import Sound, spoken

Embed = Callable[[Sequence[str]], np.ndarray]
"""Texts to L2-normalised embeddings, float32 (n, D)."""

CONFUSABLE = 0.62
"""Cosine of two captions, in the space of the sentence encoder that ships with the program, from
which they may name the same sound."""


class Concepts:
    """The concepts of some sounds and their likeness.

    The likeness of two concepts is the greatest cosine of any caption of the one with any of the
    other. It is taken in one fixed space whatever model is measured, so that all models meet the
    same mixtures.

    Args:
        sounds: sounds whose captions and concepts count.
        embed: texts to embeddings.
        cache: folder that keeps the embeddings; None for none.

    Attributes:
        names: the concepts, sorted.
        captions: all captions of each concept, its name among them, sorted.
        likeness: float32 (concepts, concepts).
    """

    def __init__(self, sounds: Sequence[Sound], embed: Embed, cache: Path | None = None) -> None:
        self.names = sorted({sound.concept for sound in sounds})
        self.captions = captions_of(sounds)
        texts = sorted({caption for captions in self.captions.values() for caption in captions})
        vectors = dict(zip(texts, embedded(texts, embed, cache), strict=True))
        self.likeness = likeness(
            [np.stack([vectors[c] for c in self.captions[name]]) for name in self.names]
        )
        self._number = {name: i for i, name in enumerate(self.names)}

    def confusable(self, one: str, other: str) -> bool:
        """Whether two concepts could answer to the same query."""
        return bool(self.likeness[self._number[one], self._number[other]] >= CONFUSABLE)


def captions_of(sounds: Sequence[Sound]) -> dict[str, list[str]]:
    """Every concept's captions, its own name among them, sorted."""
    found: dict[str, set[str]] = {}
    for sound in sounds:
        found.setdefault(sound.concept, {spoken(sound.concept)}).update(sound.captions)
    return {concept: sorted(captions) for concept, captions in found.items()}


def likeness(groups: Sequence[np.ndarray]) -> np.ndarray:
    """The greatest cosine between any two members of each two groups.

    Args:
        groups: L2-normalised vectors, (n_i, D) each.

    Returns:
        float32 (groups, groups), symmetric, ones on the diagonal.
    """
    table = np.eye(len(groups), dtype=np.float32)
    for i, group in enumerate(groups):
        for j in range(i):
            table[i, j] = table[j, i] = np.max(group @ groups[j].T)
    return table


def embedded(texts: Sequence[str], embed: Embed, cache: Path | None = None) -> np.ndarray:
    """Embeddings of texts, (n, D), from the cache where they were asked for before."""
    if cache is None:
        return embed(texts)
    key = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
    path = cache / f"captions-{key}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.stem}-{os.getpid()}.npy")
        np.save(partial, embed(texts))
        partial.replace(path)
    return np.asarray(np.load(path))
