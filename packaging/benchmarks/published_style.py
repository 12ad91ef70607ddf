# mypy: disable-error-code="no-any-return"
"""CLAPSep's separator run the plain way, as a yardstick for ours.

Everything is computed that the published implementation computes: spectra by convolution, the
encoder's classification head and its attention maps, LoRA beside the weights it adapts, features
gathered by hooks. Modules bear the published names, so a published state dict fits as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchlibrosa.stft import ISTFT, STFT, magphase  # type: ignore[import-untyped]

from clapsep_desktop.model import laion
from clapsep_desktop.model.config import BaseConfig
from clapsep_desktop.model.towers import projection


class LoraLinear(nn.Linear):
    """A linear layer with its low-rank update computed beside it."""

    def __init__(self, layer: nn.Linear, rank: int, scale: float) -> None:
        super().__init__(layer.in_features, layer.out_features)
        self.weight, self.bias = layer.weight, layer.bias
        self.lora_A = nn.Parameter(torch.zeros(rank, layer.in_features))
        self.lora_B = nn.Parameter(torch.zeros(layer.out_features, rank))
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """See `nn.Linear`."""
        return super().forward(x) + self.scale * (x @ self.lora_A.T @ self.lora_B.T)


class Film(nn.Module):
    """Feature-wise linear modulation."""

    def __init__(self, condition: int, width: int) -> None:
        super().__init__()
        self.beta, self.gamma = nn.Linear(condition, width), nn.Linear(condition, width)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """X (B, N, C), condition (B, D)."""
        return self.gamma(condition)[:, None] * x + self.beta(condition)[:, None]


class Skip(nn.Module):
    """A level's skip connection."""

    def __init__(self, condition: int, width: int) -> None:
        super().__init__()
        self.skip_conv = Film(condition, width)
        self.feature_proj, self.norm = nn.Linear(width, width), nn.LayerNorm(width)

    def forward(self, feature: Tensor, hidden: Tensor | float, condition: Tensor) -> Tensor:
        """Feature and hidden (B, N, C)."""
        return self.norm(self.skip_conv(self.feature_proj(feature), condition) + hidden)


class Level(nn.Module):
    """Patch expansion and a Swin block."""

    blocks: Any
    downsample: Any

    def __init__(self, config: BaseConfig, stage: int) -> None:
        super().__init__()
        width = config.audio.widths[stage]
        self.blocks = laion.stage(config.audio, stage, depth=1, merging=False).blocks
        if stage < len(config.audio.widths) - 1:
            self.downsample = nn.Module()
            self.downsample.expand = nn.Linear(2 * width, 4 * width, bias=False)
            self.downsample.norm = nn.LayerNorm(width)
        else:
            self.downsample = None

    def forward(self, x: Tensor) -> Tensor:
        """Patches (B, N, C) to (B, 4 N, C / 2), or as they are."""
        if self.downsample is not None:
            B, N, _ = x.shape
            side = int(N**0.5)
            x = self.downsample.expand(x).view(B, side, side, 2, 2, -1)
            x = self.downsample.norm(x.permute(0, 1, 4, 2, 3, 5).reshape(B, 4 * N, -1))
        return self.blocks[0](x)[0]


