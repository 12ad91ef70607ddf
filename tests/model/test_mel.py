"""Mel filters, against librosa's where these are what a model was trained with."""

from __future__ import annotations

import librosa
import numpy as np
import pytest

from clapsep_desktop.model.config import AudioTowerConfig
from clapsep_desktop.model.mel import mel_filters, slaney_filters


@pytest.mark.parametrize(("rate", "n_fft", "bands"), [(32_000, 1024, 64), (48_000, 2048, 128)])
def test_mel_bands_sum_to_one_and_none_is_empty(rate, n_fft, bands):
    filters = mel_filters(rate, n_fft, bands, 40.0, rate / 2)
    assert filters.shape == (n_fft // 2 + 1, bands)
    assert filters.sum(axis=0) == pytest.approx(np.ones(bands), abs=1e-5)
    assert (np.diff(filters.argmax(axis=0)) >= 0).all()


def test_mel_filters_are_librosas():
    config = AudioTowerConfig()
    expected = librosa.filters.mel(
        sr=config.rate, n_fft=config.n_fft, n_mels=config.mels,
        fmin=config.mel_low, fmax=config.mel_high,
    )  # fmt: skip
    found = slaney_filters(config.rate, config.n_fft, config.mels, config.mel_low, config.mel_high)
    np.testing.assert_allclose(found, expected.T, rtol=1e-5, atol=1e-8)
