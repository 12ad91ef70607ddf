"""Disks that are full, fill up or may not be written; needs Linux and root."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import ROOT


def load_script() -> ModuleType:
    path = ROOT / "packaging" / "benchmarks" / "full_disk.py"
    spec = importlib.util.spec_from_file_location("full_disk", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


script = load_script()
CASES = [(attempt, state) for attempt, states in script.ATTEMPTS for state in states]


@pytest.fixture(scope="module")
def mounting() -> None:
    if not script.can_mount():
        pytest.skip("small disks can be mounted by root on Linux only")


@pytest.mark.parametrize(
    ("attempt", "state"), CASES, ids=[f"{one.__name__} {state}" for one, state in CASES]
)
def test_a_disk_that_takes_nothing_costs_nothing(
    attempt, state: str, tmp_path: Path, mounting: None
) -> None:
    (tmp_path / "large").mkdir()
    with script.disk(tmp_path / "small") as small:
        outcome = attempt(state, small, tmp_path / "large")
    words = {"full": ("full", "free"), "fills up": ("full",)}
    expected = words.get(state, ("read-only", "write-protected", "Read-only"))
    assert any(word in outcome.sentence for word in expected), outcome.sentence
    assert outcome.sentence.endswith(".")
    assert outcome.intact
    assert outcome.elsewhere
