"""A model without weights that hears along time, with thresholds to match."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from clapsep_desktop.model.interface import SpectralFilter
from clapsep_desktop.separation.locate import Thresholds, Weights
from clapsep_desktop.separation.tags import vocabulary
from tests.support.hearing import BANDS, HearingModel

WEIGHTS = Weights(similarity=10.0, loudness=0.2, offset=-4.0, found=0.5, heard=0.5)


class AlongHearing(HearingModel):
    """Embeds any moment by its power in eight bands; silence is like everything a little."""

    name = "mini"

    def hear_along(
        self,
        windows: torch.Tensor,
        centres: Sequence[float],
        width: float,
        conditions: torch.Tensor | None,
    ) -> tuple[np.ndarray, SpectralFilter | None]:
        rows = []
        for centre in centres:
            first, last = (round((centre + side * width / 2) * self.grid.rate) for side in (-1, 1))
            part = windows[0, max(first, 0) : last].numpy()
            part = np.pad(part, (0, max(0, 512 - len(part)))) + 1e-6
            power = np.square(np.abs(np.fft.rfft(part)[1:]))
            bands = np.array([band.sum() for band in np.array_split(power, BANDS)]) + 1e-9
            rows.append(bands / np.linalg.norm(bands))
        embeddings = np.array(rows, np.float32)[None]
        if conditions is None:
            return embeddings, None
        gains = [self.filters(windows, condition).gain for condition in conditions]
        return embeddings, SpectralFilter(torch.cat(gains))


def thresholds() -> Thresholds:
    """Thresholds that fit the model."""
    return Thresholds(WEIGHTS, WEIGHTS, dict.fromkeys(vocabulary(), (0.6, 0.1)), "none", {})


def put_thresholds(folder: Path) -> Path:
    """A model's folder with thresholds and weights that they belong to."""
    folder.mkdir(exist_ok=True)
    (folder / "weights.safetensors").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    Thresholds(WEIGHTS, WEIGHTS, thresholds().tags, digest, {"a": 1}).save(folder)
    return folder
