"""Integer parts that add up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from clapsep_desktop.audio.quantize import Dither, split, to_integers

BITS = st.sampled_from([8, 16, 24, 32])
LOUD = st.floats(-3.0, 3.0)


@given(bits=BITS, source=hnp.arrays(np.float64, 40, elements=LOUD), data=st.data())
def test_parts_add_up_and_fit_whatever_the_samples(bits, source, data):
    kept = data.draw(hnp.arrays(np.float64, 40, elements=LOUD))
    parts = split(source, kept, bits)
    whole, _ = to_integers(source, bits)
    limit = 2 ** (bits - 1)
    np.testing.assert_array_equal(parts.kept + parts.removed, whole)
    for part in (parts.kept, parts.removed):
        assert part.min() >= -limit
        assert part.max() < limit


@given(bits=BITS, source=hnp.arrays(np.float64, 40, elements=st.floats(-1.0, 0.99)))
def test_nothing_is_clipped_where_the_kept_part_lies_between_silence_and_the_source(bits, source):
    shares = np.linspace(0, 1, 40)
    parts = split(source, source * shares, bits)
    assert (parts.clipped_kept, parts.clipped_removed) == (0, 0)
    whole, _ = to_integers(source, bits)
    assert np.abs(parts.kept - whole * shares).max() <= 1.0


@pytest.mark.parametrize(("kept", "counts"), [(0.5, (0, 0)), (1.5, (1, 0)), (-0.6, (0, 1))])
def test_clipped_samples_are_counted_on_the_side_that_lost(kept, counts):
    parts = split(np.array([0.5]), np.array([kept]), 16)
    assert (parts.clipped_kept, parts.clipped_removed) == counts


def test_a_source_beyond_full_scale_counts_as_clipped():
    parts = split(np.array([1.5, 1.5]), np.array([1.5, 0.5]), 16)
    assert (parts.clipped_kept, parts.clipped_removed) == (1, 1)


def test_dither_makes_the_mean_true_and_the_noise_independent_of_the_sound():
    """A constant of a tenth of a step is lost by rounding, but not by dithered rounding."""
    step = 2.0**-7
    values = np.full((200_000, 1), 0.1 * step)
    assert not to_integers(values, 8)[0].any()
    rounded, _ = to_integers(Dither(8)(values), 8)
    assert rounded.mean() == pytest.approx(0.1, abs=0.01)
    # The error of triangular dither has a variance of a quarter of a step squared, at any level.
    for level in (0.0, 0.3, 0.5):
        rounded, _ = to_integers(Dither(8)(np.full((200_000, 1), level * step)), 8)
        assert (rounded - level).var() == pytest.approx(0.25, rel=0.03)


def test_dither_is_the_same_in_every_run():
    samples = np.zeros((1_000, 2), np.float32)
    np.testing.assert_array_equal(Dither(16)(samples), Dither(16)(samples))
    assert np.abs(Dither(16)(samples)).max() <= 2.0**-15
