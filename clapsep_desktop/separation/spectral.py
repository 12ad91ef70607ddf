"""The short-time Fourier transform of a `SpectralGrid`, and filters applied on it.

Frame ``k`` is centred on sample ``k * hop``. Signals come as segments that start half a window
before their first frame's centre and end half a window after their last one's, so that nothing
is padded here: what lies beyond a recording's ends is for the caller to say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from clapsep_desktop.model.interface import SpectralFilter, SpectralGrid

_LEAST_WEIGHT = 1e-8  # of the overlapped windows; less is found only at a segment's very ends


class Transform:
    """Analysis and synthesis of segments on one grid and device."""

    def __init__(self, grid: SpectralGrid, device: torch.device) -> None:
        self.grid = grid
        self.window = _window(grid).to(device)  # float32 (n_fft,)

    def segment(self, frames: int) -> int:
        """Length in samples of the segment behind a number of frames."""
        return (frames - 1) * self.grid.hop + self.grid.n_fft

    def analyse(self, segments: torch.Tensor) -> torch.Tensor:
        """Spectra of segments.

        Args:
            segments: float32 (C, segment(K)).

        Returns:
            complex64 (C, K, F).
        """
        frames = segments.unfold(-1, self.grid.n_fft, self.grid.hop)  # (C, K, n_fft)
        spectra: torch.Tensor = torch.fft.rfft(frames * self.window)
        return spectra

    def synthesise(self, spectra: torch.Tensor) -> torch.Tensor:
        """The signal whose frames come closest to the spectra (Griffin and Lim 1984, eq. 6).

        Within a window of a segment's ends fewer frames overlap than elsewhere; dividing by what
        is there makes the signal exact wherever a frame hears it at all.

        Args:
            spectra: complex64 (C, K, F).

        Returns:
            float32 (C, segment(K)).
        """
        frames = torch.fft.irfft(spectra, self.grid.n_fft) * self.window  # (C, K, n_fft)
        weight = self._overlap_add(torch.square(self.window).expand(1, frames.shape[1], -1))
        return self._overlap_add(frames) / weight.clamp_min(_LEAST_WEIGHT)

    def filtered(self, spectral_filter: SpectralFilter, segments: torch.Tensor) -> torch.Tensor:
        """Segments through a filter for K frames.

        Args:
            spectral_filter: of one channel or of C.
            segments: float32 (C, segment(before + K + after)), see `reach`.

        Returns:
            float32 (C, segment(K)).
        """
        return self.synthesise(apply(spectral_filter, self.analyse(segments)))

    def _overlap_add(self, frames: torch.Tensor) -> torch.Tensor:
        """Sum of frames laid ``hop`` apart: (C, K, n_fft) -> (C, segment(K))."""
        hop, count = self.grid.hop, frames.shape[1]
        parts = -(-self.grid.n_fft // hop)
        total = frames.new_zeros(frames.shape[0], count + parts - 1, hop)
        for part in range(parts):
            piece = frames[..., part * hop : (part + 1) * hop]  # (C, K, hop or less)
            total[:, part : part + count, : piece.shape[-1]] += piece
        return total.flatten(1)[:, : self.segment(count)]


def reach(spectral_filter: SpectralFilter) -> tuple[int, int]:
    """Frames before and after the filtered ones that a filter draws on."""
    if spectral_filter.taps is None:
        return 0, 0
    order = spectral_filter.taps.shape[2]
    return order - 1 - spectral_filter.lookahead, spectral_filter.lookahead


def apply(spectral_filter: SpectralFilter, spectra: torch.Tensor) -> torch.Tensor:
    """The kept sound's spectra.

    Args:
        spectral_filter: for K frames, of one channel or of C.
        spectra: complex64 (C, before + K + after, F) with the frames of `reach` around.

    Returns:
        complex64 (C, K, F).
    """
    count = spectral_filter.gain.shape[1]
    before, _ = reach(spectral_filter)
    kept = spectral_filter.gain * spectra[:, before : before + count]
    taps = spectral_filter.taps
    if taps is not None:
        order, low = taps.shape[2:]
        deep = torch.zeros_like(kept[..., :low])
        for tap in range(order):
            shift = order - 1 - tap
            deep += taps[:, :, tap] * spectra[:, shift : shift + count, :low]
        kept[..., :low] = deep
    return kept


def weighted_sum(
    pieces: Sequence[tuple[int, SpectralFilter, np.ndarray]], frames: int
) -> SpectralFilter:
    """One filter for a number of frames from several that cover parts of them.

    Args:
        pieces: at least one; for each the frame at which it starts, the filter, and its share in
            each of its frames.
        frames: number of frames.
    """
    _, model, _ = pieces[0]
    gain = model.gain.new_zeros(len(model.gain), frames, model.gain.shape[2])
    taps = None
    if model.taps is not None:
        taps = model.taps.new_zeros(len(model.taps), frames, *model.taps.shape[2:])
    for start, piece, shares in pieces:
        weights = torch.from_numpy(shares.astype(np.float32)).to(gain.device)  # (K,)
        here = slice(start, start + len(weights))
        gain[:, here] += weights[:, None] * piece.gain
        if taps is not None and piece.taps is not None:
            taps[:, here] += weights[:, None, None] * piece.taps
    return SpectralFilter(gain, taps, model.lookahead)


def _window(grid: SpectralGrid) -> torch.Tensor:
    if grid.window == "hann":
        return torch.hann_window(grid.n_fft, periodic=True)
    if grid.window == "vorbis":  # Vorbis I specification, section 1.3.2
        centres = (torch.arange(grid.n_fft) + 0.5) / grid.n_fft
        return torch.sin(0.5 * math.pi * torch.sin(math.pi * centres) ** 2)
    raise ValueError(f"there is no window called {grid.window!r}")
