"""The published model's life on the command line: fetched, listed, checked, used and deleted.

Files of the published form come from a hub on this machine, with made-up weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clapsep_desktop.cli import models as cli_models
from clapsep_desktop.model import download, install
from tests.cli.conftest import Clapsep
from tests.support import hub as hubs
from tests.support.published import tiny_config, tokenizer, write_files


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own models; none yet."""
    folder = tmp_path / "models"
    monkeypatch.setenv("CLAPSEP_MODELS", str(folder))
    return folder


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The four published files, of a model small enough for a test."""
    config = tiny_config(tokenizer(tmp_path))
    monkeypatch.setattr(install, "BaseConfig", lambda: config)
    return write_files(tmp_path, config)


@pytest.fixture
def hub(published: list[Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[hubs.Hub]:
    """A hub that has the published files."""
    with hubs.reachable(monkeypatch) as hub:
        hub.publish(published)
        yield hub


def test_imported_checked_used_twice_and_deleted(
    clapsep: Clapsep, folder: Path, published: list[Path], recording: Path, tmp_path: Path
) -> None:
    assert "“base” is installed" in clapsep("models", "import", *published).out
    assert clapsep("models", "verify", "base").out == "“base” is intact.\n"
    assert str(folder / "base") in clapsep("models", "list").out
    results = []
    for name in ("a.wav", "b.wav"):
        command = ("extract", recording, "--keep", "rain", "--model", "base", "--device", "cpu")
        outcome = clapsep(*command, "-o", tmp_path / name, "--json")
        assert [step["model"] for step in outcome.json["plan"]["steps"]] == ["base"]
        results.append((tmp_path / name).read_bytes())
    assert results[0] == results[1]
    assert clapsep("models", "remove", "base", "--yes").code == 0
    assert not (folder / "base").exists()


def test_downloaded_after_the_sizes_were_shown(
    clapsep: Clapsep, folder: Path, hub: hubs.Hub, published: list[Path]
) -> None:
    outcome = clapsep("models", "download", "base", "--half", "--yes")
    assert outcome.code == 0, outcome.err
    for file in download.BASE_FILES:
        assert f"{hub.address}/" in outcome.out
        assert file.name in outcome.out
    assert {path.name for path in folder.iterdir()} == {"base"}
    assert clapsep("models", "verify", "base").code == 0


def test_nothing_is_downloaded_without_agreement(
    clapsep: Clapsep, folder: Path, hub: hubs.Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = clapsep("models", "download", "base")
    assert outcome.code == 2
    assert "--yes" in outcome.err
    monkeypatch.setattr(cli_models, "_has_terminal", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda _: False)
    assert clapsep("models", "download", "base").code == 1
    assert hub.gets == []
    assert not folder.exists()


def test_a_download_that_fails_says_what_to_do_by_hand(
    clapsep: Clapsep, folder: Path, hub: hubs.Hub
) -> None:
    hub.status = 404
    outcome = clapsep("models", "download", "base", "--yes")
    assert outcome.code == 4
    assert "clapsep models import FILE" in outcome.sentence
    assert clapsep("models", "download", "mini").code == 4
    assert not folder.exists()
