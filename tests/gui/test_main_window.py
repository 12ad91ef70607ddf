from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDropEvent
from PySide6.QtWidgets import (  # fmt: skip
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QSlider,
    QWidget,
)

from clapsep_desktop.errors import ModelMissingError
from clapsep_desktop.gui import theme
from clapsep_desktop.gui.preferences import Preferences
from clapsep_desktop.gui.recordings import STOP_AND_CLOSE
from clapsep_desktop.gui.theme_colours import DARK
from clapsep_desktop.query import Query
from clapsep_desktop.timebase import Span
from tests.support.windows import Studio

RATE, FRAMES = 16_000, 64_000


def extract(studio: Studio, qtbot, query: Query | None = None, span: Span | None = None) -> None:
    studio.window.query.set_query(query or Query.of(keep=["a dog"]))
    if span is not None:
        studio.editor.timeline.select(span)
    with qtbot.waitSignal(studio.editor.operations.extracted, timeout=20_000):
        studio.trigger("extract")


def run_extraction(studio: Studio, qtbot) -> None:
    """Begin an extraction that waits at its first window."""
    studio.gate = threading.Event()
    studio.window.query.set_query(Query.of(keep=["a dog"]))
    with qtbot.waitSignal(studio.editor.operations.planned, timeout=20_000):
        studio.trigger("extract")


# -- At the start ------------------------------------------------------------------------------


def test_the_window_opens_without_torch(tmp_path):
    program = (
        "import sys; from clapsep_desktop.gui.app import make_application, make_editor\n"
        "from clapsep_desktop.gui.main_window import MainWindow\n"
        "from clapsep_desktop.gui.preferences import Settings\n"
        "from PySide6.QtCore import QSettings\n"
        "app = make_application()\n"
        f"store = QSettings({str(tmp_path / 's.ini')!r}, QSettings.Format.IniFormat)\n"
        "window = MainWindow(make_editor(Settings(store))); window.show(); app.processEvents()\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}"
        " & {'torch', 'laion_clap', 'transformers', 'onnxruntime', 'matplotlib'}))\n"
        "window.close_now()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "CLAPSEP_SESSIONS": str(tmp_path / "sessions")},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
    assert list((tmp_path / "sessions").iterdir()) == []


def test_the_checklist_takes_the_place_of_the_history_beside_which_it_is_a_tab(studio):
    window = studio.window
    window.show_dock(window.checklist_dock)
    assert window.tabifiedDockWidgets(window.checklist_dock) == [window.history_dock]
    window.show_dock(window.history_dock)
    assert not window.history.visibleRegion().isEmpty()


def test_without_a_recording_there_is_a_welcome(studio):
    assert studio.window.pages.currentWidget() is studio.window.welcome
    assert studio.window.focusWidget().objectName() == "welcomeOpen"
    assert studio.window.windowTitle() == "CLAPSep Desktop[*]"
    assert not studio.window.actions_["extract"].isEnabled()
    assert studio.window.actions_["open"].isEnabled()


def test_the_demo_comes_with_a_hint_once(studio, qtbot):
    with qtbot.waitSignal(studio.editor.document.opened):
        studio.trigger("open_demo")
    assert "Ctrl+Enter" in studio.window.messages.text
    assert studio.settings.recent_files == []
    studio.window.messages.clear()
    with qtbot.waitSignal(studio.editor.document.opened):
        studio.trigger("open_demo")
    assert studio.window.messages.text == ""


# -- Opening -----------------------------------------------------------------------------------


def test_an_opened_recording_is_shown_and_remembered(opened, recording):
    assert opened.window.pages.currentWidget() is opened.window.track
    assert opened.window.windowTitle() == "rain.wav[*] – CLAPSep Desktop"
    assert opened.settings.recent_files == [recording]
    assert opened.editor.timeline.frames == FRAMES


def test_a_file_that_is_dropped_is_opened(studio, qtbot, recording):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(recording))])
    event = QDropEvent(
        QPointF(10, 10),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    with qtbot.waitSignal(studio.editor.document.opened):
        studio.window.dropEvent(event)
    assert studio.session.recording.path == recording


def test_recent_files_that_are_gone_are_marked(opened, qtbot, recording, tmp_path):
    opened.settings.remember_file(tmp_path / "gone.wav")
    menu = opened.window.findChild(QWidget, "menu_recent")
    menu.aboutToShow.emit()
    first, second = menu.actions()[:2]
    qtbot.waitUntil(lambda: first.text() == "&1  gone.wav  (missing)")
    assert not first.isEnabled()
    assert second.text() == "&2  rain.wav"
    assert second.isEnabled()


def test_a_broken_file_is_told_with_a_way_out(opened, qtbot, tmp_path, recording):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"nothing")
    with qtbot.waitSignal(opened.editor.operations.troubled):
        opened.window.open_file(broken)
    assert "broken.wav" in opened.window.messages.text
    assert opened.window.messages.choices == ["Open Another…"]
    opened.dialogs.opened = recording
    with qtbot.waitSignal(opened.editor.document.opened):
        opened.window.messages.press("Open Another…")


