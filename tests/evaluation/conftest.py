"""A corpus, and what is made of it, for the tests of evaluation."""

from __future__ import annotations

from pathlib import Path

import pytest

from clapsep_desktop.evaluation.collection import Mixing, from_manifest
from clapsep_desktop.evaluation.items import Item
from tests.support.corpus import distinct, make_corpus


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def items(manifest: Path) -> list[Item]:
    """Eight items of four scenes of 2 s."""
    return from_manifest(manifest, Mixing(count=4, seconds=2.0), distinct, None).items
