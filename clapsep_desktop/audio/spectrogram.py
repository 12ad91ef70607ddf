"""Spectrogram tiles: a few hundred columns of decibels, straight from the samples.

Column ``k`` of a recording at a zoom of ``z`` samples per column is centred on sample ``k z``. A
tile costs about the same at every zoom: where columns lie further apart than a transform is long,
a few transforms around its centre stand for a column, and the loudest counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view

from clapsep_desktop.audio.source import AudioSource

COLUMNS = 256
"""Columns of a tile."""

FLOOR = -150.0
"""dBFS that a byte of 0 stands for, and all below; a sine of full scale has 0 dBFS."""

STEP = -FLOOR / 255
"""dB from one byte to the next; 255 stands for 0 dBFS and all above."""

SPREAD = 2
"""Transforms, each half over the last, that stand for a column at most."""

_GROUP = 32  # columns computed at once; what they need fits a processor's cache

Channel = int | Literal["mix"]
Window = Literal["hann", "hamming", "blackmanharris"]


@dataclass(frozen=True)
class SpectrogramSettings:
    """How a recording is analysed.

    Attributes:
        fft: samples of a transform, a power of two.
        window: of the transform.
        channel: which channel, from 0; "mix" for the mean of all.
    """

    fft: int = 2_048
    window: Window = "hann"
    channel: Channel = "mix"


def tile(source: AudioSource, zoom: int, index: int, settings: SpectrogramSettings) -> np.ndarray:
    """The tile that begins with column ``index * COLUMNS``.

    Args:
        source: the recording; before and behind it there is silence.
        zoom: samples per column, a power of two.
        index: which tile, from 0.
        settings: how it is analysed.

    Returns:
        uint8 (COLUMNS, fft // 2 + 1), from 0 Hz to half the rate; a byte ``b`` stands for
        ``FLOOR + b * STEP`` dBFS.
    """
    hop = settings.fft // 2
    spread = min(max(zoom // hop, 1), SPREAD)
    length = settings.fft + (spread - 1) * hop  # samples around a column's centre
    first = index * COLUMNS * zoom - length // 2
    window = _window(settings.window, settings.fft)
    columns = np.empty((COLUMNS, hop + 1), np.uint8)
    for group in range(0, COLUMNS, _GROUP):
        stretches = _cut(source, first + group * zoom, zoom, length, settings.channel)
        frames = sliding_window_view(stretches, settings.fft, axis=1)[:, ::hop]
        spectra = scipy.fft.rfft(frames * window, axis=2)  # (_GROUP, spread, bins)
        power = np.square(spectra.real)
        power += np.square(spectra.imag)
        columns[group : group + _GROUP] = _bytes(power[:, 0] if spread == 1 else power.max(axis=1))
    return columns


def decibels(values: np.ndarray) -> np.ndarray:
    """dBFS, float32, of a tile's bytes."""
    return (FLOOR + STEP * values.astype(np.float32)).astype(np.float32)


def _cut(source: AudioSource, first: int, zoom: int, length: int, channel: Channel) -> np.ndarray:
    """For each column a stretch of one channel, float32 (_GROUP, length); they lie zoom apart."""
    if zoom <= length:
        whole = _one(_read(source, first, first + (_GROUP - 1) * zoom + length), channel)
        return sliding_window_view(whole, length)[::zoom]
    starts = range(first, first + _GROUP * zoom, zoom)
    return _one(np.stack([_read(source, start, start + length) for start in starts]), channel)


def _read(source: AudioSource, start: int, stop: int) -> np.ndarray:
    """Samples, float (stop - start, channels), silent outside the recording."""
    if start >= 0 and stop <= source.frames:
        return source.read(start, stop)
    samples = np.zeros((stop - start, source.channels), np.float32)
    first, last = max(start, 0), min(stop, source.frames)
    if first < last:
        samples[first - start : last - start] = source.read(first, last)
    return samples


def _one(samples: np.ndarray, channel: Channel) -> np.ndarray:
    """One channel, float32 (...,), of samples (..., channels)."""
    if channel == "mix":
        channels = samples.shape[-1]
        weights = np.full(channels, 1 / channels, samples.dtype)
        flat = samples.reshape(-1, channels) @ weights  # several times as fast as in 3 dimensions
        one: np.ndarray = flat.astype(np.float32, copy=False).reshape(samples.shape[:-1])
    else:
        one = samples[..., channel].astype(np.float32)
    if not np.isfinite(one).all():
        np.nan_to_num(one, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return one


_COSINES: dict[Window, tuple[float, ...]] = {
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
}
"""Each window as a sum of cosines, as scipy.signal has it: importing that takes too long here."""


@lru_cache(maxsize=16)
def _window(name: Window, length: int) -> np.ndarray:
    """A window, float32 (length,), under which a sine of full scale has a magnitude of 1."""
    turns = 2 * np.pi * np.arange(length) / length
    window = sum(
        share * (-1) ** order * np.cos(order * turns) for order, share in enumerate(_COSINES[name])
    )
    scaled: np.ndarray = (window * (2 / window.sum())).astype(np.float32)
    return scaled


def _bytes(power: np.ndarray) -> np.ndarray:
    """Decibels of squared magnitudes, as bytes; overwrites them."""
    np.maximum(power, 10 ** (FLOOR / 10), out=power)
    np.log10(power, out=power)
    power *= 10 / STEP
    power -= FLOOR / STEP
    np.rint(power, out=power)
    return np.minimum(power, 255.0, out=power).astype(np.uint8)
