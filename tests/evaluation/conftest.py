"""A corpus, and what is made of it, for the tests of evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from clapsep_desktop.evaluation.collection import Mixing, from_manifest
from clapsep_desktop.evaluation.items import Item
from tests.support.corpus import distinct, make_corpus


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Sounds this short are computed before a second thread has woken up."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def items(manifest: Path) -> list[Item]:
    """Four items of two scenes of 1 s."""
    return from_manifest(manifest, Mixing(count=2, seconds=1.0), distinct, None).items
