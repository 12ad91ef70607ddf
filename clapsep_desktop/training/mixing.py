"""Mixtures made on the fly, each with several queries and their targets.

Batch ``k`` of a seed is the same whenever and wherever it is made: training that resumes at a
step sees what it would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from clapsep_desktop.training.augment import place, vary
from clapsep_desktop.training.captions import CaptionTable, spoken
from clapsep_desktop.evaluation.manifest import by_concept
from clapsep_desktop.training.data import RATE, SoundBank


@dataclass(frozen=True)
class MixingConfig:
    """How mixtures and their queries are drawn."""

    seconds: float = 4.0  # length of a mixture
    mixtures: int = 8  # in one batch
    queries: int = 2  # asked of each mixture
    sources: tuple[float, ...] = (0.08, 0.64, 0.28)  # shares of mixtures of 1, 2, 3 sounds
    level_deviation: float = 4.0  # dB between the sounds of a mixture
    modes: tuple[float, float, float] = (0.25, 0.25, 0.50)  # positive only, negative only, both
    absent: float = 0.06  # share of queries for a sound that is not there
    examples: int = 8  # sounds of a batch that are also heard as an example
    example_seconds: float = 3.0
    embedding_noise: float = 0.25  # norm of the noise on an embedding, against its own of 1
    concept_power: float = 0.5  # 1 draws every recording alike, 0 every concept alike


@dataclass
class Batch:
    """Tensors of one training step; B mixtures, S sounds each (silent ones last), Q queries."""

    sources: Tensor  # float32 (B, S, n)
    weights: Tensor  # float32 (B, Q, S): which sounds the target keeps
    keep_text: Tensor  # float32 (B, Q, D): zero where nothing is asked to be kept
    remove_text: Tensor  # float32 (B, Q, D)
    keep_example: Tensor  # int64 (B, Q): row of `examples`, -1 for none
    remove_example: Tensor  # int64 (B, Q)
    blend: Tensor  # float32 (B, Q): share of the example where there is one
    examples: Tensor  # float32 (E, m)
    example_concept: Tensor  # int64 (E,): index into the caption table's concepts
    concept_text: Tensor  # float32 (concepts, D): one caption of each, for the joint space


class Mixer(IterableDataset[Batch]):
    """An endless stream of batches.

    Args:
        bank: the sounds to mix.
        captions: their captions.
        config: what to draw.
        seed: of the whole run.
        first: the step to begin with.
    """

    def __init__(
        self, bank: SoundBank, captions: CaptionTable, config: MixingConfig, seed: int, first: int = 0
    ) -> None:
        self.bank, self.captions, self.config = bank, captions, config
        self.seed, self.first = seed, first
        self.members = by_concept(bank.sounds)
        self.names = sorted(self.members)
        weights = np.array([len(self.members[c]) for c in self.names], float)
        weights **= config.concept_power
        self.chances = weights / weights.sum()
        self.number = {concept: i for i, concept in enumerate(captions.concepts)}

    def __iter__(self) -> Iterator[Batch]:
        step = self.first
        while True:
            yield self.batch(step)
            step += 1

    def batch(self, step: int) -> Batch:
        """Batch number ``step``."""
        random = np.random.default_rng((self.seed, step))
        config = self.config
        rows = [self._mixture(random) for _ in range(config.mixtures)]
        places = [(b, s) for b, (concepts, _, _) in enumerate(rows) for s in range(len(concepts))]
        chosen = random.permutation(len(places))[: config.examples]
        heard = {places[i]: row for row, i in enumerate(chosen)}
        examples = [self._example(rows[b][2][s], random) for b, s in heard]
        queries = [
            self._queries(concepts, indices, {s: r for (m, s), r in heard.items() if m == b}, random)
            for b, (concepts, _, indices) in enumerate(rows)
        ]
        concept_text = np.stack(
            [self.captions.draw(self.captions.of_concept[c], random) for c in self.captions.concepts]
        )
        heard_concepts = [self.number[rows[b][0][s]] for b, s in heard]
        return Batch(
            sources=torch.from_numpy(np.stack([sources for _, sources, _ in rows])),
            **{name: torch.stack([q[name] for q in queries]) for name in queries[0]},
            examples=torch.from_numpy(np.stack(examples)),
            example_concept=torch.tensor(heard_concepts),
            concept_text=torch.from_numpy(concept_text),
        )

    def _mixture(self, random: np.random.Generator) -> tuple[list[str], np.ndarray, list[int]]:
        """Concepts, sounds (S, n) and their indices in the bank."""
        config = self.config
        count = 1 + int(random.choice(len(config.sources), p=config.sources))
        concepts: list[str] = []
        while len(concepts) < count:
            concepts.append(self._concept_unlike(concepts, random))
        length = int(config.seconds * RATE)
        sources = np.zeros((len(config.sources), length), dtype=np.float32)
        indices = [int(random.choice(self.members[concept])) for concept in concepts]
        for row, index in enumerate(indices):
            sound = place(vary(self.bank.samples(index), random), length, random)
            level = 10.0 ** (random.normal(0.0, config.level_deviation) / 20.0)
            sources[row] = sound * (level / (np.sqrt(np.mean(sound**2)) + 1e-6))
        gain = 10.0 ** (random.normal(0.0, 3.0) / 20.0)
        sources *= gain / (np.sqrt(np.mean(sources.sum(axis=0) ** 2)) + 1e-6)
        return concepts, sources, indices

    def _concept_unlike(self, others: list[str], random: np.random.Generator) -> str:
        while True:
            concept = self.names[int(random.choice(len(self.names), p=self.chances))]
            if not any(self.captions.confusable(concept, other) for other in others):
                return concept

    def _example(self, index: int, random: np.random.Generator) -> np.ndarray:
        """Another recording of the same concept, or the same one otherwise heard, (m,)."""
        length = int(self.config.example_seconds * RATE)
        if random.random() < 0.5:
            index = int(random.choice(self.members[self.bank.sounds[index].concept]))
        sound = place(vary(self.bank.samples(index), random), length, random)
        gain = 10.0 ** (random.normal(0.0, 3.0) / 20.0)
        return sound * np.float32(gain / (np.sqrt(np.mean(sound**2)) + 1e-6))

    def _queries(
        self,
        concepts: list[str],
        indices: list[int],
        heard: dict[int, int],
        random: np.random.Generator,
    ) -> dict[str, Tensor]:
        """What is asked of one mixture, and which of its sounds answer."""
        config = self.config
        count, size = config.queries, self.captions.embeddings.shape[-1]
        weights = np.zeros((count, len(config.sources)), dtype=np.float32)
        text = np.zeros((2, count, size), dtype=np.float32)
        example = np.full((2, count), -1)
        order = random.permutation(len(concepts))
        for q in range(count):
            mode = int(random.choice(3, p=config.modes))
            if random.random() < config.absent:
                asked = self._concept_unlike(concepts, random)
                side = int(mode == 1)
                drawn = self.captions.draw(self.captions.of_concept[asked], random)
                text[side, q] = self._noisy(drawn, random)
                weights[q, : len(concepts)] = float(side)
                continue
            target = int(order[q % len(order)])
            others = [s for s in range(len(concepts)) if s != target]
            keep, remove = ([target], others) if mode != 1 else (others, [target])
            weights[q, keep] = 1.0
            if mode == 2 and len(others) > 1 and random.random() < 0.3:
                remove = remove[:1]  # nobody lists every sound there is
            sides = ((keep, []), ([], remove), (keep, remove))[mode]
            for side, asked_for in enumerate(sides):
                if not asked_for:
                    continue
                drawn = np.sum([self._text(indices[s], random) for s in asked_for], axis=0)
                text[side, q] = self._noisy(drawn, random)
                if len(asked_for) == 1:
                    example[side, q] = heard.get(asked_for[0], -1)
        blend = random.uniform(-0.35, 1.35, count).clip(0.0, 1.0).astype(np.float32)
        return {
            "weights": torch.from_numpy(weights),
            "keep_text": torch.from_numpy(text[0]),
            "remove_text": torch.from_numpy(text[1]),
            "keep_example": torch.from_numpy(example[0]),
            "remove_example": torch.from_numpy(example[1]),
            "blend": torch.from_numpy(blend),
        }

    def _text(self, index: int, random: np.random.Generator) -> np.ndarray:
        sound = self.bank.sounds[index]
        return self.captions.draw((*sound.captions, spoken(sound.concept)), random)

    def _noisy(self, embedding: np.ndarray, random: np.random.Generator) -> np.ndarray:
        embedding = embedding / np.linalg.norm(embedding)
        noise = random.standard_normal(len(embedding)) * random.uniform(0.0, 1.0)
        noisy = embedding + noise * self.config.embedding_noise / np.sqrt(len(embedding))
        return (noisy / np.linalg.norm(noisy)).astype(np.float32)
