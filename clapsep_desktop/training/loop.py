"""The loop of both stages: steps, averaging, validation, checkpoints, a log."""

from __future__ import annotations

import copy
import csv
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from clapsep_desktop.errors import ModelDamagedError, ModelMissingError
from clapsep_desktop.model.mini_net import MiniNet
from clapsep_desktop.training.config import TrainingConfig, from_json, to_json
from clapsep_desktop.training.muon import Muon

BatchT = TypeVar("BatchT")
CHECKPOINT = "last.pt"
SETTINGS = "config.json"


class Stage(Protocol[BatchT]):
    """What is learned: batches by number, their loss, and which weights change."""

    def batch(self, step: int) -> BatchT:
        """Batch number ``step``; the same whenever it is asked for."""
        ...

    def loss(self, net: MiniNet, batch: BatchT) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch, and its parts for the log."""
        ...

    def weights(self, net: MiniNet) -> Iterator[nn.Parameter]:
        """The weights that learn."""
        ...


class _Batches(IterableDataset[BatchT], Generic[BatchT]):
    """An endless stream of a stage's batches from one step on."""

    def __init__(self, stage: Stage[BatchT], first: int) -> None:
        self.stage, self.first = stage, first

    def __iter__(self) -> Iterator[BatchT]:
        step = self.first
        while True:
            yield self.stage.batch(step)
            step += 1


def schedule(config: TrainingConfig, step: int) -> float:
    """The part of the peak learning rate: warm-up, plateau, a linear fall over ``decay`` steps."""
    warm = min(1.0, (step + 1) / config.warmup)
    left = (config.steps - step) / config.decay if config.decay else 1.0
    return warm * min(1.0, max(left, 0.0))


class Trainer(Generic[BatchT]):
    """Weights, optimisers, average and step of one run, in one folder.

    Args:
        net: the weights to begin with, where no checkpoint is found in the folder.
        stage: what is learned.
        config: the run.
        folder: where checkpoints and the log go; a checkpoint found there is resumed.
        measure: values of the averaged network for the validation log.
        workers: processes that make batches.
    """

    def __init__(
        self,
        net: MiniNet,
        stage: Stage[BatchT],
        config: TrainingConfig,
        folder: Path,
        measure: Callable[[MiniNet], dict[str, float]],
        workers: int = 1,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.net, self.stage, self.config, self.folder = net, stage, config, folder
        self.measure, self.workers = measure, workers
        self.average = copy.deepcopy(net).eval().requires_grad_(False)
        learning = list(stage.weights(net))
        self.optimizers: tuple[torch.optim.Optimizer, ...] = (
            Muon(
                [p for p in learning if p.ndim > 1],
                config.matrix_rate,
                weight_decay=config.weight_decay,
            ),
            torch.optim.AdamW(
                [p for p in learning if p.ndim <= 1],
                config.rate,
                betas=(0.9, 0.98),
                weight_decay=0.0,
            ),
        )
        self.step = 0
        self.seconds = 0.0
        if (folder / CHECKPOINT).exists():
            self._load()
        (folder / SETTINGS).write_text(to_json(config), encoding="utf-8")

    def run(self) -> None:
        """Train to the last step, saving and validating by the clock and at the end."""
        logged = saved = validated = time.monotonic()
        recent: list[dict[str, Tensor]] = []
        for batch in self._batches():
            if self.step >= self.config.steps:
                return
            recent.append(self._advance(batch))
            ended, now = self.step == self.config.steps, time.monotonic()
            if ended or self.step % self.config.log_steps == 0:
                self.seconds += now - logged
                means = {key: _mean([row[key] for row in recent]) for key in recent[0]}
                self._log("train.csv", {**means, "step_seconds": (now - logged) / len(recent)})
                logged, recent = now, []
            if ended or now - validated >= self.config.validate_seconds:
                self._log("validation.csv", self.measure(self.average))
                validated = time.monotonic()
            if ended or now - saved >= self.config.save_seconds:
                self._save()
                saved = time.monotonic()

    def _batches(self) -> Iterator[BatchT]:
        batches = _Batches(self.stage, self.step)
        prefetch = 4 if self.workers else None
        return iter(
            DataLoader(batches, batch_size=None, num_workers=self.workers, prefetch_factor=prefetch)
        )

    def _advance(self, batch: BatchT) -> dict[str, Tensor]:
        """One step; its parts of the loss."""
        fraction = schedule(self.config, self.step)
        peaks = (self.config.matrix_rate, self.config.rate)
        for optimizer, peak in zip(self.optimizers, peaks, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = peak * fraction
        self.net.train()
        loss, parts = self.stage.loss(self.net, batch)
        self.net.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.stage.weights(self.net), self.config.clip)
        if math.isfinite(float(norm)):  # else a batch to forget
            for optimizer in self.optimizers:
                optimizer.step()
        self.step += 1
        self._update_average()
        return {**parts, "gradient": norm}

    @torch.no_grad()
    def _update_average(self) -> None:
        keep = min(self.config.averaging, (1 + self.step) / (20 + self.step))
        means, news = self.average.state_dict().values(), self.net.state_dict().values()
        for mean, new in zip(means, news, strict=True):
            if mean.is_floating_point():
                mean.lerp_(new, 1.0 - keep)
            else:
                mean.copy_(new)

    def _log(self, name: str, row: dict[str, float]) -> None:
        row = {"step": self.step, "hours": self.seconds / 3600, **row}
        path = self.folder / name
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow({key: f"{value:.5g}" for key, value in row.items()})
        print(name, " ".join(f"{key}={value:.4g}" for key, value in row.items()), flush=True)  # noqa: T201

    def _save(self) -> None:
        state: dict[str, Any] = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "seconds": self.seconds,
        }
        temporary = self.folder / f"{CHECKPOINT}.part"
        torch.save(state, temporary)
        temporary.replace(self.folder / CHECKPOINT)

    def _load(self) -> None:
        state = load_checkpoint(self.folder)
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.seconds = state["step"], state["seconds"]


def load_checkpoint(folder: Path) -> dict[str, Any]:
    """What a run saved last.

    Raises:
        ModelMissingError: the run has not saved anything yet.
        ModelDamagedError: the file cannot be read.
    """
    path = folder / CHECKPOINT
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelMissingError(
            f"{folder} holds no {CHECKPOINT}: train there first, or name another folder."
        ) from None
    except Exception as error:  # torch names no narrower class for a damaged file
        raise ModelDamagedError(f"The checkpoint {path} cannot be read: {error}") from error
    return state


def load_config(folder: Path) -> TrainingConfig:
    """The settings a run was started with last.

    Raises:
        ModelDamagedError: they are absent or cannot be read.
    """
    path = folder / SETTINGS
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelDamagedError(f"The settings {path} cannot be read: {error}") from error


def _mean(values: list[Tensor]) -> float:
    return float(torch.stack([value.float() for value in values]).mean())
