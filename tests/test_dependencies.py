"""What is declared is used, and what is used is declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from tests.conftest import ROOT

# Needed without being imported by name, and why.
NEEDED_BY_OTHERS = {
    "laion-clap": "its audio tower is loaded from its files, past its own __init__",
    "torchvision": "imported by laion-clap, which does not declare it",
}

# Imported without being declared, and why.
BROUGHT_ALONG = {"shiboken6": "PySide6-Essentials needs it in the same version as itself"}


def declared() -> set[str]:
    """Names of what a user's installation brings, with the optional parts but not the tools."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = [
        line
        for extra, lines in project["optional-dependencies"].items()
        if extra not in ("dev", "benchmarks")
        for line in lines
    ]
    return {
        normal(re.split(r"[<>=!~\[; ]", line)[0]) for line in project["dependencies"] + optional
    }


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported() -> set[str]:
    """Distributions that the package imports anywhere, also inside functions."""
    modules: set[str] = set()
    for path in (ROOT / "clapsep_desktop").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module.split(".")[0])
    others = modules - set(sys.stdlib_module_names) - {"clapsep_desktop"}
    owners = packages_distributions()
    return {normal(owners.get(module, [module])[0]) for module in others}


def test_every_import_is_declared():
    assert imported() - declared() == set(BROUGHT_ALONG)


def test_every_declared_library_is_imported_or_needed_for_a_reason():
    assert declared() - imported() == set(NEEDED_BY_OTHERS)
