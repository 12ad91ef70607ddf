"""Many questions about the same sound for the price of hearing it once.

A model of CLAPSep's kind hears a mixture before it looks at the query. An evaluation asks a dozen
things of each mixture: `HearOnce` stands between the engine and the model, and answers the second
question about the same windows from what was heard for the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch

from clapsep_desktop.model.interface import (
    QueryModel,
    SeparationModel,
    SpectralFilter,
    SpectralGrid,
    WindowPlan,
)


@runtime_checkable
class ManyQueryModel(QueryModel, Protocol):
    """A query model that can answer several queries at once."""

    def filters_of_each(self, windows: torch.Tensor, conditions: torch.Tensor) -> SpectralFilter:
        """Filters of each window for each condition.

        Args:
            windows: as in `SeparationModel.filters`, (B, n).
            conditions: float32 (Q, 2D).

        Returns:
            A batch of B * Q, those of one window side by side, each as `SeparationModel.filters`
            gives it.
        """
        ...


class HearOnce:
    """A `SeparationModel` that hears each window once for all of the prepared conditions.

    Args:
        model: hears and answers.
    """

    def __init__(self, model: ManyQueryModel) -> None:
        self.model = model
        self.name = model.name
        self.grid: SpectralGrid = model.grid
        self.plan: WindowPlan = model.plan
        self.device = model.device
        self._conditions = torch.empty(0)
        self._heard: list[tuple[torch.Tensor, SpectralFilter]] = []

    def prepare(self, conditions: Sequence[np.ndarray]) -> None:
        """Forgets what was heard, and says what will be asked; float32 (2D,) each."""
        self._conditions = torch.from_numpy(np.stack(conditions))
        self._heard = []

    def filters(self, windows: torch.Tensor, condition: torch.Tensor | None) -> SpectralFilter:
        """See `SeparationModel.filters`; the condition must be a prepared one."""
        assert condition is not None
        places = (self._conditions == condition.cpu()).all(dim=1).nonzero()
        if not len(places):
            raise ValueError("the condition was not prepared")
        answer = self._answer(windows)
        place, count = int(places[0]), len(self._conditions)
        return SpectralFilter(
            answer.gain[place::count],
            None if answer.taps is None else answer.taps[place::count],
            answer.lookahead,
        )

    def _answer(self, windows: torch.Tensor) -> SpectralFilter:
        for known, answer in self._heard:
            if torch.equal(known, windows):
                return answer
        answer = self.model.filters_of_each(windows, self._conditions.to(self.device))
        self._heard.append((windows, answer))
        return answer


def hears_once(model: SeparationModel) -> HearOnce | None:
    """The model behind a `HearOnce`, where it can answer several queries at once."""
    return HearOnce(model) if isinstance(model, ManyQueryModel) else None
