"""Projects, recovery and the way out, through the window."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from clapsep_desktop.gui.projects import DO_NOT_SAVE, SAVE
from clapsep_desktop.gui.recovery_dialog import DELETE, RecoveryDialog
from clapsep_desktop.query import Query
from clapsep_desktop.session import recovery
from clapsep_desktop.timebase import Span
from tests.support.disks import mounting, script
from tests.support.sounds import noisy_tone, write_sound
from tests.support.windows import Studio

__all__ = ["mounting"]  # a fixture

RATE, FRAMES = 16_000, 64_000
SPAN = Span(8_000, 40_000)
DEAD = 2**22 + 1
PATIENCE = 60_000  # ms; a busy machine takes its time to load torch


@pytest.fixture
def studio(qtbot, tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(tmp_path)
    studio.dialogs.target = tmp_path / "rain.clapsep"
    studio.window.show()
    qtbot.waitExposed(studio.window)
    yield studio
    studio.dialogs.answers = [DO_NOT_SAVE]
    studio.close()


@pytest.fixture
def worked(studio: Studio, qtbot, tmp_path: Path) -> Studio:
    """A window with a recording and one extraction."""
    open_file(studio, qtbot, write_sound(tmp_path / "rain.wav", noisy_tone(FRAMES, 2, RATE), RATE))
    studio.window.query.set_query(Query.of(keep=["a dog"]))
    studio.editor.timeline.select(SPAN)
    with qtbot.waitSignal(studio.editor.operations.extracted, timeout=PATIENCE):
        studio.trigger("extract")
    return studio


def open_file(studio: Studio, qtbot, path: Path) -> None:
    with qtbot.waitSignal(studio.editor.document.opened, timeout=PATIENCE):
        studio.window.open_file(path)


def save(studio: Studio, qtbot) -> None:
    with qtbot.waitSignal(studio.window.projects.saved, timeout=PATIENCE):
        studio.trigger("save")


def wait(studio: Studio, qtbot) -> None:
    runner = studio.editor.runner
    qtbot.waitUntil(lambda: runner.current is None and not runner.waiting, timeout=PATIENCE)


def kill(folder: Path) -> None:
    """Have the process of a session's folder be one that is dead."""
    lock = folder / "process.json"
    lock.write_text(json.dumps(json.loads(lock.read_text()) | {"pid": DEAD}))


def shown_dialog(studio: Studio) -> RecoveryDialog:
    dialog = studio.window.findChild(RecoveryDialog)
    assert dialog is not None
    return dialog


def test_a_project_opens_where_it_was_left(worked: Studio, qtbot) -> None:
    timeline = worked.editor.timeline
    timeline.zoom_to(Span(10_000, 20_000))
    timeline.set_cursor(12_000)
    timeline.select(Span(11_000, 15_000))
    worked.editor.sound.hear("removed")
    save(worked, qtbot)
    assert not worked.window.isWindowModified()
    assert worked.window.windowTitle().startswith("rain.clapsep")
    seen, heard = timeline.visible, worked.read("kept")
    worked.trigger("close")
    assert worked.session is None

    open_file(worked, qtbot, worked.folder / "rain.clapsep")
    assert timeline.visible == seen
    assert (timeline.cursor, timeline.selection) == (12_000, Span(11_000, 15_000))
    assert worked.editor.sound.role == "removed"
    assert np.array_equal(worked.read("kept"), heard)
    worked.trigger("undo")
    assert worked.session.extractions == ()
    assert worked.window.isWindowModified()
    assert worked.folder / "rain.clapsep" in worked.settings.recent_files


def test_saving_before_closing_closes_once_it_is_saved(worked: Studio, qtbot) -> None:
    worked.dialogs.answers = [SAVE]
    with qtbot.waitSignal(worked.window.closed, timeout=PATIENCE):
        worked.window.close()
    assert (worked.folder / "rain.clapsep").exists()
    assert list(worked.sessions.iterdir()) == []


