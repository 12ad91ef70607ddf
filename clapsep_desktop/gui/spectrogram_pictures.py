"""Coloured pictures of spectrogram tiles, as high as the view, kept while they are of use.

A tile's bins are laid out over the view's rows first, which depends on its height and the scale of
frequencies, and then coloured by a table, which is all that another map, floor or ceiling redoes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from PySide6.QtGui import QImage

from clapsep_desktop.gui.colour_maps import colour_table
from clapsep_desktop.gui.frequency_scale import FrequencyScale, row_map
from clapsep_desktop.gui.tiles import TileKey

_BYTES: Final = 64 << 20  # of rows and pictures together
_LEAST: Final = 40  # pictures that are kept whatever they take: a screen of 8K shows 31


@dataclass(frozen=True)
class SpectrogramStyle:
    """What a picture depends on beside its tile; the height is in device pixels."""

    height: int
    scale: FrequencyScale
    rate: int
    colours: str
    floor: float
    ceiling: float


class _Picture:
    """A tile's rows and their colours."""

    def __init__(self, tile: np.ndarray, rows: np.ndarray) -> None:
        self.tile = tile
        self.rows = rows
        self.pixels = np.empty(rows.shape, np.uint32)
        height, width = rows.shape
        self.image = QImage(self.pixels.data, width, height, width * 4, QImage.Format.Format_RGB32)

    def colour(self, table: np.ndarray) -> None:
        np.take(table, self.rows, out=self.pixels, mode="clip")


class SpectrogramPictures:
    """Pictures of tiles in the style of the last one that was asked for."""

    def __init__(self) -> None:
        self._style: SpectrogramStyle | None = None
        self._pictures: dict[TileKey, _Picture] = {}

    def picture(self, key: TileKey, tile: np.ndarray, style: SpectrogramStyle) -> QImage:
        """The picture of a tile, made if it is not there.

        Its last column is there twice: stretched to a width, Qt may leave the last pixel out, and
        what is drawn one pixel too wide leaves no gap before the next tile.
        """
        self._adopt(style)
        picture = self._pictures.pop(key, None)
        if picture is None or picture.tile is not tile:
            rows = row_map(style.scale, style.height, key.settings.fft, style.rate).apply(tile)
            picture = _Picture(tile, np.hstack((rows, rows[:, -1:])))
            picture.colour(_table(style))
            self._make_room(picture)
        self._pictures[key] = picture  # the last one is the most recently used
        return picture.image

    def has(self, key: TileKey, tile: np.ndarray, style: SpectrogramStyle) -> bool:
        """Whether a picture need not be made."""
        picture = self._pictures.get(key)
        return picture is not None and picture.tile is tile and style == self._style

    def clear(self) -> None:
        """Forget all."""
        self._pictures.clear()

    def _adopt(self, style: SpectrogramStyle) -> None:
        former, self._style = self._style, style
        if former is None or former == style:
            return
        if (former.height, former.scale, former.rate) != (style.height, style.scale, style.rate):
            self._pictures.clear()
            return
        for picture in self._pictures.values():
            picture.colour(_table(style))

    def _make_room(self, picture: _Picture) -> None:
        size = picture.rows.nbytes + picture.pixels.nbytes
        while len(self._pictures) >= max(_BYTES // size, _LEAST):
            del self._pictures[next(iter(self._pictures))]


def _table(style: SpectrogramStyle) -> np.ndarray:
    return colour_table(style.colours, style.floor, style.ceiling)
