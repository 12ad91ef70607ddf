"""Rate conversion inside a model, where it must happen on the model's device."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ZERO_CROSSINGS = 6
ROLLOFF = 0.99  # of the lower Nyquist frequency


class Resampler(nn.Module):
    """Band-limited conversion between two rates by a Hann-windowed sinc, one filter per phase.

    Its length and roll-off are those the published CLAPSep was trained and is run with (the
    defaults of torchaudio), so that the encoder hears what it has always heard. The equation is
    J. O. Smith's, "Digital Audio Resampling Home Page", section on windowed-sinc interpolation.
    """

    filters: Tensor

    def __init__(self, rate: int, new_rate: int) -> None:
        super().__init__()
        common = math.gcd(rate, new_rate)
        self.step, self.phases = rate // common, new_rate // common
        cutoff = min(self.step, self.phases) * ROLLOFF
        self.reach = math.ceil(ZERO_CROSSINGS * self.step / cutoff)
        taps = torch.arange(-self.reach, self.reach + self.step, dtype=torch.float64) / self.step
        phase = torch.arange(self.phases, dtype=torch.float64) / self.phases
        time = cutoff * (taps[None] - phase[:, None])  # in zero crossings
        inside = time.clamp(-ZERO_CROSSINGS, ZERO_CROSSINGS)
        hann = torch.cos(inside * math.pi / ZERO_CROSSINGS / 2).square()
        filters = torch.sinc(inside) * hann * (cutoff / self.step)
        self.register_buffer("filters", filters.float()[:, None], persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """(B, n) to (B, ceil(n * new_rate / rate)); silence is assumed around the waveform."""
        length = -(-waveform.shape[1] * self.phases // self.step)
        padded = F.pad(waveform, (self.reach, self.reach + self.step))
        phases = F.conv1d(padded[:, None], self.filters, stride=self.step)  # (B, phases, m)
        return phases.transpose(1, 2).flatten(1)[:, :length]
