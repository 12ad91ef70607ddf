"""Opening checkpoints of others: what is let through, what is refused, and how that is said."""

from __future__ import annotations

import os
import pickle
import re
import shutil

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clapsep_desktop.errors import ModelDamagedError, ModelError, ModelMismatchError
from clapsep_desktop.model import checkpoint, published
from clapsep_desktop.model.config import BaseConfig
from tests.support.published import CLAP_FILE, CLAPSEP_FILE, made_up_weights, write_files


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


class Harmless:
    """A plain object of a class that no model needs."""


@pytest.fixture
def files(published_files, tmp_path):
    """The two checkpoints, free to be spoiled."""
    for path in published_files[1]:
        shutil.copy(path, tmp_path)
    return tmp_path / CLAP_FILE, tmp_path / CLAPSEP_FILE


def test_the_kind_of_a_file_is_told_by_what_it_holds(files, tmp_path):
    clap, clapsep = files
    clap.rename(tmp_path / "best_model.bin")
    clapsep.rename(tmp_path / "download (3)")
    assert published.open_file(tmp_path / "best_model.bin").kind == published.CLAP
    assert published.open_file(tmp_path / "download (3)").kind == published.CLAPSEP


@pytest.mark.parametrize("wrap", [
    lambda weights: weights,
    lambda weights: {"state_dict": weights, "epoch": 3, "hyper_parameters": {"lr": 1e-4}},
    lambda weights: {"state_dict": {f"module.{n}": w for n, w in weights.items()}},
    lambda weights: {"state_dict": {f"model.{n}": w for n, w in weights.items()}},
], ids=["plain", "lightning", "parallel", "module"])  # fmt: skip
def test_wrappers_are_taken_off(tmp_path, wrap):
    weights = {"decoder_model.film.norm.weight": torch.ones(3), "audio_branch.x": torch.ones(2)}
    torch.save(wrap(weights), tmp_path / "file")
    assert published.open_file(tmp_path / "file").weights.keys() == weights.keys()


def test_numbers_of_a_training_loop_are_let_through(tmp_path):
    numbers = [np.float64(1.5), np.float32(2.5), np.int64(3), np.bool_(True), np.float16(4)]
    content = {"state_dict": {"text_branch.x": torch.ones(2)}, "best": numbers}
    torch.save(content, tmp_path / "file")
    assert published.open_file(tmp_path / "file").kind == published.CLAP


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "pickle"])
def test_a_malicious_pickle_is_refused_and_not_run(tmp_path, zipped):
    harm = tmp_path / "harm"
    content = {"state_dict": {"decoder_model.x": torch.ones(2)}, "extra": Evil(harm)}
    path = tmp_path / "best_model.ckpt"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(
        ModelDamagedError,
        match=r"best_model\.ckpt holds a Python object \((posix|nt)\.system\) .* was not opened",
    ):
        published.open_file(path)
    assert not harm.exists()


def test_altered_weights_are_noticed(files):
    path = files[1]
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 16] = bytes(255 - byte for byte in content[middle : middle + 16])
    path.write_bytes(content)
    with pytest.raises(ModelDamagedError, match=r"best_model\.ckpt is damaged"):
        published.open_file(path)


def test_a_separator_without_its_decoder_is_still_known_for_one(tmp_path):
    name = "audio_branch.layers.0.blocks.0.attn.qkv.lora_A"
    torch.save({name: torch.ones(2, 2)}, tmp_path / "file")
    assert published.open_file(tmp_path / "file").kind == published.CLAPSEP


def test_an_odd_tensor_does_not_make_torch_talk_to_the_user(tmp_path, recwarn):
    sparse = torch.sparse_coo_tensor(size=(4, 4), check_invariants=True)
    torch.save({"decoder_model.x": sparse}, tmp_path / "file")
    recwarn.clear()
    assert published.open_file(tmp_path / "file").kind == published.CLAPSEP
    assert not recwarn.list


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_bare_pickle_is_refused_for_what_it_holds(tmp_path, protocol):
    content = {"state_dict": {"x": [1.0]}, "extra": Evil(tmp_path / "harm")}
    (tmp_path / "model.ckpt").write_bytes(pickle.dumps(content, protocol))
    with pytest.raises(ModelDamagedError) as caught:
        published.open_file(tmp_path / "model.ckpt")
    assert re.match(
        r"model\.ckpt holds a Python object \((posix|nt)\.system\) .* was not opened",
        str(caught.value),
    )
    assert "damaged" not in str(caught.value)
    assert not (tmp_path / "harm").exists()


def test_a_bare_pickle_of_numbers_holds_no_weights(tmp_path):
    (tmp_path / "file").write_bytes(pickle.dumps({"loss": 0.5}))
    with pytest.raises(ModelMismatchError, match="holds no weights"):
        published.open_file(tmp_path / "file")


def test_any_other_object_is_refused_by_name(tmp_path):
    torch.save({"decoder_model.x": torch.ones(1), "y": Harmless()}, tmp_path / "file")
    with pytest.raises(ModelDamagedError, match=r"Harmless\) that no model needs"):
        published.open_file(tmp_path / "file")


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(share=st.floats(0, 0.999))
def test_a_truncated_file_is_refused_at_any_length(files, share):
    whole = files[1].read_bytes()
    cut = files[1].with_name("cut.ckpt")
    cut.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ModelDamagedError, match=r"cut\.ckpt is damaged or cut off \(\d+ bytes\)"):
        published.open_file(cut)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_answered_with_a_sentence(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ModelError):
        published.open_file(tmp_path / "file")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({}, "its weights are none at all"),
        ({"encoder.weight": torch.ones(2)}, r"its weights are encoder\.weight"),
        (torch.ones(3), "holds no weights"),
        ([1, 2], "holds no weights"),
    ],
)
def test_another_models_file_is_said_so(tmp_path, content, sentence):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(ModelMismatchError, match=sentence):
        published.open_file(tmp_path / "other.pt")


