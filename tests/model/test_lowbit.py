"""Packing loses at most half a level, and unpacking needs nothing but the planes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.model.lowbit import fitting_group, pack, stored, unpack, unpacked


def _matrix(seed: int, rows: int, columns: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)


@given(
    st.integers(1, 8),
    st.integers(1, 5),
    st.integers(1, 4),
    st.sampled_from([8, 32, 64]),
    st.integers(0, 2**32 - 1),
)
def test_what_is_packed_is_packed_again_unchanged(
    bits: int, rows: int, groups: int, group: int, seed: int
) -> None:
    packed = pack(_matrix(seed, rows, groups * group), bits, group)
    assert packed.planes.shape == (bits, rows, groups * group // 8)
    restored = unpack(packed)
    levels = restored.reshape(rows, groups, group) / packed.scale.astype(np.float32)[..., None]
    codes = levels + (2**bits - 1) / 2
    np.testing.assert_allclose(codes, np.rint(codes), atol=1e-3)
    assert codes.min() > -0.5
    assert codes.max() < 2**bits - 0.5


def test_eight_bits_stay_within_half_a_level() -> None:
    matrix = _matrix(0, 4, 128)
    packed = pack(matrix, 8)
    error = np.abs(unpack(packed) - matrix).reshape(4, 2, 64)
    # The ends of the range may be cut a little where that lowers the sum of squares.
    assert np.median(error / packed.scale[..., None]) <= 0.5


def test_every_bit_halves_the_error() -> None:
    matrix = _matrix(1, 16, 256)
    errors = [np.abs(unpack(pack(matrix, bits)) - matrix).mean() for bits in range(2, 9)]
    for more, less in pairwise(errors):
        assert less < 0.65 * more


def test_zeros_and_tiny_numbers_stay_small() -> None:
    matrix = np.zeros((1, 64), np.float32)
    assert not np.any(unpack(pack(matrix, 4)))
    assert np.abs(unpack(pack(matrix + 1e-30, 4))).max() < 1e-6


@pytest.mark.parametrize(("bits", "columns", "group"), [(0, 64, 64), (9, 64, 64), (4, 60, 64)])
def test_what_cannot_be_packed_is_refused(bits: int, columns: int, group: int) -> None:
    with pytest.raises(ValueError, match="cannot pack"):
        pack(_matrix(0, 2, columns), bits, group)


@given(st.integers(1, 5_000))
def test_a_group_cuts_the_columns_evenly(columns: int) -> None:
    group = fitting_group(columns)
    assert (group is None) == (columns % 8 != 0)
    if group is not None:
        assert columns % group == 0
        assert 8 <= group <= 64


def test_a_files_weights_come_back_by_name() -> None:
    matrix, vector = _matrix(1, 6, 48), _matrix(2, 1, 5)[0].astype(np.float16)
    file = {**stored("a.weight", pack(matrix, 8, 48)), "a.bias": vector, "norm.scale": vector}
    weights = dict(unpacked(file))
    assert list(weights) == ["a.weight", "a.bias", "norm.scale"]
    np.testing.assert_allclose(weights["a.weight"], matrix, atol=np.abs(matrix).max() / 127)
    assert weights["norm.scale"].dtype == np.float32
    with pytest.raises(KeyError):
        dict(unpacked({"a.planes": file["a.weight.planes"]}))
