"""Saving and opening projects."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.errors import AudioWriteError
from clapsep_desktop.gui import project_steps
from clapsep_desktop.gui.document import Material
from clapsep_desktop.session.locks import ProjectLock
from clapsep_desktop.session.project import data_folder, load
from tests.support.desks import Desk
from tests.support.sessions import make_recording, noise

# -- Saving ------------------------------------------------------------------------------------


def test_a_project_comes_back_with_undo_and_view(desk: Desk, second: Desk, qtbot) -> None:
    desk.work(steps=3)
    desk.document.undo_stack.undo()
    assert desk.document.is_dirty
    with qtbot.waitSignal(desk.projects.saved):
        desk.projects.save()
    assert not desk.document.is_dirty
    heard, history = desk.heard(), desk.document.history
    assert history.recording.digest
    desk.document.close()

    second.open(qtbot)
    assert second.document.history == history
    assert second.views == [{"start": 12.5}]
    assert np.array_equal(second.heard(), heard)
    assert not second.document.is_dirty
    assert second.document.undo_stack.redoText() == "Keep “sound 3”"
    second.document.undo_stack.redo()
    assert len(second.document.session.extractions) == 3
    second.document.undo_stack.setIndex(0)
    assert np.array_equal(second.heard(), noise_of(desk))


def noise_of(desk: Desk) -> np.ndarray:
    samples, _ = soundfile.read(desk.folder / "field.wav", dtype="float32", always_2d=True)
    return samples


def test_the_suffix_is_added_and_giving_up_saves_nothing(desk: Desk, qtbot) -> None:
    desk.work()
    desk.target = None
    desk.save(qtbot)
    assert desk.document.project is None
    desk.target = desk.folder / "my.field"
    desk.save(qtbot)
    assert desk.document.project == desk.folder / "my.field.clapsep"
    assert load(desk.document.project).history == desk.document.history


def test_save_as_leaves_the_first_project_free(desk: Desk, second: Desk, qtbot) -> None:
    desk.work()
    desk.save(qtbot)
    desk.target = desk.folder / "other.clapsep"
    desk.projects.save_as()
    desk.wait(qtbot)
    second.open(qtbot)
    assert second.document.is_open
    second.answers = ["Cancel"]
    second.open(qtbot, desk.folder / "other.clapsep")
    assert "open already" in second.questions[0].title


def test_a_failed_save_keeps_everything_and_offers_another_place(
    desk: Desk, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.work()
    desk.save(qtbot)
    saved = load(desk.folder / "field.clapsep")
    desk.add(5)
    heard = desk.heard()

    def full(*_: object) -> Iterator[None]:
        raise AudioWriteError("The disk is full.")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(project_steps.projects, "saving", full)
        desk.save(qtbot)
    (trouble,) = desk.troubles
    assert trouble.sentence == "The disk is full. Everything is still open here."
    assert [way.action for way in trouble.ways] == ["save_as"]
    assert desk.document.is_dirty
    assert np.array_equal(desk.heard(), heard)
    assert load(desk.folder / "field.clapsep") == saved
    desk.target = desk.folder / "elsewhere.clapsep"
    desk.projects.save_as()
    desk.wait(qtbot)
    assert not desk.document.is_dirty


def test_a_save_while_another_window_has_the_target_is_refused(
    desk: Desk, second: Desk, qtbot
) -> None:
    desk.work()
    desk.save(qtbot)
    before = (desk.folder / "field.clapsep").read_bytes()
    second.work(steps=1)
    second.save(qtbot)
    assert "open in another window" in second.troubles[0].sentence
    assert (desk.folder / "field.clapsep").read_bytes() == before


def test_a_save_that_is_stopped_leaves_the_target_free(
    desk: Desk, second: Desk, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.work()
    saving, gate = threading.Event(), threading.Event()

    def slow(*_: object) -> Iterator[project_steps.projects.Progress]:
        saving.set()
        assert gate.wait(20)
        yield project_steps.projects.Progress(0, 1)

    with monkeypatch.context() as patch:
        patch.setattr(project_steps.projects, "saving", slow)
        desk.projects.save()
        qtbot.waitUntil(saving.is_set)
        desk.runner.cancel_all()
        gate.set()
        desk.wait(qtbot)
    assert desk.document.is_dirty
    second.work(steps=1)
    second.save(qtbot)
    assert second.troubles == []


def test_the_window_waits_for_no_disk_to_lock_a_project(
    desk: Desk, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []

    class Watched(ProjectLock):
        def __init__(self, project: Path, *, force: bool = False) -> None:
            threads.append(threading.current_thread())
            super().__init__(project, force=force)

        def is_of(self, project: Path) -> bool:
            threads.append(threading.current_thread())
            return super().is_of(project)

    monkeypatch.setattr(project_steps, "ProjectLock", Watched)
    desk.work()
    desk.save(qtbot)
    desk.save(qtbot)
    desk.open(qtbot)
    desk.document.close()
    desk.open(qtbot)
    assert len(threads) == 4
    assert threading.main_thread() not in threads


def test_an_edit_during_a_save_stays_unsaved(desk: Desk, qtbot) -> None:
    desk.work()
    desk.projects.save()
    desk.add(5)
    desk.wait(qtbot)
    assert desk.document.is_dirty
    assert len(load(desk.folder / "field.clapsep").history.current.extractions) == 2


@pytest.mark.parametrize(
    ("answer", "goes_on", "saved"),
    [("Save", True, True), ("Don’t Save", True, False), ("Cancel", False, False)],
)
def test_leaving_asks_what_is_to_become_of_the_changes(
    desk: Desk, qtbot, answer: str, goes_on: bool, saved: bool
) -> None:
    desk.work()
    left: list[bool] = []
    desk.answers = [answer]
    desk.projects.leave(lambda: left.append(True))
    desk.wait(qtbot)
    assert bool(left) == goes_on
    assert (desk.folder / "field.clapsep").exists() == saved
    assert "“field.wav”" in desk.questions[0].title


def test_leaving_asks_nothing_where_nothing_changed(desk: Desk, qtbot) -> None:
    left: list[bool] = []
    desk.projects.leave(lambda: left.append(True))
    desk.work()
    desk.save(qtbot)
    desk.projects.leave(lambda: left.append(True))
    assert left == [True, True]


# -- Opening -----------------------------------------------------------------------------------


@pytest.fixture
def project(desk: Desk, qtbot) -> Path:
    """A saved project that no window has open."""
    desk.work()
    desk.save(qtbot)
    desk.document.close()
    return desk.folder / "field.clapsep"


def test_the_second_window_is_told_and_may_open_a_copy(
    desk: Desk, second: Desk, project: Path, qtbot
) -> None:
    desk.open(qtbot)
    second.answers = ["Cancel", "Open a Copy"]
    second.open(qtbot)
    assert not second.document.is_open
    second.open(qtbot)
    assert "open in another window" in second.questions[1].text
    assert second.document.history == desk.document.history
    assert second.document.project is None
    assert second.document.is_dirty
    desk.add(5)
    desk.save(qtbot)
    assert desk.troubles == []


def test_the_same_project_again_stays_as_it_is(desk: Desk, project: Path, qtbot) -> None:
    desk.open(qtbot)
    desk.add(5)
    desk.open(qtbot)
    assert desk.notes == ["“field.clapsep” is open already."]
    assert len(desk.document.session.extractions) == 3


def test_a_moved_recording_is_looked_for(desk: Desk, project: Path, qtbot, tmp_path: Path) -> None:
    there = tmp_path / "moved" / "renamed.wav"
    there.parent.mkdir()
    (tmp_path / "field.wav").rename(there)
    desk.answers, desk.elsewhere = ["Look for It…"], there
    desk.open(qtbot)
    assert desk.questions[0].title == "The recording is missing"
    assert desk.document.session.recording.path == there
    desk.save(qtbot)
    desk.document.close()
    desk.open(qtbot)
    assert desk.document.session.recording.path == there
    assert len(desk.questions) == 1


def test_giving_up_the_search_frees_the_project(
    desk: Desk, second: Desk, project: Path, qtbot, tmp_path: Path
) -> None:
    (tmp_path / "field.wav").rename(tmp_path / "gone.wav")
    desk.answers = ["Look for It…", "Cancel"]
    desk.open(qtbot)
    desk.open(qtbot)
    assert not desk.document.is_open
    (tmp_path / "gone.wav").rename(tmp_path / "field.wav")
    second.open(qtbot)
    assert second.document.is_open


def test_a_changed_recording_is_told_and_may_be_used(
    desk: Desk, project: Path, qtbot, tmp_path: Path
) -> None:
    make_recording(tmp_path / "field.wav", seed=9)
    desk.answers = ["Use It as It Is"]
    desk.open(qtbot)
    assert desk.questions[0].title == "The recording has changed"
    assert len(desk.document.session.extractions) == 2


def test_one_of_another_length_may_not(desk: Desk, project: Path, qtbot, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "field.wav", noise(5_000), 8_000)
    desk.answers = ["Cancel"]
    desk.open(qtbot)
    assert desk.questions[0].answers == ("Look for It…",)
    assert not desk.document.is_open


@pytest.mark.parametrize("damage", ["cut", "newer", "gone"])
def test_what_cannot_be_opened_leaves_what_is_open(
    desk: Desk, second: Desk, project: Path, qtbot, damage: str
) -> None:
    text = project.read_text()
    if damage == "gone":
        project.unlink()
    else:
        project.write_text(
            text[:200] if damage == "cut" else json.dumps(json.loads(text) | {"version": 99})
        )
    second.work(steps=1)
    second.open(qtbot)
    (trouble,) = second.troubles
    words = {"cut": "damaged", "newer": "newer version", "gone": "There is no project"}
    assert words[damage] in trouble.sentence
    assert len(second.document.session.extractions) == 1
    assert not project.with_name(".field.clapsep.lock").exists()


def test_a_lost_result_is_told_and_can_be_rendered_again(desk: Desk, project: Path, qtbot) -> None:
    first = min(data_folder(project).iterdir())
    first.unlink()
    desk.open(qtbot)
    assert "missing or damaged" in desk.notes[0]
    assert [one.is_rendered for one in desk.document.session].count(False) == 1


def test_more_steps_than_are_kept_come_back_as_far_as_they_are(desk: Desk) -> None:
    desk.work(steps=0)
    history = desk.document.history
    for number in range(250):
        session = replace(history.current, markers=())
        history = history.applied(f"Step {number}", session)
    file = AudioFile(desk.folder / "field.wav")
    desk.document.open(history.at(249), Material(file.info, file, file.close))
    kept = desk.document.history
    assert kept.titles == history.titles[50:]
    assert kept.index == 199