def test_a_missing_file_is_said_so(tmp_path):
    with pytest.raises(ModelMismatchError, match=r"There is no file .*nowhere"):
        published.open_file(tmp_path / "nowhere")


@pytest.fixture(scope="module")
def weights(published_files):
    config = published_files[0]
    return config, made_up_weights(config), checkpoint.expected(config)


def test_complete_weights_pass(weights):
    _, complete, expected = weights
    published.check(complete, expected, "The files")
    published.check({**complete, "more": torch.ones(1)}, expected, "The files")


@pytest.mark.parametrize(
    ("spoil", "error", "sentence"),
    [
        (lambda w: w.pop(FIRST), ModelMismatchError, r"1 weight is missing \({first}\)"),
        (
            lambda w: [w.pop(name) for name in list(w)[:9]],
            ModelMismatchError,
            r"9 weights are missing \({first}, .* and 6 more\)",
        ),
        (
            lambda w: w.update({FIRST: torch.ones(2, 3)}),
            ModelMismatchError,
            r"1 weight is of another shape \({first} \(2, 3\) instead of \(16,\)\)",
        ),
        (
            lambda w: w.update({FIRST: torch.ones(16, dtype=torch.int8)}),
            ModelMismatchError,
            r"\({first} \(16,\) int8 instead of \(16,\)\)",
        ),
        (
            lambda w: w.update({FIRST: torch.full((16,), float("nan"))}),
            ModelDamagedError,
            r"not numbers: 1 weight is affected \({first}\)",
        ),
    ],
    ids=["one", "many", "shape", "type", "nan"],
)
def test_what_is_wrong_is_named(weights, spoil, error, sentence):
    _, complete, expected = weights
    spoiled = dict(complete)
    spoil(spoiled)
    with pytest.raises(error, match=sentence.replace("{first}", FIRST.replace(".", r"\."))):
        published.check(spoiled, expected, "The files")


FIRST = "audio_branch.bn0.weight"


def test_what_training_left_alone_comes_from_clap(weights):
    _, complete, _ = weights
    clap = {
        name.removeprefix("clap_model.model."): weight
        for name, weight in complete.items()
        if name.startswith("clap_model.")
    }
    tuned = {"audio_branch.norm.bias": torch.zeros(3), "decoder_model.x": torch.ones(1)}
    merged = published.merged([
        published.PublishedFile("tuned", published.CLAPSEP, tuned),
        published.PublishedFile("clap", published.CLAP, clap),
    ])  # fmt: skip
    assert merged["audio_branch.norm.bias"] is tuned["audio_branch.norm.bias"]
    assert merged["audio_branch.norm.weight"] is clap["audio_branch.norm.weight"]
    assert merged["clap_model.model.audio_branch.norm.bias"] is clap["audio_branch.norm.bias"]
    assert merged["decoder_model.x"] is tuned["decoder_model.x"]


@pytest.mark.parametrize(
    "lost",
    [
        "audio_branch.layers.0.blocks.0.mlp.fc1.bias",
        "audio_branch.layers.2.blocks.1.attn.qkv.bias",
        "audio_branch.patch_embed.norm.bias",
        "audio_branch.layers.1.blocks.0.attn.proj.lora_B",
        "decoder_model.film.norm.weight",
    ],
)
def test_what_was_tuned_never_comes_from_clap(published_files, lost):
    config, paths = published_files
    opened = [published.open_file(path) for path in paths[:2]]
    tuned = dict(opened[1].weights)
    del tuned[lost]
    opened[1] = published.PublishedFile(paths[1], published.CLAPSEP, tuned)
    with pytest.raises(ModelMismatchError, match=rf"1 weight is missing \({re.escape(lost)}\)"):
        published.check(published.merged(opened), checkpoint.expected(config), "The files")


def test_biases_beyond_the_attentions_may_come_from_clap(published_files):
    """As in the published file, whose training tuned the biases that stand beside LoRA only."""
    config, paths = published_files
    opened = [published.open_file(path) for path in paths[:2]]
    tuned = {
        name: weight
        for name, weight in opened[1].weights.items()
        if not name.startswith("audio_branch.") or ".attn." in name
    }
    assert len(tuned) < len(opened[1].weights)
    opened[1] = published.PublishedFile(paths[1], published.CLAPSEP, tuned)
    weights = published.merged(opened)
    published.check(weights, checkpoint.expected(config), "The files")
    name = "audio_branch.layers.0.blocks.0.mlp.fc1.bias"
    assert weights[name] is opened[0].weights[name]


def test_a_file_that_brings_everything_leaves_nothing_to_clap(published_files, tmp_path):
    config, _ = published_files
    write_files(tmp_path, config, complete=True)
    opened = [published.open_file(tmp_path / name) for name in (CLAP_FILE, CLAPSEP_FILE)]
    everything = dict(opened[1].weights)
    del everything["audio_branch.norm.weight"]
    opened[1] = published.PublishedFile(tmp_path / CLAPSEP_FILE, published.CLAPSEP, everything)
    with pytest.raises(ModelMismatchError, match=r"missing \(audio_branch\.norm\.weight\)"):
        published.check(published.merged(opened), checkpoint.expected(config), "The files")


def test_names_are_one_to_one():
    names = checkpoint.stored(checkpoint.unfilled(lambda: checkpoint.BaseNet(BaseConfig())))
    assert len({published.published_name(name) for name in names}) == len(names)
