"""Training "base", at a few channels: what learns, what stays, and what is released."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from clapsep_desktop.evaluation.manifest import by_split, read_manifest
from clapsep_desktop.model import checkpoint, device, folder, install, precision, registry
from clapsep_desktop.training import base, runs
from clapsep_desktop.training.captions import CaptionTable
from clapsep_desktop.training.config import BASE_RECIPE
from clapsep_desktop.training.data import SoundBank
from clapsep_desktop.training.draw import Drawer
from clapsep_desktop.training.loop import load_checkpoint
from tests.support import published as made_up


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A tiny "base" with made-up weights: its sizes and its folder."""
    files = tmp_path_factory.mktemp("published")
    config = made_up.tiny_config(made_up.tokenizer(files))
    place = tmp_path_factory.mktemp("models") / "base"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(precision, "bfloat16_gain", lambda: 0.0)
        install.import_files(made_up.write_files(files, config), place, sizes=config)
    return config, place


@pytest.fixture
def models(installed, monkeypatch, tmp_path):
    monkeypatch.setenv("CLAPSEP_MODELS", str(installed[1].parent))
    monkeypatch.setattr(device, "_memory_path", lambda: tmp_path / "machine.json")
    monkeypatch.setattr(precision, "bfloat16_gain", lambda: 0.0)


@pytest.fixture(scope="module")
def corpus(manifest, tmp_path_factory):
    """The synthetic sounds, with captions in a space of as many dimensions as the tiny model's."""

    def embed(texts):
        rows = [np.random.default_rng(len(text) * 7 + ord(text[0])) for text in texts]
        drawn = np.stack([row.standard_normal(16) for row in rows]).astype(np.float32)
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)

    cache, rows = tmp_path_factory.mktemp("cache"), read_manifest(manifest)
    return runs.Sounds(
        SoundBank(by_split(rows, "train"), cache),
        SoundBank(by_split(rows, "validation"), cache),
        CaptionTable(rows, embed, cache),
    )


CONFIG = replace(
    BASE_RECIPE,
    mixing=replace(BASE_RECIPE.mixing, seconds=2.0, mixtures=3, examples=3, example_seconds=2.0),
    rate=3e-3, steps=24, validate_steps=12, validation_pairs=2, log_steps=6, precision="float32",
)  # fmt: skip


def test_the_decoder_and_the_adapter_learn_and_nothing_else(models, installed, corpus, tmp_path):
    before = {n: w.clone() for n, w in base.BaseLearner(installed[1]).state_dict().items()}
    runs.train_base(corpus, replace(CONFIG, steps=2, validate_steps=2), runs.Place(tmp_path))
    learned = load_checkpoint(tmp_path)["net"]
    assert all(base.is_learned(name) for name in learned)
    assert any(".lora_A." in name for name in learned)
    changed = {n for n, w in learned.items() if not torch.equal(w, before[n])}
    assert any(".lora_B." in name for name in changed)
    assert any(name.startswith("separator.decoder.mask_net") for name in changed)
    after = base.BaseLearner(installed[1]).state_dict()
    assert all(torch.equal(weight, before[name]) for name, weight in after.items())
    folder.check_files(installed[1])  # what lies on the disk is mapped, and not to be learned in


def test_the_loss_falls(models, corpus, tmp_path):
    said = []
    runs.train_base(corpus, CONFIG, runs.Place(tmp_path, say=said.append), scratch=True)
    rows = (tmp_path / "train.csv").read_text().splitlines()[1:]
    history = [float(row.split(",")[2]) for row in rows]
    assert history[-1] < history[0] - 0.2
    assert any(line.startswith("validated: both") for line in said)


def test_a_new_decoder_starts_from_what_clap_hears(models, installed):
    torch.manual_seed(1)
    fresh, given = base.BaseLearner(installed[1], scratch=True), base.BaseLearner(installed[1])
    differ = {n for n, w in fresh.state_dict().items() if not torch.equal(w, given.state_dict()[n])}
    assert differ
    assert all(base.is_learned(name) and ".lora_A." not in name for name in differ)


def test_the_papers_mixtures_are_two_sounds_alike_loud(corpus):
    drawer = Drawer(corpus.training, corpus.captions, 1.0)
    stage = base.BaseStage(drawer, CONFIG.mixing, seed=1)
    for number in range(4):
        batch = stage.batch(number)
        levels = batch.sources.square().mean(dim=2).sqrt()
        assert batch.sources.shape[1] == 2
        torch.testing.assert_close(levels[:, 0], levels[:, 1], rtol=1e-3, atol=1e-6)
        peaks = batch.sources.sum(dim=1).abs().amax(dim=1)
        torch.testing.assert_close(peaks, torch.full_like(peaks, base.PEAK), rtol=1e-3, atol=1e-6)
        torch.testing.assert_close(batch.weights.sum(dim=2), torch.ones(3, 1))


def test_a_released_run_is_a_base_that_answers_as_it_learned_to(
    models, installed, corpus, tmp_path
):
    run, target = tmp_path / "run", tmp_path / "mine"
    runs.train_base(corpus, replace(CONFIG, steps=3, validate_steps=3), runs.Place(run))
    assert runs.release(run, target) < -80
    folder.check_files(target)
    config, _ = installed
    released = checkpoint.load_separator(target, config)
    learner = base.BaseLearner(installed[1])
    learner.load_state_dict(load_checkpoint(run)["average"], strict=False)
    learner.eval()
    with torch.inference_mode():
        sound, condition = made_up.sound(), made_up.condition()
        expected = learner.separator(sound, condition)
        torch.testing.assert_close(released(sound, condition), expected, atol=1e-5, rtol=0)
        untrained = checkpoint.load_separator(installed[1], config)(sound, condition)
    assert (expected - untrained).abs().max() > 1e-3
    assert registry.load(target, "cpu").name == "mine"
