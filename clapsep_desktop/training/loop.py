"""Training of the mini model: steps, validation, checkpoints, a log."""

from __future__ import annotations

import copy
import csv
import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from clapsep_desktop.evaluation.manifest import by_split, read_manifest
from clapsep_desktop.model.mini import MiniConfig, MiniNet
from clapsep_desktop.model.text import SentenceEncoder
from clapsep_desktop.training.captions import CONFUSABLE, CaptionTable
from clapsep_desktop.training.data import SoundBank
from clapsep_desktop.training.losses import energy, separation_loss
from clapsep_desktop.training.mixing import Batch, Mixer, MixingConfig
from clapsep_desktop.training.validation import Validation


@dataclass(frozen=True)
class TrainingConfig:
    """One run; saved beside its weights."""

    model: MiniConfig = field(default_factory=MiniConfig)
    mixing: MixingConfig = field(default_factory=MixingConfig)
    seed: int = 1
    rate: float = 1.5e-3  # peak learning rate
    warmup: int = 150  # steps
    steps: int = 1_000_000  # at which training ends
    decay: int = 0  # last steps, over which the learning rate falls to zero
    weight_decay: float = 0.02
    clip: float = 5.0  # norm of the gradient
    averaging: float = 0.998  # of the weights, for validation and release
    temperature: float = 0.07  # of the joint space
    joint_weight: float = 2.0  # dB that one nat of the joint space is worth
    save_seconds: float = 240.0
    validate_seconds: float = 900.0
    validation_pairs: int = 80


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Linear warm-up, a plateau, and a linear fall over the last ``decay`` steps."""
    warm = min(1.0, (step + 1) / config.warmup)
    left = (config.steps - step) / config.decay if config.decay else 1.0
    return config.rate * warm * min(1.0, max(left, 0.0))


def conditions(net: MiniNet, batch: Batch) -> tuple[Tensor, Tensor]:
    """Conditions (B * Q, 2 D) of a batch, and the embeddings (E, D) of its examples."""
    features, _ = net.hear(net.spectrum(batch.examples).abs())
    embedded = net.embed(features)
    sides = []
    for text, example in (
        (batch.keep_text, batch.keep_example),
        (batch.remove_text, batch.remove_example),
    ):
        blend = (batch.blend * (example >= 0))[..., None]
        mixed = blend * embedded[example.clamp_min(0)] + (1.0 - blend) * text
        sides.append(F.normalize(mixed, dim=-1))
    return F.normalize(torch.cat(sides, dim=-1), dim=-1).flatten(0, 1), embedded


def joint_loss(embedded: Tensor, batch: Batch, likeness: Tensor, temperature: float) -> Tensor:
    """InfoNCE of examples against one caption of every concept; confusable ones do not count."""
    logits = embedded @ batch.concept_text.T / temperature
    rivals = likeness[batch.example_concept] >= CONFUSABLE
    rivals[torch.arange(len(logits)), batch.example_concept] = False
    return F.cross_entropy(logits.masked_fill(rivals, -1e4), batch.example_concept)


def loss_of(
    net: MiniNet, batch: Batch, config: TrainingConfig, likeness: Tensor
) -> tuple[Tensor, dict[str, float]]:
    """The loss of one batch and its parts."""
    sizes = batch.sources.shape
    spectra = net.spectrum(batch.sources.flatten(0, 1)).unflatten(0, sizes[:2])
    mixture = spectra.sum(dim=1)  # (B, bins, T)
    condition, embedded = conditions(net, batch)
    logits = net.mask_logits(net.hear(mixture.abs()), condition)[:, :, : mixture.shape[2]]
    queries = batch.weights.shape[1]
    target = torch.einsum("bqs,bsft->bqft", batch.weights.to(spectra.dtype), spectra)
    repeated = mixture.repeat_interleave(queries, dim=0)
    each = separation_loss(
        torch.sigmoid(logits.float()) * repeated, target.flatten(0, 1), energy(repeated)
    )
    joint = joint_loss(embedded, batch, likeness, config.temperature)
    separation = each.mean()
    parts = {"separation": float(separation.detach()), "joint": float(joint.detach())}
    return separation + config.joint_weight * joint, parts


class Trainer:
    """Weights, optimiser, average and step of one run, in one folder.

    Args:
        config: the run.
        manifest: the sounds.
        folder: where checkpoints and the log go; a checkpoint found there is resumed.
        text: folder of the sentence encoder.
        cache: folder for decoded sounds and embedded captions.
    """

    def __init__(
        self, config: TrainingConfig, manifest: Path, folder: Path, text: Path, cache: Path
    ) -> None:
        self.config, self.folder = config, folder
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(config.seed)
        sounds = read_manifest(manifest)
        encoder = SentenceEncoder.load(text)
        self.captions = CaptionTable(sounds, encoder.embed, cache)
        self.likeness = torch.from_numpy(self.captions.likeness)
        self.bank = SoundBank(by_split(sounds, "train"), cache)
        self.validation = Validation(
            SoundBank(by_split(sounds, "validation"), cache), self.captions, config.validation_pairs
        )
        self.net = MiniNet(config.model)
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        decayed = [p for p in self.net.parameters() if p.ndim > 1]
        others = [p for p in self.net.parameters() if p.ndim <= 1]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": config.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=config.rate,
            betas=(0.9, 0.98),
        )
        self.step = 0
        self.seconds = 0.0
        if (folder / "last.pt").exists():
            self._load(folder / "last.pt")
        (folder / "config.json").write_text(json.dumps(asdict(config), indent=1))

    def run(self) -> None:
        """Train until the last step, saving and validating by the clock."""
        saved = validated = time.monotonic()
        started, recent = time.monotonic(), []
        for batch in self._batches():
            recent.append(self._advance(batch))
            now = time.monotonic()
            if self.step % 50 == 0:
                means = {key: float(np.mean([r[key] for r in recent])) for key in recent[0]}
                self.seconds += now - started
                self._log("train.csv", {**means, "seconds_per_step": (now - started) / len(recent)})
                started, recent = now, []
            if now - validated >= self.config.validate_seconds or self.step == self.config.steps:
                self._log("validation.csv", self.validation.measure(self.average))
                validated = time.monotonic()
            if now - saved >= self.config.save_seconds or self.step == self.config.steps:
                self._save()
                saved = time.monotonic()
            if self.step >= self.config.steps:
                return

    def _batches(self) -> Iterator[Batch]:
        mixer = Mixer(self.bank, self.captions, self.config.mixing, self.config.seed, self.step)
        return iter(DataLoader(mixer, batch_size=None, num_workers=1, prefetch_factor=4))

    def _advance(self, batch: Batch) -> dict[str, float]:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, self.step)
        self.net.train()
        loss, parts = loss_of(self.net, batch, self.config, self.likeness)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.config.clip)
        if math.isfinite(float(norm)):
            self.optimizer.step()
        self.step += 1
        self._average()
        return {**parts, "gradient": float(norm)}

    def _average(self) -> None:
        keep = min(self.config.averaging, (1 + self.step) / (20 + self.step))
        with torch.no_grad():
            for mean, new in zip(
                self.average.state_dict().values(), self.net.state_dict().values(), strict=True
            ):
                if mean.is_floating_point():
                    mean.lerp_(new, 1.0 - keep)
                else:
                    mean.copy_(new)

    def _log(self, name: str, row: dict[str, float]) -> None:
        row = {"step": self.step, "hours": self.seconds / 3600, **row}
        path = self.folder / name
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow({k: f"{v:.5g}" for k, v in row.items()})
        print(name, " ".join(f"{k}={v:.4g}" for k, v in row.items()), flush=True)

    def _save(self) -> None:
        state: dict[str, Any] = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        temporary = self.folder / "last.pt.tmp"
        torch.save(state, temporary)
        os.replace(temporary, self.folder / "last.pt")

    def _load(self, path: Path) -> None:
        state = torch.load(path, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]
