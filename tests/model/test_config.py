"""Sizes that fit together, and those that do not."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from clapsep_desktop.errors import ModelMismatchError
from clapsep_desktop.model.config import AudioTowerConfig, BaseConfig, TextTowerConfig
from tests.support.published import tiny_config


def test_the_published_sizes():
    config = BaseConfig()
    assert (config.samples, config.frames, config.bins) == (320_000, 1001, 513)
    assert (config.condition, config.lora_scale) == (1024, 1 / 16)
    audio = config.audio
    assert (audio.frames, audio.grid, audio.folds) == (1024, 64, 4)
    assert audio.widths == (128, 256, 512, 1024)
    assert audio.resolutions == (64, 32, 16, 8)


@pytest.mark.parametrize("config", [BaseConfig(), tiny_config()], ids=["base", "tiny"])
def test_sizes_survive_json(config):
    assert BaseConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


@pytest.mark.parametrize(
    "build",
    [
        lambda: AudioTowerConfig(image=250),
        lambda: AudioTowerConfig(patch=3),
        lambda: AudioTowerConfig(heads=(4, 8, 16)),
        lambda: AudioTowerConfig(heads=(4, 8, 16, 33)),
        lambda: AudioTowerConfig(window=7),
        lambda: AudioTowerConfig(mels=0),
        lambda: TextTowerConfig(heads=7),
        lambda: TextTowerConfig(max_tokens=600),
        lambda: BaseConfig(seconds=11),
        lambda: BaseConfig(hop=321),
        lambda: BaseConfig(hop=640),
        lambda: BaseConfig(mask_heads=7),
    ],
)
def test_sizes_that_do_not_fit_are_refused(build):
    with pytest.raises(ModelMismatchError):
        build()


@pytest.mark.parametrize(
    "sizes", [{"unknown": 1}, {"audio": {"depths": 3}}, {"rate": "fast"}, {"text": [1]}]
)
def test_a_strange_config_is_refused_with_a_sentence(sizes):
    with pytest.raises(ModelMismatchError, match=r"config\.json do not make a CLAPSep"):
        BaseConfig.from_json(sizes)


def test_a_window_may_fill_the_image_but_no_more():
    tower = AudioTowerConfig(mels=16, image=64, window=4)
    assert replace(tiny_config(), audio=tower).frames <= tower.frames
    with pytest.raises(ModelMismatchError, match=r"301 frames does not fit .* 256"):
        replace(tiny_config(), seconds=3)