def test_a_window_that_is_ended_from_outside_can_be_recovered(
    worked: Studio, qtbot, tmp_path: Path
) -> None:
    heard, history = worked.read("kept"), worked.editor.document.history
    worked.window.close_now()
    kill(worked.sessions / "one")
    (one,) = recovery.find(worked.sessions)
    assert one.snapshot.project.history == history

    second = Studio(tmp_path / "second", sessions=worked.sessions, name="two")
    second.window.show()
    second.window.keeping.look_for_crashes()
    qtbot.waitUntil(lambda: second.window.findChild(RecoveryDialog) is not None)
    dialog = shown_dialog(second)
    assert dialog.list.count() == 1
    assert dialog.list.item(0).text().startswith("rain.wav\n1 step")
    with qtbot.waitSignal(second.editor.document.opened, timeout=PATIENCE):
        dialog.findChild(object, "recovery_recover").click()
    wait(second, qtbot)
    assert np.array_equal(second.read("kept"), heard)
    assert second.editor.document.is_dirty
    assert recovery.find(worked.sessions) == []
    second.close()


def test_what_is_not_wanted_back_is_deleted_after_a_question(
    worked: Studio, qtbot, tmp_path: Path
) -> None:
    worked.window.close_now()
    kill(worked.sessions / "one")
    second = Studio(tmp_path / "second", sessions=worked.sessions, name="two")
    second.window.show()
    second.trigger("recover")
    qtbot.waitUntil(lambda: second.window.findChild(RecoveryDialog) is not None)
    delete = shown_dialog(second).findChild(object, "recovery_delete")
    delete.click()
    assert (worked.sessions / "one").exists()
    second.dialogs.answers = [DELETE]
    delete.click()
    wait(second, qtbot)
    assert not (worked.sessions / "one").exists()
    second.trigger("recover")
    wait(second, qtbot)
    assert second.window.messages.text == "There is no unfinished work."
    second.close()


def test_opening_another_file_asks_about_what_is_not_saved(worked: Studio, qtbot) -> None:
    worked.window.open_file(worked.folder / "rain.wav")
    assert len(worked.dialogs.questions) == 1
    assert len(worked.session.extractions) == 1
    worked.dialogs.answers = [DO_NOT_SAVE]
    open_file(worked, qtbot, worked.folder / "rain.wav")
    assert worked.session.extractions == ()


def test_a_disk_with_no_room_for_a_save_is_told_over_the_recording(
    worked: Studio, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked.dialogs.target = worked.folder / "missing" / "rain.clapsep"
    with qtbot.waitSignal(worked.window.projects.troubled, timeout=PATIENCE):
        worked.trigger("save")
    assert "no folder" in worked.window.messages.text
    assert worked.window.messages.choices == ["Save Elsewhere…"]
    worked.dialogs.target = worked.folder / "rain.clapsep"
    with qtbot.waitSignal(worked.window.projects.saved, timeout=PATIENCE):
        worked.window.messages.press("Save Elsewhere…")
    assert not worked.editor.document.is_dirty


@pytest.fixture
def cramped(qtbot, tmp_path: Path, mounting: None) -> Iterator[Studio]:
    """A window whose results lie on a small disk."""
    with script.disk(tmp_path / "small") as small:
        studio = Studio(tmp_path / "studio", sessions=small)
        studio.window.show()
        yield studio
        studio.dialogs.answers = [DO_NOT_SAVE]
        studio.close()


def test_a_full_disk_stops_an_extraction_and_another_folder_takes_it(
    cramped: Studio, qtbot, tmp_path: Path
) -> None:
    rain = write_sound(tmp_path / "rain.wav", noisy_tone(FRAMES, 2, RATE), RATE)
    open_file(cramped, qtbot, rain)
    cramped.window.query.set_query(Query.of(keep=["a dog"]))
    script.fill(cramped.sessions)
    with qtbot.waitSignal(cramped.editor.operations.troubled, timeout=PATIENCE):
        cramped.trigger("extract")
    assert "Make room or choose another folder" in cramped.window.messages.text
    assert "Choose Another Folder…" in cramped.window.messages.choices
    cramped.dialogs.folder = tmp_path / "large"
    with qtbot.waitSignal(cramped.window.keeping.moved, timeout=PATIENCE):
        cramped.window.messages.press("Choose Another Folder…")
    wait(cramped, qtbot)
    with qtbot.waitSignal(cramped.editor.operations.extracted, timeout=PATIENCE):
        cramped.trigger("extract")
    wait(cramped, qtbot)
    assert cramped.settings.values.results_folder == str(tmp_path / "large")
    assert len(list((tmp_path / "large").glob("*/*.wav"))) == 1
    cramped.dialogs.answers = [DO_NOT_SAVE]
    with qtbot.waitSignal(cramped.window.closed):
        cramped.window.close()
    assert list((tmp_path / "large").iterdir()) == []
