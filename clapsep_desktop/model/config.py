"""Sizes of the published CLAPSep, "base" (arXiv 2402.17455), and of its parts.

Every derived size is a checked division, so that a folder with sizes that do not fit together
is refused before a single weight is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from clapsep_desktop.errors import ModelMismatchError

ARCHITECTURE = "clapsep-base"
FORMAT_VERSION = 1
"""Raised when a folder written by this version could not be read by the one before."""


@dataclass(frozen=True)
class AudioTowerConfig:
    """LAION-CLAP's HTSAT: a Swin transformer over a log-mel spectrogram folded into a square."""

    rate: int = 48_000  # Hz
    n_fft: int = 1024  # samples
    hop: int = 480  # samples, 10 ms
    mels: int = 64
    mel_low: float = 50.0  # Hz
    mel_high: float = 14_000.0  # Hz
    image: int = 256  # height and width of the folded spectrogram
    patch: int = 4  # height and width of a patch
    width: int = 128  # channels of a patch; doubled from stage to stage
    depths: tuple[int, ...] = (2, 2, 12, 2)  # blocks of each stage
    heads: tuple[int, ...] = (4, 8, 16, 32)  # of each stage
    window: int = 8  # patches attended to at once, in each direction
    mlp_ratio: int = 4

    def __post_init__(self) -> None:
        _whole(self.image, self.mels, "audio.image", "audio.mels")
        _whole(self.grid, 2 ** (len(self.depths) - 1), "the patch grid", "its halvings")
        if len(self.depths) != len(self.heads):
            raise ModelMismatchError("The audio tower needs as many heads as depths.")
        for width, heads in zip(self.widths, self.heads, strict=True):
            _whole(width, heads, "audio width", "audio heads")
        for resolution in self.resolutions:
            _whole(resolution, min(self.window, resolution), "the patch grid", "audio.window")

    @property
    def folds(self) -> int:
        """Pieces of time stacked into the image, one above the other."""
        return self.image // self.mels

    @property
    def frames(self) -> int:
        """Spectrogram frames that fill the image."""
        return self.image * self.folds

    @property
    def grid(self) -> int:
        """Patches along one side of the image."""
        return _whole(self.image, self.patch, "audio.image", "audio.patch")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels inside each stage."""
        return tuple(self.width * 2**stage for stage in range(len(self.depths)))

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Patches along one side inside each stage."""
        return tuple(self.grid // 2**stage for stage in range(len(self.depths)))


@dataclass(frozen=True)
class TextTowerConfig:
    """RoBERTa, by its sizes (arXiv 1907.11692)."""

    vocabulary: int = 50_265
    width: int = 768
    layers: int = 12
    heads: int = 12
    mlp_width: int = 3072
    positions: int = 514
    max_tokens: int = 77  # longer texts are cut, shorter ones padded

    def __post_init__(self) -> None:
        _whole(self.width, self.heads, "text.width", "text.heads")
        if self.max_tokens > self.positions - 2:
            raise ModelMismatchError("The text tower has fewer positions than tokens.")


@dataclass(frozen=True)
class BaseConfig:
    """Sizes of the whole model; saved in config.json beside the weights."""

    rate: int = 32_000  # Hz, of the mixture and the mask
    n_fft: int = 1024  # samples
    hop: int = 320  # samples, 10 ms
    seconds: int = 10  # heard at once
    embedding: int = 512  # of CLAP's joint space
    mask_width: int = 640
    mask_layers: int = 3
    mask_heads: int = 8
    lora_rank: int = 16
    lora_alpha: int = 1
    audio: AudioTowerConfig = field(default_factory=AudioTowerConfig)
    text: TextTowerConfig = field(default_factory=TextTowerConfig)

    def __post_init__(self) -> None:
        _whole(self.mask_width, self.mask_heads, "mask_width", "mask_heads")
        frames_per_second = _whole(self.rate, self.hop, "rate", "hop")
        heard = _whole(self.audio.rate, self.audio.hop, "audio.rate", "audio.hop")
        if heard != frames_per_second:
            raise ModelMismatchError("The audio tower and the mask must share one frame rate.")
        if self.frames > self.audio.frames:
            raise ModelMismatchError(
                f"A window of {self.frames} frames does not fit into the audio tower's "
                f"{self.audio.frames}."
            )

    @property
    def bins(self) -> int:
        """Frequency bins of the mask."""
        return self.n_fft // 2 + 1

    @property
    def samples(self) -> int:
        """Samples of a window at ``rate``."""
        return self.seconds * self.rate

    @property
    def frames(self) -> int:
        """Frames of a window's mask, both ends included."""
        return self.samples // self.hop + 1

    @property
    def condition(self) -> int:
        """Numbers in a condition: a pair of embeddings."""
        return 2 * self.embedding

    @property
    def lora_scale(self) -> float:
        """Factor of a low-rank update (arXiv 2106.09685, section 4.1)."""
        return self.lora_alpha / self.lora_rank

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; `from_json` gives the same sizes back."""
        return asdict(self)

    @classmethod
    def from_json(cls, sizes: Mapping[str, Any]) -> BaseConfig:
        """Sizes from a JSON object; raises ModelMismatchError where they do not make a model."""
        try:
            plain = dict(sizes)
            audio, text = dict(plain.pop("audio", {})), dict(plain.pop("text", {}))
            for name in ("depths", "heads"):
                if name in audio:
                    audio[name] = tuple(audio[name])
            return cls(audio=AudioTowerConfig(**audio), text=TextTowerConfig(**text), **plain)
        except (TypeError, ValueError, ZeroDivisionError) as error:
            raise ModelMismatchError(
                f"The sizes in config.json do not make a CLAPSep ({error}). "
                "Install the model again."
            ) from error


def _whole(whole: int, part: int, name: str, part_name: str) -> int:
    """``whole / part``, which must come out even."""
    if part <= 0 or whole <= 0 or whole % part:
        raise ModelMismatchError(
            f"The model's sizes do not fit: {name} ({whole}) is not a multiple of "
            f"{part_name} ({part})."
        )
    return whole // part
