from __future__ import annotations

import numpy as np
import pytest
import torch

from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.evaluation.hearing import HearOnce, hears_once
from clapsep_desktop.model.interface import SeparationModel, SpectralFilter, WindowPlan
from clapsep_desktop.model.mini import Mini
from clapsep_desktop.model.mini_net import MiniConfig, MiniNet
from clapsep_desktop.resources import resource
from clapsep_desktop.separation.engine import Separator, assemble
from tests.support.hearing import HearingModel

SMALL = MiniConfig(
    widths=(8, 8, 8, 8),
    context=16,
    condition=16,
    map_width=8,
    mask_channels=4,
    mask_width=32,
    embedding=24,
)


class _Counted(Mini):
    """A tiny mini with random weights that counts what it hears."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__(MiniNet(SMALL), resource("models", "mini", "text"))
        self.plan = WindowPlan(length=2, overlap=1, guard=0.25)
        self.windows = 0

    def filters_of_each(self, windows: torch.Tensor, conditions: torch.Tensor) -> SpectralFilter:
        self.windows += len(windows)
        return super().filters_of_each(windows, conditions)


def _conditions(count: int) -> list[np.ndarray]:
    rows = np.random.default_rng(1).standard_normal((count, 2 * SMALL.embedding))
    return list((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32))


def _separated(model: SeparationModel, samples: np.ndarray, condition: np.ndarray) -> np.ndarray:
    source = ArraySource(samples[:, None], 32_000)
    return assemble(Separator(model).extract(source, condition=condition))[:, 0]


@pytest.mark.parametrize("seconds", [0.75, 3.5])  # one window and several
def test_hearing_once_changes_nothing(seconds: float) -> None:
    model = _Counted()
    samples = np.random.default_rng(0).standard_normal(int(seconds * 32_000)).astype(np.float32)
    conditions = _conditions(3)
    expected = [_separated(model, samples, condition) for condition in conditions]
    alone = model.windows
    hearing = hears_once(model)
    assert hearing is not None
    hearing.prepare(conditions)
    found = [_separated(hearing, samples, condition) for condition in conditions]
    assert model.windows - alone == alone // 3  # each window once, not thrice
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, abs=1e-5)
    assert np.abs(found[0] - found[1]).max() > 1e-3  # the queries do differ


def test_another_sound_is_heard_anew() -> None:
    hearing = HearOnce(_Counted())
    (condition,) = _conditions(1)
    samples = np.random.default_rng(0).standard_normal((2, 32_000)).astype(np.float32)
    hearing.prepare([condition])
    first = _separated(hearing, samples[0], condition)
    second = _separated(hearing, samples[1], condition)
    assert np.abs(first - second).max() > 1e-3


def test_a_condition_nobody_prepared_is_a_fault() -> None:
    hearing = HearOnce(_Counted())
    one, other = _conditions(2)
    hearing.prepare([one])
    with pytest.raises(ValueError, match="not prepared"):
        hearing.filters(torch.zeros(1, 64_000), torch.from_numpy(other))


def test_a_model_that_answers_one_query_at_a_time_is_asked_so() -> None:
    assert hears_once(HearingModel()) is None
