"""Pictures of the waveform, a block of columns at a time, kept while they are of use.

Blocks lie at multiples of their width from the recording's start, so that scrolling draws new
columns only and no column changes while it moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from PySide6.QtGui import QColor, QImage

from clapsep_desktop.audio.peaks import Peaks
from clapsep_desktop.gui.amplitude_scale import AmplitudeScale
from clapsep_desktop.gui.contents import Content
from clapsep_desktop.gui.viewdata import ViewData
from clapsep_desktop.timebase import Span

COLUMNS: Final = 256
"""Device pixels in a block."""

_BYTES: Final = 64 << 20  # of all blocks
_LEAST: Final = 40  # blocks that are kept whatever they take: a screen of 8K shows 31
_CLIPPED: Final = 0.99997  # of full scale; the largest positive value of 16 bits

_BACKGROUND, _WAVE, _BODY, _GRID, _CLIP = range(5)


@dataclass(frozen=True)
class WaveColours:
    """0xAARRGGBB, premultiplied: behind the waveform, itself, its RMS, lines and clipping."""

    background: int
    wave: int
    body: int
    grid: int
    clip: int

    @classmethod
    def of(cls, *colours: QColor) -> WaveColours:
        """From Qt's colours, in the order of the fields."""
        return cls(*(_premultiplied(colour) for colour in colours))

    @property
    def table(self) -> np.ndarray:
        """uint32 (5,) by what a pixel shows."""
        return np.array([self.background, self.wave, self.body, self.grid, self.clip], np.uint32)


@dataclass(frozen=True)
class WaveStyle:
    """What a block depends on beside the sound: all in device pixels."""

    frames_per_pixel: float
    height: int
    thickness: int  # of silence
    scale: AmplitudeScale
    colours: WaveColours
    merged: bool = False  # all channels in one lane


@dataclass(frozen=True)
class _Block:
    """A picture, its pixels, which frames it shows and whether it is final."""

    image: QImage
    pixels: np.ndarray
    first: float
    last: float
    final: bool


