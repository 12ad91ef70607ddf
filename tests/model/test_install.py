"""From the authors' files to a folder: the same bytes every time, or nothing at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from clapsep_desktop.errors import (
    ModelDamagedError,
    ModelError,
    ModelMismatchError,
    ModelMissingError,
)
from clapsep_desktop.model import checkpoint, folder, install, registry
from clapsep_desktop.model.tokenizer import TextTokenizer
from tests.support import published as made_up

WEIGHT_FILES = ["clap_audio.safetensors", "clap_text.safetensors", "separator.safetensors"]


def names(place):
    return sorted(path.name for path in place.iterdir())


def contents(place):
    return {path.name: path.read_bytes() for path in place.iterdir()}


def test_the_folder_holds_what_inference_needs_and_no_more(tiny, published_files):
    config, place = tiny
    assert names(place) == [
        *WEIGHT_FILES[:2], "config.json", "merges.txt", "precision.json", "separator.safetensors",
        "vocab.json",
    ]  # fmt: skip
    described = folder.read_config(place)
    assert described["architecture"] == "clapsep-base"
    assert checkpoint.read_sizes(described, place) == config
    assert sorted(described["files"]) == [*WEIGHT_FILES[:2], "merges.txt", *WEIGHT_FILES[2:],
                                          "vocab.json"]  # fmt: skip
    complete = sum(w.numel() for w in made_up.made_up_weights(config).values()) * 4
    stored = sum((place / name).stat().st_size for name in WEIGHT_FILES)
    # The separator's tower differs from CLAP's in its biases and norms' biases only.
    assert stored < 0.75 * complete
    json.loads((place / "precision.json").read_text())


def test_the_same_files_give_the_same_bytes(tiny, published_files, tmp_path):
    config, place = tiny
    install.import_files(list(reversed(published_files[1])), tmp_path / "tiny", sizes=config)
    again, before = contents(tmp_path / "tiny"), contents(place)
    del again["precision.json"], before["precision.json"]  # measured, so it depends on the machine
    assert again == before


def test_a_separator_that_brings_clap_along_needs_no_second_file(tiny, tmp_path):
    config, place = tiny
    _, *files = made_up.write_files(tmp_path, config, complete=True)
    install.import_files(files, tmp_path / "new", sizes=config)
    net, expected = (checkpoint.load_separator(p, config) for p in (tmp_path / "new", place))
    changed = [
        name
        for name, weight in expected.state_dict().items()
        if not torch.equal(weight, net.state_dict()[name])
    ]
    # Now the whole tower has weights of its own, where before most were CLAP's.
    assert changed
    assert all(name.startswith("audio.") for name in changed)


def test_fp16_halves_the_folder(tiny, published_files, tmp_path):
    config, place = tiny
    install.import_files(published_files[1], tmp_path / "half", sizes=config, stored_as="fp16")
    for name in WEIGHT_FILES:
        assert (tmp_path / "half" / name).stat().st_size < 0.6 * (place / name).stat().st_size
    net, exact = (checkpoint.load_separator(p, config) for p in (tmp_path / "half", place))
    for name, weight in exact.state_dict().items():
        torch.testing.assert_close(net.state_dict()[name], weight, rtol=1e-3, atol=1e-3)


def test_a_new_import_replaces_the_old_only_when_it_is_whole(tiny, published_files, tmp_path):
    config, _ = tiny
    place = tmp_path / "models" / "tiny"
    install.import_files(published_files[1], place, sizes=config)
    (place / "mark").write_text("old")

    def stop(progress):
        if progress.phase == "converting" and progress.item == WEIGHT_FILES[2]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        install.import_files(published_files[1], place, sizes=config, report=stop)
    assert (place / "mark").read_text() == "old"
    assert names(place.parent) == ["tiny"]
    install.import_files(published_files[1], place, sizes=config)
    assert not (place / "mark").exists()
    assert names(place.parent) == ["tiny"]


def test_a_folder_that_cannot_take_its_name_leaves_the_old_model(
    tiny, published_files, tmp_path, monkeypatch
):
    config, place = tiny[0], tmp_path / "tiny"
    shutil.copytree(tiny[1], place)
    before = contents(place)
    rename = Path.rename

    def refuse(path, target):
        if path.name == ".tiny.part":
            raise PermissionError(13, "in use")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(ModelError, match="cannot be written"):
        install.import_files(published_files[1], place, sizes=config)
    assert contents(place) == before
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_progress_names_each_phase(published_files, tmp_path):
    config, files = published_files
    seen = []
    install.import_files(files, tmp_path / "new", sizes=config, report=seen.append)
    assert list(dict.fromkeys(p.phase for p in seen)) == [
        "reading", "converting", "checking", "measuring"
    ]  # fmt: skip
    assert all(0 <= p.done <= p.total for p in seen)


@pytest.mark.parametrize(
    ("left_out", "sentence"),
    [
        (0, r"music_audioset_epoch_15_esc_90\.14\.pt \(LAION-CLAP\) is missing"),
        (1, r"best_model\.ckpt \(CLAPSep\) is missing"),
        (2, r"^vocab\.json \(roberta-base\) is missing among the files\. Give it as well\.$"),
        (3, r"^merges\.txt \(roberta-base\) is missing"),
    ],
)
def test_a_missing_file_is_named(published_files, tmp_path, left_out, sentence):
    config, files = published_files
    some = [path for i, path in enumerate(files) if i != left_out]
    with pytest.raises(ModelMismatchError, match=sentence):
        install.import_files(some, tmp_path / "models" / "new", sizes=config)
    assert not (tmp_path / "models").exists()


def test_all_missing_files_are_named_at_once(published_files, tmp_path):
    config, files = published_files
    with pytest.raises(ModelMismatchError) as caught:
        install.import_files(files[1:2], tmp_path / "new", sizes=config)
    assert str(caught.value) == (
        "music_audioset_epoch_15_esc_90.14.pt (LAION-CLAP), vocab.json (roberta-base) and "
        "merges.txt (roberta-base) are missing among the files. Give them as well."
    )


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "beside the right files"])
@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("song.wav", b"RIFF\x24\0\0\0WAVEfmt ", r"song\.wav is a sound or a film, not"),
        ("best_model.ckpt", b"<!DOCTYPE html><title>404", r"best_model\.ckpt is a web page"),
        ("best_model.ckpt", b"version https://git-lfs.github.com/spec/v1", r"Git repository, not"),
        ("m.safetensors", b"\x10\0\0\0\0\0\0\0{\"a\": {}}", r"m\.safetensors is a safetensors"),
        ("notes.md", b"to do\n", r"notes\.md is a text, not a checkpoint of LAION-CLAP or CLAPSep"),
        ("noise", bytes(range(200, 250)), r"noise is of an unknown kind, not"),
        ("notes.txt", b"Wash the car.\nBuy milk.\n", r"notes\.txt is a text, but not the merges"),
        ("config.json", b'{"sizes": {}}', r"config\.json is not a vocabulary, as the vocab"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told_what_it_is_before_anything_else(
    published_files, tmp_path, alone, name, content, sentence
):
    config, files = published_files
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelMismatchError, match=sentence):
        install.import_files(
            [*([] if alone else files), tmp_path / name], tmp_path / "new", sizes=config
        )
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("name", ["best_model.txt", "best_model.json"])
def test_a_checkpoint_renamed_is_still_known(published_files, tmp_path, name):
    config, (clap, clapsep, *tokenizer) = published_files
    shutil.copy(clapsep, tmp_path / name)
    install.import_files([clap, tmp_path / name, *tokenizer], tmp_path / "new", sizes=config)
    assert (tmp_path / "new" / "config.json").is_file()


def test_the_same_kind_twice_is_refused(published_files, tmp_path):
    config, files = published_files
    shutil.copy(files[1], tmp_path / "copy.ckpt")
    with pytest.raises(ModelMismatchError, match=r"More than one of the files is best_model\.ckpt"):
        install.import_files([*files, tmp_path / "copy.ckpt"], tmp_path / "new", sizes=config)


def test_files_of_another_size_name_what_differs(published_files, tmp_path):
    _, files = published_files
    with pytest.raises(ModelMismatchError) as caught:
        install.import_files(files, tmp_path / "new", sizes=_wider(published_files[0]))
    message = str(caught.value)
    assert "best_model.ckpt" in message
    assert "weights are of another shape" in message
    assert "(8,) instead of (16,)" in message
    assert names(tmp_path) == []


def _wider(config):
    sizes = config.to_json()
    sizes["audio"]["width"] = 16
    return type(config).from_json(sizes)


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("vocab.json", "{", ModelDamagedError),
        ("vocab.json", "[]", ModelMismatchError),
        ("vocab.json", '{"<s>": 0}', ModelMismatchError),
        ("vocab.json", None, ModelMismatchError),
        ("merges.txt", "", ModelMismatchError),
        ("merges.txt", "#version: 0.2\nq z q\n", ModelMismatchError),
        ("merges.txt", "zz qq\n", ModelMismatchError),
        ("merges.txt", "\udcff", ModelDamagedError),
    ],
)
def test_a_strange_tokenizer_is_refused(published_files, tmp_path, name, content, error):
    config, files = published_files
    spoiled = tmp_path / name
    if content is not None:
        spoiled.write_bytes(content.encode("utf-8", "surrogateescape"))
    else:
        ids = json.loads(files[2].read_text(encoding="utf-8"))
        ids["<s>"], ids["<pad>"] = ids["<pad>"], ids["<s>"]
        spoiled.write_text(json.dumps(ids), encoding="utf-8")
    others = [path for path in files if path.name != name]
    with pytest.raises(error):
        install.import_files([*others, spoiled], tmp_path / "new", sizes=config)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["..", "", ".hidden", "a/b", "x" * 65, "-x", "a\0", "a.", "a "])
def test_a_strange_name_is_refused(published_files, tmp_path, name):
    config, files = published_files
    with pytest.raises(ModelError, match="cannot be a model's name"):
        registry.import_files(files, name, sizes=config)


def test_a_disk_too_small_is_noticed_before_anything_is_written(
    published_files, tmp_path, monkeypatch
):
    config, files = published_files
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(folder.shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    with pytest.raises(ModelError, match=r"is full: 1\.\d+ MB are needed, 1 MB are free"):
        install.import_files(files, tmp_path / "new", sizes=config)
    assert names(tmp_path) == []


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """No file that is written meanwhile may grow larger, as on a disk that is full."""
    resource = pytest.importorskip("resource", reason="needs limits on the size of a file")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_up_while_writing_leaves_the_old_model(tiny, published_files, tmp_path):
    config, place = tiny
    shutil.copytree(place, tmp_path / "models" / "tiny")
    with (
        files_limited_to(100_000),  # the second weight file meets it half-way
        pytest.raises(ModelError, match=r"is full: .* Free some space, or choose another folder"),
    ):
        install.import_files(published_files[1], tmp_path / "models" / "tiny", sizes=config)
    assert names(tmp_path / "models") == ["tiny"]
    assert contents(tmp_path / "models" / "tiny") == contents(place)


def test_a_folder_that_cannot_be_written_is_said_so(published_files, tmp_path):
    config, files = published_files
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match=r"cannot be written .*CLAPSEP_MODELS"):
        install.import_files(files, tmp_path / "file" / "new", sizes=config)


def test_import_verify_load_and_remove_by_name(published_files, tmp_path, monkeypatch):
    config, files = published_files
    monkeypatch.setenv("CLAPSEP_MODELS", str(tmp_path))
    model = registry.import_files(files, "base", sizes=config)
    assert registry.find("base") == model
    seen = []
    assert registry.verify("base", seen.append) == model
    assert sum(p.done == p.total for p in seen) == len(model.config["files"])
    assert registry.load("base", "cpu").name == "base"
    registry.remove("base")
    assert names(tmp_path) == []


def test_verify_names_every_altered_and_missing_file(tiny, tmp_path):
    _, place = tiny
    copy = tmp_path / "tiny"
    shutil.copytree(place, copy)
    data = bytearray((copy / "separator.safetensors").read_bytes())
    data[-1] ^= 1
    (copy / "separator.safetensors").write_bytes(data)
    (copy / "vocab.json").unlink()
    with pytest.raises(
        ModelDamagedError,
        match=r"separator\.safetensors is altered, vocab\.json is missing\. Install it again",
    ):
        registry.verify(copy)


def test_verify_looks_at_a_file_that_came_later(tmp_path):
    folder.write_config(tmp_path, {"architecture": "any", "files": {}})
    (tmp_path / "later.json").write_text("{}")
    folder.describe_file(tmp_path, "later.json")
    folder.check_files(tmp_path)
    (tmp_path / "later.json").write_text("[]")
    with pytest.raises(ModelDamagedError, match=r"later\.json is altered"):
        folder.check_files(tmp_path)
    assert names(tmp_path) == ["config.json", "later.json"]


def test_verify_needs_a_description(tmp_path):
    (tmp_path / "config.json").write_text('{"architecture": "clapsep-base"}')
    with pytest.raises(ModelDamagedError, match="does not say what its files should be"):
        registry.verify(tmp_path)


def test_a_shipped_model_is_not_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("CLAPSEP_MODELS", str(tmp_path / "none"))
    monkeypatch.setattr(registry, "resource", lambda *parts: tmp_path)
    (tmp_path / "mini").mkdir()
    (tmp_path / "mini" / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="part of the program"):
        registry.remove("mini")
    assert (tmp_path / "mini").is_dir()


def test_a_folder_that_is_no_installed_model_is_never_removed(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("CLAPSEP_MODELS", str(tmp_path / "models"))
    shutil.copytree(tiny[1], tmp_path / "elsewhere")
    for name in (str(tmp_path / "elsewhere"), "../elsewhere", "elsewhere"):
        with pytest.raises(ModelMissingError, match="There is no model"):
            registry.remove(name)
    assert names(tmp_path / "elsewhere") == names(tiny[1])


def test_the_tokenizer_marks_both_ends_and_cuts_long_texts(tiny):
    config, place = tiny
    tokenizer = TextTokenizer(
        place / "vocab.json", place / "merges.txt",
        config.text.vocabulary, config.text.max_tokens,
    )  # fmt: skip
    ids = json.loads((place / "vocab.json").read_text(encoding="utf-8"))
    short, long = tokenizer(["dog bark", "dog bark " * 40]).tolist()
    assert short[:5] == [0, ids["dog"], ids["Ġbark"], 2, 1]
    assert len(long) == config.text.max_tokens
    assert (long[0], long[-1]) == (0, 2)
    assert tokenizer(["é\N{DOG FACE}\0"]).min() >= 0
