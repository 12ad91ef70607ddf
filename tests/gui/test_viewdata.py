"""What views look up equals what the samples say, whatever was done before."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.exceptions import capture_exceptions
from pytestqt.qtbot import QtBot

from clapsep_desktop.audio.mix import Layer, MixSource
from clapsep_desktop.audio.peaks import PeakPyramid, sample_peaks
from clapsep_desktop.audio.source import ArraySource, AudioSource
from clapsep_desktop.audio.spectrogram import SpectrogramSettings, tile
from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.errors import AudioReadError
from clapsep_desktop.gui.tiles import FINE_BIN, SAMPLE_FRAMES, PieceCache
from clapsep_desktop.gui.viewdata import ViewData
from clapsep_desktop.timebase import Span

RATE = 8_000
FRAMES = 400_000
SETTINGS = SpectrogramSettings(512)


def noise(frames: int, seed: int = 0) -> ArraySource:
    samples = np.random.default_rng(seed).uniform(-0.5, 0.5, (frames, 2)).astype(np.float32)
    return ArraySource(samples, RATE)


def mixes(original: AudioSource, *layers: Layer) -> dict[str, AudioSource]:
    return {
        "original": original,
        "kept": MixSource(original, layers, role="kept"),
        "removed": MixSource(original, layers, role="removed"),
    }


@pytest.fixture
def original() -> ArraySource:
    return noise(FRAMES)


@pytest.fixture
def data(qtbot: QtBot) -> Iterator[ViewData]:
    data = ViewData()
    yield data
    data.close()


def settle(qtbot: QtBot, data: ViewData) -> None:
    qtbot.waitUntil(lambda: not data.is_busy, timeout=10_000)


def brute_tile(source: AudioSource, zoom: int, index: int) -> np.ndarray:
    return tile(source, zoom, index, SETTINGS).T


def assert_overview(data: ViewData, source: AudioSource) -> None:
    pyramid = PeakPyramid(source.frames, source.channels)
    pyramid.append(source.read(0, source.frames))
    expected = pyramid.query(0, source.frames, 100)
    shown, _ = data.peaks(0, source.frames, 100)
    for one, other in zip(shown, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def wanted_tile(qtbot: QtBot, data: ViewData, zoom: int, index: int) -> np.ndarray | None:
    key = data.tile_key(zoom, index, SETTINGS)
    data.want("test", [key])
    settle(qtbot, data)
    return data.tile(key)


@pytest.mark.parametrize("role", ["original", "kept", "removed"])
def test_every_role_shows_its_own_samples(
    qtbot: QtBot, data: ViewData, original: ArraySource, role: str
) -> None:
    sources = mixes(original, Layer(noise(50_000, 1), 100_000, 0.5))
    data.set_sources(sources)
    data.set_role(role)
    settle(qtbot, data)
    assert_overview(data, sources[role])
    for index in (0, 6, 20):
        expected = brute_tile(sources[role], 64, index)
        np.testing.assert_array_equal(wanted_tile(qtbot, data, 64, index), expected)


def test_roles_share_what_they_have_in_common(data: ViewData, original: ArraySource) -> None:
    data.set_sources(mixes(original, Layer(noise(50_000, 1), 100_000, 0.5)))
    far, near = (data.tile_key(64, index, SETTINGS) for index in (0, 6))
    data.set_role("kept")
    assert data.tile_key(64, 0, SETTINGS) == far
    assert data.tile_key(64, 6, SETTINGS) != near
    data.set_role("removed")
    silent = data.tile(data.tile_key(64, 0, SETTINGS))
    assert silent is not None
    assert not silent.any()


def test_an_undo_finds_the_former_pieces(
    qtbot: QtBot, data: ViewData, original: ArraySource
) -> None:
    layer = Layer(noise(50_000, 1), 100_000, 0.5)
    data.set_sources(mixes(original, layer))
    data.set_role("kept")
    before = wanted_tile(qtbot, data, 64, 6)
    data.set_sources(mixes(original))
    settle(qtbot, data)
    assert_overview(data, original)
    again = mixes(original, layer)
    data.set_sources(again)
    assert data.tile(data.tile_key(64, 6, SETTINGS)) is before
    assert_overview(data, again["kept"])


def test_a_growing_result_is_shown_as_it_grows(
    qtbot: QtBot, data: ViewData, original: ArraySource, tmp_path: Path
) -> None:
    store = AudioStore(tmp_path / "store")
    writer = store.create(RATE, 2, 60_000)
    sources = mixes(original, Layer(writer, 100_000, 1.0))
    data.set_sources(sources)
    data.set_role("kept")
    np.testing.assert_array_equal(
        wanted_tile(qtbot, data, 64, 6), brute_tile(sources["kept"], 64, 6)
    )
    untouched = data.tile(data.tile_key(64, 0, SETTINGS))
    writer.write(0, noise(30_000, 2).samples)
    data.changed(Span(100_000, 130_000))
    settle(qtbot, data)
    np.testing.assert_array_equal(
        data.tile(data.tile_key(64, 6, SETTINGS)), brute_tile(sources["kept"], 64, 6)
    )
    assert data.tile(data.tile_key(64, 0, SETTINGS)) is untouched
    assert_overview(data, sources["kept"])
    key = data.tile_key(64, 6, SETTINGS)
    sealed = store.open(writer.seal())
    data.set_sources(mixes(original, Layer(sealed, 100_000, 1.0)))
    assert data.tile_key(64, 6, SETTINGS) == key, "a sealed buffer shows what it showed before"
    store.close()


@pytest.mark.parametrize("per_pixel", [1.0, 7.5, 40.0, 200.0])
def test_waveforms_between_the_bins_are_those_of_the_samples(
    qtbot: QtBot, data: ViewData, original: ArraySource, per_pixel: float
) -> None:
    data.set_sources({"original": original})
    start, pixels = 30_000.0, 500
    stop = start + pixels * per_pixel
    data.want("test", data.detail_keys(int(start), int(stop) + 1, per_pixel))
    settle(qtbot, data)
    shown, final = data.peaks(start, stop, pixels)
    assert final
    expected = sample_peaks(original, start, stop, pixels)
    if per_pixel < 2 * FINE_BIN:
        for one, other in zip(shown, expected, strict=True):
            np.testing.assert_array_equal(one, other)
    else:  # to a fine bin
        wider = sample_peaks(original, start - FINE_BIN, stop - FINE_BIN, pixels)
        np.testing.assert_array_less(shown.maximum, 0.5)
        np.testing.assert_allclose(shown.rms, (expected.rms + wider.rms) / 2, atol=0.08)
        assert shown.maximum.max() == expected.maximum.max()


def test_until_samples_are_there_the_pyramid_stands_for_them(
    qtbot: QtBot, data: ViewData, original: ArraySource
) -> None:
    data.set_sources({"original": original})
    settle(qtbot, data)
    shown, final = data.peaks(0, 5000, 500)
    assert not final
    assert np.isfinite(shown.maximum).all()


def test_another_recording_leaves_nothing_of_the_former(
    qtbot: QtBot, data: ViewData, original: ArraySource
) -> None:
    data.set_sources({"original": original})
    wanted_tile(qtbot, data, 64, 0)
    other = noise(FRAMES // 2, 5)
    data.set_sources({"original": other})
    assert data.tile(data.tile_key(64, 0, SETTINGS)) is None
    settle(qtbot, data)
    assert_overview(data, other)


def test_a_closed_recording_is_not_read_any_more(
    qtbot: QtBot, data: ViewData, original: ArraySource
) -> None:
    reads: list[int] = []

    class Counted(ArraySource):
        def read(self, start: int, stop: int) -> np.ndarray:
            reads.append(start)
            return super().read(start, stop)

    data.set_sources({"original": Counted(original.samples, RATE)})
    qtbot.waitUntil(lambda: bool(reads))
    data.set_sources({})
    count = len(reads)
    qtbot.wait(50)
    assert len(reads) == count
    assert data.frames == 0


def test_a_damaged_place_is_blank(qtbot: QtBot, data: ViewData, original: ArraySource) -> None:
    class Damaged(ArraySource):
        def read(self, start: int, stop: int) -> np.ndarray:
            if start < 240_000 and stop > 200_000:
                raise AudioReadError("It is damaged there.")
            return super().read(start, stop)

    data.set_sources({"original": Damaged(original.samples, RATE)})
    piece = wanted_tile(qtbot, data, 64, 13)
    assert piece is not None
    assert not piece.any()
    shown, _ = data.peaks(0, FRAMES, 100)
    known = np.isfinite(shown.maximum).all(axis=1)
    assert known[:32].all()  # all blocks before the damaged one
    assert not known[50:60].any()
    assert known[80:].all()  # and all after it


def test_zero_crossings_are_found_near_a_frame(qtbot: QtBot, data: ViewData) -> None:
    samples = np.sin(2 * np.pi * (np.arange(RATE) + 0.5) / 100).astype(np.float32)[:, None]
    data.set_sources({"original": ArraySource(samples, RATE)})
    assert data.zero_crossing(510) is None  # asked for, not read here
    settle(qtbot, data)
    assert data.zero_crossing(510) == 500
    assert data.zero_crossing(540) == 550
    assert data.zero_crossing(0) == 50
    flat = ArraySource(np.ones((RATE, 1), np.float32), RATE)
    data.set_sources({"original": flat})
    assert data.zero_crossing(510) is None
    settle(qtbot, data)
    assert data.zero_crossing(510) == 510


def test_only_the_views_thread_reads(qtbot: QtBot, data: ViewData, original: ArraySource) -> None:
    readers: set[int] = set()

    class Watched(ArraySource):
        def read(self, start: int, stop: int) -> np.ndarray:
            readers.add(threading.get_ident())
            return super().read(start, stop)

    data.set_sources(mixes(Watched(original.samples, RATE), Layer(noise(5_000, 1), 0, 1.0)))
    for role in ("original", "kept", "removed"):
        data.set_role(role)
        assert data.zero_crossing(1_000) is None
        for width in (1, 20, 100, 1_000):
            data.peaks(0, 100 * width, 100)
            data.want("test", data.detail_keys(0, 100 * width, width))
        data.tile(data.tile_key(64, 0, SETTINGS))
        settle(qtbot, data)
        data.peaks(0, 2_000, 100)
    assert readers
    assert threading.get_ident() not in readers


@pytest.mark.parametrize("error", [AudioReadError("It is damaged."), RuntimeError("A mistake.")])
def test_pieces_that_fail_hold_nothing_up(
    qtbot: QtBot, data: ViewData, original: ArraySource, error: Exception
) -> None:
    class Bad(ArraySource):
        def read(self, start: int, stop: int) -> np.ndarray:
            if stop - start == SAMPLE_FRAMES:
                raise error
            return super().read(start, stop)

    data.set_sources({"original": Bad(original.samples, RATE)})
    with capture_exceptions() as told:
        data.want("test", data.sample_keys(0, 4 * SAMPLE_FRAMES))
        settle(qtbot, data)
        mistakes = 4 if isinstance(error, RuntimeError) else 0
        qtbot.waitUntil(lambda: len(told) == mistakes)  # each after its piece
    samples = data.samples(0, 4 * SAMPLE_FRAMES)
    assert samples is not None
    assert not samples.any()
    piece = wanted_tile(qtbot, data, 64, 0)
    np.testing.assert_array_equal(piece, brute_tile(original, 64, 0))


def test_pieces_are_not_kept_waiting_by_the_whole_waveform(qtbot: QtBot, data: ViewData) -> None:
    class Slow(ArraySource):
        def read(self, start: int, stop: int) -> np.ndarray:
            time.sleep(0.01)
            return super().read(start, stop)

    data.set_sources({"original": Slow(np.zeros((1 << 22, 1), np.float32), RATE)})
    known: list[bool] = []
    data.tiles_changed.connect(lambda _: known.append(_all_known(data)))
    data.want("test", [data.tile_key(64, 0, SETTINGS)])
    qtbot.waitUntil(lambda: bool(known))
    assert known == [False]


def _all_known(data: ViewData) -> bool:
    shown, _ = data.peaks(0, data.frames, 16)
    return bool(np.isfinite(shown.maximum).all())


def test_what_stood_in_for_a_waveform_is_painted_over(
    qtbot: QtBot, data: ViewData, original: ArraySource
) -> None:
    """Before a role's own waveform is there another one is shown, also where nothing differs."""
    data.set_sources({"original": original})
    settle(qtbot, data)
    layer = Layer(noise(1_000, 1), 5_000, 1.0)
    told: list[Span | None] = []
    data.peaks_changed.connect(told.append)
    data.set_sources(mixes(original, layer))
    data.set_role("removed")
    del told[:]
    settle(qtbot, data)
    assert None in told


