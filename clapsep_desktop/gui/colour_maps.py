"""Colours of the spectrogram: tables from a tile's bytes to pixels.

As tiles hold decibels, another map, range or ceiling is another table and nothing else.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import pyqtgraph as pg

from clapsep_desktop.audio.spectrogram import FLOOR, STEP

COLOUR_MAPS: Final = {
    "magma": "Magma",
    "viridis": "Viridis",
    "inferno": "Inferno",
    "grey": "Grey",
}
"""Names and what the user reads for them."""

_SHADES = 1024


@lru_cache(maxsize=64)
def colour_table(name: str, floor: float, ceiling: float) -> np.ndarray:
    """A colour for each byte of a tile.

    Args:
        name: one of `COLOUR_MAPS`.
        floor: dBFS of the darkest colour and all below.
        ceiling: dBFS of the brightest and all above.

    Returns:
        uint32 (256,), 0xffRRGGBB as in QImage's Format_RGB32.

    Raises:
        KeyError: there is no such map.
    """
    if name not in COLOUR_MAPS:
        raise KeyError(name)
    decibels = FLOOR + STEP * np.arange(256)
    place = np.clip((decibels - floor) / max(ceiling - floor, STEP), 0, 1)
    shades = _shades(name)[np.rint(place * (_SHADES - 1)).astype(int)].astype(np.uint32)
    table: np.ndarray = 0xFF000000 | shades[:, 0] << 16 | shades[:, 1] << 8 | shades[:, 2]
    return table.astype(np.uint32)


@lru_cache(maxsize=len(COLOUR_MAPS))
def _shades(name: str) -> np.ndarray:
    """A map, dark to bright: uint8 (_SHADES, 3)."""
    colours = (
        pg.ColorMap([0.0, 1.0], [(0, 0, 0), (255, 255, 255)])
        if name == "grey"
        else pg.colormap.get(name)
    )
    table: np.ndarray = colours.getLookupTable(nPts=_SHADES, alpha=False)
    return table
