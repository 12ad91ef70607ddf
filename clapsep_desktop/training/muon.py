"""Muon: momentum whose direction is made orthogonal (Jordan et al. 2024; arXiv 2502.16982).

A matrix learns along all of its directions alike, which suits runs of few steps. Convolutions
count as matrices of (outputs, inputs x kernel); vectors are left to another optimiser.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from clapsep_desktop.training.config import TrainingConfig

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration that drives singular values towards 1."""

ADAM_SCALE = 0.2
"""Root mean square of an update in units of the learning rate, as AdamW has it (2502.16982)."""


def with_adamw(
    weights: Sequence[Tensor], config: TrainingConfig
) -> tuple[torch.optim.Optimizer, ...]:
    """Muon for matrices and AdamW for vectors, each at its own rate."""
    matrices = [weight for weight in weights if weight.ndim > 1]
    vectors = [weight for weight in weights if weight.ndim <= 1]
    return (
        Muon(matrices, config.matrix_rate, weight_decay=config.weight_decay),
        torch.optim.AdamW(vectors, config.rate, betas=(0.9, 0.98), weight_decay=0.0),
    )


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised, with decoupled weight decay.

    Args:
        params: weights of two or more dimensions.
        lr: learning rate, comparable to AdamW's.
        momentum: of the gradient.
        weight_decay: per unit of the learning rate.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of every weight that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, group)
        return loss

    def _update(self, weight: Tensor, group: dict[str, float]) -> None:
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        momentum: Tensor = state["momentum"]
        momentum.lerp_(weight.grad, 1.0 - group["momentum"])  # type: ignore[arg-type]
        direction = weight.grad.lerp(momentum, group["momentum"]).flatten(1)  # type: ignore[union-attr]
        update = orthogonal(direction)
        scale = ADAM_SCALE * max(update.shape) ** 0.5
        weight.mul_(1.0 - group["lr"] * group["weight_decay"])
        weight.add_(update.view_as(weight), alpha=-group["lr"] * scale)


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """A matrix with the same singular vectors and all singular values near 1."""
    a, b, c = NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x
