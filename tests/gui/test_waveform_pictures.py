"""A column of the waveform reaches from its lowest to its highest sample."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from clapsep_desktop.audio.peaks import Peaks
from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.audio.spectrogram import SpectrogramSettings
from clapsep_desktop.gui import spectrogram_pictures, waveform_pictures
from clapsep_desktop.gui.amplitude_scale import AmplitudeScale
from clapsep_desktop.gui.contents import ORIGINAL
from clapsep_desktop.gui.frequency_scale import FrequencyScale
from clapsep_desktop.gui.spectrogram_pictures import SpectrogramPictures, SpectrogramStyle
from clapsep_desktop.gui.tiles import TileKey
from clapsep_desktop.gui.viewdata import ViewData
from clapsep_desktop.gui.waveform_pictures import (
    COLUMNS,
    WaveColours,
    WaveformPictures,
    WaveStyle,
    wave_pixels,
)

COLOURS = WaveColours.of(*(QColor(name) for name in ("black", "red", "white", "grey", "yellow")))
BACKGROUND, WAVE, BODY, _, CLIP = (int(colour) for colour in COLOURS.table)


def peaks_of(low: float, high: float, rms: float, channels: int = 1) -> Peaks:
    def filled(value: float) -> np.ndarray:
        return np.full((COLUMNS + 1, channels), value, np.float32)

    return Peaks(filled(low), filled(high), filled(rms))


def style(height: int = 202, **changes: object) -> WaveStyle:
    values = {
        "frames_per_pixel": 1.0,
        "height": height,
        "thickness": 1,
        "scale": AmplitudeScale(),
        "colours": COLOURS,
        "merged": False,
    }
    return WaveStyle(**{**values, **changes})  # type: ignore[arg-type]


def rows(column: np.ndarray, *colours: int) -> tuple[int, int]:
    """First row that has one of some colours, and one past the last."""
    found = np.flatnonzero(np.isin(column, colours))
    return int(found[0]), int(found[-1]) + 1


def test_a_column_spans_its_samples_and_its_rms() -> None:
    pixels = wave_pixels(peaks_of(-0.25, 0.5, 0.2), style())
    assert pixels.shape == (202, COLUMNS)
    column = pixels[:, 100]
    assert rows(column, WAVE, BODY) == (51, 126)  # 101 rows make full scale's 100 and a margin
    assert rows(column, BODY) == (81, 121)


def test_decibels_stretch_what_is_quiet() -> None:
    pixels = wave_pixels(peaks_of(-0.1, 0.1, 0.0), style(scale=AmplitudeScale("decibels")))
    first, last = rows(pixels[:, 0], WAVE, BODY)
    assert (last - first) / 202 == pytest.approx(2 / 3, abs=0.02)  # -20 of 60 dB


def test_silence_is_a_line() -> None:
    line = wave_pixels(peaks_of(0, 0, 0), style(thickness=2))
    assert np.isin(line, (WAVE, BODY)).sum(axis=0).tolist() == [2] * COLUMNS


@pytest.mark.parametrize("known", [(), (0,), (0, 1), (2,), (1, 2)])
def test_what_is_not_known_yet_or_just_being_written_is_nothing(known: tuple[int, ...]) -> None:
    values = [0.25 if index in known else np.nan for index in range(3)]
    unknown = wave_pixels(peaks_of(*values), style())
    assert not np.isin(unknown, (WAVE, BODY, CLIP)).any()


def test_columns_join_without_a_gap() -> None:
    peaks = peaks_of(0.5, 0.5, 0.5)
    peaks.minimum[50:], peaks.maximum[50:] = -0.5, -0.5
    pixels = wave_pixels(peaks, style())
    joined = pixels[:, 49]  # the first of the picture's columns that is low
    assert rows(joined, WAVE, BODY) == (51, 151)


def test_clipping_is_marked_at_its_side() -> None:
    pixels = wave_pixels(peaks_of(-0.5, 1.0, 0.3), style())
    assert pixels[0, 0] == CLIP
    assert pixels[-1, 0] == BACKGROUND


def test_channels_lie_one_below_the_other_or_as_one() -> None:
    peaks = peaks_of(-0.5, 0.5, 0.1, channels=2)
    peaks.minimum[:, 1], peaks.maximum[:, 1] = 0, 0
    apart = wave_pixels(peaks, style())
    assert np.isin(apart[:101, 0], (WAVE, BODY)).sum() > 40
    assert np.isin(apart[101:, 0], (WAVE, BODY)).sum() <= 20
    merged = wave_pixels(peaks, style(merged=True))
    assert rows(merged[:, 0], WAVE, BODY) == (51, 151)


LARGE_SCREEN = 32
"""Blocks side by side in 8192 pixels."""


def test_blocks_of_a_large_screen_are_drawn_once(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waveform_pictures, "_BYTES", 1)
    data = ViewData()
    data.set_sources({"original": ArraySource(np.zeros((LARGE_SCREEN * COLUMNS, 1)), 8_000)})
    pictures, drawn = WaveformPictures(data), style()
    images = [pictures.block(index, drawn) for index in range(LARGE_SCREEN)]
    assert [pictures.block(index, drawn) for index in range(LARGE_SCREEN)] == images
    data.close()


def test_tiles_of_a_large_screen_are_coloured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectrogram_pictures, "_BYTES", 1)
    settings = SpectrogramSettings(512)
    drawn = SpectrogramStyle(20, FrequencyScale.whole("log", 8_000), 8_000, "magma", -100, 0)
    tiles = {
        TileKey(ORIGINAL, 1, index, settings): np.zeros((257, 256), np.uint8)
        for index in range(LARGE_SCREEN)
    }
    pictures = SpectrogramPictures()
    for key, tile in tiles.items():
        pictures.picture(key, tile, drawn)
    assert all(pictures.has(key, tile, drawn) for key, tile in tiles.items())
