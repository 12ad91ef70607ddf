"""Shipped files are found in a checkout and in an installed wheel."""

from __future__ import annotations

import pytest

from clapsep_desktop import resources
from tests.conftest import ROOT


def test_in_a_checkout_they_lie_beside_the_package():
    assert resources.resource("demo") == ROOT / "resources" / "demo"
    assert resources.resource("demo", "demo.json").is_file()


def test_in_a_wheel_they_lie_inside_it(tmp_path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "clapsep_desktop" / "_resources" / "demo").mkdir(parents=True)
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "clapsep_desktop")
    assert resources.resource("demo").is_dir()
