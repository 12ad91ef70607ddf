from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.model.erb import Features, SpeechSizes, band_widths

SIZES = SpeechSizes()


def spectra(frames: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    parts = random.standard_normal((2, frames, SIZES.bins)) * 1e-3
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


def test_bands_part_the_spectrum_and_widen_upwards() -> None:
    widths = band_widths(SIZES)
    assert len(widths) == SIZES.bands
    assert widths.sum() == SIZES.bins
    assert widths.min() == SIZES.narrowest
    assert (np.diff(widths) >= 0).all()


@pytest.mark.parametrize("hertz", [2_000, 4_000, 12_000])
def test_a_band_is_an_even_share_of_the_ears_scale(hertz: int) -> None:
    """One ERB is 24.7 (4.37 f / 1000 + 1) Hz wide (Glasberg and Moore 1990, equation 3)."""
    ears_scale = 9.265 * np.log1p(SIZES.rate / 2 / (24.7 * 9.265))
    widths = band_widths(SIZES)
    band = int(np.searchsorted(np.cumsum(widths), hertz * SIZES.n_fft / SIZES.rate))
    expected = 24.7 * (4.37 * hertz / 1000 + 1) * ears_scale / SIZES.bands
    assert widths[band] * SIZES.rate / SIZES.n_fft == pytest.approx(expected, rel=0.2)


@given(st.lists(st.integers(0, 60), max_size=4), st.integers(0, 5))
def test_features_do_not_depend_on_the_pieces_a_signal_comes_in(cuts: list[int], seed: int) -> None:
    signal = spectra(60, seed)
    whole = Features(SIZES)(signal)
    in_pieces = Features(SIZES)
    pieces = [in_pieces(piece) for piece in np.split(signal, sorted(cuts))]
    np.testing.assert_allclose(np.concatenate([p[0] for p in pieces]), whole[0], atol=1e-6)
    np.testing.assert_allclose(np.concatenate([p[1] for p in pieces], 1), whole[1], atol=1e-6)


def test_features_by_their_definition() -> None:
    signal = spectra(20)
    bands, low = Features(SIZES)(signal)
    ends = np.cumsum(band_widths(SIZES))
    mean, size = np.linspace(-60, -90, 32), np.linspace(1e-3, 1e-4, 96)
    for frame, spectrum in enumerate(signal):
        power = [np.mean(np.abs(part) ** 2) for part in np.split(spectrum, ends[:-1])]
        level = 10 * np.log10(np.array(power) + 1e-10)
        mean = 0.99 * mean + 0.01 * level
        size = 0.99 * size + 0.01 * np.abs(spectrum[:96])
        np.testing.assert_allclose(bands[frame], (level - mean) / 40, atol=1e-5)
        heard = low[0, frame] + 1j * low[1, frame]
        np.testing.assert_allclose(heard, spectrum[:96] / np.sqrt(size), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e9])
def test_features_are_finite_at_any_level(scale: float) -> None:
    for feature in Features(SIZES)(spectra(5) * np.float32(scale)):
        assert np.isfinite(feature).all()