def test_a_recording_that_is_cut_off_is_opened_with_a_warning(studio, qtbot, recording):
    recording.write_bytes(recording.read_bytes()[: recording.stat().st_size // 2])
    with qtbot.waitSignal(studio.editor.operations.opened):
        studio.window.open_file(recording)
    assert "cut off" in studio.window.messages.text
    assert studio.window.messages.findChild(QWidget, "messageText").property("kind") == "warning"


def test_what_hindered_playback_is_forgotten_once_it_works(opened, qtbot):
    cards, opened.backend.cards = opened.backend.cards, []
    opened.trigger("play")
    qtbot.waitUntil(lambda: opened.window.messages.text != "")
    qtbot.waitUntil(lambda: not opened.editor.playback.is_playing)
    opened.backend.cards = cards
    opened.trigger("play")
    qtbot.waitUntil(lambda: opened.window.messages.text == "")
    assert opened.editor.playback.is_playing


def test_unsaved_steps_are_asked_about_before_another_file_is_opened(opened, qtbot, recording):
    extract(opened, qtbot)
    opened.window.open_file(recording)
    assert opened.dialogs.questions[0].title == "Save the changes to “rain.wav”?"
    assert len(opened.session.extractions) == 1
    opened.dialogs.answers = ["Don’t Save"]
    with qtbot.waitSignal(opened.editor.document.opened):
        opened.window.open_file(recording)
    assert opened.session.extractions == ()


# -- Extracting --------------------------------------------------------------------------------


def test_an_extraction_shows_itself_everywhere(opened, qtbot):
    extract(opened, qtbot, span=Span(8_000, 40_000))
    assert opened.session.extractions[0].span == Span(8_000, 40_000)
    assert opened.window.isWindowModified()
    assert opened.editor.sound.role == "kept"
    assert opened.window.actions_["hear_kept"].isChecked()
    assert opened.window.actions_["undo"].text() == "&Undo Keep “a dog”"
    assert len(opened.window.history.rows) == 1
    assert opened.settings.recent_queries == [Query.of(keep=["a dog"])]


def test_a_whole_file_is_asked_about_without_a_selection(opened, qtbot):
    extract(opened, qtbot)
    assert opened.session.extractions[0].span == Span(0, FRAMES)


def test_a_box_limits_an_extraction_to_its_band(opened, qtbot):
    opened.editor.timeline.select(Span(0, 16_000), (500.0, 2_000.0))
    extract(opened, qtbot)
    assert opened.session.extractions[0].band == (500.0, 2_000.0)


def test_the_last_query_is_asked_again_of_what_is_chosen_now(opened, qtbot):
    extract(opened, qtbot)
    opened.editor.timeline.select(Span(0, 16_000), (500.0, 2_000.0))
    for scope in ("selection", "file"):
        opened.window.query.options.scope = scope
        with qtbot.waitSignal(opened.editor.operations.extracted, timeout=20_000):
            opened.trigger("repeat")
    _, limited, whole = opened.session.extractions
    assert (limited.span, limited.band) == (Span(0, 16_000), (500.0, 2_000.0))
    assert (whole.span, whole.band) == (Span(0, FRAMES), None)


def test_a_query_that_asks_for_nothing_is_told(opened):
    opened.trigger("extract")
    assert opened.editor.runner.current is None
    assert opened.window.query.reason


def test_the_status_bar_tells_phase_and_progress(opened, qtbot):
    run_extraction(opened, qtbot)
    text = opened.window.status.job_text
    assert "Keep “a dog” in the whole file" in text
    assert opened.window.actions_["extract"].isEnabled()
    opened.window.query_link.extract()  # only one at a time
    opened.trigger("repeat")
    assert opened.editor.runner.waiting == 0
    with qtbot.waitSignal(opened.editor.operations.extracted, timeout=20_000):
        opened.gate.set()
    qtbot.waitUntil(lambda: opened.window.status.job_text == "")


def test_escape_cancels_then_dismisses_then_selects_nothing(opened, qtbot):
    opened.editor.timeline.select(Span(0, 32_000))
    run_extraction(opened, qtbot)
    with qtbot.waitSignal(opened.editor.runner.stopped, timeout=20_000):
        opened.trigger("cancel")
        assert "Stopping" in opened.window.status.job_text
        opened.gate.set()
    assert opened.session.extractions == ()
    assert opened.editor.timeline.selection is not None
    opened.window.messages.say("Something.")
    opened.trigger("cancel")
    assert opened.window.messages.text == ""
    opened.trigger("cancel")
    assert opened.editor.timeline.selection is None


def test_a_missing_model_offers_mini(opened, qtbot):
    opened.fail = {"base": ModelMissingError("The model “base” is not installed.")}
    opened.window.query.set_query(Query.of(keep=["a dog"]))
    request = opened.window.query_link._request(Span(0, FRAMES))
    with qtbot.waitSignal(opened.editor.operations.troubled, timeout=20_000):
        opened.editor.operations.extract(replace(request, model="base"))
    assert opened.window.messages.choices == ["Use Mini", "Get Base…"]
    with qtbot.waitSignal(opened.editor.operations.extracted, timeout=20_000):
        opened.window.messages.press("Use Mini")


def test_a_preview_offers_to_be_extracted(opened, qtbot):
    opened.window.query.set_query(Query.of(keep=["a dog"]))
    with qtbot.waitSignal(opened.editor.operations.previewed, timeout=20_000):
        opened.trigger("preview")
    assert opened.window.messages.choices == ["Extract"]
    assert opened.editor.playback.is_playing
    opened.trigger("cancel")
    assert opened.window.messages.text == ""
    assert not opened.editor.playback.is_playing
    assert not opened.read("removed").any()


def test_the_selection_becomes_an_example(opened, recording):
    opened.editor.timeline.select(Span(RATE, 2 * RATE))
    opened.trigger("example_remove")
    (example,) = opened.window.query.query().remove
    assert (example.path, example.start, example.end) == (recording, 1.0, 2.0)
    options = opened.window.query.options
    assert options.scope == "file"  # else only the example itself would be changed
    opened.editor.timeline.select(Span(0, RATE))
    assert options.scope == "selection"


def test_steps_are_compared_in_the_history(opened, qtbot):
    extract(opened, qtbot)
    with qtbot.waitSignal(opened.editor.operations.compared, timeout=20_000):
        opened.trigger("compare")
    labels = opened.window.history.rows[0].findChildren(QWidget)
    texts = " ".join(one.text() for one in labels if hasattr(one, "text") and callable(one.text))
    assert "add up to the original exactly" in texts


# -- Roles, markers, loudness ------------------------------------------------------------------


def test_roles_are_switched_together(opened, qtbot):
    for role in ("kept", "removed", "original"):
        opened.trigger(f"hear_{role}")
        assert opened.editor.view.role == opened.editor.player.role == role
        assert opened.window.actions_[f"hear_{role}"].isChecked()


def test_undo_never_moves_the_view(opened, qtbot):
    extract(opened, qtbot)
    timeline = opened.editor.timeline
    timeline.zoom_to(Span(10_000, 20_000))
    timeline.select(Span(12_000, 13_000))
    before = (timeline.start, timeline.frames_per_pixel, timeline.selection, timeline.cursor)
    opened.trigger("undo")
    opened.trigger("redo")
    assert before == (
        timeline.start,
        timeline.frames_per_pixel,
        timeline.selection,
        timeline.cursor,
    )


def test_a_marker_is_shown_and_undone(opened):
    opened.editor.timeline.set_cursor(5_000)
    opened.trigger("marker")
    assert [marker.frame for marker in opened.editor.timeline.markers] == [5_000]
    opened.trigger("undo")
    assert opened.editor.timeline.markers == ()


def test_loudness_is_matched_and_let_be(opened, qtbot):
    extract(opened, qtbot)
    with qtbot.waitSignal(opened.editor.loudness.measured, timeout=20_000):
        opened.trigger("match_loudness")
    assert opened.editor.player.gain("original") == 0.0
    assert opened.editor.player.gain("removed") != 0.0
    opened.trigger("match_loudness")
    assert opened.editor.player.gain("removed") == 0.0


# -- Widgets -----------------------------------------------------------------------------------


def test_every_control_has_a_name_for_tests_readers_and_learners(opened, qtbot):
    extract(opened, qtbot)
    kinds = (QAbstractButton, QLineEdit, QAbstractSpinBox, QComboBox, QSlider)
    lacking = []
    for kind in kinds:
        for control in opened.window.findChildren(kind):
            name = control.objectName()
            if name.startswith(("qt_", "Scroll")) or not control.focusPolicy():  # Qt's own
                continue
            told = control.accessibleName() or getattr(control, "text", str)()
            if not (name and told and (control.toolTip() or isinstance(control, QLineEdit))):
                lacking.append((type(control).__name__, name, told, control.toolTip()))
    assert lacking == []


def test_every_action_has_a_name_and_a_hint(studio):
    for action in studio.window.actions_:
        assert action.objectName().startswith("action_")
        assert action.toolTip()


# -- Settings and closing ----------------------------------------------------------------------


def test_the_window_comes_back_where_it_was(qtbot, tmp_path):
    studio = Studio(tmp_path)
    studio.window.show()
    studio.window.resize(1_000, 700)
    studio.window.history_dock.hide()
    studio.window.close()
    studio.window.deleteLater()
    again = Studio(tmp_path)
    again.window.show()
    try:
        assert again.window.height() == 700
        assert again.window.history_dock.isHidden()
        again.window.layout_.reset()
        assert not again.window.history_dock.isHidden()
    finally:
        again.close()


def test_the_query_has_the_height_it_asks_for_and_the_history_the_rest(studio, qtbot):
    window = studio.window
    window.resize(1400, 1100)
    window.layout_.reset()
    query, history = window.query_dock, window.history_dock
    qtbot.waitUntil(lambda: abs(query.height() - query.sizeHint().height()) < 8)
    assert history.height() > 300


def test_the_theme_is_chosen_and_kept(studio):
    studio.window.findChild(QAction, "action_theme_light").trigger()
    assert studio.settings.values.theme == theme.current().name == "light"
    studio.settings.update(theme="dark")
    assert theme.current() is DARK
    assert studio.window.findChild(QAction, "action_theme_dark").isChecked()


def test_how_it_is_drawn_is_kept(studio):
    track = studio.window.track
    track.settings_changed.emit(replace(track.settings, fft=4096, colours="viridis"))
    assert studio.settings.values.spectrogram_fft == 4096
    studio.settings.update(spectrogram_fft=1024)
    assert track.settings.fft == 1024
    assert Preferences().spectrogram_fft == 2048


def test_closing_asks_only_where_something_would_be_lost(opened, qtbot):
    extract(opened, qtbot)
    opened.window.close()
    assert opened.window.isVisible()
    assert len(opened.dialogs.questions) == 1
    opened.dialogs.answers = ["Don’t Save"]
    with qtbot.waitSignal(opened.window.closed):
        opened.window.close()
    assert list(opened.sessions.iterdir()) == []


def test_closing_during_an_extraction_asks_first(opened, qtbot):
    run_extraction(opened, qtbot)
    opened.window.close()
    assert opened.window.isVisible()
    assert opened.editor.runner.current is not None
    opened.dialogs.answers = [STOP_AND_CLOSE]
    opened.gate.set()
    with qtbot.waitSignal(opened.window.closed):
        opened.window.close()
    assert list(opened.sessions.iterdir()) == []


def test_nothing_to_lose_closes_at_once(opened, qtbot):
    with qtbot.waitSignal(opened.window.closed):
        opened.window.close()
    assert opened.dialogs.questions == []


def test_a_click_on_the_canvas_seeks(opened, qtbot):
    waveform = opened.window.track.waveform.viewport()
    x = waveform.width() // 2
    qtbot.mouseClick(waveform, Qt.MouseButton.LeftButton, pos=QPoint(x, waveform.height() // 2))
    assert opened.editor.timeline.cursor > 0


def test_a_small_window_cuts_nothing_off(studio):
    window = studio.window
    window.resize(1, 1)
    needed = window.minimumSizeHint()
    assert (window.width(), window.height()) == (max(needed.width(), 800), 500)
    assert window.transport.width() >= window.transport.minimumSizeHint().width()
