"""Sound files made by the tests: tones and noise in any format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from clapsep_desktop.audio.iff import correct_aiff_length

# Container, subtype and extension of every format that is promised.
LOSSLESS_FORMATS = [
    ("WAV", "PCM_U8", ".wav"),
    ("WAV", "PCM_16", ".wav"),
    ("WAV", "PCM_24", ".wav"),
    ("WAV", "PCM_32", ".wav"),
    ("WAV", "FLOAT", ".wav"),
    ("WAV", "DOUBLE", ".wav"),
    ("WAVEX", "PCM_24", ".wav"),
    ("RF64", "PCM_24", ".rf64"),
    ("W64", "PCM_16", ".w64"),
    ("W64", "FLOAT", ".w64"),
    ("AIFF", "PCM_S8", ".aiff"),
    ("AIFF", "PCM_16", ".aiff"),
    ("AIFF", "PCM_24", ".aif"),
    ("AIFF", "FLOAT", ".aiff"),
    ("FLAC", "PCM_S8", ".flac"),
    ("FLAC", "PCM_16", ".flac"),
    ("FLAC", "PCM_24", ".flac"),
]
LOSSY_FORMATS = [
    ("OGG", "VORBIS", ".ogg"),
    ("OGG", "OPUS", ".opus"),
    ("MP3", "MPEG_LAYER_III", ".mp3"),
]


def noisy_tone(frames: int, channels: int = 2, rate: int = 48_000, seed: int = 0) -> np.ndarray:
    """A sweep with noise, different in every channel: float64 (frames, channels), peak below 1."""
    generator = np.random.default_rng(seed)
    time = np.arange(frames)[:, None] / rate
    pitch = 220.0 * (1 + np.arange(channels))[None]
    tone = 0.4 * np.sin(2 * np.pi * pitch * time * (1 + 0.1 * time))
    return tone + generator.uniform(-0.2, 0.2, (frames, channels))


def write_sound(
    path: Path,
    samples: np.ndarray,
    rate: int = 48_000,
    container: str = "WAV",
    subtype: str = "PCM_16",
) -> Path:
    """Write samples, in pieces small enough for every coder, and return the path."""
    with soundfile.SoundFile(
        path, "w", rate, samples.shape[1], format=container, subtype=subtype
    ) as file:
        for start in range(0, len(samples), 1_024):
            file.write(samples[start : start + 1_024])
    if (container, subtype) == ("AIFF", "PCM_S8"):  # libsndfile rounds the length up to even
        correct_aiff_length(path, len(samples), samples.shape[1])
    return path
