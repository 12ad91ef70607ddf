"""What sounds are called: captions, their wordings, and which concepts may stand in one mixture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clapsep_desktop.evaluation.concepts import (
    CONFUSABLE,
    Embed,
    captions_of,
    embedded,
    likeness,
)
from clapsep_desktop.evaluation.manifest import Sound, spoken

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
        embed: Embed,
        cache: Path | None = None,
    ) -> None:
        self.captions = sorted({c for s in sounds for c in (*s.captions, spoken(s.concept))})
        self._index = {caption: i for i, caption in enumerate(self.captions)}
        texts = [wording.format(c) for c in self.captions for wording in WORDINGS]
        table = embedded(texts, embed, cache)
        self.embeddings = table.reshape(len(self.captions), len(WORDINGS), -1)
        self.concepts = sorted({s.concept for s in sounds})
        self.of_concept = captions_of(sounds)
        self.likeness = likeness(
            [np.stack([self.plain(c) for c in self.of_concept[name]]) for name in self.concepts]
        )

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