class PublishedStyle(nn.Module):
    """The whole published model, CLAP included, as one process holds it."""

    clap_model: Any
    decoder_model: Any

    def __init__(self, config: BaseConfig) -> None:
        super().__init__()
        self.config = config
        self.clap_model = nn.Module()
        self.clap_model.model = _clap(config)
        self.audio_branch = laion.whole_tower(config.audio)
        for attention in _attentions(self.audio_branch):
            for name in ("qkv", "proj"):
                layer = getattr(attention, name)
                setattr(attention, name, LoraLinear(layer, config.lora_rank, config.lora_scale))
        self.decoder_model = _decoder(config)
        self.stft = STFT(config.n_fft, config.hop)
        self.istft = ISTFT(config.n_fft, config.hop)
        self._features: list[Tensor] = []
        self.audio_branch.patch_embed.register_forward_hook(self._keep)
        for stage in self.audio_branch.layers:
            stage.register_forward_hook(self._keep)
        self.audio_branch.spectrogram_extractor.register_forward_hook(self._pad)

    def forward(self, mixture: Tensor, condition: Tensor, heard: Tensor) -> Tensor:
        """The separated waveform; see `BaseNet.separate`."""
        real, imaginary = self.stft(mixture)
        magnitude, cosine, sine = magphase(real, imaginary)
        self._features.clear()
        self.audio_branch({"waveform": heard})
        mask = self._mask(magnitude, condition)[:, None]
        masked = mask * magnitude
        return self.istft(masked * cosine, masked * sine, mixture.shape[1])

    def _mask(self, magnitude: Tensor, condition: Tensor) -> Tensor:
        decoder = self.decoder_model
        *skipped, deepest = self._features
        hidden = decoder.film(deepest, 0.0, condition)
        for layer, skip, feature in zip(
            decoder.layers, decoder.skip, reversed(skipped), strict=True
        ):
            hidden = skip(feature, layer(hidden), condition)
        patches = decoder.inverse_patch_embed
        side = self.config.audio.grid
        image = patches.norm(hidden).transpose(1, 2).unflatten(2, (side, side))
        folds, mels = self.config.audio.folds, self.config.audio.mels
        bands = patches.proj(image).view(-1, folds, mels, self.config.audio.image)
        bands = bands.transpose(1, 2).reshape(-1, mels, self.config.audio.frames)
        bands = bands.transpose(1, 2)[:, : magnitude.shape[2]]
        spectrum = decoder.spec_norm(magnitude[:, 0].transpose(1, 2)).transpose(1, 2)
        return decoder.mask_net(torch.cat([spectrum, bands], dim=2)).sigmoid()

    def _keep(self, _module: nn.Module, _inputs: Any, output: Any) -> None:
        self._features.append(output[0] if isinstance(output, tuple) else output)

    def _pad(self, _module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        return F.pad(output, (0, 0, 0, self.config.audio.frames - output.shape[2]))


def _decoder(config: BaseConfig) -> Any:
    decoder: Any = nn.Module()
    widths = config.audio.widths
    stages = range(len(widths) - 1, -1, -1)
    decoder.film = Skip(config.condition, widths[-1])
    decoder.layers = nn.ModuleList(Level(config, stage) for stage in stages)
    decoder.skip = nn.ModuleList(Skip(config.condition, widths[stage]) for stage in stages)
    patches: Any = nn.Module()
    patch = config.audio.patch
    patches.norm = nn.LayerNorm(widths[0])
    patches.proj = nn.ConvTranspose2d(widths[0], 1, patch, stride=patch)
    decoder.inverse_patch_embed = patches
    decoder.spec_norm = nn.BatchNorm1d(config.bins)
    width = config.mask_width
    layer = nn.TransformerEncoderLayer(
        width, config.mask_heads, 4 * width, dropout=0.0, batch_first=True
    )
    decoder.mask_net = nn.Sequential(
        nn.Linear(config.bins + config.audio.mels, width),
        nn.LayerNorm(width),
        nn.TransformerEncoder(layer, config.mask_layers),
        nn.Linear(width, config.bins),
    )
    return decoder


def _clap(config: BaseConfig) -> Any:
    """LAION-CLAP: both towers, the audio one with its head."""
    from clapsep_desktop.model.towers import TextEmbedder

    clap: Any = nn.Module()
    text = TextEmbedder(config.text, config.embedding)
    clap.audio_branch = laion.whole_tower(config.audio)
    clap.audio_projection = projection(config.audio.widths[-1], config.embedding)
    clap.text_branch, clap.text_projection = text.text, text.text_projection
    return clap


def _attentions(tower: Any) -> Iterator[Any]:
    for stage in tower.layers:
        for block in stage.blocks:
            yield block.attn