class WaveformPictures:
    """Blocks of the waveform of the role that is looked at."""

    def __init__(self, data: ViewData) -> None:
        self._data = data
        self._style: WaveStyle | None = None
        self._blocks: dict[tuple[Content, int], _Block] = {}

    def block(self, index: int, style: WaveStyle) -> QImage:
        """The picture of columns ``index * COLUMNS`` to the next block's.

        Column ``k`` shows frames from ``k * style.frames_per_pixel`` on.
        """
        if style != self._style:
            self._blocks.clear()
            self._style = style
        width = COLUMNS * style.frames_per_pixel
        first, last = index * width, (index + 1) * width
        key = self._data.content(int(first) - 1, int(last) + 1), index
        block = self._blocks.get(key)
        if block is None:
            block = self._draw(first, last, style)
            self._make_room(index, block.pixels.nbytes)
            self._blocks[key] = block
        return block.image

    def drop(self, span: Span | None) -> None:
        """Forget the blocks that show frames of a span, or all; they are drawn anew when seen."""
        if span is None:  # what another content shows has another key; only drafts are redone
            self._blocks = {key: each for key, each in self._blocks.items() if each.final}
            return
        self._blocks = {
            key: each
            for key, each in self._blocks.items()
            if each.last <= span.start or span.stop <= each.first
        }

    def clear(self) -> None:
        """Forget all."""
        self._blocks.clear()

    def _make_room(self, index: int, size: int) -> None:
        """Forget what lies farthest from where the user looks; blocks are of one size."""
        while len(self._blocks) >= max(_BYTES // size, _LEAST):
            del self._blocks[max(self._blocks, key=lambda key: abs(key[1] - index))]

    def _draw(self, first: float, last: float, style: WaveStyle) -> _Block:
        before = style.frames_per_pixel  # one column more, to join the first one to
        peaks, final = self._data.peaks(first - before, last, COLUMNS + 1)
        pixels = wave_pixels(peaks, style)
        image = QImage(
            pixels.data,
            COLUMNS,
            style.height,
            COLUMNS * 4,
            QImage.Format.Format_ARGB32_Premultiplied,
        )
        return _Block(image, pixels, first, last, final)


def wave_pixels(peaks: Peaks, style: WaveStyle) -> np.ndarray:
    """The pixels of a block: uint32 (height, COLUMNS), channels one below the other.

    Args:
        peaks: of one column more than the block has, at its start.
        style: how it is drawn.
    """
    if style.merged:
        peaks = _merged(peaks)
    channels = peaks.minimum.shape[1]
    shown = np.empty((style.height, COLUMNS), np.uint8)
    for channel in range(channels):
        top, bottom = lane(channel, channels, style.height)
        one = Peaks(*(values[:, channel] for values in peaks))
        _draw_lane(shown[top:bottom], one, style)
    pixels = np.empty(shown.shape, np.uint32)
    return np.take(style.colours.table, shown, out=pixels, mode="clip")


def _merged(peaks: Peaks) -> Peaks:
    """All channels as one: the lowest, the highest, and the RMS of all."""
    energy = np.square(peaks.rms).mean(axis=1, keepdims=True)
    return Peaks(
        peaks.minimum.min(axis=1, keepdims=True),
        peaks.maximum.max(axis=1, keepdims=True),
        np.sqrt(energy),
    )


def lane(channel: int, channels: int, height: int) -> tuple[int, int]:
    """First row of a channel, and one past its last."""
    return channel * height // channels, (channel + 1) * height // channels


def _draw_lane(rows: np.ndarray, peaks: Peaks, style: WaveStyle) -> None:
    height = len(rows)
    middle = height / 2
    reach = middle - 1
    known = np.isfinite(np.stack(peaks)[:, 1:]).all(axis=0)  # the worker may be just writing them
    if not known.any():  # as all of a recording that has just been opened
        rows[:] = _BACKGROUND
        rows[height // 2] = _GRID
        return
    lowest, highest, body = (np.where(known, each, 0.0) for each in _columns(peaks))
    tops = np.floor(middle - reach * style.scale.places(highest)).astype(np.int16)
    bottoms = np.ceil(middle - reach * style.scale.places(lowest)).astype(np.int16)
    bottoms = np.where(known, np.maximum(bottoms, tops + style.thickness), tops)
    half = reach * style.scale.places(body)
    body_tops = np.maximum(np.rint(middle - half).astype(np.int16), tops)
    body_bottoms = np.minimum(np.rint(middle + half).astype(np.int16), bottoms)

    row = np.arange(height, dtype=np.int16)[:, None]
    inside = row >= tops
    inside &= row < bottoms
    within = row >= body_tops
    within &= row < body_bottoms
    np.add(inside.view(np.uint8), within.view(np.uint8), out=rows)
    middle_row = rows[height // 2]
    middle_row[middle_row == _BACKGROUND] = _GRID
    loud = known & (np.maximum(-lowest, highest) >= _CLIPPED)
    if loud.any():
        _mark_clipping(rows, loud, highest >= _CLIPPED, style.thickness * 3)


def _columns(peaks: Peaks) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lowest, highest and RMS of each column but the first, reaching to the column before it."""
    lowest = np.fmin(peaks.minimum[1:], peaks.maximum[:-1])
    highest = np.fmax(peaks.maximum[1:], peaks.minimum[:-1])
    return lowest, highest, peaks.rms[1:]


def _mark_clipping(rows: np.ndarray, loud: np.ndarray, above: np.ndarray, length: int) -> None:
    rows[:length, loud & above] = _CLIP
    rows[len(rows) - length :, loud & ~above] = _CLIP


def _premultiplied(colour: QColor) -> int:
    alpha = colour.alpha()
    red, green, blue = (
        round(value * alpha / 255) for value in (colour.red(), colour.green(), colour.blue())
    )
    return alpha << 24 | red << 16 | green << 8 | blue
