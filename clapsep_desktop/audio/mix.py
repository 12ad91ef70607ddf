"""What is heard of a stack of extractions: the recording less what they take away.

With ``x`` the recording and ``r`` what each layer takes away at a gain ``g``:

    kept = x - sum of g r,    removed = x - kept
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from clapsep_desktop.audio.source import AudioSource

Role = Literal["kept", "removed"]


@dataclass(frozen=True)
class Layer:
    """What one extraction takes away.

    Attributes:
        source: of the recording's rate and channels, as long as the extraction's span.
        start: frame of the recording with which it begins; the rest of it may reach beyond the
            recording's ends.
        gain: 0 takes nothing away, 1 all of it.
    """

    source: AudioSource
    start: int
    gain: float

    @property
    def stop(self) -> int:
        """One past the last frame of the recording that it reaches."""
        return self.start + self.source.frames


class MixSource:
    """The kept or the removed side of a recording under some layers; an `AudioSource`.

    Frames that no layer reaches are the recording's own, bit for bit, and silent on the removed
    side. Samples have the recording's own type; sums are taken in float64.

    Args:
        base: the recording.
        layers: what is taken away; their order does not matter.
        role: which side.

    Raises:
        ValueError: a layer of another rate or number of channels.
    """

    def __init__(self, base: AudioSource, layers: Sequence[Layer], *, role: Role) -> None:
        form = base.rate, base.channels
        if any((layer.source.rate, layer.source.channels) != form for layer in layers):
            raise ValueError("every layer must have the recording's rate and channels")
        self.rate = base.rate
        self.channels = base.channels
        self.frames = base.frames
        self.base = base
        self.layers = tuple(layer for layer in layers if layer.gain)
        self.role: Role = role

    def read(self, start: int, stop: int) -> np.ndarray:
        """See `AudioSource.read`."""
        samples = self.base.read(start, stop)
        reaching = [layer for layer in self.layers if layer.start < stop and start < layer.stop]
        if not reaching:
            return samples if self.role == "kept" else np.zeros_like(samples)
        kept = _less(samples, reaching, start)
        if self.role == "kept":
            return kept
        with np.errstate(invalid="ignore"):  # infinite samples less themselves are NaN
            removed: np.ndarray = samples - kept
        return removed


def _less(samples: np.ndarray, layers: list[Layer], start: int) -> np.ndarray:
    """Samples from a frame on, less the layers that reach them, in the samples' own type."""
    rest = samples.astype(np.float64)
    stop = start + len(samples)
    for layer in layers:
        first, last = max(start, layer.start), min(stop, layer.stop)
        taken = layer.source.read(first - layer.start, last - layer.start)
        rest[first - start : last - start] -= np.multiply(taken, layer.gain, dtype=np.float64)
    return rest.astype(samples.dtype)
