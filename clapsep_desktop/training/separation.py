"""Stage two: separation. Mixtures made on the fly, each asked several queries.

The three modes of the paper (arXiv 2402.17455, section III-D) and its blend of texts and
examples; beyond it, one to several sounds at different levels, queries for a sound that is absent
(the target is silence, or for a removal the whole mixture) and noise on the embeddings of texts,
so that words never seen still land somewhere useful.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from clapsep_desktop.evaluation.concepts import CONFUSABLE
from clapsep_desktop.evaluation.manifest import spoken
from clapsep_desktop.model.mini_net import MiniNet
from clapsep_desktop.training.augment import masked
from clapsep_desktop.training.config import MixingConfig, TrainingConfig
from clapsep_desktop.training.draw import Drawer, gain_to_level, random_gain
from clapsep_desktop.training.losses import energy, separation_loss
from clapsep_desktop.training.muon import with_adamw

POSITIVE, NEGATIVE, BOTH = range(3)
NO_EXAMPLE = -1


@dataclass
class SeparationBatch:
    """Tensors of one step; B mixtures, S sounds each (silent ones last), Q queries, E examples."""

    sources: Tensor  # float32 (B, S, n)
    weights: Tensor  # float32 (B, Q, S): which sounds the target keeps
    text: Tensor  # float32 (2, B, Q, D): keep, remove; zero where nothing is asked
    example: Tensor  # int64 (2, B, Q): row of `examples`, or NO_EXAMPLE
    blend: Tensor  # float32 (B, Q): share of the example where there is one
    examples: Tensor  # float32 (E, m)
    example_concept: Tensor  # int64 (E,): index into the caption table's concepts
    concept_text: Tensor  # float32 (concepts, D): one caption of each, for the joint space


@dataclass
class Mixture:
    """The sounds of one mixture."""

    concepts: list[str]
    recordings: list[int]  # in the bank
    sources: np.ndarray  # float32 (S, n)


class MixtureStage:
    """Mixtures and what is asked of them, whatever network learns from them."""

    goal = "both"

    def __init__(self, drawer: Drawer, config: MixingConfig, seed: int) -> None:
        self.drawer, self.config, self.seed = drawer, config, seed
        self.size = config.mixtures

    def batch(self, number: int) -> SeparationBatch:
        """A batch by its number; the same for the same seed."""
        random = np.random.default_rng((self.seed, 2, number))
        mixtures = [self._mixture(random) for _ in range(self.config.mixtures)]
        rows, examples, concepts = self._examples(mixtures, random)
        queries = [self._queries(m, rows[b], random) for b, m in enumerate(mixtures)]
        weights, text, example, blend = (np.stack(each) for each in zip(*queries, strict=True))
        return SeparationBatch(
            sources=torch.from_numpy(np.stack([m.sources for m in mixtures])),
            weights=torch.from_numpy(weights),
            text=torch.from_numpy(text.swapaxes(0, 1).copy()),
            example=torch.from_numpy(example.swapaxes(0, 1).copy()),
            blend=torch.from_numpy(blend),
            examples=torch.from_numpy(examples),
            example_concept=torch.tensor(concepts),
            concept_text=torch.from_numpy(self.drawer.every_caption(random)),
        )

    def _mixture(self, random: np.random.Generator) -> Mixture:
        config, drawer = self.config, self.drawer
        count = 1 + int(random.choice(len(config.sources), p=config.sources))
        concepts: list[str] = []
        while len(concepts) < count and drawer.has_other(concepts):
            concepts.append(drawer.concept(concepts, random))
        recordings = [drawer.recording(concept, random) for concept in concepts]
        heard = [
            drawer.heard(recording, config.seconds, random)
            * random_gain(config.level_deviation, random)
            for recording in recordings
        ]
        sources = np.zeros((len(config.sources), len(heard[0])), dtype=np.float32)
        sources[: len(heard)] = heard
        sources *= self._gain(sources.sum(axis=0), random)
        return Mixture(concepts, recordings, sources)

    def _gain(self, sound: np.ndarray, random: np.random.Generator) -> np.float32:
        """The factor that brings a mixture or an example to a level the network knows."""
        return gain_to_level(sound, random)

    def _examples(
        self, mixtures: Sequence[Mixture], random: np.random.Generator
    ) -> tuple[list[dict[int, int]], np.ndarray, list[int]]:
        """Some sounds of a batch heard once more, for each mixture the row of its sounds'."""
        places = [
            (b, s) for b, mixture in enumerate(mixtures) for s in range(len(mixture.concepts))
        ]
        chosen = [places[i] for i in random.permutation(len(places))[: self.config.examples]]
        rows: list[dict[int, int]] = [{} for _ in mixtures]
        clips, concepts = [], []
        for row, (b, s) in enumerate(chosen):
            rows[b][s] = row
            clips.append(self._example(mixtures[b], s, random))
            concepts.append(self.drawer.number[mixtures[b].concepts[s]])
        return rows, np.stack(clips), concepts

    def _example(self, mixture: Mixture, sound: int, random: np.random.Generator) -> np.ndarray:
        """Another recording of the same concept, or the same one otherwise heard, (m,)."""
        recording = mixture.recordings[sound]
        if random.random() < 0.5:
            recording = self.drawer.recording(mixture.concepts[sound], random)
        clip = self.drawer.heard(recording, self.config.example_seconds, random)
        if random.random() < self.config.masked:
            clip = masked(clip, random)
        return np.asarray(clip * self._gain(clip, random))

    def _queries(
        self, mixture: Mixture, rows: dict[int, int], random: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Weights (Q, S), texts (2, Q, D), examples (2, Q) and blends (Q,) of one mixture."""
        config, count = self.config, self.config.queries
        weights = np.zeros((count, len(config.sources)), dtype=np.float32)
        text = np.zeros((2, count, self.drawer.captions.embeddings.shape[-1]), dtype=np.float32)
        example = np.full((2, count), NO_EXAMPLE)
        order = random.permutation(len(mixture.concepts))
        for q in range(count):
            mode = int(random.choice(3, p=config.modes))
            if random.random() < config.absent and self.drawer.has_other(mixture.concepts):
                side = int(mode == NEGATIVE)
                text[side, q] = self._absent(mixture, random)
                weights[q, : len(mixture.concepts)] = float(side)
                continue
            keep, remove = self._asked(int(order[q % len(order)]), len(order), mode)
            weights[q, keep] = 1.0
            if mode == BOTH and len(remove) > 1 and random.random() < config.unlisted:
                remove = remove[:1]  # nobody lists every sound there is
            sides = (keep if mode != NEGATIVE else [], remove if mode != POSITIVE else [])
            for side, sounds in enumerate(sides):
                if sounds:
                    drawn = [self._text(mixture, s, random) for s in sounds]
                    text[side, q] = self._noisy(np.sum(drawn, axis=0), random)
                if len(sounds) == 1:
                    example[side, q] = rows.get(sounds[0], NO_EXAMPLE)
        return weights, text, example, self._blend(count, random)

    def _blend(self, count: int, random: np.random.Generator) -> np.ndarray:
        """The share of the example in each query, float32 (count,)."""
        # Pure texts and pure examples are what people ask with most: a third each.
        return random.uniform(-1.0, 2.0, count).clip(0.0, 1.0).astype(np.float32)

    @staticmethod
    def _asked(target: int, count: int, mode: int) -> tuple[list[int], list[int]]:
        """The sounds to keep and to remove."""
        others = [s for s in range(count) if s != target]
        return (others, [target]) if mode == NEGATIVE else ([target], others)

    def _absent(self, mixture: Mixture, random: np.random.Generator) -> np.ndarray:
        asked = self.drawer.concept(mixture.concepts, random)
        captions = self.drawer.captions
        return self._noisy(captions.draw(captions.of_concept[asked], random), random)

    def _text(self, mixture: Mixture, sound: int, random: np.random.Generator) -> np.ndarray:
        captions = self.drawer.bank.sounds[mixture.recordings[sound]].captions
        named = (*captions, spoken(mixture.concepts[sound]))
        return self.drawer.captions.draw(named, random)

    def _noisy(self, embedding: np.ndarray, random: np.random.Generator) -> np.ndarray:
        embedding = embedding / np.linalg.norm(embedding)
        strength = self.config.embedding_noise * random.random() / np.sqrt(len(embedding))
        noisy = embedding + strength * random.standard_normal(len(embedding))
        return np.asarray(noisy / np.linalg.norm(noisy), dtype=np.float32)


class SeparationStage(MixtureStage):
    """What `clapsep_desktop.training.loop.Trainer` needs of stage two."""

    def __init__(self, drawer: Drawer, config: MixingConfig, seed: int) -> None:
        super().__init__(drawer, config, seed)
        self.confusable = torch.from_numpy(drawer.captions.likeness >= CONFUSABLE)

    def weights(self, net: MiniNet) -> Iterator[nn.Parameter]:
        """The weights that learn: all."""
        return net.parameters()

    def optimizers(self, net: MiniNet, config: TrainingConfig) -> tuple[Optimizer, ...]:
        """See `muon.with_adamw`."""
        return with_adamw(list(self.weights(net)), config)

    def stored(self, name: str) -> bool:
        """All are."""
        del name
        return True

    def loss(self, net: MiniNet, batch: SeparationBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean separation loss in dB plus the weighted loss of the joint space."""
        sizes = batch.sources.shape[:2]
        spectra = net.spectrum(batch.sources.flatten(0, 1)).unflatten(0, sizes)
        mixture = spectra.sum(dim=1)  # (B, bins, T)
        condition, embedded = self._conditions(net, batch)
        logits = net.mask_logits(net.hear(mixture.abs()), condition)[:, :, : mixture.shape[2]]
        target = torch.einsum("bqs,bsft->bqft", batch.weights.to(spectra.dtype), spectra)
        repeated = mixture.repeat_interleave(batch.weights.shape[1], dim=0)
        estimate = torch.sigmoid(logits.float()) * repeated
        weight = self.config.snr_weight
        separation = separation_loss(
            estimate, target.flatten(0, 1), energy(repeated), weight
        ).mean()
        joint = self._joint_loss(embedded, batch)
        parts = {"separation": separation.detach(), "joint": joint.detach()}
        return separation + self.config.joint_weight * joint, parts

    @staticmethod
    def _conditions(net: MiniNet, batch: SeparationBatch) -> tuple[Tensor, Tensor]:
        """Conditions (B * Q, 2 D) of a batch, and the embeddings (E, D) of its examples."""
        features, _ = net.hear(net.spectrum(batch.examples).abs())
        embedded = net.embed(features)
        sides = []
        for text, example in zip(batch.text, batch.example, strict=True):
            blend = (batch.blend * (example != NO_EXAMPLE))[..., None]
            mixed = blend * embedded[example.clamp_min(0)] + (1.0 - blend) * text
            sides.append(F.normalize(mixed, dim=-1))
        return F.normalize(torch.cat(sides, dim=-1), dim=-1).flatten(0, 1), embedded

    def _joint_loss(self, embedded: Tensor, batch: SeparationBatch) -> Tensor:
        """InfoNCE of examples against one caption of every concept, confusable ones left out."""
        logits = embedded @ batch.concept_text.T / self.config.temperature
        rivals = self.confusable.to(logits.device)[batch.example_concept]
        rivals[torch.arange(len(logits)), batch.example_concept] = False
        return F.cross_entropy(logits.masked_fill(rivals, -1e4), batch.example_concept)
