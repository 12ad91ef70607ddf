"""``clapsep models``: what it lists, checks and deletes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from clapsep_desktop.cli import models as cli_models
from clapsep_desktop.model import registry
from clapsep_desktop.model.folder import size_text
from tests.cli.conftest import Clapsep


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The user's own models and those that ship with the program: one of each."""
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    monkeypatch.setenv("CLAPSEP_MODELS", str(own))
    monkeypatch.setattr(registry, "resource", lambda *_: shipped)
    _make(own / "birds")
    _make(shipped / "mini")
    return own, shipped


def _make(folder: Path) -> None:
    folder.mkdir(parents=True)
    weights = b"weights" * 300_000
    (folder / "weights").write_bytes(weights)
    described = {"bytes": len(weights), "sha256": hashlib.sha256(weights).hexdigest()}
    config = {"architecture": "clapsep-mini", "files": {"weights": described}}
    (folder / "config.json").write_text(json.dumps(config))


def test_list(clapsep: Clapsep, folders: tuple[Path, Path]) -> None:
    outcome = clapsep("models", "list")
    assert (outcome.code, outcome.err) == (0, "")
    lines = outcome.out.splitlines()
    size = size_text(sum(file.stat().st_size for file in (folders[0] / "birds").iterdir()))
    assert lines[0].split()[:3] == ["birds", *size.split()]
    assert str(folders[0] / "birds") in lines[1]
    assert any(line.startswith("mini") and size in line for line in lines)
    assert any(line.startswith("base") and "not installed" in line for line in lines)


def test_list_as_json(clapsep: Clapsep, folders: tuple[Path, Path]) -> None:
    answer = clapsep("models", "list", "--json").json
    assert [(m["name"], m["shipped"]) for m in answer["installed"]] == [
        ("birds", False),
        ("mini", True),
    ]
    assert set(answer["available"]) == {"base", "speech"}
    assert answer["folder"] == str(folders[0])


def test_verify(clapsep: Clapsep, folders: tuple[Path, Path]) -> None:
    assert clapsep("models", "verify").out == "“birds” is intact.\n“mini” is intact.\n"
    (folders[0] / "birds" / "weights").write_bytes(b"altered")
    outcome = clapsep("models", "verify", "birds")
    assert (outcome.code, outcome.out) == (4, "")
    assert "weights is altered" in outcome.sentence
    assert clapsep("models", "verify", "mini").code == 0


def test_remove(clapsep: Clapsep, folders: tuple[Path, Path]) -> None:
    assert clapsep("models", "remove", "birds", "--yes").code == 0
    assert not (folders[0] / "birds").exists()
    assert clapsep("models", "remove", "birds", "--yes").code == 4
    assert "part of the program" in clapsep("models", "remove", "mini").sentence
    assert (folders[1] / "mini" / "weights").exists()


def test_nothing_is_removed_without_agreement(
    clapsep: Clapsep, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = clapsep("models", "remove", "birds")
    assert outcome.code == 2
    assert "--yes" in outcome.err
    asked: list[str] = []
    answers = iter([False, True])
    monkeypatch.setattr(cli_models, "_has_terminal", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda text: [asked.append(text), next(answers)][1])
    assert clapsep("models", "remove", "birds").code == 1
    assert (folders[0] / "birds" / "weights").exists()
    assert clapsep("models", "remove", "birds").code == 0
    assert not (folders[0] / "birds").exists()
    assert asked == [f"Delete “birds” in {folders[0] / 'birds'} (2.1 MB)?"] * 2


@pytest.mark.parametrize("command", ["verify", "remove"])
def test_a_model_that_is_not_there(clapsep: Clapsep, command: str) -> None:
    outcome = clapsep("models", command, "whales")
    assert outcome.code == 4
    assert "There is no model “whales”" in outcome.sentence


def test_files_that_are_no_model_are_refused(
    clapsep: Clapsep, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    notes = tmp_path / "notes.ckpt"
    notes.write_text("no model")
    outcome = clapsep("models", "import", notes, "--name", "mine")
    assert outcome.code == 4
    assert len(outcome.err.splitlines()) == 1
    assert {path.name for path in folders[0].iterdir()} == {"birds"}
