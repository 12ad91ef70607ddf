"""What one step of the stack changed, and the proof that it changed nothing else."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.gui.jobs import Progress, Steps
from clapsep_desktop.gui.wording import rounded
from clapsep_desktop.timebase import Span

COMPARED_AT_ONCE = 1 << 17
"""Frames between two chances to stop."""


@dataclass(frozen=True)
class Comparison:
    """What a step changed.

    Attributes:
        rms: of the difference within the step's span, full scale = 1.0; 0 where there is none.
        peak: the largest sample of the difference.
        null: the largest |original - (kept + removed)| within the span; 0 where the sum is exact.
        outside_equal: whether the sound before and after the step has one SHA-256 outside its
            span.
    """

    rms: float
    peak: float
    null: float
    outside_equal: bool

    @property
    def sentences(self) -> tuple[str, str, str]:
        """What changed, how exact it is and what stayed, for the user."""
        return (
            f"Changed by {decibels(self.rms)} (RMS), {decibels(self.peak)} at most."
            if self.rms > 0
            else "Nothing changed.",
            "Kept and removed add up to the original exactly."
            if self.null == 0
            else f"Kept and removed add up to the original within {decibels(self.null)}.",
            "Outside the selection every sample is the same."
            if self.outside_equal
            else "Samples outside the selection differ.",
        )


def decibels(level: float) -> str:
    """A level in dB of full scale.

    >>> decibels(0.1), decibels(0.0)
    ('−20.0 dBFS', '−∞ dBFS')
    """
    if level <= 0:
        return "−∞ dBFS"
    return f"{rounded(20 * math.log10(level), 1)} dBFS"


def compare_steps(
    before: AudioSource, after: AudioSource, original: AudioSource, removed: AudioSource, span: Span
) -> Steps[Comparison]:
    """Compare the sound before and after a step.

    Args:
        before: what the step heard, of the whole recording.
        after: the same less what the step takes away.
        original: the recording.
        removed: original less after.
        span: the step's.
    """
    squares, samples, peak, null = 0.0, 0, 0.0, 0.0
    digests = hashlib.sha256(), hashlib.sha256()
    for part in _parts(span, before.frames):
        old, new = before.read(part.start, part.stop), after.read(part.start, part.stop)
        if span.start <= part.start < span.stop:
            difference = old.astype(np.float64) - new
            squares += float(np.square(difference).sum())
            samples += difference.size
            peak = max(peak, _largest(difference))
            total = new.astype(np.float64) + removed.read(part.start, part.stop)
            exact = original.read(part.start, part.stop)
            null = max(null, _largest(exact - total.astype(exact.dtype)))
        else:
            for digest, block in zip(digests, (old, new), strict=True):
                digest.update(np.ascontiguousarray(block).data)
        yield Progress("comparing", part.stop / before.rate, before.frames / before.rate)
    return Comparison(
        rms=math.sqrt(squares / max(samples, 1)),
        peak=peak,
        null=null,
        outside_equal=digests[0].digest() == digests[1].digest(),
    )


def _parts(span: Span, frames: int) -> list[Span]:
    """The whole recording in parts, none of which crosses an edge of the span."""
    edges = sorted({*range(0, frames, COMPARED_AT_ONCE), span.start, span.stop, frames})
    return [Span(start, stop) for start, stop in pairwise(edges)]


def _largest(values: np.ndarray) -> float:
    return float(np.abs(values).max(initial=0.0))
