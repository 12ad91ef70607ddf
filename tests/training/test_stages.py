from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from clapsep_desktop.model.mini_net import MiniNet
from clapsep_desktop.training.draw import Drawer
from clapsep_desktop.training.joint import JointStage
from clapsep_desktop.training.separation import NO_EXAMPLE, SeparationStage


@pytest.fixture
def drawer(sounds, config) -> Drawer:
    return Drawer(sounds.training, sounds.captions, config.concept_power)


def batches(drawer, mixing, count: int = 20):
    stage = SeparationStage(drawer, mixing, seed=3)
    return [stage.batch(step) for step in range(count)]


@pytest.mark.parametrize("stage_class", [JointStage, SeparationStage])
def test_a_batch_depends_on_seed_and_number_only(drawer, config, stage_class):
    settings = config.joint if stage_class is JointStage else config.mixing
    first, again = (vars(stage_class(drawer, settings, 7).batch(4)) for _ in range(2))
    other = vars(stage_class(drawer, settings, 8).batch(4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["concept_text"], other["concept_text"])


def test_mixtures_come_near_the_level_the_network_knows(drawer, config):
    for batch in batches(drawer, config.mixing, 5):
        level = batch.sources.sum(dim=1).square().mean(dim=1).sqrt()
        assert (20 * torch.log10(level)).abs().max() < 15
        assert torch.isfinite(batch.sources).all()


def test_modes_keep_what_is_asked(drawer, config):
    mixing = replace(config.mixing, absent=0.0, unlisted=0.0, sources=(0.0, 1.0))
    for batch in batches(drawer, mixing):
        asked = batch.text.norm(dim=-1) > 0  # (2, B, Q)
        assert asked.any(dim=0).all()
        assert (batch.weights.sum(dim=-1) == 1).all()  # one of two sounds stays, in every mode
        first, second = batch.weights[:, 0], batch.weights[:, 1]
        both_keep = asked[0].all(dim=1)
        assert (first != second)[both_keep].all()  # two queries of one mixture, two targets


def test_an_absent_sound_leaves_silence_or_everything(drawer, config):
    mixing = replace(config.mixing, absent=1.0)
    seen = set()
    for batch in batches(drawer, mixing):
        present = (batch.sources.abs().amax(dim=2) > 0).float()
        for side, rest in ((0, torch.zeros_like(present)), (1, present)):
            for b, q in (batch.text[side].norm(dim=-1) > 0).nonzero().tolist():
                assert torch.equal(batch.weights[b, q], rest[b])
                seen.add(side)
    assert seen == {0, 1}


def test_examples_belong_to_the_sound_they_stand_for(drawer, config):
    mixing = replace(config.mixing, examples=100)
    for batch in batches(drawer, mixing, 5):
        used = batch.example[batch.example != NO_EXAMPLE]
        assert len(used)
        assert int(used.max()) < len(batch.examples) == len(batch.example_concept)


def test_conditions_have_unit_length_and_blend_from_text_to_example(drawer, config):
    net = MiniNet(config.model).eval()
    stage = SeparationStage(drawer, config.mixing, seed=1)
    batch = stage.batch(0)
    size = config.model.embedding
    batch.blend = torch.zeros_like(batch.blend)
    text_only, _ = stage._conditions(net, batch)
    expected = F.normalize(torch.cat(list(batch.text), dim=-1), dim=-1).flatten(0, 1)
    assert torch.allclose(text_only, expected, atol=1e-6)
    batch.blend = torch.ones_like(batch.blend)
    shown, embedded = stage._conditions(net, batch)
    assert torch.allclose(shown.norm(dim=1), torch.ones(len(shown)), atol=1e-5)
    keep = batch.example[0].flatten()
    for row in (keep != NO_EXAMPLE).nonzero()[:, 0].tolist():
        heard = F.normalize(shown[row, :size], dim=0)
        assert torch.allclose(heard, embedded[keep[row]], atol=1e-5)


def test_clips_tell_the_share_of_each_concept(drawer, config):
    stage = JointStage(drawer, replace(config.joint, mixed=0.5, clips=40), seed=2)
    batch = stage.batch(0)
    assert torch.allclose(batch.shares.sum(dim=1), torch.ones(40), atol=1e-6)
    counts = np.unique((batch.shares > 0).sum(dim=1).numpy())
    assert counts.tolist() == [1, 2]


def test_few_concepts_make_smaller_mixtures(sounds, config):
    """Where no further sound can be told apart, a mixture is done; nothing waits for one."""
    captions = copy.copy(sounds.captions)
    alike = np.ones_like(captions.likeness)
    first, second = (captions.concepts.index(name) for name in ("hiss", "clicks"))
    alike[first, second] = alike[second, first] = 0.0
    captions.likeness = alike
    drawer = Drawer(sounds.training, captions, config.concept_power)
    mixing = replace(config.mixing, sources=(0.0, 0.0, 1.0), absent=1.0)
    for batch in batches(drawer, mixing, 4):
        count = (batch.sources.abs().amax(dim=2) > 0).sum(dim=1)
        assert (count >= 1).all()
        assert (count <= 2).all()
    joint = replace(config.joint, mixed=1.0)
    shares = JointStage(drawer, joint, seed=3).batch(0).shares
    assert ((shares > 0).sum(dim=1) <= 2).all()
