import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.session import recovery
from clapsep_desktop.session.autosave import (
    Autosave,
    FinishedStep,
    finished_steps,
    note_finished,
)
from clapsep_desktop.session.history import History
from clapsep_desktop.session.project import Project
from clapsep_desktop.session.recovery import (
    clean,
    discard,
    find,
    new_folder,
    recovering,
    sessions_root,
)
from tests.support.sessions import finished, make_history, make_recording, make_step

DEAD = 2**22 + 1


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "sessions"


@pytest.fixture
def store(root: Path) -> Iterator[AudioStore]:
    store = AudioStore(new_folder(root))
    yield store
    store.close()


@pytest.fixture
def history(store: AudioStore, tmp_path: Path) -> History:
    return make_history(store, make_recording(tmp_path / "field.wav"))


@pytest.fixture
def other(tmp_path: Path) -> Iterator[AudioStore]:
    """The store of the process that recovers."""
    store = AudioStore(tmp_path / "sessions" / "next")
    yield store
    store.close()


def die(folder: Path) -> None:
    """Have the folder's process be one that is dead."""
    lock = folder / "process.json"
    lock.write_text(json.dumps(json.loads(lock.read_text()) | {"pid": DEAD}))


def write(store: AudioStore, history: History, path: Path | None = None) -> None:
    autosave = Autosave(store.folder)
    autosave.put(Project(history, {"role": "kept"}), path)
    autosave.close()


def test_a_live_session_is_nobody_elses(root: Path, store: AudioStore, history: History) -> None:
    write(store, history)
    assert find(root) == []
    assert clean(root, []) == 0
    assert store.folder.is_dir()


def test_a_dead_one_comes_back_whole(
    root: Path, store: AudioStore, history: History, other: AudioStore
) -> None:
    write(store, history, Path("/home/field.clapsep"))
    die(store.folder)
    (one,) = find(root)
    assert (one.name, one.steps) == ("field.clapsep", history.index)
    assert one.size > len(history.buffers) * 8_000
    opened = finished(recovering(one, other))
    assert opened.project == Project(history, {"role": "kept"})
    assert opened.lost == frozenset()
    for buffer in history.buffers:
        old, new = store.open(buffer), other.open(buffer)
        assert np.array_equal(old.read(0, old.frames), new.read(0, new.frames))
    assert clean(root, [one]) == 0
    assert find(root) == [one]
    discard(one)
    assert find(root) == []
    assert all(buffer in other for buffer in history.buffers)


def test_a_step_that_finished_just_before_the_end_comes_back(
    root: Path, store: AudioStore, history: History
) -> None:
    write(store, history)
    extraction = make_step(store, history.current, 7)
    step = FinishedStep("Keep “sound 7”", history.recording, extraction)
    note_finished(store.folder, step)
    die(store.folder)
    (one,) = find(root)
    assert one.snapshot.project.history == history.applied(
        "Keep “sound 7”", history.current.added(extraction)
    )


def test_also_one_that_was_rendered_again(root: Path, store: AudioStore, history: History) -> None:
    write(store, history)
    first = history.current.extractions[0]
    again = replace(first, buffer=make_step(store, history.current, 7).buffer)
    note_finished(store.folder, FinishedStep("Render Again", history.recording, again))
    die(store.folder)
    (one,) = find(root)
    current = one.snapshot.project.history.current
    assert [each.id for each in current] == [each.id for each in history.current]
    assert current.extractions[0] == again


def test_also_one_of_a_session_that_was_never_written(
    root: Path, store: AudioStore, history: History
) -> None:
    extraction = history.current.extractions[0]
    note_finished(store.folder, FinishedStep("Keep", history.recording, extraction))
    die(store.folder)
    (one,) = find(root)
    assert one.name == "field.wav"
    assert one.snapshot.project.history.current.extractions == (extraction,)


def test_notes_of_another_recording_or_without_sound_do_not_count(
    root: Path, store: AudioStore, history: History
) -> None:
    write(store, history)
    elsewhere = replace(history.recording, path=Path("/other.wav"))
    extraction = make_step(store, history.current, 7)
    note_finished(store.folder, FinishedStep("Keep", elsewhere, extraction))
    unsealed = replace(extraction, buffer="0" * 32)
    note_finished(store.folder, FinishedStep("Keep", history.recording, unsealed))
    die(store.folder)
    (one,) = find(root)
    assert one.snapshot.project.history == history


def test_what_nothing_needs_is_removed(root: Path, store: AudioStore, history: History) -> None:
    die(store.folder)
    assert find(root) == []
    assert clean(root, []) > 3 * 8_000
    assert list(root.iterdir()) == []


def test_sessions_of_a_newer_version_are_left_to_it(
    root: Path, store: AudioStore, history: History
) -> None:
    write(store, history)
    file = store.folder / "session.json"
    value = json.loads(file.read_text())
    value["project"]["version"] = 99
    file.write_text(json.dumps(value))
    die(store.folder)
    assert find(root) == []
    assert clean(root, []) == 0
    assert file.exists()


def test_the_latest_is_first(root: Path, tmp_path: Path) -> None:
    recording = make_recording(tmp_path / "field.wav")
    for name in ("a", "b", "c"):
        store = AudioStore(root / name)
        write(store, make_history(store, recording, steps=1))
        die(store.folder)
    assert [one.folder.name for one in find(root)] == ["c", "b", "a"]


def test_an_old_empty_folder_goes_and_a_new_one_stays_as_do_the_users_own(root: Path) -> None:
    new, old, own = new_folder(root), new_folder(root), root / "Interviews"
    for folder, age in ((new, 0), (old, 1_000), (own, 1_000)):
        folder.mkdir(parents=True)
        stamp = folder.stat().st_mtime - age
        os.utime(folder, (stamp, stamp))
    clean(root, [])
    assert set(root.iterdir()) == {new, own}


def test_a_folder_that_another_window_cleans_at_the_same_time_is_nothing(
    root: Path, store: AudioStore, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_finished(
        store.folder, FinishedStep("Keep", history.recording, history.current.extractions[0])
    )
    die(store.folder)
    steps = finished_steps(store.folder)
    shutil.rmtree(store.folder)
    with monkeypatch.context() as patch:
        patch.setattr(recovery, "_abandoned", lambda _: [store.folder])
        patch.setattr(recovery, "finished_steps", lambda _: steps)
        assert find(root) == []
        assert clean(root, []) == 0


def test_the_root_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLAPSEP_SESSIONS", str(tmp_path / "here"))
    assert sessions_root() == tmp_path / "here"
    assert find(sessions_root()) == []
