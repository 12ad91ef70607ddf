"""The network as a whole: what it promises, and numbers that pin it."""

from __future__ import annotations

import threading

import pytest
import torch

from clapsep_desktop.model import checkpoint
from clapsep_desktop.model.base_net import BaseNet
from clapsep_desktop.model.decoder import PatchExpansion
from tests.support.published import condition, sound


@pytest.fixture(scope="module")
def net(tiny):
    config, folder = tiny
    net = checkpoint.load_separator(folder, config)
    net.fix()
    return net


# Seeded weights and sound through this code when it agreed with the published implementation to
# 1e-6 (test_golden.py): the mean of the mask, then frame 100 at bins 0, 128, 256, 384 and 512.
PINNED = {
    "both": (0.497225, 0.699751, 0.729277, 0.689132, 0.482179, 0.648793),
    "positive": (0.497197, 0.705988, 0.723971, 0.695746, 0.477726, 0.64298),
    "negative": (0.497236, 0.693715, 0.72879, 0.68514, 0.480358, 0.648247),
}


@pytest.mark.parametrize("mode", PINNED)
def test_seeded_numbers(net, mode):
    with torch.inference_mode():
        mask = net(sound(), condition(mode))[0]
    found = [mask.mean(), *mask[100, ::128]]
    torch.testing.assert_close(torch.stack(found), torch.tensor(PINNED[mode]), rtol=0, atol=2e-5)


def test_the_mask_has_a_frame_at_both_ends_and_lies_between_0_and_1(net):
    with torch.inference_mode():
        for seconds, frames in [(2, 201), (1, 101), (0.1, 11)]:
            mask = net(sound(seconds=seconds), condition())
            assert mask.shape == (1, frames, 513)
            assert mask.dtype == torch.float32
            assert mask.min() > 0
            assert mask.max() < 1


def test_windows_heard_together_are_heard_apart(net):
    windows = torch.cat([sound(seed) for seed in range(3)])
    with torch.inference_mode():
        together = net(windows, condition())
        apart = torch.cat([net(window[None], condition()) for window in windows])
    torch.testing.assert_close(together, apart, rtol=0, atol=1e-5)


def test_each_window_may_have_its_own_condition(net):
    conditions = torch.cat([condition(mode) for mode in PINNED])
    with torch.inference_mode():
        together = net(sound().expand(3, -1), conditions)
        apart = torch.cat([net(sound(), one[None]) for one in conditions])
    torch.testing.assert_close(together, apart, rtol=0, atol=1e-5)
    assert not torch.allclose(apart[0], apart[1], atol=1e-3)


def test_nothing_is_kept_between_calls(net):
    before = {name: value.clone() for name, value in net.state_dict().items()}
    attributes = {name: set(vars(module)) for name, module in net.named_modules()}
    buffers = {name: value.data_ptr() for name, value in net.named_buffers()}
    with torch.inference_mode():
        first = net(sound(0), condition())
        net(sound(1), condition("negative"))
        again = net(sound(0), condition())
    assert torch.equal(first, again)
    assert {name: set(vars(module)) for name, module in net.named_modules()} == attributes
    assert {name: value.data_ptr() for name, value in net.named_buffers()} == buffers
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_one_instance_serves_several_threads(net):
    with torch.inference_mode():
        expected = [net(sound(seed), condition()) for seed in range(4)]
    found = {}

    def work(seed):
        with torch.inference_mode():
            for _ in range(3):
                found[seed] = net(sound(seed), condition())

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(4):
        torch.testing.assert_close(found[seed], expected[seed], rtol=0, atol=1e-6)


def test_the_output_is_the_masked_mixture(net):
    window = torch.hann_window(1024)
    with torch.inference_mode():
        mask = net(sound(), condition())
        spectrum = torch.stft(sound(), 1024, 320, window=window, return_complex=True)
        expected = torch.istft(spectrum * mask.mT, 1024, 320, window=window, length=2 * 32_000)
        torch.testing.assert_close(net.separate(sound(), condition()), expected)


def test_fixed_biases_change_nothing(tiny, net):
    config, folder = tiny
    learning = checkpoint.load_separator(folder, config)
    with torch.inference_mode():
        torch.testing.assert_close(
            learning(sound(), condition()), net(sound(), condition()), rtol=0, atol=1e-6
        )


def test_gradients_reach_the_decoder_through_the_whole_path(tiny):
    config, _ = tiny
    net = BaseNet(config)
    net(sound(), condition()).mean().backward()
    without = [name for name, p in net.named_parameters() if p.grad is None]
    # The last stage's output is taken before this norm; only CLAP's own tower uses it.
    assert without == ["audio.norm.weight", "audio.norm.bias"]


def test_patch_expansion_undoes_the_order_of_patch_merging():
    """Merging stacks the four patches of a square; expanding puts them back in their places."""
    side, width = 6, 8
    grid = torch.arange(float(side * side)).view(1, side, side, 1).expand(-1, -1, -1, width)
    corners = [grid[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]  # as in Swin
    merged = torch.cat(corners, dim=-1).reshape(1, -1, 4 * width)
    expansion = PatchExpansion(2 * width)
    expansion.expand = torch.nn.Identity()
    expansion.norm = torch.nn.Identity()
    expanded = expansion(merged)
    assert torch.equal(expanded, grid.reshape(1, side * side, width))


def test_a_pair_is_one_vector_of_unit_length():
    for mode in PINNED:
        torch.testing.assert_close(condition(mode).norm(), torch.tensor(1.0))
    assert condition("positive")[0, 16:].count_nonzero() == 0
    assert condition("negative")[0, :16].count_nonzero() == 0
