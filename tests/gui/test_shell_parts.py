"""The small parts of the window's frame."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QPushButton, QSlider, QVBoxLayout, QWidget
from shiboken6 import delete

from clapsep_desktop.audio.formats import AudioInfo
from clapsep_desktop.errors import AudioWriteError, DeviceError, ModelMissingError, QueryError
from clapsep_desktop.gui import keyboard
from clapsep_desktop.gui.app import has_display, main
from clapsep_desktop.gui.jobs import Job, JobRunner, Progress, ProgressModel, Steps
from clapsep_desktop.gui.message_bar import Choice, MessageBar
from clapsep_desktop.gui.notifications import LONG, Notifications
from clapsep_desktop.gui.operations import trouble
from clapsep_desktop.gui.panes import Panes
from clapsep_desktop.gui.preferences import Settings
from clapsep_desktop.gui.requests import ExtractionRequest
from clapsep_desktop.gui.status_bar import StatusBar, form_of, progress_text
from clapsep_desktop.gui.welcome import SHOWN_FILES, Welcome
from clapsep_desktop.query import Query
from clapsep_desktop.timebase import Span


@pytest.fixture
def runner(qtbot) -> Iterator[JobRunner]:
    runner = JobRunner()
    yield runner
    runner.close()
    runner.deleteLater()


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


# -- The status bar ----------------------------------------------------------------------------


def test_progress_is_told_in_words():
    model = ProgressModel()
    assert progress_text(model, 0.0) == ""
    model.update(Progress("loading the model"), 0.0)
    assert progress_text(model, 1.0) == "Loading the model"
    model.update(Progress("separating", 0, 100), 1.0)
    assert progress_text(model, 1.0) == "Separating, 0%"
    model.update(Progress("separating", 20, 100), 11.0)
    assert progress_text(model, 11.0) == "Separating, 20%, 40 s left, 2× real time"


def test_only_sound_has_a_real_time():
    model = ProgressModel()
    for now, done in enumerate((0, 5_000_000, 10_000_000)):
        model.update(Progress("checking the recording", done, 20_000_000, of_sound=False), now)
    assert progress_text(model, 2.0) == "Checking the recording, 50%, 2 s left"


@pytest.mark.parametrize(
    ("info", "text"),
    [
        (("WAV", "PCM_24", 96_000, 2, 96_000), "96 kHz, stereo, 24-bit, 1 s"),
        (("WAV", "FLOAT", 44_100, 1, 44_100 * 61), "44.1 kHz, mono, float, 1 min 1 s"),
        (("OGG", "VORBIS", 48_000, 6, 48_000), "48 kHz, 6 channels, Vorbis, 1 s"),
        (("MP3", "MPEG_LAYER_III", 48_000, 2, 48_000), "48 kHz, stereo, MP3, 1 s"),
    ],
)
def test_a_recordings_form_is_told(info, text):
    assert form_of(AudioInfo(Path("a"), *info)) == text


def test_the_status_bar_follows_a_job_until_it_has_stopped(qtbot, runner):
    bar = StatusBar(runner)
    qtbot.addWidget(bar)
    bar.show()
    entered, leave = threading.Event(), threading.Event()

    def steps() -> Steps[None]:
        yield Progress("separating", 1, 4)
        entered.set()
        leave.wait(10)
        yield Progress("separating", 2, 4)

    runner.submit(Job("Keep “a dog”", steps))
    qtbot.waitUntil(entered.is_set)
    qtbot.waitUntil(lambda: "Separating, 25%" in bar.job_text)
    assert bar.job_text.startswith("Keep “a dog” – ")
    with qtbot.waitSignal(bar.cancel_requested):
        bar.findChild(QWidget, "statusJobCancel").click()
    runner.cancel()
    assert bar.job_text.endswith("Stopping…")
    with qtbot.waitSignal(runner.idle):
        leave.set()
    assert bar.job_text == ""
    bar.stop()


# -- Messages ----------------------------------------------------------------------------------


def test_a_message_gives_way_to_the_next_and_to_its_buttons(qtbot):
    bar = MessageBar()
    qtbot.addWidget(bar)
    done = []
    bar.say(
        "No room.", title="Export", choices=[Choice("Elsewhere…", lambda: done.append(1), True)]
    )
    assert (bar.text, bar.choices) == ("No room.", ["Elsewhere…"])
    bar.press("Elsewhere…")
    assert done == [1]
    assert bar.text == ""
    bar.say("One.", choices=[Choice("A", lambda: None)])
    bar.say("Two.")
    assert (bar.text, bar.choices) == ("Two.", [])
    with qtbot.waitSignal(bar.dismissed):
        bar.findChild(QWidget, "messageClose").click()


# -- Panes and keys ----------------------------------------------------------------------------


def test_panes_are_visited_in_turn_and_remember_what_had_the_keyboard(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    column = QVBoxLayout(window)
    panes, fields = [], []
    for _ in range(3):
        pane = QWidget()
        inner = QVBoxLayout(pane)
        fields.append([QLineEdit(), QLineEdit()])
        for field in fields[-1]:
            inner.addWidget(field)
        column.addWidget(pane)
        panes.append(pane)
    window.show()
    with qtbot.waitActive(window):
        window.activateWindow()
    visits = Panes(panes)
    fields[0][1].setFocus()
    assert visits.step(1) is panes[1]
    assert fields[1][0].hasFocus()
    assert visits.step(-1) is panes[0]
    assert fields[0][1].hasFocus()
    panes[1].hide()
    assert visits.step(1) is panes[2]
    assert visits.step(1) is panes[0]


def test_a_pane_whose_control_is_gone_is_entered_all_the_same(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    column = QVBoxLayout(window)
    panes, fields = [], []
    for _ in range(2):
        pane = QWidget()
        QVBoxLayout(pane).addWidget(QLineEdit())
        fields.append(QLineEdit())
        pane.layout().addWidget(fields[-1])
        column.addWidget(pane)
        panes.append(pane)
    window.show()
    with qtbot.waitActive(window):
        window.activateWindow()
    visits = Panes(panes)
    fields[0].setFocus()
    assert visits.step(1) is panes[1]
    delete(fields[0])
    assert visits.step(1) is panes[0]


@pytest.mark.parametrize(
    ("control", "key", "own"),
    [
        (QPushButton, Qt.Key.Key_Space, True),
        (QPushButton, Qt.Key.Key_S, False),
        (QLineEdit, Qt.Key.Key_Return, True),
        (QSlider, Qt.Key.Key_Home, True),
        (QSlider, Qt.Key.Key_Space, False),
    ],
)
def test_a_control_keeps_the_keys_that_work_it(qtbot, control, key, own):
    widget = control()
    qtbot.addWidget(widget)
    widget.show()
    with qtbot.waitActive(widget):
        widget.activateWindow()
    widget.setFocus()
    event = QKeyEvent(QKeyEvent.Type.ShortcutOverride, key, Qt.KeyboardModifier.NoModifier)
    assert keyboard.belongs_to_control(event) == own
    control_key = QKeyEvent(
        QKeyEvent.Type.ShortcutOverride, key, Qt.KeyboardModifier.ControlModifier
    )
    assert not keyboard.belongs_to_control(control_key)


# -- Problems ----------------------------------------------------------------------------------


def test_problems_become_sentences_with_ways_out():
    request = ExtractionRequest(Query.of(keep=["a dog"]), Span(0, 10), model="base")
    ways = {
        ModelMissingError: ["Use Mini", "Get Base…"],
        DeviceError: ["Use Mini", "Preferences…"],
        AudioWriteError: ["Clear Undo History", "Choose Another Folder…"],
        QueryError: [],
    }
    for kind, labels in ways.items():
        told = trouble.of_extraction(kind("It did not work. Do this."), request)
        assert told.sentence == "It did not work. Do this."
        assert [way.label for way in told.ways] == labels
    assert trouble.of_extraction(MemoryError(), request).ways[0].request.model == "mini"
    assert "fault of the program" in trouble.sentence(ZeroDivisionError("oops"))


# -- Notifications -----------------------------------------------------------------------------


@pytest.mark.parametrize(("took", "wished", "told"), [(LONG + 1, True, 1), (1, True, 0)])
def test_only_long_work_is_told_of(qtbot, runner, tmp_path, took, wished, told):
    window, clock = QWidget(), Clock()
    qtbot.addWidget(window)
    settings = Settings(QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat))
    settings.update(notify=wished)
    said: list[str] = []
    Notifications(window, runner, settings, clock).told.connect(said.append)

    def steps() -> Steps[None]:
        clock.now += took
        yield Progress("separating")

    with qtbot.waitSignal(runner.idle):
        runner.submit(Job("Keep “a dog”", steps))
    assert len(said) == told
    settings.update(notify=False)
    with qtbot.waitSignal(runner.idle):
        runner.submit(Job("Keep “a dog”", steps))
    assert len(said) == told


# -- Welcome and start -------------------------------------------------------------------------


def test_the_welcome_offers_the_first_recent_files(qtbot, tmp_path):
    files = [tmp_path / f"wind & rain {number}{80 * 'x'}.wav" for number in range(SHOWN_FILES + 1)]
    welcome = Welcome()
    qtbot.addWidget(welcome)
    welcome.show_recent(files)
    with qtbot.waitSignal(welcome.file_requested) as told:
        welcome.findChild(QPushButton, "welcomeRecent1").click()
    assert told.args == [files[0]]
    assert welcome.findChild(QPushButton, "welcomeRecent1").text().startswith("wind && rain 0x")
    assert welcome.sizeHint().width() < 800  # a long name does not make the window wide
    assert welcome.findChild(QPushButton, f"welcomeRecent{SHOWN_FILES + 1}") is None


def test_without_a_screen_there_is_a_sentence(monkeypatch, capsys):
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert not has_display()
    assert main([]) == 1
    assert "no screen" in capsys.readouterr().err
    monkeypatch.setenv("DISPLAY", ":0")
    assert has_display()
