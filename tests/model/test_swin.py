"""Swin blocks: the same numbers as LAION's, by a shorter way."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.model import laion
from clapsep_desktop.model.swin import SwinBlock, window_order
from tests.support.published import tiny_config

AUDIO = tiny_config().audio


def filled(layer):
    with torch.no_grad():
        for i, parameter in enumerate(layer.parameters()):
            generator = torch.Generator().manual_seed(i)
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return layer.eval()


@settings(deadline=None)
@given(
    windows=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    window=st.integers(1, 5),
    shift=st.integers(0, 4),
)
def test_window_order_is_a_roll_and_a_cut(windows, window, shift):
    height, width = windows[0] * window, windows[1] * window
    order = window_order(height, width, window, shift)
    x = torch.arange(height * width) * 10
    rolled = x.view(height, width).roll((-shift, -shift), (0, 1))
    blocks = [
        rolled[top : top + window, left : left + window].reshape(-1)
        for top in range(0, height, window)
        for left in range(0, width, window)
    ]
    assert torch.equal(x[order], torch.cat(blocks))
    assert torch.equal(x[order][torch.argsort(order)], x)


@pytest.mark.parametrize("fixed", [False, True], ids=["learning", "fixed"])
@pytest.mark.parametrize("index", [0, 1, 3], ids=["16 x 16", "8 x 8", "2 x 2"])
def test_blocks_answer_as_laions_do(index, fixed):
    stage = filled(laion.stage(AUDIO, index, depth=2, merging=False))
    x = torch.randn(3, AUDIO.resolutions[index] ** 2, AUDIO.widths[index])
    with torch.inference_mode():
        for theirs in stage.blocks:
            expected, _ = theirs(x)
            ours = SwinBlock(theirs)
            if fixed:
                ours.attn.fix()
            torch.testing.assert_close(ours(x), expected, rtol=1e-5, atol=1e-5)
            x = expected


def test_shifted_windows_are_masked():
    """Patches that only the cyclic shift made neighbours must not hear each other."""
    block = SwinBlock(filled(laion.stage(AUDIO, 0, depth=2, merging=False)).blocks[1])
    x = torch.randn(1, 256, AUDIO.widths[0])
    moved = x.clone()
    moved[0, 0] = torch.randn(
        AUDIO.widths[0]
    )  # the corner; the shift puts it beside the opposite corner
    with torch.inference_mode():
        change = (block(moved) - block(x)).abs().amax(-1).view(16, 16)
    assert change[0, 0] > 0
    assert change[:4, :4].min() > 0
    assert change[4:].max() == change[:, 4:].max() == 0
