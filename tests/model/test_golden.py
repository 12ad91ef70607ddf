"""The published CLAPSep's own numbers: made-up weights in, its authors' output expected.

Needs reference/ of the shared folder. The weights take the way that a user's take: files of the
published form and size, imported, verified, mapped back into memory.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from clapsep_desktop.model import checkpoint, folder, install
from clapsep_desktop.model.base_net import pair
from clapsep_desktop.model.config import BaseConfig
from tests.support.published import write_files

pytestmark = [pytest.mark.shared, pytest.mark.slow]

TOLERANCE = 1e-4  # as the reference promises for another implementation in float32
CONFIG = BaseConfig()


@pytest.fixture(scope="module")
def golden(request):
    path = request.getfixturevalue("shared") / "reference" / "clapsep_base_golden.npz"
    with np.load(path) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A model folder of the published size, 1.2 GB."""
    place = tmp_path_factory.mktemp("models") / "base"
    with tempfile.TemporaryDirectory() as published:
        files = write_files(Path(published), CONFIG, complete=True)
        install.import_files(files, place)
    folder.check_files(place)
    yield place
    shutil.rmtree(place)


def largest_error(got, expected):
    return (got - expected).abs().max().item()


def test_every_weight_has_its_published_name_and_shape(shared):
    listed = json.loads((shared / "reference" / "clapsep_base_state_dict.json").read_text())
    ours = {name: list(shape) for name, shape in checkpoint.expected(CONFIG).items()}
    assert ours == {name: listed[name][0] for name in ours}
    left_behind = (
        *("stft", "spectrogram_extractor", "logmel_extractor", "attn_mask", "logit_scale"),
        *("relative_position_index", "num_batches_tracked", "tscam_conv", ".head."),
        *("audio_transform", "text_transform"),
    )
    assert [n for n in listed if n not in ours and not any(part in n for part in left_behind)] == []


@pytest.mark.parametrize("mode", ["both", "pos", "neg"])
def test_masks_and_output(golden, net, mode, record_property):
    positive, negative = golden["embed_positive"], golden["embed_negative"]
    condition = pair(
        (positive if mode != "neg" else torch.zeros_like(positive))[None],
        (negative if mode != "pos" else torch.zeros_like(negative))[None],
    )
    mixture, heard = golden["mixture_32k"][None], golden["mixture_48k"][None]
    with torch.inference_mode():
        mask = net(mixture, condition, heard)[0]
        output = net.separate(mixture, condition, heard)[0]
    assert mask.shape == (1001, 513)
    error = largest_error(mask[::7, ::3], golden[f"mask_{mode}"])
    record_property(f"largest error of the mask, {mode}", error)
    assert error < TOLERANCE
    error = largest_error(output, golden[f"out_{mode}"])
    record_property(f"largest error of the output, {mode}", error)
    assert error < TOLERANCE


@pytest.fixture(scope="module")
def net(place):
    net = checkpoint.load_separator(place, CONFIG)
    net.fix()
    return net


def test_audio_embedding(golden, place, record_property):
    embedder = checkpoint.load_audio_embedder(place, CONFIG)
    with torch.inference_mode():
        embedding = embedder(golden["mixture_48k"][None])
    error = largest_error(embedding, golden["audio_embedding"])
    record_property("largest error of the audio embedding", error)
    assert error < TOLERANCE


def test_text_embedding(golden, place, record_property):
    embedder = checkpoint.load_text_embedder(place, CONFIG)
    with torch.inference_mode():
        embedding = embedder(golden["token_ids"])
    error = largest_error(embedding, golden["text_embedding"])
    record_property("largest error of the text embedding", error)
    assert error < TOLERANCE


def test_unmerged_lora_gives_the_same_mask(golden, place, net, record_property):
    unmerged = checkpoint.load_separator(place, CONFIG, merge=False)
    mixture, heard = golden["mixture_32k"][None], golden["mixture_48k"][None]
    condition = pair(golden["embed_positive"][None], golden["embed_negative"][None])
    with torch.inference_mode():
        error = largest_error(unmerged(mixture, condition, heard), net(mixture, condition, heard))
    record_property("largest difference of merged and unmerged", error)
    assert error < 1e-5
