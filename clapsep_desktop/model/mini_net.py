"""The network of mini, a small CLAPSep: from a mixture and a query to a mask.

The three parts of the paper (arXiv 2402.17455, section III) at a fiftieth of its size:

* `AudioEncoder` hears a log-mel spectrogram and gives features at four resolutions. The same
  encoder, pooled, places a sound in the space of the sentence encoder, so that a text and an
  example of the same sound lie near each other.
* `Decoder` climbs from the coarsest features to the finest, each level conditioned on the
  query by feature-wise linear modulation (FiLM, arXiv 1709.07871) and joined by a skip.
* `MaskNet` joins the decoder's features with the linear spectrum and answers with a mask.

The encoder does not see the query: one pass over a mixture serves any number of queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval as fuse

from clapsep_desktop.model.mel import mel_filters


@dataclass(frozen=True)
class MiniConfig:
    """Sizes of a mini model; saved in config.json beside the weights."""

    rate: int = 32_000  # Hz
    n_fft: int = 1024  # samples
    hop: int = 320  # samples, 10 ms
    mels: int = 64  # bands of the log-mel spectrogram
    mel_low: float = 40.0  # Hz
    mel_high: float = 16_000.0  # Hz
    widths: tuple[int, ...] = (32, 64, 96, 144)  # channels at 20, 40, 80 and 160 ms
    context: int = 192  # width of the 1-D blocks at 160 ms
    context_blocks: int = 3
    decoder_blocks: int = 2
    condition: int = 128  # width of the query after its first layer
    map_width: int = 16  # channels of the decoder's finest map
    mask_channels: int = 8  # of the conditioned map as the mask network sees it
    mask_width: int = 256
    mask_blocks: int = 3
    embedding: int = 384  # of the joint space

    @property
    def bins(self) -> int:
        """Frequency bins of the mask."""
        return self.n_fft // 2 + 1


FRAME_MULTIPLE = 16
"""Frames are padded to a multiple of this: the encoder halves time four times."""


def conv(
    inputs: int, outputs: int, size: tuple[int, int] = (3, 3), stride: tuple[int, int] = (1, 1)
) -> nn.Conv2d:
    """A bias-free convolution with the padding that keeps the size at stride 1."""
    return nn.Conv2d(
        inputs, outputs, size, stride, padding=(size[0] // 2, size[1] // 2), bias=False
    )


class ConvBlock(nn.Module):
    """Two 3 x 3 convolutions around a residual path."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.first_norm = conv(width, width), nn.BatchNorm2d(width)
        self.second, self.second_norm = conv(width, width), nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, F) to the same shape."""
        y = F.relu(self.first_norm(self.first(x)), inplace=True)
        return F.relu(x + self.second_norm(self.second(y)), inplace=True)


class Down(nn.Module):
    """Halves time and frequency while changing the width."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv, self.norm = conv(inputs, outputs, stride=(2, 2)), nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, F) to (B, C', T / 2, F / 2)."""
        return F.relu(self.norm(self.conv(x)), inplace=True)


