"""Drawing sounds: which concept, which recording, how it is heard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clapsep_desktop.evaluation.concepts import CONFUSABLE
from clapsep_desktop.evaluation.manifest import by_concept
from clapsep_desktop.training.augment import place, vary
from clapsep_desktop.training.captions import CaptionTable
from clapsep_desktop.training.data import RATE, SoundBank

GAIN_DEVIATION = 3.0
"""dB by which the level of a whole clip varies around the one the network is given."""


class Drawer:
    """Draws concepts and recordings of a bank, and hears them as somebody else would.

    Args:
        bank: the sounds.
        captions: their captions.
        concept_power: 1 draws every recording alike, 0 every concept alike.
    """

    def __init__(self, bank: SoundBank, captions: CaptionTable, concept_power: float) -> None:
        self.bank, self.captions = bank, captions
        self.members = by_concept(bank.sounds)
        self.names = sorted(self.members)
        weights = np.array([len(self.members[name]) for name in self.names], float)
        weights **= concept_power
        self.chances = weights / weights.sum()
        self.number = {concept: i for i, concept in enumerate(captions.concepts)}
        own = [self.number[name] for name in self.names]
        self._unlike = captions.likeness[own] < CONFUSABLE  # (names, concepts)

    def has_other(self, concepts: Sequence[str]) -> bool:
        """Whether there is a concept that could not be taken for any of some."""
        known = [self.number[concept] for concept in concepts]
        return bool(self._unlike[:, known].all(axis=1).any())

    def concept(self, others: Sequence[str], random: np.random.Generator) -> str:
        """A concept that could not be taken for any of the others; see `has_other`."""
        while True:
            name = self.names[int(random.choice(len(self.names), p=self.chances))]
            if not any(self.captions.confusable(name, other) for other in others):
                return name

    def recording(self, concept: str, random: np.random.Generator) -> int:
        """Index of one recording of a concept."""
        return int(random.choice(self.members[concept]))

    def heard(self, index: int, seconds: float, random: np.random.Generator) -> np.ndarray:
        """A recording varied, in a window of some length, at a root mean square of 1."""
        length = int(seconds * RATE)
        sound = place(vary(self.bank.samples(index), random), length, random)
        return sound / (np.sqrt(np.mean(sound**2)) + np.float32(1e-6))

    def every_caption(self, random: np.random.Generator) -> np.ndarray:
        """One caption of every concept, float32 (concepts, D)."""
        captions = self.captions
        return np.stack([captions.draw(captions.of_concept[c], random) for c in captions.concepts])


def gain_to_level(clip: np.ndarray, random: np.random.Generator) -> np.float32:
    """The factor that brings a clip near a root mean square of 1."""
    wanted = 10.0 ** (random.normal(0.0, GAIN_DEVIATION) / 20.0)
    return np.float32(wanted / (np.sqrt(np.mean(clip**2)) + 1e-6))


def random_gain(deviation: float, random: np.random.Generator) -> np.float32:
    """A factor, normal in dB."""
    return np.float32(10.0 ** (random.normal(0.0, deviation) / 20.0))
