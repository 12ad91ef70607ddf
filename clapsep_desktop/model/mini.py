"""Mini: the small CLAPSep that ships with the program, as the engine runs it.

A folder holds ``config.json``, ``weights.safetensors`` (matrices in eight bits, the rest in half
precision) and ``text/``, the sentence encoder, which is loaded by the first query in words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from torch import Tensor
from torch.nn import functional as F

from clapsep_desktop.errors import ModelDamagedError, ModelMismatchError, ModelMissingError
from clapsep_desktop.model import folder as folders
from clapsep_desktop.model import lowbit
from clapsep_desktop.model.interface import SpectralFilter, SpectralGrid, WindowPlan
from clapsep_desktop.model.mini_net import MiniConfig, MiniNet, fold_norms
from clapsep_desktop.model.text import SentenceEncoder

ARCHITECTURE = "clapsep-mini"
FORMAT = 2
READABLE = (1, 2)
"""Formats of weights that can be loaded; the first had all of them in half precision."""

BITS = 8
LEAST_PACKED = 4096
"""Weights that a matrix must have to be packed; smaller ones would save nothing worth having."""

CONFIG_FILE = folders.CONFIG_NAME
WEIGHTS_FILE = "weights.safetensors"
TEXT_FOLDER = "text"

QUIETEST = 1e-5
"""Root mean square below which a window is not brought up to the level the network knows."""

SHORTEST_EXAMPLE = 1.0
"""s; a shorter example is heard with silence behind it."""


class Mini:
    """A `QueryModel` around a `MiniNet`.

    Args:
        net: the network; its normalisations are folded into its convolutions.
        text: folder of the sentence encoder.
        name: what the user calls the model.
    """

    def __init__(self, net: MiniNet, text: Path, name: str = "mini") -> None:
        self.name = name
        self.device = torch.device("cpu")
        self.config = net.config
        self.grid = SpectralGrid(net.config.rate, net.config.n_fft, net.config.hop)
        self.plan = WindowPlan(length=10, overlap=2, guard=0.5, batch=2, single=True)
        self.embedding_size = net.config.embedding
        self._net = fold_norms(net.eval().requires_grad_(False))
        self._text = text

    def to(self, device: torch.device) -> Mini:
        """Moves the weights to a device; the sentence encoder stays on the CPU."""
        self._net.to(device)
        self.device = device
        return self

    @torch.inference_mode()
    def filters(self, windows: Tensor, condition: Tensor | None) -> SpectralFilter:
        """See `SeparationModel.filters`; ``condition`` is (2 * embedding_size,)."""
        if condition is None:
            raise ValueError("mini needs a query")
        return self.filters_of_each(windows, condition[None])

    @torch.inference_mode()
    def filters_of_each(self, windows: Tensor, conditions: Tensor) -> SpectralFilter:
        """Filters of each window for each of several queries, the window heard once.

        Args:
            windows: see `SeparationModel.filters`, (B, n).
            conditions: float32 (Q, 2 * embedding_size).

        Returns:
            A batch of B * Q, those of one window side by side.
        """
        heard, frames = self._hear(windows)
        return self._filters(heard, conditions, frames)

    @torch.inference_mode()
    def hear_along(
        self,
        windows: Tensor,
        centres: Sequence[float],
        width: float,
        conditions: Tensor | None,
    ) -> tuple[np.ndarray, SpectralFilter | None]:
        """What is heard around some times, and what some queries would keep; heard once.

        Args:
            windows: see `SeparationModel.filters`, (B, n).
            centres: s from a window's start.
            width: s around each.
            conditions: see `filters_of_each`; None where no filters are wanted.

        Returns:
            L2-normalised embeddings, float32 (B, len(centres), embedding_size), and the filters
            of `filters_of_each`.
        """
        heard, frames = self._hear(windows)
        features, _ = heard
        per_second = features[-1].shape[2] / (windows.shape[1] / self.grid.rate)
        rows = self._net.embed_along(
            features, [centre * per_second for centre in centres], width * per_second
        )
        filters = None if conditions is None else self._filters(heard, conditions, frames)
        return rows.cpu().numpy(), filters

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """See `QueryModel.embed_text`."""
        return self._sentence_encoder.embed(texts)

    @torch.inference_mode()
    def embed_audio(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        """See `QueryModel.embed_audio`."""
        shortest = int(SHORTEST_EXAMPLE * self.grid.rate)
        rows = []
        for clip in clips:
            samples = torch.from_numpy(np.asarray(clip, dtype=np.float32)).to(self.device)
            samples = F.pad(samples, (0, max(0, shortest - len(samples))))
            (features, _), _ = self._hear(samples[None])
            rows.append(self._net.embed(features)[0].cpu().numpy())
        return np.stack(rows) if rows else np.empty((0, self.embedding_size), np.float32)

    def _hear(self, windows: Tensor) -> tuple[tuple[list[Tensor], Tensor], int]:
        """What `MiniNet.hear` makes of windows (B, n), and the frames of their spectrum."""
        spectrum = self._net.spectrum(_levelled(windows.to(self.device)))
        return self._net.hear(spectrum.abs()), spectrum.shape[2]

    def _filters(
        self, heard: tuple[list[Tensor], Tensor], conditions: Tensor, frames: int
    ) -> SpectralFilter:
        """Filters of B * Q, for the first frames of B windows that were heard.

        What a query keeps, the one with its sides exchanged removes. The network is asked both
        and does better by the mean of its answers than by either.
        """
        asked = conditions.to(self.device)
        exchanged = asked.roll(self.embedding_size, dims=1)
        both = torch.cat([asked, exchanged]).repeat(len(heard[1]), 1)
        logits = self._net.mask_logits(heard, both)[:, :, :frames]
        straight, opposite = logits.unflatten(0, (-1, 2, len(asked))).unbind(1)  # (B, Q, bins, T)
        mean = ((straight - opposite) / 2).flatten(0, 1)
        return SpectralFilter(torch.sigmoid(mean).transpose(1, 2).contiguous())

    @cached_property
    def _sentence_encoder(self) -> SentenceEncoder:
        return SentenceEncoder.load(self._text)


def _levelled(windows: Tensor) -> Tensor:
    """Windows (B, n) brought to a root mean square of 1: a query does not depend on loudness."""
    level = windows.square().mean(dim=1, keepdim=True).sqrt()
    return windows / level.clamp_min(QUIETEST)


def load(folder: Path, device: torch.device) -> Mini:
    """The model in a folder, on a device.

    Raises:
        ModelMissingError: a file is absent.
        ModelDamagedError: the description is damaged, or the weights are not those it names.
        ModelMismatchError: the weights do not fit the sizes in config.json.
    """
    folder = Path(folder)
    description = folders.read_config(folder)
    if description.get("format") not in READABLE:
        raise ModelMismatchError(f"{folder} does not hold a mini model of this version.")
    try:
        sha256 = description["files"][WEIGHTS_FILE]["sha256"]
        weights = _read_weights(folder / WEIGHTS_FILE, sha256)
        with torch.random.fork_rng(devices=()):  # what it starts from is replaced at once
            net = MiniNet(_sizes(description["sizes"]))
        shapes = {name: weight.shape for name, weight in net.state_dict().items()}
        net.load_state_dict(
            {
                name: torch.from_numpy(weight.reshape(shapes.get(name, weight.shape)))
                for name, weight in weights.items()
            }
        )
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ModelMismatchError(
            f"The weights in {folder} do not fit its {CONFIG_FILE}: {error}"
        ) from error
    return Mini(net, folder / TEXT_FOLDER, folder.name).to(device)


def save(net: MiniNet, folder: Path, **notes: Any) -> None:
    """Writes config.json and the weights in few bits; the sentence encoder is not touched.

    Args:
        net: the network as trained, its normalisations not folded.
        folder: made if it does not exist.
        notes: anything worth knowing about the weights, kept in config.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state: dict[str, np.ndarray] = {}
    for name, weight in net.state_dict().items():
        # Training may leave weights in another order of memory, which safetensors would not see.
        state |= _compact(name, np.ascontiguousarray(weight.cpu().numpy()))
    data = save_arrays(state)
    description = {
        "architecture": ARCHITECTURE,
        "format": FORMAT,
        "sizes": asdict(net.config),
        **notes,
        "files": {
            WEIGHTS_FILE: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()},
            **_described(folder / TEXT_FOLDER),
        },
    }
    folders.write_whole(folder / WEIGHTS_FILE, data)
    folders.write_config(folder, description)


