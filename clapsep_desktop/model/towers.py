"""CLAP's two encoders into one joint space, and the audio encoder's features level by level.

Sizes and names follow LAION-CLAP (arXiv 2211.06687) with HTSAT (arXiv 2202.00874) and RoBERTa
(arXiv 1907.11692).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clapsep_desktop.model import laion
from clapsep_desktop.model.config import AudioTowerConfig, TextTowerConfig
from clapsep_desktop.model.mel import slaney_filters
from clapsep_desktop.model.swin import SwinStage

QUIETEST_POWER = 1e-10  # of a mel band, -100 dB

# Of RoBERTa's vocabulary, whatever its size.
START_TOKEN, PAD_TOKEN, END_TOKEN, UNKNOWN_TOKEN = range(4)


@dataclass(frozen=True)
class AudioFeatures:
    """What the audio encoder knows, from the finest level to the coarsest."""

    patches: Tensor  # (B, grid^2, width)
    stages: tuple[Tensor, ...]  # the output of each stage, after merging: (B, N_i, C_i)


class LogMel(nn.Module):
    """A waveform to the decibels of its mel bands: (B, n) -> (B, n / hop + 1, mels)."""

    window: Tensor
    filters: Tensor

    def __init__(self, config: AudioTowerConfig) -> None:
        super().__init__()
        self.n_fft, self.hop = config.n_fft, config.hop
        filters = slaney_filters(
            config.rate, config.n_fft, config.mels, config.mel_low, config.mel_high
        )
        self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)
        self.register_buffer("filters", torch.from_numpy(filters), persistent=False)

    def forward(self, waveform: Tensor, frames: int | None = None) -> Tensor:
        """Decibels; with ``frames``, silence follows up to that many."""
        spectrum = torch.stft(
            waveform, self.n_fft, self.hop, window=self.window, return_complex=True
        )
        power = torch.view_as_real(spectrum).square().sum(-1).transpose(1, 2)  # (B, T, F)
        bands = power @ self.filters
        if frames is not None:
            bands = F.pad(bands, (0, 0, 0, frames - bands.shape[1]))
        return 10.0 * bands.clamp(min=QUIETEST_POWER).log10()


class AudioTower(nn.Module):
    """HTSAT without its classification head."""

    def __init__(self, config: AudioTowerConfig) -> None:
        super().__init__()
        self.config = config
        self.log_mel = LogMel(config)
        self.bn0 = nn.BatchNorm2d(config.mels)
        self.patch_embed = laion.patch_embedding(config)
        last = len(config.depths) - 1
        self.layers = nn.ModuleList(
            SwinStage(laion.stage(config, index, depth=depth, merging=index < last))
            for index, depth in enumerate(config.depths)
        )
        self.norm = nn.LayerNorm(config.widths[-1])

    def features(self, waveform: Tensor) -> AudioFeatures:
        """Features of every level, with silence after the end up to the image's width.

        Args:
            waveform: float32 (B, n) at ``config.rate``, at most ``config.frames`` frames long.
        """
        return self._levels(self.log_mel(waveform, self.config.frames))

    def embedding(self, waveform: Tensor) -> Tensor:
        """One vector (B, widths[-1]) for a whole clip, its frames stretched to the image's width.

        CLAP was trained with this stretch, the separator with the silence of `features`.
        """
        bands = self.log_mel(waveform)[:, None]  # (B, 1, T, M)
        size = (self.config.frames, self.config.mels)
        # The batch norm is affine per band, so stretching before it gives the same.
        stretched = F.interpolate(bands, size, mode="bicubic", align_corners=True)[:, 0]
        return self.norm(self._levels(stretched).stages[-1]).mean(dim=1)

    def _levels(self, bands: Tensor) -> AudioFeatures:
        """Features of (B, frames, mels)."""
        # Decibels span too wide a range for half precision before they are normalised.
        bands = self.bn0(bands.transpose(1, 2)[..., None])[..., 0]  # (B, M, T)
        image = fold(bands, self.config.folds)[:, None].to(self.norm.weight.dtype)
        x = patches = self.patch_embed(image)
        stages = []
        for stage in self.layers:
            x = stage(x)
            stages.append(x)
        return AudioFeatures(patches, tuple(stages))


def fold(bands: Tensor, folds: int) -> Tensor:
    """(B, M, T) to an image (B, folds * M, T / folds): pieces of time one above the other."""
    return bands.unflatten(2, (folds, -1)).transpose(1, 2).flatten(1, 2)


def unfold(image: Tensor, folds: int) -> Tensor:
    """Inverse of `fold`."""
    return image.unflatten(1, (folds, -1)).transpose(1, 2).flatten(2, 3)


def projection(width: int, embedding: int) -> nn.Sequential:
    """Two layers from a tower's own space into the joint one."""
    return nn.Sequential(nn.Linear(width, embedding), nn.ReLU(), nn.Linear(embedding, embedding))


class AudioEmbedder(nn.Module):
    """CLAP's audio side: clips into the joint space."""

    def __init__(self, config: AudioTowerConfig, embedding: int) -> None:
        super().__init__()
        self.audio = AudioTower(config)
        self.audio_projection = projection(config.widths[-1], embedding)

    def forward(self, waveform: Tensor) -> Tensor:
        """L2-normalised (B, embedding) of clips (B, n) at the tower's rate.

        At most ``config.frames`` frames long.
        """
        return F.normalize(self.audio_projection(self.audio.embedding(waveform)), dim=-1)


class TextEmbedder(nn.Module):
    """CLAP's text side: token ids into the joint space."""

    def __init__(self, config: TextTowerConfig, embedding: int) -> None:
        super().__init__()
        from transformers import RobertaConfig, RobertaModel

        self.text = RobertaModel(
            RobertaConfig(
                vocab_size=config.vocabulary,
                hidden_size=config.width,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                intermediate_size=config.mlp_width,
                max_position_embeddings=config.positions,
                type_vocab_size=1,
                layer_norm_eps=1e-5,
                pad_token_id=PAD_TOKEN,
                bos_token_id=START_TOKEN,
                eos_token_id=END_TOKEN,
            )
        )
        self.text_projection = projection(config.width, embedding)

    def forward(self, token_ids: Tensor) -> Tensor:
        """L2-normalised (B, embedding) of token ids int64 (B, L), padded with `PAD_TOKEN`."""
        heard = token_ids != PAD_TOKEN
        # Padding is masked out, so only the longest text's length need be computed.
        longest = int(heard.sum(dim=1).max())
        out = self.text(input_ids=token_ids[:, :longest], attention_mask=heard[:, :longest].long())
        return F.normalize(self.text_projection(out.pooler_output), dim=-1)
