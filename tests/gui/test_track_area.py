"""The views of a recording, in step with each other and with the mouse."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDropEvent, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.gui import theme
from clapsep_desktop.gui.plot import AXIS_WIDTH, Plot, Readout
from clapsep_desktop.gui.theme_colours import DARK
from clapsep_desktop.gui.timeline import Timeline
from clapsep_desktop.gui.track_area import TrackArea
from clapsep_desktop.gui.view_settings import ViewSettings
from clapsep_desktop.gui.viewdata import ViewData
from clapsep_desktop.session.session import Marker
from clapsep_desktop.timebase import Span

RATE = 16_000
SECONDS = 60
TONE = 2_000.0


class Track(NamedTuple):
    area: TrackArea
    timeline: Timeline
    data: ViewData


def recording() -> ArraySource:
    """Silence, and from 20 to 40 s a tone at half of full scale."""
    samples = np.zeros((SECONDS * RATE, 2), np.float32)
    inside = np.arange(20 * RATE, 40 * RATE)
    samples[inside] = 0.5 * np.sin(2 * np.pi * TONE * inside / RATE)[:, None]
    return ArraySource(samples, RATE)


@pytest.fixture
def track(qtbot: QtBot, qapp: QApplication) -> Iterator[Track]:
    theme.apply(qapp, "dark")
    timeline, data = Timeline(), ViewData()
    area = TrackArea(timeline, data)
    qtbot.addWidget(area)
    area.resize(AXIS_WIDTH + 800, 700)
    area.show()
    data.set_sources({"original": recording()})
    timeline.set_recording(RATE, SECONDS * RATE)
    settle(qtbot, data)
    yield Track(area, timeline, data)
    area.hide()
    data.close()


def settle(qtbot: QtBot, data: ViewData) -> None:
    QApplication.processEvents()
    qtbot.waitUntil(lambda: not data.is_busy, timeout=10_000)
    qtbot.wait(5)


def picture(view: QWidget) -> np.ndarray:
    """uint8 (height, width, 3)."""
    return pixels_of(view.grab().toImage().convertToFormat(QImage.Format.Format_RGB888))


def pixels_of(image: QImage) -> np.ndarray:
    """uint8 (height, width, 3) of an image in Format_RGB888."""
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    width = image.width()
    return lines[:, : width * 3].reshape(image.height(), width, 3).copy()  # outlives the image


def canvas(plot: Plot) -> np.ndarray:
    return picture(plot)[:, AXIS_WIDTH:]


def at(x: float, y: float = 40) -> QPoint:
    return QPoint(round(AXIS_WIDTH + x), round(y))


def wheel(view: QWidget, x: float, notches: int, modifiers: Qt.KeyboardModifier) -> None:
    event = QWheelEvent(
        QPointF(at(x)),
        QPointF(at(x)),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)


def test_the_plots_show_the_tone_where_and_how_it_sounds(track: Track) -> None:
    wave = canvas(track.area.waveform).astype(int)
    colour = np.array(QColor(DARK.waveform).getRgb()[:3])
    is_wave = (np.abs(wave - colour).sum(axis=2) < 40).sum(axis=0)
    loud = np.flatnonzero(is_wave > 20)
    assert loud[0] == pytest.approx(800 / 3, abs=2)
    assert loud[-1] == pytest.approx(1600 / 3, abs=2)

    spectrogram = track.area.spectrogram
    brightness = canvas(spectrogram).astype(int).sum(axis=2)
    row = int(brightness[:, 400].argmax())
    assert row == pytest.approx(spectrogram.y_of_frequency(TONE), abs=3)
    assert brightness[row, 400] > 500
    assert brightness[row, 100] < 60


def test_scrolling_by_pixels_moves_the_picture_and_changes_none(qtbot: QtBot, track: Track) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, (SECONDS * RATE, 2)).astype(np.float32)
    track.data.set_sources({"original": ArraySource(noise, RATE)})
    track.timeline.zoom_to(Span(100_000, 220_777))
    settle(qtbot, track.data)
    for plot in track.area.plots:
        before = canvas(plot)[10:-10].copy()
        track.timeline.scroll(37 * track.timeline.frames_per_pixel)
        settle(qtbot, track.data)
        after = canvas(plot)[10:-10]
        np.testing.assert_array_equal(after[:, 5:-45], before[:, 42:-8])


@pytest.mark.parametrize("coarser", [1, 2, 4])
def test_tiles_and_what_stands_for_them_leave_no_gap(
    qtbot: QtBot, track: Track, monkeypatch: pytest.MonkeyPatch, coarser: int
) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, (SECONDS * RATE, 1)).astype(np.float32)
    view, data = track.area.spectrogram, track.data
    monkeypatch.setattr(view, "ask", lambda: None)
    data.set_sources({"original": ArraySource(noise, RATE)})
    for frames in (170_001, 190_007, 205_003):  # 256 frames a column
        analysis = view.settings.analysis
        data.want("test", [data.tile_key(256 * coarser, index, analysis) for index in range(8)])
        track.timeline.zoom_to(Span(100_001, 100_001 + frames))
        settle(qtbot, data)
        canvas(view)  # pictures are made a few at a time
        brightness = canvas(view).astype(int).sum(axis=2).mean(axis=0)
        dark = np.flatnonzero(brightness < brightness.mean() / 2)
        assert not len(dark), f"a gap at {dark} with {frames} frames visible"


def test_colours_range_and_scale_need_no_new_tiles(track: Track) -> None:
    area = track.area
    before = canvas(area.spectrogram)
    for changes in ({"colours": "viridis"}, {"floor": -40.0}, {"frequency_scale": "linear"}):
        area.set_settings(replace(area.settings, **changes))
        assert not track.data.is_busy
        after = canvas(area.spectrogram)
        assert (after != before).any()
        before = after


def test_until_a_tile_is_there_a_coarser_one_stands_for_it(track: Track) -> None:
    track.timeline.zoom_to(Span(25 * RATE, 26 * RATE))
    brightness = canvas(track.area.spectrogram).astype(int).sum(axis=2)
    row = round(track.area.spectrogram.y_of_frequency(TONE))
    assert brightness[row - 3 : row + 4, 400].max() > 400


def test_a_click_seeks_and_a_drag_selects(qtbot: QtBot, track: Track) -> None:
    viewport = track.area.waveform.viewport()
    with qtbot.waitSignal(track.area.seek_requested) as seek:
        qtbot.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=at(400))
    assert seek.args == [30 * RATE]
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=at(200))
    qtbot.mouseMove(viewport, at(300))
    qtbot.mouseMove(viewport, at(400))
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=at(400))
    assert track.timeline.selection == Span(15 * RATE, 30 * RATE)


def test_boxes_are_drawn_on_the_spectrogram_alone(qtbot: QtBot, track: Track) -> None:
    track.area.set_spectral(True)
    for plot, has_band in ((track.area.spectrogram, True), (track.area.waveform, False)):
        viewport = plot.viewport()
        track.timeline.clear_selection()
        qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=at(200, 60))
        qtbot.mouseMove(viewport, at(400, 120))
        qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=at(400, 120))
        assert track.timeline.selection is not None
        assert (track.timeline.band is not None) is has_band


def test_escape_gives_a_drag_up(qtbot: QtBot, track: Track) -> None:
    plot = track.area.waveform
    qtbot.mousePress(plot.viewport(), Qt.MouseButton.LeftButton, pos=at(200))
    qtbot.mouseMove(plot.viewport(), at(400))
    assert track.timeline.selection is not None
    qtbot.keyClick(plot, Qt.Key.Key_Escape)
    qtbot.mouseRelease(plot.viewport(), Qt.MouseButton.LeftButton, pos=at(400))
    assert track.timeline.selection is None


@pytest.mark.parametrize("name", ["waveform", "spectrogram"])
def test_the_wheel_zooms_at_the_pointer_and_scrolls(track: Track, name: str) -> None:
    view: Plot = getattr(track.area, name)
    timeline = track.timeline
    frame = timeline.position_at(200)
    wheel(view.viewport(), 200, 8, Qt.KeyboardModifier.ControlModifier)
    assert timeline.frames_per_pixel < timeline.farthest / 4
    assert timeline.position_at(200) == pytest.approx(frame)
    start = timeline.start
    wheel(view.viewport(), 200, -1, Qt.KeyboardModifier.ShiftModifier)
    assert timeline.start > start
    zoom = timeline.frames_per_pixel
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    before = view.axis_ticks(view.plot_height)
    wheel(view.viewport(), 200, 5, both)
    assert timeline.frames_per_pixel == zoom
    assert view.axis_ticks(view.plot_height) != before


def test_the_pointer_reads_time_frequency_and_level(qtbot: QtBot, track: Track) -> None:
    spectrogram = track.area.spectrogram
    y = int(spectrogram.y_of_frequency(TONE))  # the row that shows it
    read: list[Readout | None] = []
    track.area.hovered.connect(read.append)
    qtbot.mouseMove(spectrogram.viewport(), at(400, y))
    qtbot.mouseMove(track.area.waveform.viewport(), at(400, 60))
    tone, wave = (each for each in read if each is not None)
    assert tone.frame == pytest.approx(30 * RATE, abs=track.timeline.frames_per_pixel)
    assert tone.frequency == pytest.approx(TONE, rel=0.02)
    assert tone.level == pytest.approx(-6, abs=1.5)
    assert wave.channel == 0
    assert wave.level == pytest.approx(-6, abs=0.2)


def test_the_plots_are_told_in_words(qtbot: QtBot, track: Track) -> None:
    track.timeline.select(Span(RATE, 3 * RATE), (500.0, 2000.0))
    track.timeline.set_cursor(30 * RATE)
    text = track.area.text_mirror()
    assert "from 00:00:00.000 to 00:01:00.000" in text
    assert "00:00:01.000 to 00:00:03.000, 2.000 seconds, from 500 Hz to 2 kHz" in text
    assert "Cursor at 00:00:30.000, level −6.0 dB." in text
    qtbot.waitUntil(lambda: track.area.waveform.accessibleDescription() == text)


def test_the_overview_moves_and_zooms_the_window(qtbot: QtBot, track: Track) -> None:
    overview, timeline = track.area.overview, track.timeline
    timeline.zoom_to(Span(10 * RATE, 20 * RATE))
    qtbot.mousePress(overview, Qt.MouseButton.LeftButton, pos=at(200, 20))
    qtbot.mouseMove(overview, at(400, 20))
    qtbot.mouseRelease(overview, Qt.MouseButton.LeftButton, pos=at(400, 20))
    assert timeline.start == pytest.approx(25 * RATE, abs=RATE / 10)
    x = 800 * 35 / 60
    qtbot.mousePress(overview, Qt.MouseButton.LeftButton, pos=at(x, 20))
    qtbot.mouseMove(overview, at(800 * 50 / 60, 20))
    qtbot.mouseRelease(overview, Qt.MouseButton.LeftButton, pos=at(800 * 50 / 60, 20))
    assert timeline.start == pytest.approx(25 * RATE, abs=RATE / 5)
    assert timeline.stop == pytest.approx(50 * RATE, abs=RATE / 5)
    qtbot.mouseClick(overview, Qt.MouseButton.LeftButton, pos=at(20, 20))
    assert timeline.start == 0


def test_a_flag_on_the_ruler_leads_to_its_marker(qtbot: QtBot, track: Track) -> None:
    track.timeline.set_markers((Marker(30 * RATE, "dog"),))
    with qtbot.waitSignal(track.area.seek_requested) as seek:
        qtbot.mouseClick(track.area.ruler, Qt.MouseButton.LeftButton, pos=at(404, 5))
    assert seek.args == [30 * RATE]


def test_keys_move_the_cursor_and_extend_the_selection(qtbot: QtBot, track: Track) -> None:
    plot, timeline = track.area.spectrogram, track.timeline
    timeline.set_cursor(30 * RATE)
    step = round(timeline.frames_per_pixel)
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert timeline.cursor == 30 * RATE + step
    for _ in range(3):
        qtbot.keyClick(plot, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert timeline.selection == Span(30 * RATE + step, 30 * RATE + 4 * step)
    qtbot.keyClick(plot, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert timeline.selection == Span(30 * RATE + step, 30 * RATE + 3 * step)


def test_the_lane_appears_and_leads_to_what_was_found(qtbot: QtBot, track: Track) -> None:
    lane = track.area.lane
    assert not lane.isVisible()
    spans = [Span(10 * RATE, 15 * RATE), Span(40 * RATE, 45 * RATE)]
    lane.show_curve(np.linspace(0, 1, 600), RATE / 10, spans, 0.5, "dog bark")
    assert lane.isVisible()
    assert "00:00:40.000 to 00:00:45.000" in lane.accessibleDescription()
    lane.grab()
    with qtbot.waitSignal(lane.span_chosen) as chosen:
        qtbot.mouseClick(lane, Qt.MouseButton.LeftButton, pos=at(800 * 42 / 60, 20))
    assert chosen.args == [spans[1]]
    assert track.timeline.selection == spans[1]
    qtbot.keyClick(lane, Qt.Key.Key_Right)
    assert track.timeline.selection == spans[0]
    track.timeline.set_recording(RATE, 100)
    assert not lane.isVisible()


def test_dropped_files_are_told(qtbot: QtBot, track: Track, tmp_path: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.wav")), QUrl("https://example.org/b.wav")])
    event = QDropEvent(
        QPointF(10, 10),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    with qtbot.waitSignal(track.area.files_dropped) as dropped:
        track.area.dropEvent(event)
    assert dropped.args == [[tmp_path / "a.wav"]]


def test_the_bar_changes_the_view_and_floor_and_ceiling_push_each_other(
    qtbot: QtBot, track: Track
) -> None:
    bar = track.area.bar
    with qtbot.waitSignal(track.area.settings_changed) as changed:
        bar.colours.setCurrentIndex(bar.colours.findData("viridis"))
    assert changed.args == [replace(ViewSettings(), colours="viridis")]
    bar.ceiling.setValue(-110)
    assert track.area.settings.ceiling == -110
    assert track.area.settings.floor == -120


@pytest.mark.parametrize("frames", [1, 3, 100, 5_000])
@pytest.mark.parametrize("zoomed", [False, True])
def test_short_recordings_can_be_seen(
    qtbot: QtBot, track: Track, frames: int, zoomed: bool
) -> None:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (frames, 1)).astype(np.float32)
    track.data.set_sources({"original": ArraySource(samples, RATE)})
    track.timeline.set_recording(RATE, frames)
    if zoomed:
        track.timeline.zoom_at(0, 1000)
    settle(qtbot, track.data)
    track.area.grab()
    assert track.area.waveform.level_at(0) is not None


def test_without_a_recording_nothing_breaks(track: Track) -> None:
    track.data.set_sources({})
    track.timeline.set_recording(48_000, 0)
    track.area.grab()
    assert track.area.text_mirror() == "No recording is open."


@pytest.mark.parametrize("name", ["dark", "light", "contrast"])
def test_every_theme_paints_its_own_canvas(qapp: QApplication, track: Track, name: str) -> None:
    worn = theme.apply(qapp, name)  # type: ignore[arg-type]
    pixels = canvas(track.area.waveform)
    assert QColor(*pixels[12, 100].tolist()) == worn.color("canvas")


def test_fit_shows_all_of_both_axes(track, qtbot):
    area, timeline, _ = track
    whole = area.waveform.scale, area.spectrogram.scale
    for plot in area.plots:
        plot.zoom_vertically(4)
    timeline.zoom_at(100, 8)
    area.fit()
    assert (area.waveform.scale, area.spectrogram.scale) == whole
    assert (timeline.start, timeline.stop) == (0, SECONDS * RATE)


def test_a_double_click_on_an_axis_shows_all_of_it(track, qtbot):
    area, timeline, _ = track
    for plot in area.plots:
        whole = plot.scale
        plot.zoom_vertically(4)
        assert plot.scale != whole
        qtbot.mouseDClick(
            plot.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(AXIS_WIDTH // 2, 60)
        )
        assert plot.scale == whole
    assert timeline.selection is None


def test_settings_without_room_are_behind_a_named_button(track, qtbot):
    area = track.area
    more = next(
        one for one in area.bar.findChildren(QToolButton) if one.accessibleName().startswith("More")
    )
    area.resize(AXIS_WIDTH + 1000, 700)
    qtbot.waitUntil(lambda: not more.isVisible())
    area.resize(AXIS_WIDTH + 300, 700)
    qtbot.waitUntil(more.isVisible)
    assert not more.icon().isNull()
    assert more.toolTip()


def test_on_another_screen_its_own_pixels_are_asked_for(
    track: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, list[object]] = {}
    monkeypatch.setattr(track.data, "want", lambda view, keys, *_: asked.update({view: [*keys]}))
    track.timeline.zoom_to(Span(100_000, 260_000))  # 200 frames a pixel
    coarse = asked["spectrogram"]
    assert asked["waveform"]
    asked.clear()
    for view in (*track.area.plots, track.area.overview):
        monkeypatch.setattr(view, "devicePixelRatioF", lambda: 2.0)
        QApplication.sendEvent(view, QEvent(QEvent.Type.DevicePixelRatioChange))
    assert {key.zoom for key in coarse} == {256}
    assert {key.zoom for key in asked["spectrogram"]} == {128}
    assert set(asked) == {"spectrogram", "waveform", "overview"}


def test_edges_snap_when_their_samples_have_come(qtbot: QtBot, track: Track) -> None:
    track.timeline.snap = track.data.zero_crossing
    viewport = track.area.waveform.viewport()
    qtbot.mousePress(viewport, Qt.MouseButton.LeftButton, pos=at(299))
    qtbot.mouseMove(viewport, at(350))
    qtbot.mouseMove(viewport, at(501))
    qtbot.mouseRelease(viewport, Qt.MouseButton.LeftButton, pos=at(501))
    settle(qtbot, track.data)
    selection = track.timeline.selection
    assert selection is not None
    step = RATE / TONE / 2  # frames from one crossing to the next
    for edge, x in ((selection.start, 299), (selection.stop, 501)):
        assert abs(edge - track.timeline.frame_at(x)) <= step
        assert edge == track.data.zero_crossing(edge)
