"""Integer samples that add up: the kept and the removed part of a source at its own depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Quantized(NamedTuple):
    """The two parts of a source as integers, and how many of their samples were clipped.

    kept + removed = source, exactly, sample by sample.
    """

    kept: np.ndarray  # int32 or, for more than 24 bits, int64; the source's shape
    removed: np.ndarray  # the same
    clipped_kept: int
    clipped_removed: int


def to_integers(samples: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Samples of full scale 1.0 as integers of a depth, and where they were clipped.

    >>> to_integers(np.array([0.5, -1.0, 1.5]), 8)
    (array([  64, -128,  127], dtype=int32), array([False, False,  True]))
    """
    scale = 2.0 ** (bits - 1)
    rounded = np.multiply(samples, scale, dtype=np.float64)
    np.rint(rounded, out=rounded)
    clipped = (rounded < -scale) | (rounded > scale - 1)
    # With up to 24 bits even the difference of two samples fits 32 bits.
    kind = np.int32 if bits <= 24 else np.int64
    return np.clip(rounded, -scale, scale - 1, out=rounded).astype(kind), clipped


class Dither:
    """Noise of triangular distribution, two steps wide, that makes rounding errors plain noise.

    The same samples in the same blocks are dithered alike in every run. See S. P. Lipshitz et al.,
    Quantization and dither: a theoretical survey, JAES 40 (1992).

    Args:
        bits: depth of the integers, 2 to 32.
    """

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._generator = np.random.default_rng(0)

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Samples of full scale 1.0, (n, channels), with the noise on top, float64."""
        noise = self._generator.random((2, *samples.shape), np.float32)
        noisy: np.ndarray = samples + (noise[0] - noise[1]) * 2.0 ** (1 - self._bits)
        return noisy


def split(source: np.ndarray, kept: np.ndarray, bits: int) -> Quantized:
    """Round ``kept`` and give the rest of the rounded source to the removed part.

    Where that rest does not fit the depth it is clipped, and the kept part takes up what the
    clipping left over; this always fits, since both bounds are shifted towards zero.

    Args:
        source: float (frames, channels), full scale = 1.0.
        kept: float, same shape.
        bits: depth of the integers, 2 to 32.
    """
    whole, clipped_source = to_integers(source, bits)
    first, clipped_kept = to_integers(kept, bits)
    limit = 2 ** (bits - 1)
    rest = whole - first
    removed = np.clip(rest, -limit, limit - 1)
    # A source beyond full scale leaves the part that did not take the excess wrong by it.
    clipped_removed = (rest != removed) | (clipped_source & ~clipped_kept)
    return Quantized(
        kept=whole - removed,
        removed=removed,
        clipped_kept=int(np.count_nonzero(clipped_kept)),
        clipped_removed=int(np.count_nonzero(clipped_removed)),
    )


def split_stems(
    source: np.ndarray, parts: Sequence[np.ndarray], bits: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Parts that add up to a source, as integers that add up to the rounded source.

    Each is the step between two rounded sums, so that an error of rounding is made good by the
    next part. Where a step does not fit the depth it is clipped and the sum is off by as much.

    Args:
        source: float (frames, channels), full scale = 1.0.
        parts: float, same shape; their sum is the source but for their own rounding.
        bits: depth of the integers, 2 to 32.

    Returns:
        For each part the integers, and where they were clipped.
    """
    limit = 2 ** (bits - 1)
    whole, clipped_source = to_integers(source, bits)
    exact = np.zeros(source.shape, np.float64)
    before: np.ndarray = np.zeros(source.shape, np.int64)
    result = []
    for index, part in enumerate(parts, start=1):
        exact += part
        last = index == len(parts)
        after = whole if last else np.rint(exact * limit).astype(np.int64)
        step = after - before
        fitting = np.clip(step, -limit, limit - 1)
        result.append((fitting, (step != fitting) | (clipped_source & last)))
        before = after
    return result
