"""Between a recording's own rate and a model's.

Which samples and frames belong together, and how a model's answer for the band it hears becomes
a sound at the recording's rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from clapsep_desktop.audio.resample import resample, support
from clapsep_desktop.model.interface import SpectralGrid
from clapsep_desktop.timebase import Span

TOP_BAND = 1_000.0
"""Hz; the part of the shared band, at its top, whose gain answers for all above it."""

TOP_SMOOTHING = 0.025
"""s; half the Hann window that smooths that gain: shorter than an onset's attack in the air
band is heard, long enough that the few bins it is taken from do not make it flutter."""


@dataclass(frozen=True)
class Excerpt:
    """Part of a longer signal."""

    samples: np.ndarray  # (n, channels)
    first: int  # position of the first sample in the whole signal

    def __getitem__(self, positions: slice) -> np.ndarray:
        """Samples by their position in the whole signal; those outside the excerpt are an error."""
        start, stop = positions.start - self.first, positions.stop - self.first
        if not 0 <= start <= stop <= len(self.samples):
            raise IndexError(f"{positions} is not all in the excerpt")
        return self.samples[start:stop]


class RateBridge:
    """A recording at ``rate`` Hz and a model on a grid."""

    def __init__(self, grid: SpectralGrid, rate: int) -> None:
        self.grid = grid
        self.rate = rate
        self.smoothing = round(TOP_SMOOTHING * grid.frames_per_second)  # frames

    @property
    def reach(self) -> int:
        """Frames of the grid, on either side, on which a frame of the recording depends."""
        lowest, _ = support(0, 1, self.grid.rate, self.rate)
        return -(-(self.grid.n_fft // 2 - lowest) // self.grid.hop) + self.smoothing

    def samples(self, span: Span) -> tuple[int, int]:
        """Samples at the model's rate on which a span of the recording depends."""
        return support(span.start, span.stop, self.grid.rate, self.rate)

    def frames(self, start: int, stop: int) -> tuple[int, int]:
        """Frames of the grid that hear any of the samples ``[start, stop)`` at the model's rate."""
        half, hop = self.grid.n_fft // 2, self.grid.hop
        return (start - half) // hop + 1, -(-(stop + half) // hop)

    def to_model(self, recording: Excerpt, start: int, stop: int) -> Excerpt:
        """Samples ``[start, stop)`` at the model's rate, float32, from the recording's own."""
        samples = resample(
            recording.samples, recording.first, self.rate, self.grid.rate, start, stop
        )
        return Excerpt(samples.astype(np.float32, copy=False), start)

    def top_gain(self, gain: torch.Tensor) -> np.ndarray:
        """Smoothed gain at the top of the band that both rates share.

        Args:
            gain: float32 (B, K, F).

        Returns:
            float64 (K, B); within `smoothing` frames of the ends it is a guess.
        """
        bins_per_hertz = self.grid.n_fft / self.grid.rate
        limit = min(self.grid.rate, self.rate) / 2
        stop = int(limit * bins_per_hertz) + 1
        start = min(int((limit - min(TOP_BAND, limit / 2)) * bins_per_hertz), stop - 1)
        top = gain[:, :, start:stop].mean(dim=2).cpu().double().numpy()  # (B, K)
        padded = np.pad(top, ((0, 0), (self.smoothing, self.smoothing)), mode="edge")
        kernel = np.hanning(2 * self.smoothing + 3)[1:-1]
        kernel /= kernel.sum()
        return np.stack([np.convolve(row, kernel, "valid") for row in padded], axis=1)

    def from_model(
        self, filtered: Excerpt, heard: Excerpt, top: Excerpt, recording: np.ndarray, span: Span
    ) -> np.ndarray:
        """The kept sound at the recording's rate.

        Args:
            filtered: ``y``, float32, what the model keeps at its own rate.
            heard: ``d``, float32, the recording at that rate.
            top: ``g``, by frames of the grid.
            recording: ``x``, float32 or float64 (n, channels), the recording in the span.
            span: where.

        Returns:
            ``g x + up(y - g d)``, like ``recording``.
        """
        if self.grid.rate == self.rate:
            return filtered[span.start : span.stop].astype(recording.dtype, copy=False)
        start, stop = filtered.first, filtered.first + len(filtered.samples)
        low = self._at(top, self.grid.rate, start, stop) * heard[start:stop].T
        correction = (filtered.samples.T - low).T
        raised = resample(correction, start, self.grid.rate, self.rate, span.start, span.stop)
        kept = recording.T * self._at(top, self.rate, span.start, span.stop)
        kept += raised.T
        return np.asarray(kept.T)

    def _at(self, values: Excerpt, rate: int, start: int, stop: int) -> np.ndarray:
        """Values known at the grid's frames, at the samples ``[start, stop)`` of a rate.

        Returns:
            float32 (columns, stop - start), joined by straight lines.
        """
        hop, rest = divmod(rate, self.grid.frames_per_second)
        if rest:
            times = np.arange(start, stop) * (self.grid.frames_per_second / rate) - values.first
            frames = np.arange(len(values.samples))
            lines = [np.interp(times, frames, column) for column in values.samples.T]
            return np.stack(lines).astype(np.float32)
        first, last = start // hop, -(-stop // hop)  # the frames around
        knots = values[first : last + 1].astype(np.float32).T  # (columns, frames)
        steps = np.diff(knots)[..., np.newaxis] * (np.arange(hop, dtype=np.float32) / hop)
        lines = (knots[:, :-1, np.newaxis] + steps).reshape(len(knots), -1)
        return np.asarray(lines[:, start - first * hop : stop - first * hop])
