"""The open document kept safe: autosaved, moved with its results, found after a crash."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.errors import AudioWriteError
from clapsep_desktop.gui import project_steps, safekeeping
from clapsep_desktop.gui.jobs import Progress
from clapsep_desktop.session import autosave, recovery
from clapsep_desktop.session.autosave import read_snapshot
from clapsep_desktop.session.project import load
from clapsep_desktop.session.recovery import Recoverable
from tests.support.desks import Desk

# -- Autosave and recovery ---------------------------------------------------------------------


def snapshot_of(desk: Desk):
    assert desk.keeping._autosave.flush(10)
    return read_snapshot(desk.document.store.folder)


def test_each_step_is_autosaved_and_closing_forgets(desk: Desk, qtbot) -> None:
    desk.work(steps=0)
    assert snapshot_of(desk).project.history == desk.document.history
    desk.add(1)
    assert snapshot_of(desk).project.history.current == desk.document.session
    desk.document.undo_stack.undo()
    assert snapshot_of(desk).project.history.index == 0
    desk.view = {"start": 99.0}
    desk.keeping._timer.timeout.emit()
    assert snapshot_of(desk).project.view == {"start": 99.0}
    desk.document.close()
    assert snapshot_of(desk) is None


def recoverable(desk: Desk, qtbot) -> list[Recoverable]:
    found: list[list[Recoverable]] = []
    desk.keeping.found.connect(found.append)
    desk.keeping.look_for_crashes()
    desk.wait(qtbot)
    return found[0] if found else []


def test_after_a_crash_everything_comes_back(desk: Desk, second: Desk, qtbot) -> None:
    desk.work(steps=3)
    desk.document.undo_stack.undo()
    heard, history = desk.heard(), desk.document.history
    desk.crash()
    (one,) = recoverable(second, qtbot)
    assert (one.name, one.steps) == ("field.wav", 2)
    second.projects.recover(one)
    second.wait(qtbot)
    recovered = second.document.history
    assert recovered.of_recording(history.recording) == history
    assert np.array_equal(second.heard(), heard)
    assert second.document.is_dirty
    assert not one.folder.exists()
    assert snapshot_of(second).project.history == recovered


def test_a_crashed_project_comes_back_as_itself(desk: Desk, second: Desk, qtbot) -> None:
    desk.work()
    desk.save(qtbot)
    desk.add(5)
    desk.crash()
    (one,) = recoverable(second, qtbot)
    assert one.name == "field.clapsep"
    second.projects.recover(one)
    second.wait(qtbot)
    assert second.document.project == desk.folder / "field.clapsep"
    assert len(second.document.session.extractions) == 3
    second.save(qtbot)
    assert len(load(desk.folder / "field.clapsep").history.current.extractions) == 3


def test_what_is_not_wanted_back_is_deleted(desk: Desk, second: Desk, qtbot) -> None:
    desk.work()
    desk.crash()
    found = recoverable(second, qtbot)
    second.keeping.forget(found)
    second.wait(qtbot)
    assert not found[0].folder.exists()
    assert recoverable(second, qtbot) == []


def test_a_crash_with_the_recording_gone_can_still_be_recovered(
    desk: Desk, second: Desk, qtbot, tmp_path: Path
) -> None:
    desk.work()
    desk.crash()
    there = tmp_path / "moved.wav"
    (tmp_path / "field.wav").rename(there)
    (one,) = recoverable(second, qtbot)
    second.answers, second.elsewhere = ["Look for It…"], there
    second.projects.recover(one)
    second.wait(qtbot)
    assert second.document.session.recording.path == there
    assert len(second.document.session.extractions) == 2


def test_a_folder_that_cannot_be_read_hides_no_other(
    desk: Desk, second: Desk, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.work()
    desk.crash()
    find = recovery.find

    def broken(root: Path) -> list[Recoverable]:
        if root.name == "far":
            raise OSError("The network is away.")
        return find(root)

    monkeypatch.setattr(recovery, "find", broken)
    found = list(project_steps.find_steps([tmp_path / "far", tmp_path / "sessions"]))
    assert len(found) == 1  # report: it was looking
    assert len(recoverable(second, qtbot)) == 1


def test_a_live_window_is_not_offered(desk: Desk, second: Desk, qtbot) -> None:
    desk.work()
    assert recoverable(second, qtbot) == []


def test_autosaving_trouble_is_told_and_its_end_too(
    desk: Desk, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise AudioWriteError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(autosave, "write_text", full)
        with qtbot.waitSignal(desk.keeping.troubled):
            desk.work(steps=0)
    with qtbot.waitSignal(desk.keeping.noted):
        desk.add(1)
    assert "The disk is full." in desk.troubles[0].sentence
    assert desk.notes == ["Autosaving works again."]


# -- Another place for results -----------------------------------------------------------------


def test_results_move_to_another_folder_with_their_autosave(
    desk: Desk, qtbot, tmp_path: Path
) -> None:
    desk.work(steps=3)
    desk.document.undo_stack.undo()
    heard, old, history = desk.heard(), desk.document.store.folder, desk.document.history
    with qtbot.waitSignal(desk.keeping.moved) as moved:
        desk.keeping.move_results(tmp_path / "large disk")
    desk.wait(qtbot)
    assert moved.args == [tmp_path / "large disk"]
    assert not old.exists()
    assert desk.document.store.folder.parent == tmp_path / "large disk"
    assert np.array_equal(desk.heard(), heard)
    assert snapshot_of(desk).project.history == history
    desk.document.undo_stack.redo()
    desk.add(7)
    assert snapshot_of(desk).project.history == desk.document.history
    desk.save(qtbot)
    assert not desk.document.is_dirty


def test_where_they_lay_is_deleted_at_the_latest_when_all_is_closed(
    desk: Desk, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def telling(*_: object) -> Iterator[Progress]:
        while True:  # until it is cancelled
            yield Progress("Telling")

    monkeypatch.setattr(safekeeping, "leave_steps", telling)
    moving = Desk(tmp_path, "moving")
    moving.work()
    old = moving.document.store.folder
    moving.keeping.moved.connect(lambda _: moving.runner.cancel_all())
    moving.keeping.move_results(tmp_path / "large disk")
    moving.wait(qtbot)
    assert moving.document.store.folder.parent == tmp_path / "large disk"
    assert old.exists(), "nobody may have told yet where the results are now"
    moving.close()
    assert not old.exists()


def test_where_results_cannot_move_they_stay(
    desk: Desk, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.work()
    heard, old = desk.heard(), desk.document.store

    def full(*_: object) -> None:
        raise AudioWriteError("The disk is full.")

    monkeypatch.setattr(AudioStore, "adopt", full)
    desk.keeping.move_results(tmp_path / "small disk")
    desk.wait(qtbot)
    assert desk.troubles[0].sentence == "The disk is full."
    assert [way.action for way in desk.troubles[0].ways] == ["move_results"]
    assert desk.document.store is old
    assert np.array_equal(desk.heard(), heard)
    assert list((tmp_path / "small disk").iterdir()) == []


def test_the_minutes_of_the_autosave_can_be_chosen(desk: Desk) -> None:
    desk.keeping.autosave_every(2)
    assert not desk.keeping._timer.isActive()
    desk.work(steps=0)
    assert desk.keeping._timer.interval() == 120_000
    desk.keeping.autosave_every(0)
    assert not desk.keeping._timer.isActive()
