"""Small disks for tests, by `packaging/benchmarks/full_disk.py`; needs Linux and root."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest

from tests.conftest import ROOT


def _loaded() -> ModuleType:
    path = ROOT / "packaging" / "benchmarks" / "full_disk.py"
    spec = importlib.util.spec_from_file_location("full_disk", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


script = _loaded()


@pytest.fixture(scope="session")
def mounting() -> None:
    """Skips a test where no disk can be mounted."""
    if not script.can_mount():
        pytest.skip("small disks can be mounted by root on Linux only")
