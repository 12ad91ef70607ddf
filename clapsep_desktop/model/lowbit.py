"""Weights in few bits: uniform levels per group, stored as bit planes.

A matrix is cut into groups of neighbouring columns. Every group has one scale, and every weight
is one of ``2**bits`` levels that lie symmetrically around zero: with the code ``q``,

    weight = scale * (q - (2**bits - 1) / 2)

Plane ``i`` holds bit ``i`` of all codes, eight to a byte. Planes make every width from 1 to 8
bits equally simple to store and quick to read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

GROUP = 64  # columns that share a scale
_CLIPS = np.linspace(0.5, 1.0, 26)  # shares of a group's peak that are tried as its range


@dataclass(frozen=True)
class PackedMatrix:
    """A matrix (rows, columns) in few bits.

    Attributes:
        planes: uint8 (bits, rows, columns / 8).
        scale: float16 (rows, columns / group).
    """

    planes: np.ndarray
    scale: np.ndarray


def pack(matrix: np.ndarray, bits: int, group: int = GROUP) -> PackedMatrix:
    """Round a matrix to ``bits`` per weight, each group's range chosen for the least error.

    Args:
        matrix: float32 (rows, columns); ``group`` must divide the columns, and 8 the group.
        bits: 1 to 8.
        group: columns that share a scale.
    """
    rows, columns = matrix.shape
    if not 1 <= bits <= 8 or columns % group or group % 8:
        raise ValueError(f"cannot pack {rows} x {columns} in {bits} bits by groups of {group}")
    groups = matrix.astype(np.float32).reshape(rows, columns // group, group)
    scale = _best_scale(groups, bits)
    codes = _codes(groups, scale, bits).reshape(rows, columns)
    planes = [np.packbits((codes >> bit) & 1, axis=1) for bit in range(bits)]
    return PackedMatrix(np.stack(planes), scale)


def unpack(packed: PackedMatrix) -> np.ndarray:
    """The matrix, float32 (rows, columns)."""
    bits, rows, eighths = packed.planes.shape
    codes = np.zeros((rows, eighths * 8), np.uint8)
    for bit in range(bits):
        codes |= np.unpackbits(packed.planes[bit], axis=1) << np.uint8(bit)
    groups = codes.reshape(rows, packed.scale.shape[1], -1).astype(np.float32)
    groups -= _middle(bits)
    groups *= packed.scale.astype(np.float32)[..., None]
    return groups.reshape(rows, -1)


def fitting_group(columns: int) -> int | None:
    """The largest group, of `GROUP` columns at most, that cuts so many evenly; None if none does.

    >>> fitting_group(1296), fitting_group(513)
    (48, None)
    """
    return next((g for g in range(GROUP, 7, -8) if columns % g == 0), None)


def stored(name: str, packed: PackedMatrix) -> dict[str, np.ndarray]:
    """A packed matrix as two arrays of a file, named after the weight."""
    return {f"{name}.planes": packed.planes, f"{name}.scale": packed.scale}


def unpacked(arrays: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Every weight of a file by its name, float32: matrices from `stored`, others as they are.

    Raises:
        KeyError: a matrix lacks its scale.
    """
    for key, array in arrays.items():
        name, _, kind = key.rpartition(".")
        if kind == "planes":
            yield name, unpack(PackedMatrix(array, arrays[f"{name}.scale"]))
        elif kind != "scale" or f"{name}.planes" not in arrays:
            yield key, array.astype(np.float32)


def _middle(bits: int) -> np.float32:
    return np.float32((2**bits - 1) / 2)


def _codes(groups: np.ndarray, scale: np.ndarray, bits: int) -> np.ndarray:
    """The nearest level of every weight, uint8 (rows, groups, group)."""
    steps = groups / np.maximum(scale.astype(np.float32), np.finfo(np.float16).tiny)[..., None]
    codes: np.ndarray = np.clip(np.rint(steps + _middle(bits)), 0, 2**bits - 1).astype(np.uint8)
    return codes


def _best_scale(groups: np.ndarray, bits: int) -> np.ndarray:
    """Per group the scale with the least squared error, float16 (rows, groups)."""
    peak = np.abs(groups).max(axis=2)
    best = np.zeros(peak.shape, np.float16)
    least = np.full(peak.shape, np.inf, np.float32)
    for clip in _CLIPS:
        scale = (clip * peak / _middle(bits)).astype(np.float16)
        levels = _codes(groups, scale, bits).astype(np.float32) - _middle(bits)
        error = np.square(levels * scale.astype(np.float32)[..., None] - groups).sum(axis=2)
        better = error < least
        best[better], least[better] = scale[better], error[better]
    return best