def test_until_a_tile_is_there_the_one_before_the_latest_layer_stands_for_it(
    qtbot: QtBot, data: ViewData, original: ArraySource
) -> None:
    data.set_sources({"original": original})
    before = wanted_tile(qtbot, data, 64, 0)
    data.set_sources(mixes(original, Layer(noise(9_000, 1), 0, 1.0)))
    data.set_role("kept")
    key = data.tile_key(64, 0, SETTINGS)
    assert data.tile(key) is None
    former = data.former_tile(key)
    assert former is not None
    assert np.array_equal(former[1], before)
    data.set_role("removed")
    assert data.former_tile(data.tile_key(64, 0, SETTINGS)) is None


def test_the_cache_lets_the_least_used_go_but_nothing_that_is_needed(data: ViewData) -> None:
    data.set_sources({"original": noise(FRAMES)})
    keys = data.sample_keys(0, 5 * SAMPLE_FRAMES)
    piece = np.zeros(100, np.uint8)
    cache = PieceCache(limit=300)
    for key in keys[:3]:
        cache.put(key, piece)
    cache.get(keys[0])
    cache.put(keys[3], piece)
    assert cache.keys() == [keys[2], keys[0], keys[3]]
    cache.put(keys[4], piece, needed=set(keys))
    assert cache.keys() == [keys[2], keys[0], keys[3], keys[4]]
    assert cache.size == 400


def test_what_a_large_screen_needs_is_computed_once(
    qtbot: QtBot, data: ViewData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data._cache, "limit", 1)
    data.set_sources({"original": noise(FRAMES)})
    keys = [data.tile_key(64, index, SETTINGS) for index in range(8)]
    data.want("test", keys[:6], keys[6:])
    settle(qtbot, data)
    assert all(data.tile(key) is not None for key in keys)
