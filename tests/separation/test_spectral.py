from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.model.interface import SpectralFilter, SpectralGrid
from clapsep_desktop.separation.spectral import Transform, apply, reach, weighted_sum
from tests.support.models import GRID, SPEECH_GRID
from tests.support.signals import noise, peak_db

CPU = torch.device("cpu")
GRIDS = [GRID, SPEECH_GRID, SpectralGrid(rate=8_000, n_fft=256, hop=100)]


def signal(frames: int, channels: int = 1, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(noise(frames, channels, seed=seed).T.copy())


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("frames", [1, 2, 7, 100])
def test_synthesis_undoes_analysis(grid: SpectralGrid, frames: int) -> None:
    transform = Transform(grid, CPU)
    segments = signal(transform.segment(frames), 2)
    back = transform.synthesise(transform.analyse(segments))
    inside = slice(grid.n_fft // 2, -grid.n_fft // 2 or None)
    if frames == 1:
        inside = slice(grid.n_fft // 4, -grid.n_fft // 4)
    assert peak_db((back - segments)[:, inside].numpy()) < -130


@pytest.mark.parametrize("grid", GRIDS)
def test_frames_are_those_of_torch_centred_on_their_hop(grid: SpectralGrid) -> None:
    transform = Transform(grid, CPU)
    half, frames = grid.n_fft // 2, 20
    segments = signal(transform.segment(frames), 2)
    expected = torch.stft(
        segments[:, half:-half],
        grid.n_fft,
        grid.hop,
        window=transform.window,
        center=True,
        pad_mode="constant",
        return_complex=True,
    ).mT
    edge = -(-half // grid.hop)  # torch knows nothing of what lies around
    got = transform.analyse(segments)
    assert got.shape == expected.shape == (2, frames, grid.bins)
    torch.testing.assert_close(got[:, edge:-edge], expected[:, edge:-edge], atol=1e-4, rtol=0)


def test_windows_overlap_to_one() -> None:
    """The Vorbis window's own law (Princen-Bradley): the squares of its halves sum to one."""
    squares = Transform(SPEECH_GRID, CPU).window.double().square()
    torch.testing.assert_close(
        squares[:480] + squares[480:], torch.ones(480, dtype=torch.float64), atol=1e-6, rtol=0
    )


def test_an_unknown_window_is_refused() -> None:
    with pytest.raises(ValueError, match="kaiser"):
        Transform(SpectralGrid(8_000, 256, 100, "kaiser"), CPU)


@settings(deadline=None, max_examples=20)
@given(st.floats(0, 1), st.floats(-2, 2), st.floats(-2, 2))
def test_a_filter_is_linear(gain: float, a: float, b: float) -> None:
    transform = Transform(GRID, CPU)
    spectral_filter = SpectralFilter(torch.rand(1, 9, GRID.bins) * gain)
    one, other = (signal(transform.segment(9), seed=seed) for seed in (1, 2))
    together = transform.filtered(spectral_filter, a * one + b * other)
    apart = a * transform.filtered(spectral_filter, one)
    apart += b * transform.filtered(spectral_filter, other)
    inside = slice(GRID.n_fft // 2, -GRID.n_fft // 2)
    assert peak_db((together - apart)[:, inside].numpy()) < -120


@pytest.mark.parametrize(("order", "lookahead"), [(1, 0), (5, 0), (5, 2), (5, 4)])
@pytest.mark.parametrize("position", [0, -1])
def test_a_single_tap_moves_whole_frames(order: int, lookahead: int, position: int) -> None:
    tap = position % order
    frames, low = 11, 40
    gain = torch.full((1, frames, GRID.bins), 0.5)
    taps = torch.zeros(1, frames, order, low, dtype=torch.complex64)
    taps[:, :, tap] = 1j
    spectral_filter = SpectralFilter(gain, taps, lookahead)
    before, after = reach(spectral_filter)
    assert (before, after) == (order - 1 - lookahead, lookahead)
    spectra = torch.randn(1, before + frames + after, GRID.bins, dtype=torch.complex64)
    kept = apply(spectral_filter, spectra)
    moved = before + lookahead - tap  # Y[k] = X[k + lookahead - tap]
    torch.testing.assert_close(kept[..., :low], 1j * spectra[:, moved : moved + frames, :low])
    torch.testing.assert_close(kept[..., low:], 0.5 * spectra[:, before : before + frames, low:])


def test_the_tap_at_the_lookahead_meets_the_frame_itself() -> None:
    taps = torch.zeros(1, 6, 5, 30, dtype=torch.complex64)
    taps[:, :, 2] = 1.0
    spectral_filter = SpectralFilter(torch.ones(1, 6, GRID.bins), taps, lookahead=2)
    before, after = reach(spectral_filter)
    spectra = torch.randn(1, before + 6 + after, GRID.bins, dtype=torch.complex64)
    torch.testing.assert_close(apply(spectral_filter, spectra), spectra[:, before:-after])


@pytest.mark.parametrize("with_taps", [False, True])
def test_a_weighted_sum_joins_overlapping_filters(with_taps: bool) -> None:
    def flat(value: float, frames: int) -> SpectralFilter:
        taps = torch.full((1, frames, 3, 20), value * 1j) if with_taps else None
        return SpectralFilter(torch.full((1, frames, GRID.bins), value), taps, 1)

    fade = np.linspace(1, 0, 4)
    joined = weighted_sum(
        [
            (0, flat(1.0, 10), np.concatenate([np.ones(6), fade])),
            (6, flat(3.0, 8), np.concatenate([1 - fade, np.ones(4)])),
        ],
        14,
    )
    expected = torch.from_numpy(np.concatenate([np.ones(6), 3 - 2 * fade, np.full(4, 3.0)])).float()
    torch.testing.assert_close(joined.gain[0, :, 7], expected)
    assert joined.lookahead == 1
    assert (joined.taps is not None) == with_taps
    if joined.taps is not None:
        torch.testing.assert_close(joined.taps[0, :, 2, 5], expected * 1j)
