"""What sounds are called: captions, their wordings, and which concepts may stand in one mixture."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clapsep_desktop.evaluation.concepts import (
    CONFUSABLE,
    Concepts,
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
    "only {} please",
)
"""Ways to ask for one sound."""

MISTYPED = 1
"""Misspelt wordings of each caption beside them."""


class CaptionTable:
    """Embeddings of every caption in every wording, and the likeness of concepts.

    Args:
        sounds: sounds whose captions and concepts count.
        embed: texts to L2-normalised embeddings (n, D).
        cache: folder for the embeddings; None keeps them in memory only.
        told_apart: the space in which the likeness of concepts is taken, which `CONFUSABLE` is
            made for; None where ``embed`` is that space.
    """

    def __init__(
        self,
        sounds: Sequence[Sound],
        embed: Embed,
        cache: Path | None = None,
        told_apart: Embed | None = None,
    ) -> None:
        self.captions = sorted({c for s in sounds for c in (*s.captions, spoken(s.concept))})
        self._index = {caption: i for i, caption in enumerate(self.captions)}
        texts = [text for caption in self.captions for text in _wordings(caption)]
        table = embedded(texts, embed, cache)
        self.embeddings = table.reshape(len(self.captions), len(WORDINGS) + MISTYPED, -1)
        self.concepts = sorted({s.concept for s in sounds})
        self.of_concept = captions_of(sounds)
        self.likeness = (
            likeness(
                [np.stack([self.plain(c) for c in self.of_concept[name]]) for name in self.concepts]
            )
            if told_apart is None
            else Concepts(sounds, told_apart).likeness
        )

    def draw(self, captions: Sequence[str], random: np.random.Generator) -> np.ndarray:
        """The embedding of one of some captions in a random wording, float32 (D,)."""
        caption = captions[int(random.integers(len(captions)))]
        wordings = self.embeddings[self._index[caption]]
        return np.asarray(wordings[int(random.integers(len(wordings)))])

    def plain(self, caption: str) -> np.ndarray:
        """The embedding of a caption as written."""
        return self.embeddings[self._index[caption], 0]

    def confusable(self, one: str, other: str) -> bool:
        """Whether two concepts could answer to the same query."""
        i, j = self.concepts.index(one), self.concepts.index(other)
        return bool(self.likeness[i, j] >= CONFUSABLE)


def _wordings(caption: str) -> list[str]:
    """A caption in all wordings, the same each time."""
    random = np.random.default_rng(zlib.crc32(caption.encode()))
    return [
        *(wording.format(caption) for wording in WORDINGS),
        *(mistyped(caption, random) for _ in range(MISTYPED)),
    ]


def mistyped(text: str, random: np.random.Generator) -> str:
    """A text as quick fingers type it, with one slip in one of its longer words.

    A letter is missing, doubled, wrong, or exchanged with the next one.
    """
    words = text.split(" ")
    places = [index for index, word in enumerate(words) if len(word) > 3]
    if not places:
        return text
    place = int(random.choice(places))
    word = words[place]
    at = int(random.integers(1, len(word) - 1))  # people seldom miss the first letter
    letter = chr(int(random.integers(ord("a"), ord("z") + 1)))
    words[place] = str(
        random.choice(
            [
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
                word[:at] + letter + word[at + 1 :],
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            ]
        )
    )
    return " ".join(words)
