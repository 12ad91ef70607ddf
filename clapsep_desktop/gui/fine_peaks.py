"""Fine bins of the waveform joined to pixels, for zooms between samples and `PeakPyramid`."""

from __future__ import annotations

import numpy as np

from clapsep_desktop.audio.peaks import Peaks
from clapsep_desktop.gui.tiles import FINE_BIN


def join_fine(fine: np.ndarray, start: float, stop: float, pixels: int) -> Peaks:
    """What pixels show of fine bins; as `PeakPyramid.query`, for pixels wider than a bin.

    Args:
        fine: float32 (3, bins, channels) as of `FineKey`.
        start: frame at the left edge, counted from the first bin; may lie before it.
        stop: frame at the right edge; may lie behind the last bin.
        pixels: between the two.
    """
    bins, channels = fine.shape[1:]
    edges = start + (stop - start) * (np.arange(pixels + 1) / pixels)
    places = np.ceil(edges / FINE_BIN - 1e-9).astype(np.int64)
    shown = np.flatnonzero((places[1:] > 0) & (places[:-1] < bins))
    joined = np.full((3, pixels, channels), np.nan, np.float32)
    if len(shown):
        inside = slice(shown[0], shown[-1] + 1)
        firsts = np.maximum(places[:-1][inside], 0)
        last = min(places[1:][inside][-1], bins)
        parts = firsts - firsts[0]
        joined[0, inside] = np.minimum.reduceat(fine[0, firsts[0] : last], parts, axis=0)
        joined[1, inside] = np.maximum.reduceat(fine[1, firsts[0] : last], parts, axis=0)
        energy = np.add.reduceat(np.square(fine[2, firsts[0] : last]), parts, axis=0)
        counts = np.diff(np.append(firsts, last))
        joined[2, inside] = np.sqrt(energy / counts[:, None])
    return Peaks(*joined)
