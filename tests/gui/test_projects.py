from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.errors import AudioWriteError
from clapsep_desktop.gui import project_steps
from clapsep_desktop.gui.document import Document, Material
from clapsep_desktop.gui.jobs import JobRunner
from clapsep_desktop.gui.operations.opening import recording_of
from clapsep_desktop.gui.projects import Projects
from clapsep_desktop.gui.questions import Question
from clapsep_desktop.gui.requests import Trouble
from clapsep_desktop.gui.safekeeping import Safekeeping
from clapsep_desktop.processes import Owner
from clapsep_desktop.session import autosave
from clapsep_desktop.session.autosave import read_snapshot
from clapsep_desktop.session.history import History
from clapsep_desktop.session.project import data_folder, load
from clapsep_desktop.session.recovery import Recoverable
from clapsep_desktop.session.session import Session
from tests.support.sessions import make_recording, make_step, noise

DEAD = 2**22 + 1


class Desk:
    """A document with projects, as the main window has them, and a user who answers."""

    def __init__(self, folder: Path, name: str = "session") -> None:
        self.folder = folder
        self.document = Document(AudioStore(folder / "sessions" / name))
        self.runner = JobRunner()
        self.view = {"start": 12.5}
        self.answers: list[str] = []
        self.questions: list[Question] = []
        self.target: Path | None = folder / "field.clapsep"
        self.elsewhere: Path | None = None
        self.keeping = Safekeeping(
            self.document, self.runner, [folder / "sessions"], lambda: self.view
        )
        self.projects = Projects(
            self.document,
            self.runner,
            self.keeping,
            ask=self._answer,
            choose_target=lambda _: self.target,
            choose_recording=lambda _: self.elsewhere,
        )
        self.troubles: list[Trouble] = []
        self.notes: list[str] = []
        self.views: list[object] = []
        for part in (self.projects, self.keeping):
            part.troubled.connect(self.troubles.append)
            part.noted.connect(self.notes.append)
        self.projects.view_restored.connect(self.views.append)

    def _answer(self, question: Question) -> str:
        self.questions.append(question)
        return self.answers.pop(0)

    def work(self, steps: int = 2) -> None:
        """Open the recording and make some steps."""
        file = AudioFile(self.folder / "field.wav")
        material = Material(file.info, file, file.close)
        self.document.open(History.of(Session(recording_of(material))), material)
        for seed in range(1, steps + 1):
            self.add(seed)

    def add(self, seed: int) -> None:
        session = self.document.session
        extraction = make_step(self.document.store, session, seed)
        self.document.apply(extraction.title, session.added(extraction))

    def heard(self) -> np.ndarray:
        return self.document.sources()["kept"].read(0, self.document.session.recording.frames)

    def wait(self, qtbot) -> None:
        qtbot.waitUntil(lambda: self.runner.current is None and not self.runner.waiting)

    def save(self, qtbot) -> None:
        self.projects.save()
        self.wait(qtbot)

    def open(self, qtbot, path: Path | None = None) -> None:
        self.projects.open(path or self.folder / "field.clapsep")
        self.wait(qtbot)

    def crash(self) -> None:
        """End as a killed process does: what is on the disk stays, of a process that is dead."""
        self.keeping._autosave.flush(10)
        self.keeping._timer.stop()
        self.keeping._autosave.close()
        self.runner.close()
        lock = self.document.store.folder / "process.json"
        lock.write_text(json.dumps(json.loads(lock.read_text()) | {"pid": DEAD}))
        if self.projects._lock is not None:
            leave_lock(self.projects._lock.project, pid=DEAD)
        if self.document.material is not None:
            self.document.material.close()
        for buffer in self.document.store._sealed.values():
            buffer.release()

    def close(self) -> None:
        self.runner.close()
        self.projects.close()
        self.keeping.close()
        self.document.close()
        self.document.store.close()


def leave_lock(project: Path, **owner: object) -> None:
    lock = project.with_name(f".{project.name}.lock")
    lock.write_text(json.dumps(Owner.this().to_dict() | owner))


@pytest.fixture
def desk(qtbot, tmp_path: Path) -> Iterator[Desk]:
    make_recording(tmp_path / "field.wav")
    desk = Desk(tmp_path)
    yield desk
    desk.close()


@pytest.fixture
def second(qtbot, tmp_path: Path, desk: Desk) -> Iterator[Desk]:
    """Another window, or the next start."""
    desk = Desk(tmp_path, "second")
    yield desk
    desk.close()


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


def test_a_live_window_is_not_offered(desk: Desk, second: Desk, qtbot) -> None:
    desk.work()
    assert recoverable(second, qtbot) == []


def test_autosaving_trouble_is_told_and_its_end_too(
    desk: Desk, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise AudioWriteError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(autosave, "put_in_place", full)
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
