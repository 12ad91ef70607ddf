"""Swin transformer blocks (arXiv 2103.14030), run for speed and without side effects.

The layers and their names are those of LAION-CLAP's HTSAT; how they run is ours. Nobody reads
the attention maps here, so they are never formed; the order of patches within shifted windows,
the masks between them and the position biases are constants, worked out once.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SwinStage(nn.Module):
    """Blocks of one resolution, and patch merging to the next.

    Args:
        stage: a BasicLayer of laion_clap, whose layers are taken over.
    """

    def __init__(self, stage: Any) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(SwinBlock(block) for block in stage.blocks)
        self.downsample = nn.Identity() if stage.downsample is None else stage.downsample

    def forward(self, x: Tensor) -> Tensor:
        """Patches (B, N, C) to (B, N / 4, 2 C), or (B, N, C) in the last stage."""
        for block in self.blocks:
            x = block(x)
        return self.downsample(x)


class SwinBlock(nn.Module):
    """One block: attention inside windows of patches, then a perceptron on each patch.

    Args:
        block: a SwinTransformerBlock of laion_clap, whose layers are taken over.
    """

    order: Tensor
    inverse: Tensor

    def __init__(self, block: Any) -> None:
        super().__init__()
        height, width = block.input_resolution
        order = window_order(height, width, block.window_size, block.shift_size)
        self.patches: int = block.window_size**2
        self.norm1, self.norm2, self.mlp = block.norm1, block.norm2, block.mlp
        self.attn = WindowAttention(block.attn, block.attn_mask)
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("inverse", torch.argsort(order), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Patches (B, N, C) row by row, and again."""
        windows = self.norm1(x).index_select(1, self.order)
        attended = self.attn(windows.unflatten(1, (-1, self.patches))).flatten(1, 2)
        x = x + attended.index_select(1, self.inverse)
        return x + self.mlp(self.norm2(x))


class WindowAttention(nn.Module):
    """Multi-head attention among the patches of one window, with relative position biases.

    Args:
        attention: a WindowAttention of laion_clap, whose layers are taken over.
        mask: what parts neighbours that only the cyclic shift made, (W, P, P) of 0 and -100.
    """

    index: Tensor
    mask: Tensor | None
    fixed_bias: Tensor | None

    def __init__(self, attention: Any, mask: Tensor | None) -> None:
        super().__init__()
        self.heads: int = attention.num_heads
        self.qkv, self.proj = attention.qkv, attention.proj
        self.relative_position_bias_table = attention.relative_position_bias_table
        self.register_buffer("index", attention.relative_position_index, persistent=False)
        self.register_buffer("mask", mask, persistent=False)
        self.register_buffer("fixed_bias", None, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Patches (B, W, P, C) of W windows, and again."""
        B, W, P, C = x.shape
        qkv = self.qkv(x).view(B, W, P, 3, self.heads, C // self.heads)
        q, k, v = qkv.permute(3, 0, 1, 4, 2, 5).flatten(1, 2)  # (B * W, H, P, D) each
        bias = self.bias() if self.fixed_bias is None else self.fixed_bias
        if self.mask is not None and B > 1:
            bias = bias.repeat(B, 1, 1, 1)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return self.proj(y.transpose(1, 2).reshape(B, W, P, C))

    def bias(self) -> Tensor:
        """What is added to the logits: (1, H, P, P), or (W, H, P, P) where windows are masked."""
        P = self.index.shape[0]
        table = self.relative_position_bias_table[self.index.view(-1)]
        bias = table.view(1, P, P, self.heads).permute(0, 3, 1, 2)
        return bias if self.mask is None else bias + self.mask[:, None]

    def fix(self) -> None:
        """Keeps the bias from now on; for a table that no longer changes."""
        self.fixed_bias = self.bias().detach().contiguous()


def window_order(height: int, width: int, window: int, shift: int) -> Tensor:
    """Positions of patches, row by row, in the order in which shifted windows hold them.

    ``x[window_order(...)]`` is the cyclic shift by ``shift`` followed by the cut into windows
    (arXiv 2103.14030, figure 4).
    """
    grid = torch.arange(height * width).view(height, width)
    grid = grid.roll((-shift, -shift), dims=(0, 1))
    rows = grid.view(height // window, window, width // window, window)
    return rows.permute(0, 2, 1, 3).reshape(-1)
