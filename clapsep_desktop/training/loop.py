"""The loop of every stage: steps, averaging, validation, checkpoints, a log."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from clapsep_desktop.audio.staging import StagedFile, put_in_place, write_text, writing
from clapsep_desktop.errors import ModelDamagedError, ModelMismatchError, ModelMissingError
from clapsep_desktop.training.config import TrainingConfig, from_json, to_json
from clapsep_desktop.training.journal import Journal, Say, duration, listed
from clapsep_desktop.training.parallel import fabric as placed
from clapsep_desktop.training.schedule import Plateau, planned

if TYPE_CHECKING:
    from lightning_fabric import Fabric

NetT = TypeVar("NetT", bound=nn.Module)
NetT_contra = TypeVar("NetT_contra", bound=nn.Module, contravariant=True)
BatchT = TypeVar("BatchT")
CHECKPOINT = "last.pt"
BEST = "best.pt"
SETTINGS = "config.json"


class Stage(Protocol[NetT_contra, BatchT]):
    """What is learned: batches by number, their loss, which weights change and how."""

    size: int  # items in a batch, for the measure of throughput
    goal: str  # the value of a validation that counts; the higher the better

    def batch(self, number: int) -> BatchT:
        """A batch by its number; the same whenever it is asked for."""
        ...

    def loss(self, net: NetT_contra, batch: BatchT) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch, and its parts for the log."""
        ...

    def weights(self, net: NetT_contra) -> Iterator[nn.Parameter]:
        """The weights that learn."""
        ...

    def optimizers(
        self, net: NetT_contra, config: TrainingConfig
    ) -> Sequence[torch.optim.Optimizer]:
        """What makes them learn, at the peak of the learning rate."""
        ...

    def stored(self, name: str) -> bool:
        """Whether a weight belongs in a checkpoint: not if it is frozen and lies elsewhere."""
        ...


class _Learner(nn.Module, Generic[NetT, BatchT]):
    """A network with its loss, as one module: what averages gradients wraps a single call."""

    def __init__(self, net: NetT, stage: Stage[NetT, BatchT]) -> None:
        super().__init__()
        self.net = net
        self._stage = stage

    def forward(self, batch: BatchT) -> tuple[Tensor, dict[str, Tensor]]:
        return self._stage.loss(self.net, batch)


class _Batches(IterableDataset[BatchT], Generic[NetT, BatchT]):
    """An endless stream of a stage's batches: every ``stride``-th from one on."""

    def __init__(self, stage: Stage[NetT, BatchT], first: int, stride: int) -> None:
        self.stage, self.first, self.stride = stage, first, stride

    def __iter__(self) -> Iterator[BatchT]:
        number = self.first
        while True:
            yield self.stage.batch(number)
            number += self.stride


