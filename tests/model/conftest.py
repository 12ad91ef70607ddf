"""A published model at a few channels, as its authors' files and installed."""

from __future__ import annotations

import pytest

from clapsep_desktop.model import device, install, precision
from tests.support import published as made_up


@pytest.fixture(autouse=True)
def _a_machine_nobody_knows(tmp_path, monkeypatch):
    """Findings about this machine are not kept, and half precision is never found worthwhile."""
    monkeypatch.setattr(device, "_memory_path", lambda: tmp_path / "cache" / "machine.json")
    monkeypatch.setattr(precision, "bfloat16_gain", lambda: 0.0)


@pytest.fixture(scope="session")
def published_files(tmp_path_factory):
    """Its configuration and its four files."""
    folder = tmp_path_factory.mktemp("published")
    config = made_up.tiny_config(made_up.tokenizer(folder))
    return config, made_up.write_files(folder, config)


@pytest.fixture(scope="session")
def tiny(published_files, tmp_path_factory):
    """Its configuration and its installed folder; not to be changed."""
    config, files = published_files
    folder = tmp_path_factory.mktemp("models") / "tiny"
    install.import_files(files, folder, sizes=config)
    return config, folder
