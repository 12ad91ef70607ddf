"""A small run that a test starts in several processes: python -m ... FOLDER PROCESSES."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from clapsep_desktop.training.config import TrainingConfig
from clapsep_desktop.training.loop import Trainer
from clapsep_desktop.training.muon import with_adamw
from clapsep_desktop.training.parallel import fabric

CONFIG = TrainingConfig(steps=6, warmup=2, decay=2, rate=0.02, matrix_rate=0.02, log_steps=3)


class LineStage:
    """Learns the sum of its inputs."""

    size = 16
    goal = "error"

    def batch(self, number: int) -> Tensor:
        """Inputs (16, 8); the same for the same number."""
        return torch.randn(16, 8, generator=torch.Generator().manual_seed(number))

    def loss(self, net: nn.Module, batch: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean squared error."""
        error = (net(batch)[:, 0] - batch.sum(dim=1)).square().mean()
        return error, {"error": error.detach()}

    def weights(self, net: nn.Module) -> Iterator[nn.Parameter]:
        """All learn."""
        return net.parameters()

    def optimizers(self, net: nn.Module, config: TrainingConfig) -> Sequence[torch.optim.Optimizer]:
        """Those of mini."""
        return with_adamw(list(net.parameters()), config)

    def stored(self, name: str) -> bool:
        """All are."""
        return True


def network() -> nn.Module:
    """The same weights every time."""
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 1))


def main() -> None:
    """The run, in as many processes as wanted."""
    folder, processes = Path(sys.argv[1]), int(sys.argv[2])
    placed = fabric(accelerator="cpu", devices=processes)
    placed.launch()
    measure = {"error": 0.0}
    run = Trainer(
        network(), LineStage(), CONFIG, folder, lambda _: measure, fabric=placed, workers=0
    )
    run.run()


if __name__ == "__main__":
    main()
