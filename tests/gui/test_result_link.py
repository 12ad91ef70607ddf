"""Results out of the window: dragged and copied as files."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDrag, QDragEnterEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from clapsep_desktop.audio.export_plan import ExportMaterial, ExportSettings
from clapsep_desktop.audio.export_sources import ExportReport
from clapsep_desktop.gui import result_files
from clapsep_desktop.gui.drag_out import carry, file_data
from clapsep_desktop.gui.jobs import Steps
from clapsep_desktop.gui.operations.exporting import export_steps
from clapsep_desktop.query import Query
from clapsep_desktop.timebase import Span
from tests.support.sounds import noisy_tone, write_sound
from tests.support.windows import Studio

RATE, FRAMES = 16_000, 64_000
STEP = Span(RATE, 2 * RATE)
QUANTUM = 2.0**-23  # of 24 bits


@pytest.fixture
def carried() -> list[Path]:
    """Files that were dragged."""
    return []


@pytest.fixture
def studio(
    qtbot: QtBot, tmp_path: Path, carried: list[Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Studio]:
    """A window with a 24-bit recording, of which one second has been extracted."""
    monkeypatch.setattr(result_files, "AT_ONCE", 60.0)  # however busy the machine is
    path = write_sound(tmp_path / "rain.wav", noisy_tone(FRAMES, 2, RATE), RATE, subtype="PCM_24")
    studio = Studio(tmp_path / "studio")
    studio.window.show()
    with qtbot.waitSignal(studio.editor.document.opened):
        studio.window.open_file(path)
    studio.window.query.set_query(Query.of(keep=["a dog"]))
    studio.editor.timeline.select(STEP)
    with qtbot.waitSignal(studio.editor.operations.extracted, timeout=20_000):
        studio.trigger("extract")

    def carry(_: QWidget, path: Path) -> None:
        carried.append(path)

    studio.window.result_link._carry = carry
    yield studio
    studio.close()


def drag(widget: QWidget) -> None:
    """Press, and move far enough."""
    start = widget.rect().center()
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, pos=start)
    for distance in (5, 20, 40):
        QTest.mouseMove(widget, start + QPoint(distance, 0))
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=start + QPoint(40, 0))


def heard(path: Path) -> np.ndarray:
    samples: np.ndarray = soundfile.read(path, dtype="float32", always_2d=True)[0]
    return samples


@pytest.mark.parametrize("role", ["kept", "removed"])
def test_a_role_is_dragged_as_a_file_in_the_recordings_format(
    studio: Studio, carried: list[Path], role: str
) -> None:
    before = studio.editor.sound.role
    drag(studio.window.transport.roles.button(role))
    (path,) = carried
    assert path.name == f"rain.{role}.wav"
    info = soundfile.info(path)
    assert (info.samplerate, info.channels, info.subtype) == (RATE, 2, "PCM_24")
    assert np.abs(heard(path) - studio.read(role)).max() <= QUANTUM
    assert studio.read("removed").any()
    assert studio.editor.sound.role == before, "a drag is no click"


def test_the_original_is_the_recording_itself(studio: Studio, carried: list[Path]) -> None:
    drag(studio.window.transport.roles.button("original"))
    assert carried == [studio.session.recording.path]


def test_a_line_is_dragged_as_what_the_step_removes(studio: Studio, carried: list[Path]) -> None:
    (row,) = studio.window.history.rows
    drag(row.handle)
    (path,) = carried
    assert path.name == "rain.removed 1.wav"
    removed = studio.read("removed")[STEP.start : STEP.stop]
    assert heard(path).shape == removed.shape
    assert np.abs(heard(path) - removed).max() <= QUANTUM
    assert not studio.window.messages.text, "a drag is no click, which would copy"


def test_the_same_result_is_written_once_and_another_anew(
    studio: Studio, carried: list[Path]
) -> None:
    button = studio.window.transport.roles.button("kept")
    drag(button)
    drag(button)
    studio.editor.operations.retune(studio.session.extractions[0].id, 0.5)
    drag(button)
    assert carried[0] == carried[1] != carried[2]
    assert carried[2].name == carried[0].name
    assert np.abs(heard(carried[2]) - studio.read("kept")).max() <= QUANTUM
    assert carried[0].is_file(), "another program may still read it"


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """What the writing of every file waits for."""
    gate = threading.Event()

    def late(material: ExportMaterial, settings: ExportSettings) -> Steps[ExportReport]:
        assert gate.wait(20)
        return (yield from export_steps(material, settings))

    monkeypatch.setattr(result_files, "export_steps", late)
    monkeypatch.setattr(result_files, "AT_ONCE", 0.0)
    yield gate
    gate.set()


def test_a_long_result_is_prepared_by_a_job_and_told(
    studio: Studio, qtbot: QtBot, carried: list[Path], gate: threading.Event
) -> None:
    button = studio.window.transport.roles.button("kept")
    with qtbot.waitSignal(studio.editor.runner.idle, timeout=20_000):
        drag(button)
        assert carried == []
        drag(button)
        assert "still being written" in studio.window.messages.text
        gate.set()
    assert "“rain.kept.wav” is ready" in studio.window.messages.text
    drag(button)
    assert np.abs(heard(carried[0]) - studio.read("kept")).max() <= QUANTUM


def test_a_job_that_is_cancelled_leaves_no_file_and_can_be_had_again(
    studio: Studio,
    qtbot: QtBot,
    carried: list[Path],
    gate: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    button = studio.window.transport.roles.button("removed")
    with qtbot.waitSignal(studio.editor.runner.idle, timeout=20_000):
        drag(button)
        studio.editor.runner.cancel_all()
        gate.set()
    folder = studio.editor.document.store.folder / result_files.FOLDER
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    monkeypatch.setattr(result_files, "AT_ONCE", 60.0)
    drag(button)
    assert carried[0].is_file()


def test_a_long_result_that_cannot_be_written_is_told(
    studio: Studio, qtbot: QtBot, carried: list[Path], gate: threading.Event
) -> None:
    drag(studio.window.transport.roles.button("kept"))
    studio.editor.document.material.close()
    with qtbot.waitSignal(studio.editor.runner.idle, timeout=20_000):
        gate.set()
    assert carried == []
    assert "was closed. Open it again." in studio.window.messages.text


def test_what_is_heard_is_copied_as_a_file(studio: Studio) -> None:
    studio.editor.sound.hear("removed")
    studio.window.track.setFocus()
    studio.trigger("copy")
    (url,) = QGuiApplication.clipboard().mimeData().urls()
    path = Path(url.toLocalFile())
    assert path.name == "rain.removed.wav"
    assert np.abs(heard(path) - studio.read("removed")).max() <= QUANTUM
    assert "can be pasted" in studio.window.messages.text
    studio.window.history.source.handle.click()
    assert QGuiApplication.clipboard().mimeData().urls() == [url]
    studio.window.history.command(studio.session.extractions[0].id, "copy")
    (step,) = QGuiApplication.clipboard().mimeData().urls()
    assert Path(step.toLocalFile()).name == "rain.removed 1.wav"
    studio.window.close_now()
    held = QGuiApplication.clipboard().mimeData()
    assert not (held and held.hasUrls())  # the file is gone


def test_what_another_program_copied_since_stays(studio: Studio) -> None:
    studio.trigger("copy")
    QGuiApplication.clipboard().setText("something else")
    studio.window.close_now()
    assert QGuiApplication.clipboard().text() == "something else"
    QGuiApplication.clipboard().clear()


def test_files_are_gone_when_the_window_is_closed(studio: Studio, carried: list[Path]) -> None:
    drag(studio.window.transport.roles.button("kept"))
    folder = carried[0].parent.parent
    assert folder.name == result_files.FOLDER
    studio.window.close_now()  # what is not saved is left to be recovered
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_is_told(studio: Studio, carried: list[Path]) -> None:
    (studio.editor.document.store.folder / result_files.FOLDER).write_text("in the way")
    drag(studio.window.transport.roles.button("kept"))
    assert carried == []
    assert "Choose another folder for results" in studio.window.messages.text


def test_a_result_dropped_on_its_own_window_does_not_open_it(
    studio: Studio, carried: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    drag(studio.window.transport.roles.button("kept"))
    data = file_data(carried[0])
    for source, taken in ((studio.window.history, False), (None, True)):
        monkeypatch.setattr(QDragEnterEvent, "source", lambda _, source=source: source)
        for target in (studio.window, studio.window.track):
            event = QDragEnterEvent(
                QPoint(9, 9),
                Qt.DropAction.CopyAction,
                data,
                Qt.MouseButton.LeftButton,
                Qt.KeyboardModifier.NoModifier,
            )
            event.ignore()
            target.dragEnterEvent(event)
            assert event.isAccepted() == taken


def test_a_drag_offers_the_file_to_be_copied(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = []

    def drop(drag: QDrag, action: Qt.DropAction) -> Qt.DropAction:
        offered.append((drag.mimeData().urls(), action, drag.pixmap().isNull()))
        return action

    monkeypatch.setattr(QDrag, "exec", drop)
    carry(studio.window.history, tmp_path / "rain.wav")
    url = QUrl.fromLocalFile(tmp_path / "rain.wav")
    assert offered == [([url], Qt.DropAction.CopyAction, False)]
