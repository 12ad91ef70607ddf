"""How the learning rate goes: up at the start, then down by plan or for want of progress."""

from __future__ import annotations

import math
from typing import Any

from clapsep_desktop.training.config import PlateauConfig, TrainingConfig


def planned(config: TrainingConfig, step: int) -> float:
    """The part of the peak learning rate: warm-up, then level, then a fall over ``decay`` steps.

    With the plateau schedule only the warm-up is planned.
    """
    warm = min(1.0, (step + 1) / config.warmup) if config.warmup else 1.0
    if config.schedule == "plateau" or not config.decay:
        return warm
    return warm * min(1.0, max((config.steps - step) / config.decay, 0.0))


class Plateau:
    """Lowers the learning rate when validation has not become better for some time."""

    def __init__(self, config: PlateauConfig) -> None:
        self.config = config
        self.fraction = 1.0  # of the planned rate
        self._best = -math.inf
        self._waited = 0

    def see(self, value: float) -> None:
        """The latest validation's value, the higher the better."""
        if value > self._best:
            self._best, self._waited = value, 0
            return
        self._waited += 1
        if self._waited > self.config.patience:
            self.fraction = max(self.fraction * self.config.factor, self.config.floor)
            self._waited = 0

    def state_dict(self) -> dict[str, Any]:
        """All that must be kept to go on."""
        return {"fraction": self.fraction, "best": self._best, "waited": self._waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from what `state_dict` gave."""
        self.fraction, self._best, self._waited = state["fraction"], state["best"], state["waited"]
