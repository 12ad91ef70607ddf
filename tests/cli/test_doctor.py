"""``clapsep doctor`` finds what works, what does not, and goes on past either."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest
import torch

from clapsep_desktop.model import device, registry
from clapsep_desktop.model.interface import SpectralFilter
from tests.cli.conftest import Clapsep
from tests.support.hearing import HearingModel

SHIPPED = registry.InstalledModel("mini", Path("mini"), shipped=True)
BROKEN = registry.InstalledModel("mine", Path("nowhere"))


@pytest.fixture
def models(model: HearingModel, monkeypatch: pytest.MonkeyPatch) -> list[registry.InstalledModel]:
    found = [SHIPPED]
    monkeypatch.setattr(registry, "installed", lambda: found)
    return found


@pytest.mark.usefixtures("models")
def test_all_is_well(clapsep: Clapsep) -> None:
    outcome = clapsep("doctor")
    assert (outcome.code, outcome.err) == (0, "")
    assert f"torch          {metadata.version('torch')}" in outcome.out
    assert "ok      device cpu: CPU:" in outcome.out
    assert "ok      model mini: works on cpu" in outcome.out
    assert "FAILED" not in outcome.out


@pytest.mark.usefixtures("models")
def test_as_json(clapsep: Clapsep) -> None:
    answer = clapsep("doctor", "--json").json
    assert answer["versions"]["torch"] == metadata.version("torch")
    checks = {check["name"]: check for check in answer["checks"]}
    assert {"device cpu", "models folder", "audio output", "model mini"} <= set(checks)
    assert all(check["passed"] for check in checks.values())


def test_a_broken_model_is_named_and_the_rest_still_tried(
    clapsep: Clapsep, models: list[registry.InstalledModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    models.insert(0, BROKEN)
    load = registry.load

    def fail(name: str, **options: object) -> object:
        return load(name) if name == "mini" else registry.find(name)

    monkeypatch.setattr(registry, "load", fail)
    outcome = clapsep("doctor")
    assert outcome.code == 1
    assert "FAILED  model mine: There is no model “nowhere”" in outcome.out
    assert "ok      model mini" in outcome.out


@pytest.mark.usefixtures("models")
def test_devices_that_cannot_be_asked_are_a_finding(
    clapsep: Clapsep, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError("libcudart.so: cannot open shared object file")

    monkeypatch.setattr(device, "devices", fail)
    outcome = clapsep("doctor")
    assert outcome.code == 1
    assert "FAILED  devices: OSError: libcudart.so" in outcome.out
    assert "ok      model mini" in outcome.out


@pytest.mark.usefixtures("models")
def test_a_model_that_answers_nonsense_fails(
    clapsep: Clapsep, model: HearingModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nonsense(windows: torch.Tensor, condition: torch.Tensor) -> SpectralFilter:
        frames = windows.shape[1] // model.grid.hop + 1
        return SpectralFilter(torch.full((len(windows), frames, model.grid.bins), torch.nan))

    monkeypatch.setattr(model, "filters", nonsense)
    outcome = clapsep("doctor")
    assert outcome.code == 1
    assert "FAILED  model mini" in outcome.out
