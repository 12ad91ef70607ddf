"""Low-rank adapters: apart for training, merged for inference, the same either way."""

from __future__ import annotations

import warnings

import pytest
import torch

from clapsep_desktop.model import checkpoint, lora
from tests.support.published import condition, sound

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # peft's own imports are not under test
    import peft


@pytest.fixture
def unmerged(tiny):
    config, folder = tiny
    return checkpoint.load_separator(folder, config, merge=False)


def test_merged_equals_unmerged(tiny, unmerged):
    config, folder = tiny
    merged = checkpoint.load_separator(folder, config)
    with torch.inference_mode():
        apart = unmerged(sound(), condition())
        torch.testing.assert_close(merged(sound(), condition()), apart, rtol=0, atol=1e-5)
        without = checkpoint.load_separator(folder, config, merge=False)
        for layer in without.audio.modules():
            if isinstance(layer, peft.tuners.lora.LoraLayer):
                layer.scaling["default"] = 0.0
        assert not torch.allclose(without(sound(), condition()), apart, atol=1e-3)


def test_pefts_own_merge_gives_the_weights_that_loading_gives(tiny, unmerged):
    config, folder = tiny
    lora.merge(unmerged.audio)
    loaded = checkpoint.load_separator(folder, config)
    assert unmerged.state_dict().keys() == loaded.state_dict().keys()
    for name, weight in loaded.state_dict().items():
        torch.testing.assert_close(unmerged.state_dict()[name], weight, rtol=0, atol=1e-6)


def test_every_window_attention_is_adapted_and_nothing_else(tiny, unmerged):
    config, _ = tiny
    adapted = {
        name.removeprefix("audio.")
        for name, module in unmerged.named_modules()
        if isinstance(module, peft.tuners.lora.LoraLayer)
    }
    assert adapted == set(checkpoint.adapted(config))
    assert len(adapted) == 2 * sum(config.audio.depths)


def test_only_the_adapter_learns(unmerged):
    learning = {name for name, p in unmerged.audio.named_parameters() if p.requires_grad}
    assert learning == {name for name, _ in unmerged.audio.named_parameters() if ".lora_" in name}
    unmerged(sound(), condition()).mean().backward()
    assert all(
        p.grad is not None and p.grad.abs().sum() > 0
        for name, p in unmerged.audio.named_parameters()
        if name in learning and "layers.3" not in name
    )


def test_a_new_adapter_changes_nothing(tiny):
    config, folder = tiny
    net = checkpoint.load_separator(folder, config)
    with torch.inference_mode():
        before = net(sound(), condition())
        lora.attach(net.audio, config)
        torch.testing.assert_close(net(sound(), condition()), before, rtol=0, atol=0)


def test_matrices_come_back_by_the_names_they_were_given(tiny, unmerged):
    config, _ = tiny
    matrices = lora.weights(unmerged.audio)
    names = [f"{layer}.lora_{side}" for layer in checkpoint.adapted(config) for side in "AB"]
    assert sorted(matrices) == sorted(names)
    doubled = {name: 2 * matrix for name, matrix in matrices.items()}
    lora.load(unmerged.audio, doubled)
    found = lora.weights(unmerged.audio)
    assert all(torch.equal(found[name], doubled[name]) for name in names)
