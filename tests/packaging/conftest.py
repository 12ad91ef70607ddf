"""The scripts in packaging/, loaded as modules without running them."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest

from tests.conftest import ROOT


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch):
    """Load packaging/NAME.py afresh; ``import _setup`` inside it works as when it is started."""
    monkeypatch.syspath_prepend(ROOT / "packaging")

    def load_script(name: str) -> ModuleType:
        path = ROOT / "packaging" / f"{name}.py"
        # Under a name of its own: the standard library has a package called test.
        module_name = name if name == "_setup" else f"packaging_{name}"
        spec = importlib.util.spec_from_file_location(module_name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, module_name, module)
        spec.loader.exec_module(module)
        return module

    return load_script


@pytest.fixture
def setup(load, tmp_path, monkeypatch) -> ModuleType:
    """packaging/_setup.py for a project in an empty folder."""
    module = load("_setup")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(module, "STAMP", tmp_path / ".venv" / "clapsep-installed.json")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    return module
