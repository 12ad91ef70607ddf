"""Finding models by name and by folder."""

import json
import sys
import types
from pathlib import Path

import pytest

from clapsep_desktop.errors import (
    ModelDamagedError,
    ModelError,
    ModelMismatchError,
    ModelMissingError,
)
from clapsep_desktop.model import folder as folders
from clapsep_desktop.model import registry
from clapsep_desktop.resources import resource
from tests.model.test_device import FakeModel


@pytest.fixture
def roots(tmp_path, monkeypatch):
    """The user's folder and the shipped one, both empty."""
    user, shipped = tmp_path / "user", tmp_path / "shipped"
    monkeypatch.setenv("CLAPSEP_MODELS", str(user))
    monkeypatch.setattr(registry, "resource", lambda *parts: shipped)
    return user, shipped


def put(root, name, architecture="clapsep-mini"):
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"architecture": architecture}))
    (folder / "weights.safetensors").write_bytes(b"12345")
    return folder


def test_a_users_model_goes_before_the_shipped_one_of_the_same_name(roots):
    user, shipped = roots
    put(shipped, "mini")
    assert registry.find("mini").shipped
    mine = put(user, "mini", "clapsep-base")
    assert registry.find("mini").folder == mine
    assert registry.find("mini").architecture == "clapsep-base"
    assert [model.name for model in registry.installed()] == ["mini"]


def test_a_folder_may_stand_for_a_name(roots, tmp_path):
    folder = put(tmp_path / "elsewhere", "my model")
    model = registry.find(str(folder))
    assert (model.name, model.folder, model.shipped) == ("my model", folder, False)
    assert model.size == 5 + (folder / "config.json").stat().st_size


def test_a_folder_of_models_that_cannot_be_read_is_told(roots, monkeypatch):
    user, _ = roots
    put(user, "mine")

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(ModelError, match=r"user cannot be read \(Permission denied\)"):
        registry.installed()


@pytest.mark.parametrize("name", ["mini", "speech"])
def test_verify_looks_at_all_that_is_read_of_a_shipped_model(name):
    place = resource("models", name)
    folders.check_files(place)
    described = {place / file for file in folders.read_config(place)["files"]}
    for_people = {path for path in place.iterdir() if path.suffix in (".md", "")}
    files = {path for path in place.rglob("*") if path.is_file()}
    assert files - for_people - described == {place / "config.json"}


def test_unfinished_and_foreign_folders_are_not_models(roots):
    user, _ = roots
    put(user, ".base.part")
    (user / "notes").mkdir()
    assert registry.installed() == []


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("base", "clapsep models download base.*clapsep models import"),
        ("mini", "Install the program again"),
        ("nonsense", "There is no model “nonsense”. Choose one of base, mini, speech"),
        ("x" * 5000, "There is no model “x{80}”"),
        ("a\0b", "There is no model"),
    ],
    ids=["base", "shipped", "unknown", "long", "null"],
)
def test_a_missing_model_says_how_to_get_it(roots, name, sentence):
    with pytest.raises(ModelMissingError, match=sentence):
        registry.find(name)


def test_a_folder_without_a_config_is_said_so(roots, tmp_path):
    with pytest.raises(ModelMissingError, match=r"has no config\.json"):
        registry.find(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00\xff"])
def test_a_damaged_config_is_said_so(roots, text):
    folder = put(roots[0], "mine")
    (folder / "config.json").write_text(text, encoding="latin-1")
    with pytest.raises(ModelDamagedError, match="Install the model again"):
        registry.load("mine", "cpu")


def test_loading_goes_to_the_architectures_own_module(roots, monkeypatch):
    calls = []
    module = types.ModuleType("fake_loader")
    module.load = lambda folder, device: calls.append((folder, device.type)) or FakeModel()
    monkeypatch.setitem(sys.modules, "fake_loader", module)
    monkeypatch.setitem(registry.LOADERS, "fake", "fake_loader")
    folder = put(roots[0], "mine", "fake")
    assert registry.load("mine", "cpu").name == "fake"
    assert calls == [(folder, "cpu")]


def test_an_unknown_architecture_is_refused(roots):
    put(roots[0], "mine", "from the future")
    with pytest.raises(ModelMismatchError, match=r"“from the future”.*Update"):
        registry.load("mine", "cpu")


@pytest.mark.parametrize("name", registry.RESERVED)
def test_an_import_cannot_take_a_name_that_plans_use(roots, name):
    with pytest.raises(ModelError, match=f"“{name}” means something else"):
        registry.import_files([], name)
    assert not roots[0].exists()
