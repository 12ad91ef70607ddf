"""A query model without weights, whose space is simple enough to compute with in a test."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import torch

from clapsep_desktop.model.interface import SpectralFilter, SpectralGrid, WindowPlan

BANDS = 8


class HearingModel:
    """Hears sounds by their power in eight bands, and keeps the bands that a query asks for.

    A text is placed by its hash; ``low``, ``high`` and ``band N`` by the bands they name. Every
    call is written down.
    """

    name = "hearing"
    grid = SpectralGrid(rate=16_000, n_fft=512, hop=160)
    plan = WindowPlan(length=4, overlap=1)
    device = torch.device("cpu")
    embedding_size = BANDS

    def __init__(self) -> None:
        self.texts: list[tuple[str, ...]] = []
        self.clips: list[np.ndarray] = []
        self.conditions: list[np.ndarray] = []

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        self.texts.append(tuple(texts))
        return np.stack([_place(text) for text in texts])

    def embed_audio(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        self.clips += clips
        embeddings = []
        for clip in clips:
            assert clip.dtype == np.float32
            assert 0 < len(clip) <= self.plan.length * self.grid.rate
            power = np.square(np.abs(np.fft.rfft(clip)[1:]))
            bands = np.array([part.sum() for part in np.array_split(power, BANDS)])
            embeddings.append(bands / np.linalg.norm(bands))
        return np.stack(embeddings).astype(np.float32)

    def filters(self, windows: torch.Tensor, condition: torch.Tensor | None) -> SpectralFilter:
        assert condition is not None
        self.conditions.append(condition.numpy().copy())
        keep, remove = condition.split(BANDS)
        kept = keep if keep.any() else 1 - remove / max(float(remove.max()), 1e-6)
        gain = (kept / max(float(kept.max()), 1e-6)).clamp(0, 1)
        bins = torch.arange(self.grid.bins) * BANDS // self.grid.bins
        frames = windows.shape[1] // self.grid.hop + 1
        return SpectralFilter(gain[bins].expand(len(windows), frames, -1).contiguous())


def _place(text: str) -> np.ndarray:
    named = {"low": [0], "high": [BANDS - 1]} | {f"band {i}": [i] for i in range(BANDS)}
    vector = np.zeros(BANDS, np.float32)
    if text in named:
        vector[named[text]] = 1
    else:
        vector += np.random.default_rng(zlib.crc32(text.encode())).random(BANDS, np.float32)
    return np.asarray(vector / np.linalg.norm(vector))
