"""Finished parts of an extraction, and how one ends at the edges of what was selected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.timebase import Span

EDGE = 0.010
"""s; the cross-fade between the recording and the kept sound inside each edge of a selection."""


@dataclass(frozen=True)
class Block:
    """A finished part of an extraction."""

    span: Span  # frames of the recording
    source: np.ndarray  # the recording there, float32 or float64 (n, channels)
    kept: np.ndarray  # the same shape and dtype
    done: int  # frames finished so far, this block's included
    total: int  # frames in the extraction

    @cached_property
    def removed(self) -> np.ndarray:
        """What the kept sound lacks of the source, the same shape and dtype."""
        return np.asarray(self.source - self.kept)

    @property
    def progress(self) -> float:
        """Part of the extraction that is finished, 0 to 1."""
        return self.done / self.total


def assemble(blocks: Iterable[Block]) -> np.ndarray:
    """The kept sound of a whole extraction, (span's length, channels), from blocks in any order.

    For recordings that fit into memory.
    """
    ordered = sorted(blocks, key=lambda block: block.span)
    return np.concatenate([block.kept for block in ordered])


def presence(span: Span, selection: Span, source: AudioSource) -> np.ndarray:
    """How much of an extraction counts in each frame: less than 1 at a selection's edges.

    Args:
        span: the frames, all within the selection.
        selection: what is worked on; it has no edges where the recording begins and ends.
        source: the recording.

    Returns:
        float64 (span.length,), 0 to 1.
    """
    length = min(round(EDGE * source.rate), selection.length // 4)
    counting = np.ones(span.length)
    if selection.start > 0 and span.start < selection.start + length:
        counting *= _fade(np.arange(span.start, span.stop) - selection.start, length)
    if selection.stop < source.frames and span.stop > selection.stop - length:
        counting *= _fade(selection.stop - 1 - np.arange(span.start, span.stop), length)
    return counting


def blended(own: np.ndarray, kept: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """A recording (n, channels), less what is not kept of it times ``amount``, 0 to 1, (n,)."""
    if (amount == 1.0).all():
        return kept
    return np.asarray(own - amount.astype(own.dtype)[:, None] * (own - kept))


def _fade(frames: np.ndarray, length: int) -> np.ndarray:
    """Raised cosine from 0 to 1 over the frames 0 to ``length``."""
    progress = np.clip((frames + 0.5) / length, 0.0, 1.0)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * progress))
