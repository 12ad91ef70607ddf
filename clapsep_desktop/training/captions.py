"""What sounds are called: captions, their wordings, and which concepts may stand in one mixture."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from clapsep_desktop.evaluation.manifest import Sound

WORDINGS = (
    "{}",
    "{}",  # twice: captions as written are the commonest query
    "the sound of {}",
    "sound of {}",
    "{} sound",
    "{} noise",
    "a recording of {}",
    "{} in the background",
)
"""Ways to ask for one sound."""

CONFUSABLE = 0.62
"""Cosine of two captions from which they may name the same sound."""


class CaptionTable:
    """Embeddings of every caption in every wording, and the likeness of concepts.

    Args:
        sounds: sounds whose captions and concepts count.
        embed: texts to L2-normalised embeddings (n, D).
        cache: folder for the embeddings; None keeps them in memory only.
    """

    def __init__(
        self,
        sounds: Sequence[Sound],
        embed: Callable[[Sequence[str]], np.ndarray],
        cache: Path | None = None,
    ) -> None:
        self.captions = sorted({c for s in sounds for c in (*s.captions, spoken(s.concept))})
        self._index = {caption: i for i, caption in enumerate(self.captions)}
        texts = [wording.format(c) for c in self.captions for wording in WORDINGS]
        table = _cached(texts, embed, cache)
        self.embeddings = table.reshape(len(self.captions), len(WORDINGS), -1)
        self.concepts = sorted({s.concept for s in sounds})
        self.of_concept = {
            concept: sorted(
                {c for s in sounds if s.concept == concept for c in s.captions} | {spoken(concept)}
            )
            for concept in self.concepts
        }
        self.likeness = self._likeness()

    def draw(self, captions: Sequence[str], random: np.random.Generator) -> np.ndarray:
        """The embedding of one of some captions in a random wording, float32 (D,)."""
        caption = captions[int(random.integers(len(captions)))]
        return self.embeddings[self._index[caption], int(random.integers(len(WORDINGS)))]

    def plain(self, caption: str) -> np.ndarray:
        """The embedding of a caption as written."""
        return self.embeddings[self._index[caption], 0]

    def confusable(self, one: str, other: str) -> bool:
        """Whether two concepts could answer to the same query."""
        i, j = self.concepts.index(one), self.concepts.index(other)
        return bool(self.likeness[i, j] >= CONFUSABLE)

    def _likeness(self) -> np.ndarray:
        groups = [
            np.stack([self.plain(caption) for caption in self.of_concept[concept]])
            for concept in self.concepts
        ]
        size = len(groups)
        likeness = np.eye(size, dtype=np.float32)
        for i in range(size):
            for j in range(i):
                likeness[i, j] = likeness[j, i] = np.max(groups[i] @ groups[j].T)
        return likeness


def spoken(concept: str) -> str:
    """A concept's name as a person would type it."""
    return concept.replace("_", " ")


def _cached(
    texts: Sequence[str], embed: Callable[[Sequence[str]], np.ndarray], cache: Path | None
) -> np.ndarray:
    if cache is None:
        return embed(texts)
    key = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
    path = cache / f"captions-{key}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        np.save(path, embed(texts))
    return np.load(path)
