"""The network of the published CLAPSep, "base": audio encoder and separation decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clapsep_desktop.model.config import BaseConfig
from clapsep_desktop.model.decoder import Decoder
from clapsep_desktop.model.resample import Resampler
from clapsep_desktop.model.swin import WindowAttention
from clapsep_desktop.model.towers import AudioTower


class BaseNet(nn.Module):
    """A mixture and a query to a mask (arXiv 2402.17455, figure 2).

    Nothing is kept between calls: one instance serves several windows and threads at once.
    """

    window: Tensor

    def __init__(self, config: BaseConfig) -> None:
        super().__init__()
        self.config = config
        self.audio = AudioTower(config.audio)
        self.decoder = Decoder(config)
        self.resampler = Resampler(config.rate, config.audio.rate)
        self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)

    def forward(self, mixture: Tensor, condition: Tensor, heard: Tensor | None = None) -> Tensor:
        """A mask for the magnitudes of the mixture's spectrum.

        Args:
            mixture: float32 (B, n) at ``config.rate``, at most ``config.samples`` long.
            condition: L2-normalised pairs of embeddings, (B or 1, 2D).
            heard: the same sound at the audio encoder's rate; None resamples the mixture.

        Returns:
            float32 (B, n // hop + 1, bins), between 0 and 1.
        """
        return self._mask(self._spectrum(mixture), mixture, condition, heard)

    def separate(self, mixture: Tensor, condition: Tensor, heard: Tensor | None = None) -> Tensor:
        """The masked mixture, with its own phase: (B, n) like the mixture. See `forward`."""
        spectrum = self._spectrum(mixture)
        masked = spectrum * self._mask(spectrum, mixture, condition, heard).transpose(1, 2)
        config = self.config
        return torch.istft(
            masked, config.n_fft, config.hop, window=self.window, length=mixture.shape[1]
        )

    def fix(self) -> None:
        """Works out what depends on weights alone; for weights that no longer change."""
        for module in self.modules():
            if isinstance(module, WindowAttention):
                module.fix()

    def set_precision(self, dtype: torch.dtype) -> None:
        """Computes layers in ``dtype``; spectra and their first norms stay in float32."""
        audio, decoder = self.audio, self.decoder
        for module in (
            *(audio.patch_embed, audio.layers, audio.norm),
            *(decoder.bottom, decoder.levels, decoder.patch_inverse, decoder.mask_net),
        ):
            module.to(dtype)

    def _spectrum(self, mixture: Tensor) -> Tensor:
        config = self.config
        return torch.stft(
            mixture, config.n_fft, config.hop, window=self.window, return_complex=True
        )

    def _mask(
        self, spectrum: Tensor, mixture: Tensor, condition: Tensor, heard: Tensor | None
    ) -> Tensor:
        features = self.audio.features(self.resampler(mixture) if heard is None else heard)
        magnitude = spectrum.abs().transpose(1, 2)  # (B, T, F)
        mask: Tensor = self.decoder(features, magnitude, condition)
        return mask


def pair(positive: Tensor, negative: Tensor) -> Tensor:
    """A condition (B, 2D) from two embeddings (B, D), zeros standing for an absent query."""
    return F.normalize(torch.cat([positive, negative], dim=-1), dim=-1)