class DilatedBlock(nn.Module):
    """A gated, dilated 1-D convolution with a residual path; x is (B, C, T)."""

    def __init__(self, width: int, dilation: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv1d(
            width,
            2 * width,
            kernel,
            padding=dilation * (kernel // 2),
            dilation=dilation,
            bias=False,
        )
        self.norm = nn.BatchNorm1d(2 * width)

    def forward(
        self, x: Tensor, scale: Tensor | None = None, shift: Tensor | None = None
    ) -> Tensor:
        """(B, C, T) to the same shape; scale and shift, if given, are (B, 2 C, 1)."""
        y = self.norm(self.conv(x))
        if scale is not None and shift is not None:
            y = torch.addcmul(shift.to(y.dtype), y, scale.to(y.dtype))
        value, gate = y.chunk(2, dim=1)
        return x + value * torch.sigmoid(gate)


class AudioEncoder(nn.Module):
    """A log-mel spectrogram to features at four resolutions."""

    height: Tensor

    def __init__(self, config: MiniConfig) -> None:
        super().__init__()
        widths = config.widths
        self.input_norm = nn.BatchNorm1d(config.mels)
        self.stem, self.stem_norm = conv(2, widths[0], (5, 3), (2, 1)), nn.BatchNorm2d(widths[0])
        self.register_buffer("height", torch.linspace(-1, 1, config.mels)[None, None, None])
        self.blocks = nn.ModuleList(ConvBlock(width) for width in widths)
        self.downs = nn.ModuleList(Down(a, b) for a, b in pairwise(widths))
        rows = config.mels // 2 ** (len(widths) - 1)
        self.fold = nn.Conv1d(widths[-1] * rows, config.context, 1, bias=False)
        self.fold_norm = nn.BatchNorm1d(config.context)
        self.context = nn.ModuleList(
            DilatedBlock(config.context, 2**i) for i in range(config.context_blocks)
        )

    def forward(self, logmel: Tensor) -> list[Tensor]:
        """Features of a log-mel spectrogram.

        Args:
            logmel: (B, T, mels), T a multiple of `FRAME_MULTIPLE`.

        Returns:
            Four maps (B, C_i, T / 2^(i+1), mels / 2^i) and the context (B, context, T / 16).
        """
        x = self.input_norm(logmel.transpose(1, 2)).transpose(1, 2).unsqueeze(1)
        x = torch.cat([x, self.height.expand_as(x).to(x.dtype)], dim=1)
        x = x.contiguous(memory_format=torch.channels_last)
        x = F.relu(self.stem_norm(self.stem(x)), inplace=True)
        features = []
        for level, block in enumerate(self.blocks):
            x = block(self.downs[level - 1](x) if level else x)
            features.append(x)
        folded = x.permute(0, 1, 3, 2).flatten(1, 2)  # (B, C * rows, T / 16)
        context = F.relu(self.fold_norm(self.fold(folded)))
        for dilated in self.context:
            context = dilated(context)
        features.append(context)
        return features


class Film(nn.Module):
    """Scales and shifts from a query, one pair per channel (arXiv 1709.07871)."""

    def __init__(self, condition: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(condition, 2 * width)
        nn.init.normal_(self.linear.weight, std=0.5 * condition**-0.5)
        nn.init.zeros_(self.linear.bias)

    def forward(self, query: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and shift, each (N, width), of queries (N, condition)."""
        scale, shift = self.linear(query).chunk(2, dim=1)  # each (N, width)
        return 1.0 + scale, shift


class Join(nn.Module):
    """FiLM(projection of a skip, query) + hidden, then a convolution."""

    def __init__(self, skip: int, width: int, condition: int) -> None:
        super().__init__()
        self.project = conv(skip, width, (1, 1))
        self.film = Film(condition, width)
        self.conv, self.norm = conv(width, width), nn.BatchNorm2d(width)

    def forward(self, hidden: Tensor, skip: Tensor, query: Tensor) -> Tensor:
        """Joins N hidden maps (N, width, T, F) and B skips (B, skip, T, F), N a multiple of B."""
        scale, shift = self.film(query)
        projected = self.project(skip)
        if len(projected) != len(hidden):  # several queries on one mixture
            projected = projected.repeat_interleave(len(hidden) // len(projected), dim=0)
        hidden = hidden + shift[:, :, None, None]
        x = F.relu(torch.addcmul(hidden, projected, scale[:, :, None, None]), inplace=True)
        return F.relu(self.norm(self.conv(x)), inplace=True)


class Decoder(nn.Module):
    """Features and a query to one conditioned map at the finest resolution."""

    def __init__(self, config: MiniConfig) -> None:
        super().__init__()
        widths = (config.map_width, *config.widths[1:])
        self.rows = config.mels // 2 ** (len(widths) - 1)
        self.context = nn.ModuleList(
            DilatedBlock(config.context, 2**i) for i in range(config.decoder_blocks)
        )
        self.films = nn.ModuleList(
            Film(config.condition, 2 * config.context) for _ in range(config.decoder_blocks)
        )
        self.unfold = nn.Conv1d(config.context, widths[-1] * self.rows, 1)
        self.joins = nn.ModuleList(
            Join(skip, width, config.condition)
            for skip, width in zip(config.widths, widths, strict=True)
        )
        self.ups = nn.ModuleList(conv(b, a, (1, 1)) for a, b in pairwise(widths))

    def forward(self, features: list[Tensor], query: Tensor) -> Tensor:
        """A conditioned map.

        Args:
            features: what `AudioEncoder` gives for B mixtures.
            query: (B * Q, condition), the Q queries of one mixture side by side.

        Returns:
            (B * Q, map_width, T / 2, mels).
        """
        *maps, context = features
        x = context.repeat_interleave(len(query) // len(context), dim=0)
        for block, film in zip(self.context, self.films, strict=True):
            scale, shift = film(query)
            x = block(x, scale[:, :, None], shift[:, :, None])
        x = self.unfold(x).unflatten(1, (-1, self.rows)).permute(0, 1, 3, 2)
        x = x.contiguous(memory_format=torch.channels_last)
        for level in reversed(range(len(maps))):
            if level < len(maps) - 1:
                x = F.interpolate(self.ups[level](x), scale_factor=2.0, mode="nearest")
            x = self.joins[level](x, maps[level], query)
        return x


class MaskNet(nn.Module):
    """The conditioned map and the linear spectrum to a mask."""

    def __init__(self, config: MiniConfig) -> None:
        super().__init__()
        self.squeeze = conv(config.map_width, config.mask_channels, (1, 1))
        self.map = nn.Conv1d(config.mask_channels * config.mels, 2 * config.mask_width, 1)
        self.spectrum_norm = nn.BatchNorm1d(config.bins)
        self.spectrum = nn.Conv1d(config.bins, config.mask_width, 1)
        self.blocks = nn.ModuleList(
            DilatedBlock(config.mask_width, 2**i) for i in range(config.mask_blocks)
        )
        self.films = nn.ModuleList(
            Film(config.condition, 2 * config.mask_width) for _ in range(config.mask_blocks)
        )
        self.out = nn.Conv1d(config.mask_width, config.bins, 1)

    def forward(self, conditioned: Tensor, spectrum: Tensor, query: Tensor) -> Tensor:
        """Mask logits (B * Q, bins, T).

        Args:
            conditioned: (B * Q, map_width, T / 2, mels), what `Decoder` gives.
            spectrum: log magnitudes (B, bins, T).
            query: (B * Q, condition).
        """
        x = self.map(self.squeeze(conditioned).permute(0, 1, 3, 2).flatten(1, 2))  # (BQ, 2W, T/2)
        x = x.unflatten(1, (2, -1)).permute(0, 2, 3, 1).flatten(2)  # (BQ, W, T)
        linear = self.spectrum(self.spectrum_norm(spectrum))
        x = x + linear.repeat_interleave(len(x) // len(linear), dim=0)
        for block, film in zip(self.blocks, self.films, strict=True):
            scale, shift = film(query)
            x = block(x, scale[:, :, None], shift[:, :, None])
        return self.out(F.relu(x))


class MiniNet(nn.Module):
    """All weights of a mini model: encoder, joint space, decoder and mask network."""

    mel: Tensor
    hann: Tensor

    def __init__(self, config: MiniConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = AudioEncoder(config)
        self.attention = nn.Conv1d(config.context, 1, 1)
        self.embedding = nn.Linear(config.context, config.embedding)
        self.query = nn.Sequential(
            nn.Linear(2 * config.embedding, config.condition),
            nn.SiLU(),
            nn.Linear(config.condition, config.condition),
            nn.SiLU(),
        )
        self.decoder = Decoder(config)
        self.mask_net = MaskNet(config)
        filters = mel_filters(
            config.rate, config.n_fft, config.mels, config.mel_low, config.mel_high
        )
        self.register_buffer("mel", torch.from_numpy(filters), persistent=False)
        self.register_buffer("hann", torch.hann_window(config.n_fft), persistent=False)
        self.to(memory_format=torch.channels_last)

    def spectrum(self, windows: Tensor) -> Tensor:
        """The complex spectrum (B, bins, n / hop + 1) of mono windows (B, n)."""
        return torch.stft(
            windows,
            self.config.n_fft,
            self.config.hop,
            window=self.hann,
            return_complex=True,
            pad_mode="constant",
        )

    def hear(self, magnitude: Tensor) -> tuple[list[Tensor], Tensor]:
        """Features of a mixture, to be given to `mask` with any number of queries.

        Args:
            magnitude: (B, bins, T) of windows brought to a root mean square of 1.

        Returns:
            The encoder's features and the log magnitudes (B, bins, T'), both over T' >= T
            frames, a multiple of `FRAME_MULTIPLE`.
        """
        padding = -magnitude.shape[2] % FRAME_MULTIPLE
        magnitude = F.pad(magnitude, (0, padding))
        power = magnitude.square().transpose(1, 2) @ self.mel
        logmel = torch.log10(power + 1e-5)
        return self.encoder(logmel), torch.log10(magnitude + 1e-2)

    def mask_logits(self, heard: tuple[list[Tensor], Tensor], condition: Tensor) -> Tensor:
        """Mask logits (B * Q, bins, T') for conditions (B * Q, 2 * embedding)."""
        features, spectrum = heard
        # A condition has unit length: bring each entry near unit variance.
        query = self.query(condition * (2 * self.config.embedding) ** 0.5)
        return self.mask_net(self.decoder(features, query), spectrum, query)

    def embed(self, features: list[Tensor]) -> Tensor:
        """L2-normalised embeddings (B, embedding) of the sounds heard."""
        context = features[-1]
        weights = torch.softmax(self.attention(context), dim=2)
        return F.normalize(self.embedding((context * weights).sum(dim=2)), dim=1)

    def embed_along(self, features: list[Tensor], centres: Sequence[float], width: float) -> Tensor:
        """L2-normalised embeddings (B, len(centres), embedding) of parts of what is heard.

        Args:
            features: as `hear` gives them.
            centres: middles of the parts, in frames of the last features.
            width: of each, in the same frames; what lies outside the window is left out.
        """
        context = features[-1]
        attention = self.attention(context)
        rows = []
        for centre in centres:
            start = min(max(round(centre - width / 2), 0), context.shape[2] - 1)
            stop = max(round(centre + width / 2), start + 1)
            weights = torch.softmax(attention[:, :, start:stop], dim=2)
            pooled = (context[:, :, start:stop] * weights).sum(dim=2)
            rows.append(F.normalize(self.embedding(pooled), dim=1))
        return torch.stack(rows, dim=1)


def fold_norms(net: MiniNet) -> MiniNet:
    """Folds each batch normalisation into the convolution before it, for inference.

    A module named ``NAME_norm`` (or ``norm``) follows the convolution ``NAME`` (or ``conv``) if
    their widths agree; one that comes before a convolution stays.
    """
    for module in list(net.modules()):
        for name, norm in list(module.named_children()):
            if not isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
                continue
            before = name.removesuffix("norm").removesuffix("_") or "conv"
            convolution = getattr(module, before, None)
            if (
                isinstance(convolution, nn.Conv1d | nn.Conv2d)
                and convolution.out_channels == norm.num_features
            ):
                setattr(module, before, fuse(convolution, norm))
                setattr(module, name, nn.Identity())
    return net.to(memory_format=torch.channels_last)
