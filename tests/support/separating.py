"""Models for tests of the editor: seeded, tiny, quick, and held up where a test wishes."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Sequence

import numpy as np
import torch

from clapsep_desktop.model.interface import SpectralFilter, WindowPlan
from clapsep_desktop.separation.models import Models
from tests.support.models import FakeModel, magnitudes

EMBEDDING = 8


def embedded(word: str) -> np.ndarray:
    """A direction drawn from a word, float32 (EMBEDDING,), of length 1."""
    drawn = np.random.default_rng(zlib.crc32(word.encode())).standard_normal(EMBEDDING)
    return (drawn / np.linalg.norm(drawn)).astype(np.float32)


class TinyQueryModel(FakeModel):
    """Keeps of each frequency a share that the condition decides, less where it is loud.

    Args:
        gate: what each window waits for, so that a test can look at a running extraction.
    """

    embedding_size = EMBEDDING

    def __init__(self, name: str = "mini", gate: threading.Event | None = None) -> None:
        super().__init__(lambda windows, grid: torch.ones(()), plan=WindowPlan(2, 1))
        self.name = name
        self._gate = gate

    def filters(self, windows: torch.Tensor, condition: torch.Tensor | None) -> SpectralFilter:
        if self._gate is not None:
            assert self._gate.wait(20), "a test held a window up and never let it go"
        assert condition is not None
        assert condition.shape == (2 * EMBEDDING,)
        weights = torch.linspace(-1, 1, self.grid.bins)[:, None] ** torch.arange(2 * EMBEDDING)
        tilt = torch.sigmoid(4 * (weights @ condition))
        powers = magnitudes(windows, self.grid)
        return SpectralFilter(tilt / (1 + 0.1 * powers))

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([embedded(text) for text in texts])

    def embed_audio(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([embedded(f"{len(clip)} {float(np.square(clip).sum()):.6g}")
                         for clip in clips])  # fmt: skip


class TinyModels(Models):
    """`Models` of which every one is a `TinyQueryModel`.

    Args:
        gate: see `TinyQueryModel`.
        fail: raised instead of loading the models of these names.
    """

    def __init__(
        self,
        notify: Callable[[str], None] = lambda _: None,
        gate: threading.Event | None = None,
        fail: dict[str, Exception] | None = None,
    ) -> None:
        super().__init__("cpu", notify)
        self._gate = gate
        self._fail = fail or {}
        self.thread = threading.get_ident()

    def model(self, name: str) -> TinyQueryModel:
        assert threading.get_ident() == self.thread, "models belong to the job thread"
        if name in self._fail:
            raise self._fail[name]
        return self._loaded.setdefault(name, TinyQueryModel(name, self._gate))
