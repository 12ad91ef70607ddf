"""What every separation model offers the engine.

A model hears mono windows at its own rate and answers with a `SpectralFilter`: a linear,
time-varying filter on the short-time Fourier transform of whatever signal it is applied to.
The engine cross-fades the filters of neighbouring windows, applies them to each channel and
takes care of rates, channels, selections and length; models know none of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch


@dataclass(frozen=True)
class SpectralGrid:
    """The short-time Fourier transform on which a model's filters are defined.

    Frame ``k`` is centred on sample ``k * hop``; both windows have ``n_fft`` points. The inverse
    divides by the overlapped product of the two windows, so any pair that overlaps without a
    hole gives perfect reconstruction.
    """

    rate: int  # Hz
    n_fft: int  # samples
    hop: int  # samples; divides the rate, so that every second starts on a frame
    window: str = "hann"  # "hann" (periodic) or "vorbis"; used for analysis and synthesis

    def __post_init__(self) -> None:
        if self.rate % self.hop:
            raise ValueError("the hop must divide the rate")

    @property
    def bins(self) -> int:
        """Number of frequency bins."""
        return self.n_fft // 2 + 1

    @property
    def frames_per_second(self) -> int:
        """Number of frames per second."""
        return self.rate // self.hop


@dataclass(frozen=True)
class SpectralFilter:
    """A batch of filters for consecutive frames of a spectrum X, giving the *kept* sound Y.

    ``Y[k, f] = gain[k, f] * X[k, f]``, except, where ``taps`` are given, for the lowest
    ``F_low`` bins: ``Y[k, f] = sum_i taps[k, i, f] * X[k + lookahead - i, f]``.
    """

    gain: torch.Tensor  # (B, K, F) float32, 0 to 1
    taps: torch.Tensor | None = None  # (B, K, order, F_low) complex64
    lookahead: int = 0  # frames; taps[:, :, lookahead] meets the frame itself

    def rows(self, start: int, stop: int) -> SpectralFilter:
        """The filters ``[start, stop)`` of the batch."""
        taps = None if self.taps is None else self.taps[start:stop]
        return SpectralFilter(self.gain[start:stop], taps, self.lookahead)

    def frames(self, start: int, stop: int) -> SpectralFilter:
        """The filters for the frames ``[start, stop)``."""
        taps = None if self.taps is None else self.taps[:, start:stop]
        return SpectralFilter(self.gain[:, start:stop], taps, self.lookahead)

    def to(self, device: torch.device) -> SpectralFilter:
        """The same filters on a device."""
        taps = None if self.taps is None else self.taps.to(device)
        return SpectralFilter(self.gain.to(device), taps, self.lookahead)


@dataclass(frozen=True)
class WindowPlan:
    """How a model wants long input cut up, in whole seconds so that every rate meets its grid."""

    length: int  # seconds heard at once
    overlap: int  # seconds shared by neighbouring windows
    guard: float = 0.0  # seconds at an inner window edge that are heard but never used
    batch: int = 1  # windows heard together when memory allows
    lead: int = 0  # seconds heard before a window is used, by a model that must warm up first
    single: bool = False  # one thread a window on a CPU: the layers are too small for several


@runtime_checkable
class SeparationModel(Protocol):
    """A model the engine can run."""

    name: str  # "mini", "base", "speech" or a folder's name
    grid: SpectralGrid
    plan: WindowPlan
    device: torch.device

    def filters(self, windows: torch.Tensor, condition: torch.Tensor | None) -> SpectralFilter:
        """Filters for a batch of windows.

        Args:
            windows: float32 (B, n) mono at ``grid.rate``, full scale = 1.0, n at most
                ``plan.length * grid.rate`` and a multiple of ``grid.hop``.
            condition: float32 (D,), see `clapsep_desktop.separation.condition`; None for a
                model that takes no query.

        Returns:
            Filters for frames 0 to n / hop inclusive: K = n / hop + 1.
        """
        ...


@runtime_checkable
class QueryModel(SeparationModel, Protocol):
    """A separation model whose behaviour is set by text and audio queries in one space."""

    embedding_size: int  # D of one embedding; a condition is a pair of them

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """L2-normalised embeddings, float32 (len(texts), embedding_size)."""
        ...

    def embed_audio(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        """L2-normalised embeddings of mono clips at ``grid.rate``, float32 (n, embedding_size)."""
        ...
