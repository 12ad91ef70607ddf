"""How a machine is shared among workers."""

from __future__ import annotations

import psutil
import pytest

from clapsep_desktop.batch import devices
from clapsep_desktop.batch.devices import MEMORY, Share, gpus, shares


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_own_cores", lambda: list(range(8)))
    memory = type("Memory", (), {"available": 3 * MEMORY})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


def test_processors_share_their_cores() -> None:
    assert shares("cpu", 4) == [Share("cpu", 2)] * 4
    assert shares("auto", 1) == [Share("auto", 8)]
    assert shares("cpu", 20)[0].threads == 1
    assert shares("cpu", 2, threads=1) == [Share("cpu", 1)] * 2


def test_memory_limits_how_many_start_of_themselves() -> None:
    assert len(shares("cpu")) == 3


def test_there_is_a_worker_for_each_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,2")
    assert gpus() == ["0", "2"]
    assert shares() == [Share("auto", 4, {"CUDA_VISIBLE_DEVICES": gpu}) for gpu in ("0", "2")]
    names = [share.environment["CUDA_VISIBLE_DEVICES"] for share in shares("cuda", 3)]
    assert names == ["0", "2", "0"]
    assert shares("cpu", 1) == [Share("cpu", 8)]


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_hidden_gpus_are_none(monkeypatch: pytest.MonkeyPatch, hidden: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert gpus() == []
