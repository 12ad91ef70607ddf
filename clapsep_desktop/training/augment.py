"""Changes to a sound that leave what it is unchanged: speed, colour, room, bandwidth, place."""

from __future__ import annotations

import numpy as np
import scipy.fft

from clapsep_desktop.training.data import RATE

SPEEDS = (0.88, 1.14)
EQ_POINTS = 7
EQ_DEVIATION = 5.0  # dB
ROOM_SECONDS = (0.1, 0.7)  # reverberation time
FADE = RATE // 200  # samples, 5 ms: a cut must not click
STRIPES = 2  # at most, of silence in time and in frequency each
STRIPE_SHARE = 1 / 8  # of a clip's length, and of its octaves, that a stripe takes at most
LEAST_LEFT = 0.2  # of a masked sound's energy
LOWEST = 40.0  # Hz, where octaves are counted from


def vary(samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A sound at another speed, through another device, in another room; float32 (n',)."""
    if random.random() < 0.6:
        samples = change_speed(samples, random.uniform(*SPEEDS))
    if random.random() < 0.7:
        samples = colour(samples, random)
    return samples


def change_speed(samples: np.ndarray, speed: float) -> np.ndarray:
    """Faster and higher for ``speed`` > 1, by linear interpolation."""
    length = max(int(len(samples) / speed), 1)
    positions = np.arange(length, dtype=np.float64) * speed
    return np.interp(positions, np.arange(len(samples)), samples).astype(np.float32)


def colour(samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A random equaliser, at times a low-pass and a room, in one multiplication of spectra."""
    tail = RATE // 2 if random.random() < 0.3 else 0
    size = scipy.fft.next_fast_len(len(samples) + tail, real=True)
    spectrum = scipy.fft.rfft(samples, size)
    frequencies = np.linspace(0.0, RATE / 2, len(spectrum), dtype=np.float32)
    octaves = np.log2(np.maximum(frequencies, 30.0) / 30.0)
    points = np.linspace(0.0, octaves[-1], EQ_POINTS)
    decibels = np.interp(octaves, points, random.normal(0.0, EQ_DEVIATION, EQ_POINTS))
    if random.random() < 0.25:  # a device or a codec that ends early
        cutoff = np.exp(random.uniform(np.log(3_000), np.log(14_000)))
        decibels -= 60.0 * np.clip(np.log2(np.maximum(frequencies, 1.0) / cutoff), 0.0, 1.0)
    spectrum *= (10.0 ** (decibels / 20.0)).astype(np.float32)
    if tail:
        spectrum *= scipy.fft.rfft(room(random, tail), size)
    return scipy.fft.irfft(spectrum, size)[: len(samples) + tail].astype(np.float32)


def room(random: np.random.Generator, length: int) -> np.ndarray:
    """A synthetic room: the direct sound, then noise that decays by 60 dB; float32 (length,)."""
    seconds = random.uniform(*ROOM_SECONDS)
    time = np.arange(length) / RATE
    tail = random.standard_normal(length) * 10.0 ** (-3.0 * time / seconds)
    tail *= 10.0 ** (random.uniform(-14.0, 0.0) / 20.0) / np.sqrt(np.sum(tail**2))
    tail[0] += 1.0
    return tail.astype(np.float32)


def masked(samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A sound of which stripes of time and of frequency are silent (arXiv 1904.08779).

    A sound of which too little would be left stays as it is.
    """
    spectrum = scipy.fft.rfft(samples)
    octaves = np.log2(RATE / 2 / LOWEST)
    for _ in range(int(random.integers(STRIPES + 1))):
        width = random.uniform(0.0, STRIPE_SHARE) * octaves
        low = LOWEST * 2.0 ** random.uniform(0.0, octaves - width)
        edges = np.array([low, low * 2.0**width]) * len(samples) / RATE
        spectrum[int(edges[0]) : int(edges[1])] = 0.0
    result = scipy.fft.irfft(spectrum, len(samples)).astype(np.float32)
    for _ in range(int(random.integers(STRIPES + 1))):
        width = int(random.uniform(0.0, STRIPE_SHARE) * len(samples))
        start = int(random.integers(len(samples) - width + 1))
        result[start : start + width] = 0.0
    enough = np.sum(result**2) >= LEAST_LEFT * np.sum(samples**2)
    return result if enough else samples


def place(samples: np.ndarray, length: int, random: np.random.Generator) -> np.ndarray:
    """A sound in a window: a random cut of a long one, a short one once or repeated."""
    if len(samples) >= length:
        start = int(random.integers(len(samples) - length + 1))
        return _faded(samples[start : start + length])
    window = np.zeros(length, dtype=np.float32)
    faded = _faded(samples)
    start = int(random.integers(length - len(samples) + 1))
    if random.random() < 0.5:  # repeated: a bark is seldom alone
        gap = int(random.uniform(0.02, 1.0) * RATE)
        start %= len(samples) + gap
        while start < length:
            part = faded[: length - start]
            window[start : start + len(part)] += part
            start += len(samples) + gap
    else:
        window[start : start + len(samples)] = faded
    return window


def _faded(samples: np.ndarray) -> np.ndarray:
    size = min(FADE, len(samples) // 2)
    if size == 0:
        return samples
    ramp = np.linspace(0.0, 1.0, size, dtype=np.float32)
    faded = samples.copy()
    faded[:size] *= ramp
    faded[-size:] *= ramp[::-1]
    return faded