class Trainer(Generic[NetT, BatchT]):
    """Weights, optimisers, average and step of one run, in one folder.

    The same seed, settings and number of processes give the same weights, whether a run was
    stopped in between or not.

    Args:
        net: the weights to begin with, where no checkpoint is found in the folder.
        stage: what is learned.
        config: the run.
        folder: where checkpoints and the log go, which all processes see; a checkpoint found
            there is resumed.
        measure: values of the averaged network for the validation log.
        fabric: where it runs, already launched; None for this process on one device.
        workers: processes that make batches.
        say: shows progress; called in one process only.

    Raises:
        ModelMismatchError: the folder holds a run of another model or stage.
        ModelDamagedError: its checkpoint cannot be read.
        AudioWriteError: the folder cannot be written.
    """

    def __init__(
        self,
        net: NetT,
        stage: Stage[NetT, BatchT],
        config: TrainingConfig,
        folder: Path,
        measure: Callable[[NetT], dict[str, float]],
        *,
        fabric: Fabric | None = None,
        workers: int = 1,
        say: Say = lambda _: None,
    ) -> None:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self.net, self.stage, self.config, self.folder = net, stage, config, folder
        self.measure, self.workers = measure, workers
        self.fabric = fabric or placed(config.precision, accelerator="cpu")
        net.requires_grad_(requires_grad=False)
        for weight in stage.weights(net):
            weight.requires_grad_()
        optimizers = stage.optimizers(net, config)
        self._peaks = [[float(group["lr"]) for group in each.param_groups] for each in optimizers]
        self.learner, *self.optimizers = self.fabric.setup(_Learner(net, stage), *optimizers)
        self.average = copy.deepcopy(net).eval().requires_grad_(requires_grad=False)
        self.plateau = Plateau(config.plateau)
        self.best = -math.inf
        self.step = 0
        self.seconds = 0.0
        if (folder / CHECKPOINT).exists():
            self._load()
        self.fabric.barrier()
        self.journal = Journal(folder, say, self.step) if self.fabric.is_global_zero else None
        if self.journal is not None:
            write_text(folder / SETTINGS, to_json(config))

    def run(self) -> None:
        """Train to the last step, saving and validating on the way and at the end."""
        logged = saved = validated = time.monotonic()
        recent: list[dict[str, Tensor]] = []
        for batch in self._batches():
            if self.step >= self.config.steps:
                break
            recent.append(self._advance(batch))
            ended, now = self.step == self.config.steps, time.monotonic()
            if ended or self.step % self.config.log_steps == 0:
                self.seconds += now - logged
                self._tell(recent, now - logged)
                logged, recent = now, []
            if ended or self._validation_is_due(now - validated):
                self._validate()
                validated = time.monotonic()
            if ended or now - saved >= self.config.save_seconds:
                self._save()
                saved = time.monotonic()
        self.fabric.barrier()
        if self.journal is not None:
            self.journal.close()

    def _batches(self) -> Iterator[BatchT]:
        stride = self.fabric.world_size
        first = self.step * stride + self.fabric.global_rank
        prefetch = 4 if self.workers else None
        loader = DataLoader(
            _Batches(self.stage, first, stride),
            batch_size=None,
            num_workers=self.workers,
            prefetch_factor=prefetch,
        )
        for batch in loader:
            yield self.fabric.to_device(batch)

    def _advance(self, batch: BatchT) -> dict[str, Tensor]:
        """One step; its parts of the loss."""
        fraction = planned(self.config, self.step) * self.plateau.fraction
        for optimizer, peaks in zip(self.optimizers, self._peaks, strict=True):
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * fraction
        self.learner.train()
        loss, parts = self.learner(batch)
        self.net.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.stage.weights(self.net), self.config.clip)
        if math.isfinite(float(norm)):  # else a batch to forget, in all processes alike
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

    # Validation: by the step every process takes part, by the clock only the one that tells.

    def _validation_is_due(self, waited: float) -> bool:
        if self.config.validate_steps:
            return self.step % self.config.validate_steps == 0
        return waited >= self.config.validate_seconds

    def _validate(self) -> None:
        if self.journal is not None:
            values = self.measure(self.average)
            self.journal.row("validation", self.step, self.seconds / 3600, values)
            value = values[self.stage.goal]
            better = value > self.best
            if better:
                self.best = value
                self._write(BEST, {**self._state(), "value": value})
            self.journal.say(
                f"validated: {listed(values)}; {'the' if better else 'not the'} best so far"
            )
        if self.config.schedule == "plateau":
            self.best = self.fabric.broadcast(self.best)
            self.plateau.see(self.fabric.broadcast(value if self.journal is not None else 0.0))

    def _tell(self, recent: list[dict[str, Tensor]], seconds: float) -> None:
        if self.journal is None:
            return
        each = seconds / len(recent)
        throughput = self.stage.size * self.fabric.world_size / each
        means = {key: _mean([row[key] for row in recent]) for key in recent[0]}
        self.journal.row(
            "train",
            self.step,
            self.seconds / 3600,
            {**means, "step_seconds": each, "items_a_second": throughput},
        )
        left = self.config.steps - self.step
        remaining = f", {duration(each * left)} left" if left else ""
        best = f"; best {self.stage.goal} {self.best:.4g}" if math.isfinite(self.best) else ""
        self.journal.say(
            f"step {self.step:,} of {self.config.steps:,}: {listed(means)}; {each:.2f} s a step, "
            f"{throughput:.1f} items a second{remaining}{best}"
        )

    # Checkpoints.

    def _state(self) -> dict[str, Any]:
        return {
            "net": self._kept(self.net),
            "average": self._kept(self.average),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "plateau": self.plateau.state_dict(),
            "best": self.best,
            "step": self.step,
            "seconds": self.seconds,
        }

    def _kept(self, net: nn.Module) -> dict[str, Tensor]:
        return {name: w for name, w in net.state_dict().items() if self.stage.stored(name)}

    def _save(self) -> None:
        if self.fabric.is_global_zero:
            self._write(CHECKPOINT, self._state())

    def _write(self, name: str, state: dict[str, Any]) -> None:
        staged = StagedFile(self.folder / name)
        try:
            with writing(staged.target), staged.part.open("wb") as file:
                torch.save(state, file)
            put_in_place([staged])
        finally:
            staged.discard()

    def _load(self) -> None:
        state = load_checkpoint(self.folder)
        try:
            for net, saved in ((self.net, state["net"]), (self.average, state["average"])):
                unfit = net.load_state_dict(saved, strict=False)
                if unfit.unexpected_keys or any(map(self.stage.stored, unfit.missing_keys)):
                    raise ValueError("other weights")
            for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
        except (RuntimeError, ValueError) as error:
            raise ModelMismatchError(
                f"The run in {self.folder} is of another model or stage. Choose another folder."
            ) from error
        if "plateau" in state:  # runs of earlier versions have none
            self.plateau.load_state_dict(state["plateau"])
            self.best = state["best"]
        self.step, self.seconds = state["step"], state["seconds"]


def load_checkpoint(folder: Path, name: str = CHECKPOINT) -> dict[str, Any]:
    """What a run saved last, or with `BEST` when it was at its best.

    Raises:
        ModelMissingError: the run has not saved anything yet.
        ModelDamagedError: the file cannot be read.
    """
    path = folder / name
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelMissingError(
            f"{folder} holds no {name}: train there first, or name another folder."
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
