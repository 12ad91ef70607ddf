from __future__ import annotations

import pytest
import torch

from clapsep_desktop.training.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(12, 30), (30, 12), (16, 16), (1, 9)])
def test_singular_values_come_near_one(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert float(values.min()) > 0.5
    assert float(values.max()) < 1.4


def test_it_finds_the_least_squares_solution():
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(64, 8, generator=generator)
    wanted = torch.randn(4, 8, generator=generator)
    weight = torch.nn.Parameter(torch.zeros(4, 8))
    optimizer = Muon([weight], lr=0.5)
    for step in range(200):
        optimizer.param_groups[0]["lr"] = 0.5 * (1 - step / 200)
        optimizer.zero_grad()
        (inputs @ weight.T - inputs @ wanted.T).square().mean().backward()
        optimizer.step()
    assert torch.allclose(weight, wanted, atol=0.05)
