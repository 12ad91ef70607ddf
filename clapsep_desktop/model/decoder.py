"""The separation decoder of CLAPSep (arXiv 2402.17455, section III): features and query -> mask."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clapsep_desktop.model import laion
from clapsep_desktop.model.config import BaseConfig
from clapsep_desktop.model.swin import SwinBlock
from clapsep_desktop.model.towers import AudioFeatures, unfold


class Film(nn.Module):
    """Feature-wise linear modulation (arXiv 1709.07871): x -> gamma(c) * x + beta(c)."""

    def __init__(self, condition: int, width: int) -> None:
        super().__init__()
        self.gamma = nn.Linear(condition, width)
        self.beta = nn.Linear(condition, width)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """X (B, N, C) and condition (B or 1, D)."""
        return torch.addcmul(self.beta(condition)[:, None], self.gamma(condition)[:, None], x)


class Skip(nn.Module):
    """Joins a level of the audio encoder, as the query sees it, to the decoder's path."""

    def __init__(self, condition: int, width: int) -> None:
        super().__init__()
        self.film = Film(condition, width)
        self.project = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, feature: Tensor, hidden: Tensor | None, condition: Tensor) -> Tensor:
        """Feature and hidden (B, N, C); the deepest level has nothing below it yet."""
        x = self.film(self.project(feature), condition)
        return self.norm(x if hidden is None else x + hidden)


class PatchExpansion(nn.Module):
    """Undoes Swin's patch merging: (B, h * w, C) -> (B, 4 * h * w, C / 2)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.expand = nn.Linear(width, 2 * width, bias=False)
        self.norm = nn.LayerNorm(width // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Patches row by row, and again."""
        B, N, _ = x.shape
        side = int(N**0.5)
        # Merging stacks the four patches of a square as [(0,0), (1,0), (0,1), (1,1)].
        quarters = self.expand(x).view(B, side, side, 2, 2, -1)  # (B, h, w, dx, dy, C / 2)
        return self.norm(quarters.permute(0, 1, 4, 2, 3, 5).reshape(B, 4 * N, -1))


class Level(nn.Module):
    """One level of the decoder's path: to twice the resolution, one Swin block, one skip."""

    def __init__(self, config: BaseConfig, stage: int, *, expands: bool) -> None:
        super().__init__()
        width = config.audio.widths[stage]
        self.expansion = PatchExpansion(2 * width) if expands else None
        layer = laion.stage(config.audio, stage, depth=1, merging=False)
        self.block = SwinBlock(layer.blocks[0])
        self.skip = Skip(config.condition, width)

    def forward(self, hidden: Tensor, feature: Tensor, condition: Tensor) -> Tensor:
        """The path from below and the encoder's feature (B, N, C) to the path at this level."""
        if self.expansion is not None:
            hidden = self.expansion(hidden)
        return self.skip(feature, self.block(hidden), condition)


class PatchInverse(nn.Module):
    """Patches to an image: (B, grid^2, C) -> (B, image, image)."""

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.proj = nn.ConvTranspose2d(width, 1, patch, stride=patch)

    def forward(self, x: Tensor) -> Tensor:
        """Patches row by row to an image."""
        B, N, C = x.shape
        side = int(N**0.5)
        return self.proj(self.norm(x).transpose(1, 2).view(B, C, side, side))[:, 0]


class MaskNet(nn.Module):
    """Frames with their features to a mask between 0 and 1."""

    def __init__(self, config: BaseConfig) -> None:
        super().__init__()
        self.enter = nn.Linear(config.bins + config.audio.mels, config.mask_width)
        self.norm = nn.LayerNorm(config.mask_width)
        self.layers = nn.ModuleList(
            EncoderLayer(config.mask_width, config.mask_heads) for _ in range(config.mask_layers)
        )
        self.leave = nn.Linear(config.mask_width, config.bins)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, bins + mels) -> (B, T, bins)."""
        x = self.norm(self.enter(x))
        for layer in self.layers:
            x = layer(x)
        return self.leave(x).float().sigmoid()


class EncoderLayer(nn.Module):
    """A transformer layer with its norms after the sums (arXiv 1706.03762, section 3.1)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.enter, self.leave = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C), and again."""
        B, T, C = x.shape
        qkv = self.qkv(x).view(B, T, 3, self.heads, C // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B, H, T, D) each
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, T, C)
        x = self.norm1(x + self.proj(y))
        return self.norm2(x + self.leave(self.enter(x).relu_()))


class Decoder(nn.Module):
    """From the audio encoder's features, the mixture's spectrum and a condition to a mask."""

    def __init__(self, config: BaseConfig) -> None:
        super().__init__()
        self.folds = config.audio.folds
        deepest = len(config.audio.widths) - 1
        self.bottom = Skip(config.condition, config.audio.widths[-1])
        self.levels = nn.ModuleList(
            Level(config, stage, expands=stage < deepest) for stage in range(deepest, -1, -1)
        )
        self.patch_inverse = PatchInverse(config.audio.width, config.audio.patch)
        self.spectrum_norm = nn.BatchNorm1d(config.bins)
        self.mask_net = MaskNet(config)

    def forward(self, features: AudioFeatures, magnitude: Tensor, condition: Tensor) -> Tensor:
        """A mask (B, T, bins).

        Args:
            features: of B windows.
            magnitude: of their spectra, float32 (B, T, bins).
            condition: L2-normalised pairs of embeddings, (B or 1, 2D).
        """
        condition = condition.to(features.patches.dtype)
        *skipped, deepest = (features.patches, *features.stages)
        hidden = self.bottom(deepest, None, condition)
        for level, feature in zip(self.levels, reversed(skipped), strict=True):
            hidden = level(hidden, feature, condition)
        bands = unfold(self.patch_inverse(hidden), self.folds)  # (B, mels, T')
        bands = bands[..., : magnitude.shape[1]].transpose(1, 2)
        # Magnitudes span too wide a range for half precision before they are normalised.
        spectrum = self.spectrum_norm(magnitude.transpose(1, 2)).transpose(1, 2).to(bands.dtype)
        return self.mask_net(torch.cat([spectrum, bands], dim=2))
