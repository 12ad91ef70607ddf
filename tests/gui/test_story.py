"""One sitting at the editor, from the demo recording to an exported file."""

from __future__ import annotations

import threading

import numpy as np
import soundfile
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QSlider

from clapsep_desktop.gui.export_dialog import ExportDialog
from clapsep_desktop.resources import resource
from clapsep_desktop.timebase import Span
from tests.support.windows import Studio

DEMO = resource("demo", "demo.flac")


def drag(studio: Studio, qtbot, start: float, stop: float) -> Span:
    """Drag over the waveform between two shares of its width; what is selected then."""
    plot = studio.window.track.waveform.viewport()
    timeline = studio.editor.timeline
    left = plot.width() - timeline.width
    places = [
        QPoint(left + round(share * timeline.width), plot.height() // 3)
        for share in (start, (start + stop) / 2, stop)
    ]
    qtbot.mousePress(plot, Qt.MouseButton.LeftButton, pos=places[0])
    for place in places[1:]:
        qtbot.mouseMove(plot, place)
    qtbot.mouseRelease(plot, Qt.MouseButton.LeftButton, pos=places[-1])
    assert timeline.selection is not None
    return timeline.selection


def write(studio: Studio, qtbot, text: str) -> None:
    """Write a sound to keep, as by the key /."""
    studio.trigger("focus_query")
    field = QApplication.focusWidget()
    assert isinstance(field, QLineEdit)
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


def press(qtbot, studio: Studio, key: Qt.Key) -> None:
    if not studio.window.isActiveWindow():  # as after a list of suggestions, without a desktop
        with qtbot.waitActive(studio.window):
            studio.window.activateWindow()
    studio.window.track.waveform.setFocus()
    qtbot.keyClick(studio.window.track.waveform, key)


def test_the_story(studio, qtbot, tmp_path):
    window, editor = studio.window, studio.editor

    # Open the demo.
    with qtbot.waitSignal(editor.document.opened):
        studio.trigger("open_demo")
    original, _ = soundfile.read(DEMO, dtype="float32", always_2d=True)
    assert np.array_equal(studio.read("original"), original)

    # Select a part and keep a text in it.
    span = drag(studio, qtbot, 0.2, 0.6)
    assert 0.15 * len(original) < span.start < span.stop < 0.65 * len(original)
    write(studio, qtbot, "a man speaking")
    with qtbot.waitSignal(editor.operations.extracted, timeout=30_000):
        studio.trigger("extract")
    (kept_step,) = studio.session.extractions
    assert kept_step.span == span

    # Hear all three: the same transport goes on from one to the other.
    press(qtbot, studio, Qt.Key.Key_Space)
    assert editor.playback.is_playing
    assert editor.player.settle()
    stream = studio.backend.streams[-1]
    for key, role in (
        (Qt.Key.Key_A, "original"),
        (Qt.Key.Key_S, "kept"),
        (Qt.Key.Key_D, "removed"),
    ):
        press(qtbot, studio, key)
        assert editor.view.role == editor.player.role == role
        assert len(stream.pull(512)) == 512
    assert len(studio.backend.streams) == 1
    press(qtbot, studio, Qt.Key.Key_Space)
    assert not editor.playback.is_playing

    # Undo and redo.
    kept = studio.read("kept")
    assert not np.array_equal(kept, original)
    studio.trigger("undo")
    assert np.array_equal(studio.read("kept"), original)
    studio.trigger("redo")
    assert np.array_equal(studio.read("kept"), kept)

    # Remove by example: something that was selected.
    drag(studio, qtbot, 0.7, 0.75)
    window.query.clear()
    studio.trigger("example_remove")
    editor.timeline.clear_selection()
    with qtbot.waitSignal(editor.operations.extracted, timeout=30_000):
        studio.trigger("extract")
    example_step = studio.session.extractions[1]
    assert example_step.query.remove[0].path == DEMO
    assert [one.buffer for one in example_step.heard] == [kept_step.buffer]
    after_example = studio.read("kept")

    # Begin another one and cancel it: all is as it was.
    studio.gate = threading.Event()
    editor.operations.forget_models()
    with qtbot.waitSignal(editor.operations.planned, timeout=30_000):
        studio.trigger("repeat")
    with qtbot.waitSignal(editor.runner.stopped, timeout=30_000):
        press(qtbot, studio, Qt.Key.Key_Escape)
        assert np.array_equal(studio.read("kept"), after_example)
        studio.gate.set()
    assert len(studio.session.extractions) == 2
    assert len(studio.stored) == 2

    # Re-tune the second step; the model does not run.
    models = len(studio.devices)
    slider = window.history.rows[1].findChild(QSlider)
    slider.setValue(40)
    qtbot.waitUntil(lambda: studio.session.extractions[1].strength == 0.4)
    assert len(studio.devices) == models
    studio.trigger("undo")
    assert studio.session.extractions[1].strength == 1.0
    studio.trigger("redo")

    # Export what is kept and what is removed; together they are the recording, bit for bit.
    heard = studio.read("kept")
    studio.trigger("export")
    dialog = window.findChild(ExportDialog)
    dialog.form.folder.setText(str(tmp_path))
    dialog.form.what.choose("both")
    dialog._on_what()
    dialog.form.range.choose("all")
    dialog._on_part()
    with qtbot.waitSignal(editor.operations.exported, timeout=30_000) as told:
        dialog.accept()
    assert {file.path.name for file in told.args[0].files} == {
        "demo.kept.flac",
        "demo.removed.flac",
    }
    written = {
        part: soundfile.read(tmp_path / f"demo.{part}.flac", dtype="int16", always_2d=True)[0]
        for part in ("kept", "removed")
    }
    source = soundfile.read(DEMO, dtype="int16", always_2d=True)[0]
    total = written["kept"].astype(np.int32) + written["removed"]
    assert np.array_equal(total, source)
    assert np.abs(written["kept"] / 32_768 - heard).max() <= 1 / 32_768
    assert "demo.kept.flac" in window.messages.text

    # Close: the steps were not saved.
    studio.dialogs.answers = ["Don’t Save"]
    with qtbot.waitSignal(window.closed):
        window.close()
    assert list(studio.sessions.iterdir()) == []
