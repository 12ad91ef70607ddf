"""The published CLAPSep as a model the engine can run: folder in, filters out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from clapsep_desktop.model import checkpoint, precision
from clapsep_desktop.model.config import BaseConfig
from clapsep_desktop.model.folder import read_config
from clapsep_desktop.model.interface import SpectralFilter, SpectralGrid, WindowPlan
from clapsep_desktop.model.resample import Resampler
from clapsep_desktop.model.tokenizer import MERGES_FILE, VOCABULARY_FILE, TextTokenizer
from clapsep_desktop.model.towers import AudioEmbedder, TextEmbedder

OVERLAP_SECONDS = 2
GUARD_SECONDS = 0.5
BATCH_ON_CPU, BATCH_ELSEWHERE = 1, 8
"""Windows heard together; a CPU gains nothing from more than one."""


class ClapSep:
    """A `QueryModel`. The separator is loaded at once, CLAP's two sides when first asked for.

    Several threads may call it at once; nothing is kept between calls but weights.

    Args:
        folder: written by `install`.
        config: its sizes.
        device: where the separator is to compute.
        dtype: in what; None chooses what suits the device and the weights, see `precision`.

    Attributes:
        device: where the separator computes; CLAP's two sides always do so on the CPU.
        keep_embedders: keeps CLAP's two sides after use, for many queries in a row. Otherwise
            they are freed as soon as they have answered.
    """

    def __init__(
        self,
        folder: Path,
        config: BaseConfig,
        device: torch.device,
        dtype: torch.dtype | None = None,
    ) -> None:
        self.name = folder.name
        self.grid = SpectralGrid(config.rate, config.n_fft, config.hop, "hann")
        self.embedding_size = config.embedding
        self.keep_embedders = False
        self._folder, self._config = folder, config
        self._tokenizer = TextTokenizer(
            folder / VOCABULARY_FILE,
            folder / MERGES_FILE,
            config.text.vocabulary,
            config.text.max_tokens,
        )
        self._resampler = Resampler(config.rate, config.audio.rate)
        self._lock = threading.Lock()
        self._text: TextEmbedder | None = None
        self._audio: AudioEmbedder | None = None
        self.to(device, dtype)

    @property
    def precision(self) -> torch.dtype:
        """In what the separator computes."""
        return self._net.audio.norm.weight.dtype

    def to(self, device: torch.device, dtype: torch.dtype | None = None) -> None:
        """Loads the separator anew for a device, in ``dtype`` or the precision that suits it."""
        if dtype is None:
            dtype = precision.chosen(device, precision.read_changes(self._folder))
        net = checkpoint.load_separator(self._folder, self._config)
        net.fix()
        net.set_precision(dtype)
        self._net = net.to(device)
        self.device = net.window.device
        self.plan = _plan(self._config, self.device)

    def filters(self, windows: Tensor, condition: Tensor | None) -> SpectralFilter:
        """See `SeparationModel.filters`."""
        if condition is None:
            raise ValueError("a CLAPSep needs a query's condition")
        if windows.shape[1] > self._config.samples:
            raise ValueError(f"a window is longer than {self._config.seconds} seconds")
        net = self._net  # `to` may put another one in its place meanwhile
        with torch.inference_mode():
            mask = net(windows.to(net.window.device), condition.to(net.window.device)[None])
        return SpectralFilter(mask)

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """See `QueryModel.embed_text`."""
        if not texts:
            return np.zeros((0, self.embedding_size), np.float32)
        with self._lock, torch.inference_mode():
            if self._text is None:
                self._text = checkpoint.load_text_embedder(self._folder, self._config)
            embeddings = self._text(self._tokenizer(texts)).numpy()
            if not self.keep_embedders:
                self._text = None
        return embeddings

    def embed_audio(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        """See `QueryModel.embed_audio`. Any length above zero; see `heard_pieces`."""
        with self._lock, torch.inference_mode():
            if clips and self._audio is None:
                self._audio = checkpoint.load_audio_embedder(self._folder, self._config)
            embeddings = [self._embed_clip(self._audio, clip) for clip in clips if self._audio]
            if not self.keep_embedders:
                self._audio = None
        return (
            np.stack(embeddings) if embeddings else np.zeros((0, self.embedding_size), np.float32)
        )

    def _embed_clip(self, embedder: AudioEmbedder, clip: np.ndarray) -> np.ndarray:
        waveform = torch.from_numpy(np.ascontiguousarray(clip, np.float32))
        pieces = [
            embedder(self._resampler(piece[None]))
            for piece in heard_pieces(waveform, self._config.samples)
        ]
        mean = F.normalize(torch.cat(pieces).mean(dim=0), dim=0)
        return mean.numpy()


def load(folder: Path, device: torch.device) -> ClapSep:
    """Loads a model folder written by `checkpoint`.

    Raises:
        ModelError: the folder is damaged, incomplete or of another version.
    """
    config = checkpoint.read_sizes(read_config(folder), folder)
    return ClapSep(folder, config, device)


def heard_pieces(waveform: Tensor, samples: int) -> list[Tensor]:
    """A clip as CLAP hears it: pieces of exactly ``samples``.

    A shorter clip is repeated as often as it fits and followed by silence, as in CLAP's own
    training. A longer one is cut into the fewest pieces that cover it, evenly spaced.
    """
    length = waveform.shape[0]
    if length == 0:
        raise ValueError("an example must hold at least one sample")
    if length <= samples:
        repeated = waveform.repeat(samples // length)
        return [F.pad(repeated, (0, samples - repeated.shape[0]))]
    count = -(-length // samples)
    starts = np.linspace(0, length - samples, count).round().astype(int)
    return [waveform[start : start + samples] for start in starts]


def _plan(config: BaseConfig, device: torch.device) -> WindowPlan:
    overlap = min(OVERLAP_SECONDS, config.seconds - 1)
    guard = GUARD_SECONDS if overlap > 2 * GUARD_SECONDS else 0.0
    batch = BATCH_ON_CPU if device.type == "cpu" else BATCH_ELSEWHERE
    return WindowPlan(config.seconds, overlap, guard, batch)
