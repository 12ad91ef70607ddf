"""Pieces of the picture of a recording: what names them, and the cache that holds them.

Three kinds of piece are computed in the background: tiles of the spectrogram, samples as they are,
and fine bins of the waveform for zooms between the two. A piece's key says what it shows, down to
the layers that lie over the recording there, so that an undo finds the former pieces again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from clapsep_desktop.audio.peaks import sample_peaks
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.audio.spectrogram import COLUMNS, SpectrogramSettings, tile
from clapsep_desktop.gui.contents import Content

CACHE_BYTES: Final = 64 << 20
"""What the cache holds at most."""

SAMPLE_FRAMES: Final = 1 << 15
"""Frames in a piece of samples."""

FINE_BIN: Final = 16
"""Frames in a fine bin of the waveform."""

FINE_FRAMES: Final = 1 << 18
"""Frames in a piece of fine bins."""


@dataclass(frozen=True)
class TileKey:
    """A tile of the spectrogram: uint8 (bins, columns), low frequencies first."""

    content: Content
    zoom: int  # samples per column, a power of two
    index: int
    settings: SpectrogramSettings

    @property
    def reach(self) -> tuple[int, int]:
        """First frame that it depends on, and one past the last."""
        return tile_reach(self.zoom, self.index, self.settings.fft)

    def compute(self, source: AudioSource) -> np.ndarray:
        """Its bytes; see `spectrogram.tile`."""
        return np.ascontiguousarray(tile(source, self.zoom, self.index, self.settings).T)

    def blank(self, channels: int) -> np.ndarray:  # noqa: ARG002
        """What stands for it where the recording cannot be read; the same array every time."""
        return _blank_tile(self.settings.fft)


@dataclass(frozen=True)
class SamplesKey:
    """Samples: float32 (frames, channels), fewer at the recording's end."""

    content: Content
    index: int

    @property
    def reach(self) -> tuple[int, int]:
        """First frame that it depends on, and one past the last."""
        return self.index * SAMPLE_FRAMES, (self.index + 1) * SAMPLE_FRAMES

    def compute(self, source: AudioSource) -> np.ndarray:
        """The samples."""
        first, last = self.reach
        samples = source.read(min(first, source.frames), min(last, source.frames))
        return np.nan_to_num(samples, posinf=0.0, neginf=0.0).astype(np.float32, copy=False)

    def blank(self, channels: int) -> np.ndarray:
        """What stands for it where the recording cannot be read."""
        return np.zeros((SAMPLE_FRAMES, channels), np.float32)


@dataclass(frozen=True)
class FineKey:
    """Lowest, highest and RMS samples of fine bins: float32 (3, bins, channels), NaN past the end.

    What `PeakPyramid` tells of larger bins.
    """

    content: Content
    index: int

    @property
    def reach(self) -> tuple[int, int]:
        """First frame that it depends on, and one past the last."""
        return self.index * FINE_FRAMES, (self.index + 1) * FINE_FRAMES

    def compute(self, source: AudioSource) -> np.ndarray:
        """The bins."""
        return np.stack(sample_peaks(source, *self.reach, FINE_FRAMES // FINE_BIN))

    def blank(self, channels: int) -> np.ndarray:
        """What stands for it where the recording cannot be read."""
        return np.zeros((3, FINE_FRAMES // FINE_BIN, channels), np.float32)


PieceKey = TileKey | SamplesKey | FineKey


@lru_cache(maxsize=4)
def _blank_tile(fft: int) -> np.ndarray:
    blank = np.zeros((fft // 2 + 1, COLUMNS), np.uint8)
    blank.flags.writeable = False  # it stands for many
    return blank


def tile_reach(zoom: int, index: int, fft: int) -> tuple[int, int]:
    """Frames that a tile depends on: from the first, to one past the last."""
    margin = fft  # half a transform, or one and a half where two stand for a column
    first = index * COLUMNS * zoom
    return first - margin, first + COLUMNS * zoom + margin


class PieceCache:
    """Arrays by key; the least recently used ones go when they take too many bytes.

    Attributes:
        limit: bytes.
        size: bytes that all take now.
    """

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self.limit = limit
        self.size = 0
        self._pieces: OrderedDict[PieceKey, np.ndarray] = OrderedDict()

    def __len__(self) -> int:
        return len(self._pieces)

    def __contains__(self, key: PieceKey) -> bool:
        return key in self._pieces

    def get(self, key: PieceKey) -> np.ndarray | None:
        """A piece, which is then the most recently used; None where there is none."""
        piece = self._pieces.get(key)
        if piece is not None:
            self._pieces.move_to_end(key)
        return piece

    def put(self, key: PieceKey, piece: np.ndarray, needed: Collection[PieceKey] = ()) -> None:
        """Hold a piece, in place of a former one of that key.

        Args:
            key: its name.
            piece: an array.
            needed: what stays, whatever it takes: without it a large screen, which needs more than
                the limit, would have pieces computed over and over.
        """
        self.discard(key)
        self._pieces[key] = piece
        self.size += piece.nbytes
        if self.size > self.limit:
            for each in [one for one in self._pieces if one != key and one not in needed]:
                self.discard(each)
                if self.size <= self.limit:
                    return

    def discard(self, key: PieceKey) -> None:
        """Let a piece go, if it is there."""
        piece = self._pieces.pop(key, None)
        if piece is not None:
            self.size -= piece.nbytes

    def keys(self) -> list[PieceKey]:
        """The keys of all pieces, least recently used first."""
        return list(self._pieces)

    def clear(self) -> None:
        """Let all go."""
        self._pieces.clear()
        self.size = 0
