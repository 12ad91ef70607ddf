"""Separation models that are small, exact and deterministic."""

from __future__ import annotations

from collections.abc import Callable

import torch

from clapsep_desktop.model.interface import SpectralFilter, SpectralGrid, WindowPlan

GRID = SpectralGrid(rate=32_000, n_fft=1024, hop=320)
"""As the base model has it."""

SPEECH_GRID = SpectralGrid(rate=48_000, n_fft=960, hop=480, window="vorbis")
"""As the speech specialist has it."""

Gains = Callable[[torch.Tensor, SpectralGrid], torch.Tensor]
"""Windows (B, n) -> gains that broadcast to (B, K, F)."""


class FakeModel:
    """A model whose gains are a plain function of its windows; it records what it was given."""

    name = "fake"
    device = torch.device("cpu")

    def __init__(
        self,
        gains: Gains,
        grid: SpectralGrid = GRID,
        plan: WindowPlan | None = None,
    ) -> None:
        self.gains = gains
        self.grid = grid
        self.plan = plan or WindowPlan(length=4, overlap=1)
        self.calls: list[tuple[int, ...]] = []
        self.conditions: list[torch.Tensor | None] = []

    def filters(self, windows: torch.Tensor, condition: torch.Tensor | None) -> SpectralFilter:
        assert windows.dtype == torch.float32
        assert 0 < windows.shape[1] <= self.plan.length * self.grid.rate
        assert windows.shape[1] % self.grid.hop == 0
        self.calls.append(tuple(windows.shape))
        self.conditions.append(condition)
        frames = windows.shape[1] // self.grid.hop + 1
        gain = self.gains(windows, self.grid).to(torch.float32)
        return SpectralFilter(gain.expand(len(windows), frames, self.grid.bins).clone())


class TapsModel(FakeModel):
    """A model with deep-filter taps below ``low`` bins that delay by whole frames and scale.

    Args:
        coefficients: complex weight of the frame ``lookahead - i`` frames away.
        lookahead: frames.
        low: bins with taps.
    """

    def __init__(
        self,
        gains: Gains,
        coefficients: tuple[complex, ...],
        lookahead: int,
        low: int = 96,
        grid: SpectralGrid = SPEECH_GRID,
        plan: WindowPlan | None = None,
    ) -> None:
        super().__init__(gains, grid, plan)
        self.coefficients = coefficients
        self.lookahead = lookahead
        self.low = low

    def filters(self, windows: torch.Tensor, condition: torch.Tensor | None) -> SpectralFilter:
        gain = super().filters(windows, condition).gain
        taps = torch.tensor(self.coefficients, dtype=torch.complex64)[:, None]
        shape = (*gain.shape[:2], len(self.coefficients), self.low)
        return SpectralFilter(gain, taps.expand(shape).clone(), self.lookahead)


def constant(value: float) -> Gains:
    """The same gain everywhere."""
    return lambda windows, grid: torch.tensor(value)


def identity(windows: torch.Tensor, grid: SpectralGrid) -> torch.Tensor:
    """Keeps everything."""
    return torch.tensor(1.0)


def zero(windows: torch.Tensor, grid: SpectralGrid) -> torch.Tensor:
    """Keeps nothing."""
    return torch.tensor(0.0)


def tilted(windows: torch.Tensor, grid: SpectralGrid) -> torch.Tensor:
    """A gain that falls with frequency and stays the same over time."""
    return torch.linspace(1.0, 0.2, grid.bins)


def by_signal(windows: torch.Tensor, grid: SpectralGrid) -> torch.Tensor:
    """A busy gain that each bin's own power decides; no frame but a window's first few and last
    few depends on where the window lies."""
    powers = magnitudes(windows, grid).square()
    return powers / (1 + powers)


def magnitudes(windows: torch.Tensor, grid: SpectralGrid) -> torch.Tensor:
    """(B, n) -> (B, K, F)."""
    spectra = torch.stft(
        windows,
        grid.n_fft,
        grid.hop,
        window=torch.hann_window(grid.n_fft),
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    return spectra.abs().mT


def wrong_at_the_edges(guard: float) -> Gains:
    """Keeps all, but inverts what lies less than ``guard`` seconds from a window's edges."""

    def gains(windows: torch.Tensor, grid: SpectralGrid) -> torch.Tensor:
        frames = windows.shape[1] // grid.hop + 1
        edge = round(guard * grid.frames_per_second)
        gain = torch.ones(frames, 1)
        gain[:edge] = gain[frames - edge :] = -1.0
        return gain

    return gains
