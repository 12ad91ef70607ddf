"""Stage one: the joint space. The encoder learns which sound goes with which caption.

Clips, half of them two sounds at once, are held against one caption of every concept (InfoNCE,
arXiv 1807.03748); the sentence encoder stays as it is. A clip costs a tenth of a mixture of stage
two, which then starts from an encoder that knows what it hears.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from clapsep_desktop.evaluation.concepts import CONFUSABLE
from clapsep_desktop.model.mini_net import MiniNet
from clapsep_desktop.training.augment import masked
from clapsep_desktop.training.config import JointConfig, TrainingConfig
from clapsep_desktop.training.data import RATE
from clapsep_desktop.training.draw import Drawer, gain_to_level, random_gain
from clapsep_desktop.training.muon import with_adamw


@dataclass
class JointBatch:
    """Clips, the share of each concept in them, and one caption of every concept."""

    clips: Tensor  # float32 (E, n)
    shares: Tensor  # float32 (E, concepts), rows sum to 1
    concept_text: Tensor  # float32 (concepts, D)


class JointStage:
    """What `clapsep_desktop.training.loop.Trainer` needs of stage one."""

    goal = "top1"

    def __init__(self, drawer: Drawer, config: JointConfig, seed: int) -> None:
        self.drawer, self.config, self.seed = drawer, config, seed
        self.size = config.clips
        self.rivals = torch.from_numpy(drawer.captions.likeness >= CONFUSABLE).float()

    def weights(self, net: MiniNet) -> Iterator[nn.Parameter]:
        """The weights that learn."""
        for module in (net.encoder, net.attention, net.embedding):
            yield from module.parameters()

    def optimizers(self, net: MiniNet, config: TrainingConfig) -> tuple[Optimizer, ...]:
        """See `muon.with_adamw`."""
        return with_adamw(list(self.weights(net)), config)

    def stored(self, name: str) -> bool:
        """All are: stage two begins with them."""
        del name
        return True

    def batch(self, number: int) -> JointBatch:
        """A batch by its number; the same for the same seed."""
        random = np.random.default_rng((self.seed, 1, number))
        clips, shares = zip(*(self._clip(random) for _ in range(self.config.clips)), strict=True)
        return JointBatch(
            torch.from_numpy(np.stack(clips)),
            torch.from_numpy(np.stack(shares)),
            torch.from_numpy(self.drawer.every_caption(random)),
        )

    def loss(self, net: MiniNet, batch: JointBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy in nats between the shares of concepts and what the encoder hears."""
        features, _ = net.hear(net.spectrum(batch.clips).abs())
        logits = net.embed(features) @ batch.concept_text.T / self.config.temperature
        present = batch.shares > 0
        rivals = (present.float() @ self.rivals.to(logits.device) > 0) & ~present
        log_shares = F.log_softmax(logits.masked_fill(rivals, -1e4), dim=1)
        joint = -(batch.shares * log_shares).sum(dim=1).mean()
        return joint, {"joint": joint.detach()}

    def _clip(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        config, drawer = self.config, self.drawer
        count = 1 + int(random.random() < config.mixed)
        shares = np.zeros(len(drawer.captions.concepts), dtype=np.float32)
        clip = np.zeros(int(config.seconds * RATE), dtype=np.float32)
        concepts: list[str] = []
        while len(concepts) < count and drawer.has_other(concepts):
            concepts.append(drawer.concept(concepts, random))
            gain = random_gain(config.level_deviation, random)
            index = drawer.recording(concepts[-1], random)
            clip += gain * drawer.heard(index, config.seconds, random)
            shares[drawer.number[concepts[-1]]] = gain
        if random.random() < config.masked:
            clip = masked(clip, random)
        clip *= gain_to_level(clip, random)
        return clip, shares / shares.sum()