def _compact(name: str, weight: np.ndarray) -> dict[str, np.ndarray]:
    """A weight as the arrays that keep it: packed if it is a large matrix, else in 16 bits."""
    if weight.ndim > 1 and weight.size >= LEAST_PACKED:
        rows = weight.reshape(len(weight), -1)
        group = lowbit.fitting_group(rows.shape[1])
        if group is not None:
            return lowbit.stored(name, lowbit.pack(rows, BITS, group))
    return {name: weight.astype(np.float16) if weight.dtype.kind == "f" else weight}


def _described(text: Path) -> dict[str, Any]:
    """Size and hash of every file of the sentence encoder, where there is one already."""
    files = sorted(text.glob("*")) if text.is_dir() else []
    return {f"{TEXT_FOLDER}/{path.name}": folders.describe(path) for path in files}


def _sizes(stored: dict[str, Any]) -> MiniConfig:
    known = {field.name for field in fields(MiniConfig)}
    if set(stored) != known:
        raise KeyError(f"sizes {sorted(set(stored) ^ known)}")
    return MiniConfig(**{**stored, "widths": tuple(stored["widths"])})


def _read_weights(path: Path, sha256: str) -> dict[str, np.ndarray]:
    """Every weight by its name in the network, float32; a matrix may have lost its shape."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ModelMissingError(f"{path} is missing. Install the model again.") from None
    except OSError as error:
        raise ModelDamagedError(f"{path} cannot be read: {error}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ModelDamagedError(
            f"{path} is not the file its {CONFIG_FILE} describes. Install the model again."
        )
    try:
        return dict(lowbit.unpacked(load_arrays(data)))
    except (KeyError, SafetensorError) as error:
        raise ModelDamagedError(f"{path} is damaged: {error}. Install the model again.") from error
