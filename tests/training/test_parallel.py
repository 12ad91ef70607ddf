from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from clapsep_desktop.errors import DataError, DeviceError
from clapsep_desktop.training import parallel
from clapsep_desktop.training.loop import load_checkpoint
from clapsep_desktop.training.schedule import planned
from tests.support.averaged_run import CONFIG, LineStage, network

ROOT = Path(__file__).resolve().parents[2]


def averaged(processes: int) -> nn.Module:
    """What several processes should come to, worked out in one."""
    net, stage = network(), LineStage()
    optimizers = stage.optimizers(net, CONFIG)
    peaks = [each.param_groups[0]["lr"] for each in optimizers]
    for step in range(CONFIG.steps):
        net.zero_grad()
        for rank in range(processes):
            loss, _ = stage.loss(net, stage.batch(step * processes + rank))
            (loss / processes).backward()
        nn.utils.clip_grad_norm_(net.parameters(), CONFIG.clip)
        for optimizer, peak in zip(optimizers, peaks, strict=True):
            optimizer.param_groups[0]["lr"] = peak * planned(CONFIG, step)
            optimizer.step()
    return net


@pytest.mark.parametrize("processes", [1, 2])
def test_processes_step_by_the_mean_of_their_gradients(tmp_path, processes):
    result = subprocess.run(
        [sys.executable, "-m", "tests.support.averaged_run", tmp_path, str(processes)],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    state = load_checkpoint(tmp_path)
    assert state["step"] == CONFIG.steps
    for name, weight in averaged(processes).state_dict().items():
        torch.testing.assert_close(state["net"][name], weight, atol=1e-5, rtol=1e-4)
    rows = (tmp_path / "train.csv").read_text().splitlines()
    assert len(rows) == 1 + CONFIG.steps // CONFIG.log_steps  # one process tells


def test_more_cards_than_there_are_is_said_so():
    with pytest.raises(DeviceError, match="cannot be placed here"):
        parallel.fabric(accelerator="cuda", devices=4)


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(DataError, match=r"pip install 'clapsep-desktop\[train\]'"):
        parallel.fabric()
