"""Our own folder: read as written, and never half."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from clapsep_desktop.errors import ModelDamagedError, ModelMismatchError, ModelMissingError
from clapsep_desktop.model import checkpoint, clapsep, folder

CPU = torch.device("cpu")


@pytest.fixture
def place(tiny, tmp_path):
    """An installed model to be spoiled."""
    shutil.copytree(tiny[1], tmp_path / "tiny")
    return tmp_path / "tiny"


def change(place, key, value):
    config = folder.read_config(place)
    config[key] = value
    (place / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("name", ["separator.safetensors", "clap_audio.safetensors", "vocab.json"])
def test_a_missing_file_is_named(place, name):
    (place / name).unlink()
    with pytest.raises(ModelMissingError, match=f"{name} is missing. Install the model again"):
        clapsep.load(place, CPU)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_file_is_named(place, share):
    path = place / "separator.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ModelDamagedError, match=r"separator\.safetensors is damaged"):
        clapsep.load(place, CPU)


def test_a_missing_weight_is_named(place):
    path = place / "separator.safetensors"
    weights = load_file(path)
    del weights["decoder.mask_net.norm.weight"]
    save_file(weights, path)
    with pytest.raises(ModelDamagedError, match=r"lacks decoder\.mask_net\.norm\.weight"):
        clapsep.load(place, CPU)


def test_weights_of_other_sizes_than_the_config_says_are_refused(place):
    sizes = folder.read_config(place)["sizes"]
    change(place, "sizes", {**sizes, "mask_width": 32})
    with pytest.raises(ModelMismatchError, match=r"not of the sizes in its config\.json"):
        clapsep.load(place, CPU)


@pytest.mark.parametrize("version", [None, 0, 2, "1"])
def test_another_version_is_refused(place, version):
    change(place, "version", version)
    with pytest.raises(ModelMismatchError, match="another version of CLAPSep Desktop"):
        clapsep.load(place, CPU)


@pytest.mark.parametrize("sizes", [None, [], {"audio": {}}, {"audio": {"image": 3}}])
def test_sizes_that_are_none_are_refused(place, sizes):
    change(place, "sizes", sizes)
    with pytest.raises((ModelMismatchError, ModelDamagedError)):
        clapsep.load(place, CPU)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_weights_are_mapped_and_not_copied(tiny):
    """All but those that LoRA was added to lie in the files themselves."""
    config, place = tiny
    net = checkpoint.load_separator(place, config)
    merged = {f"audio.{layer}.weight" for layer in checkpoint.adapted(config)}
    mapped = [
        tuple(int(end, 16) for end in line.split()[0].split("-"))
        for line in Path("/proc/self/maps").read_text().splitlines()
        if line.endswith(".safetensors")
    ]
    for name, weight in checkpoint.stored(net).items():
        in_a_file = any(start <= weight.data_ptr() < stop for start, stop in mapped)
        assert in_a_file == (name not in merged), name


def test_loading_leaves_the_random_state_alone(tiny):
    config, place = tiny
    before = torch.random.get_rng_state()
    checkpoint.load_separator(place, config)
    checkpoint.load_audio_embedder(place, config)
    checkpoint.load_text_embedder(place, config)
    assert torch.equal(torch.random.get_rng_state(), before)
