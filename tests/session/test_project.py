import errno
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.errors import (
    AudioWriteError,
    ProjectDamagedError,
    ProjectError,
    ProjectVersionError,
)
from clapsep_desktop.session import project as projects
from clapsep_desktop.session.history import History
from clapsep_desktop.session.project import Project, data_folder, load, save, saving, taking_in
from clapsep_desktop.session.session import Session
from tests.support.sessions import finished, make_history, make_recording, make_step

VIEW = {"start": 120.5, "role": "kept", "selection": [10, 20]}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AudioStore]:
    store = AudioStore(tmp_path / "store")
    yield store
    store.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder that holds the recording and the project."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def history(store: AudioStore, home: Path) -> History:
    return make_history(store, make_recording(home / "field.wav"))


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def fresh(tmp_path: Path) -> AudioStore:
    return AudioStore(tmp_path / "fresh")


def test_a_project_opens_where_it_was_left(
    home: Path, store: AudioStore, history: History, tmp_path: Path
) -> None:
    path = home / "field.clapsep"
    save(path, Project(history, VIEW), store)
    other = fresh(tmp_path)
    project = load(path)
    opened = finished(taking_in(data_folder(path), project, other))
    assert opened.project == Project(history, VIEW)
    assert opened.notes == ()
    for buffer in history.buffers:
        mine, theirs = store.open(buffer), other.open(buffer)
        assert np.array_equal(mine.read(0, mine.frames), theirs.read(0, theirs.frames))
    other.close()


def test_results_are_plain_sound_files(home: Path, store: AudioStore, history: History) -> None:
    save(home / "field.clapsep", Project(history), store)
    files = sorted((home / "field.clapsep-data").iterdir())
    assert {file.stem for file in files} == history.buffers
    with AudioFile(files[0]) as file:
        assert (file.info.container, file.info.subtype) == ("WAV", "FLOAT")


def test_a_project_is_opened_on_another_path(
    home: Path, store: AudioStore, history: History, tmp_path: Path
) -> None:
    save(home / "field.clapsep", Project(history), store)
    there = tmp_path / "other disk" / "düne"
    there.parent.mkdir()
    shutil.move(home, there)
    other = fresh(tmp_path)
    project = load(there / "field.clapsep")
    opened = finished(taking_in(data_folder(there / "field.clapsep"), project, other))
    assert opened.project.history.recording.path == there / "field.wav"
    assert opened.lost == frozenset()
    other.close()


def test_saving_again_writes_only_what_is_new(
    home: Path, store: AudioStore, history: History
) -> None:
    path = home / "field.clapsep"
    save(path, Project(history), store)
    before = {file.name: file.stat().st_mtime_ns for file in data_folder(path).iterdir()}
    extraction = make_step(store, history.current, 7)
    save(path, Project(history.applied("More", history.current.added(extraction))), store)
    after = {file.name: file.stat().st_mtime_ns for file in data_folder(path).iterdir()}
    assert after.keys() - before.keys() == {f"{extraction.buffer}.wav"}
    assert before.items() <= after.items()


def test_results_that_nothing_needs_any_more_go_and_other_files_stay(
    home: Path, store: AudioStore, history: History
) -> None:
    path = home / "field.clapsep"
    save(path, Project(history), store)
    folder = data_folder(path)
    (folder / "notes.txt").write_text("mine")
    (folder / "mix.wav").write_text("mine")
    (folder / f".{'a' * 32}.wav.0badcafe.part").write_text("left behind")
    save(path, Project(History.of(Session(history.recording))), store)
    assert sorted(file.name for file in folder.iterdir()) == ["mix.wav", "notes.txt"]


def test_without_results_there_is_no_folder(home: Path, store: AudioStore) -> None:
    history = History.of(Session(make_recording(home / "field.wav")))
    save(home / "field.clapsep", Project(history), store)
    assert sorted(path.name for path in home.iterdir()) == ["field.clapsep", "field.wav"]


def test_where_links_cannot_be_made_results_are_copied(
    home: Path, store: AudioStore, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    steps = list(saving(home / "field.clapsep", Project(history), store))
    assert steps[-1].done == steps[-1].total == sum(map(store.size, history.buffers))
    for buffer in history.buffers:
        copy = data_folder(home / "field.clapsep") / f"{buffer}.wav"
        assert copy.read_bytes() == store.path(buffer).read_bytes()
        assert copy.stat().st_nlink == 1


# -- The former save is never lost -------------------------------------------------------------


class Crash(BaseException):
    """Stands for the process's end at a call of the system."""


CALLS = ("link", "replace", "rename", "unlink", "fsync", "mkdir", "rmdir")


def crash_at(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Have the n-th call that changes a disk, and every later one, not happen."""
    count = 0

    def guarded(call: Any) -> Any:
        def run(*args: Any, **keywords: Any) -> Any:
            nonlocal count
            count += 1
            if count > number:
                raise Crash
            return call(*args, **keywords)

        return run

    for name in CALLS:
        monkeypatch.setattr(os, name, guarded(getattr(os, name)))


@pytest.mark.parametrize("links", [True, False])
def test_a_crash_anywhere_leaves_the_old_project_or_the_new_one(
    home: Path, store: AudioStore, history: History, tmp_path: Path, links: bool
) -> None:
    path = home / "field.clapsep"
    save(path, Project(history), store)
    before = content(home)
    newer = History.of(Session(history.recording))
    for seed in (8, 9):
        extraction = make_step(store, newer.current, seed)
        newer = newer.applied("New", newer.current.added(extraction))

    outcomes = []
    for number in range(100):
        shutil.rmtree(home)
        for name, data in before.items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_bytes(data)
        with pytest.MonkeyPatch.context() as patch:
            crash_at(patch, number)
            if not links:
                patch.setattr(projects, "_linked", lambda *_: False)
            try:
                save(path, Project(newer), store)
                completed = True
            except Crash:
                completed = False
        other = AudioStore(tmp_path / f"check {number}")
        opened = finished(taking_in(data_folder(path), load(path), other))
        other.close()
        assert opened.lost == frozenset()
        outcomes.append(opened.project.history == newer)
        assert opened.project.history in (history, newer)
        if completed:
            break
    assert outcomes == sorted(outcomes), "once the new one is there, the old one never returns"
    assert not outcomes[0]
    assert outcomes[-1]
    assert set(content(home)) == {"field.clapsep", "field.wav"} | {
        f"field.clapsep-data/{buffer}.wav" for buffer in newer.buffers
    }


def test_stopping_between_two_steps_leaves_the_former_save(
    home: Path, store: AudioStore, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = home / "field.clapsep"
    save(path, Project(history.at(0)), store)
    before = content(home)
    extraction = make_step(store, history.current, 7)
    newer = history.applied("More", history.current.added(extraction))
    monkeypatch.setattr(projects, "_linked", lambda *_: False)
    steps = saving(path, Project(newer), store)
    next(steps)
    steps.close()
    assert content(home) == before


def test_a_result_that_is_gone_from_the_store_stops_the_save(
    home: Path, store: AudioStore, history: History
) -> None:
    save(home / "field.clapsep", Project(history.at(0)), store)
    before = content(home)
    store.sweep(())
    (home / "other.clapsep-data").mkdir()
    with pytest.raises(ProjectError, match="sound of one of its results is gone"):
        save(home / "other.clapsep", Project(history), store)
    assert content(home) == before


@pytest.mark.parametrize("name", ["field.wav", "missing/field.clapsep", "folder"])
def test_targets_that_cannot_be_are_refused(
    home: Path, store: AudioStore, history: History, name: str
) -> None:
    (home / "folder").mkdir()
    before = content(home)
    with pytest.raises(AudioWriteError):
        save(home / name, Project(history), store)
    assert content(home) == before


# -- Damaged, newer and foreign files ----------------------------------------------------------


@pytest.fixture
def saved(home: Path, store: AudioStore, history: History) -> Path:
    path = home / "field.clapsep"
    save(path, Project(history), store)
    return path


def test_a_newer_version_is_refused_with_a_sentence(saved: Path) -> None:
    value = json.loads(saved.read_text()) | {"version": 2, "history": "in a form of the future"}
    saved.write_text(json.dumps(value))
    with pytest.raises(ProjectVersionError, match="newer version"):
        load(saved)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_cut_project_is_told(saved: Path, share: float) -> None:
    data = saved.read_bytes()
    saved.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ProjectDamagedError, match="is damaged, cut off"):
        load(saved)


@pytest.mark.parametrize(
    "data", [b"RIFF\xff\xfe", b"{}", b"[1]", b"[" * 100_000, b'{"format": "clapsep-recipe"}']
)
def test_what_is_no_project_is_told(home: Path, data: bytes) -> None:
    (home / "x.clapsep").write_bytes(data)
    with pytest.raises(ProjectDamagedError):
        load(home / "x.clapsep")


def test_a_missing_project_and_a_folder_are_told(home: Path) -> None:
    with pytest.raises(ProjectError, match="There is no project"):
        load(home / "none.clapsep")
    with pytest.raises(ProjectError, match="is a folder"):
        load(home)


def test_a_lost_result_costs_nothing_else(saved: Path, history: History, tmp_path: Path) -> None:
    first, second, _ = history.current
    (data_folder(saved) / f"{first.buffer}.wav").unlink()
    damaged = data_folder(saved) / f"{second.buffer}.wav"
    data = damaged.read_bytes()
    damaged.unlink()  # it may be a link to what the store holds
    damaged.write_bytes(data[:-100])
    other = fresh(tmp_path)
    opened = finished(taking_in(data_folder(saved), load(saved), other))
    assert opened.lost == {first.buffer, second.buffer}
    assert [one.is_rendered for one in opened.project.history.current] == [False, False, True]
    assert first.title in opened.notes[0]
    assert second.title in opened.notes[0]
    other.close()


def test_a_result_of_another_length_is_not_taken_for_the_right_one(
    saved: Path, store: AudioStore, history: History, tmp_path: Path
) -> None:
    first = history.current.extractions[0]
    longer = make_step(store, history.current, 3, frames=2_000)
    file = data_folder(saved) / f"{first.buffer}.wav"
    file.unlink()
    shutil.copy(store.path(longer.buffer), file)
    other = fresh(tmp_path)
    opened = finished(taking_in(data_folder(saved), load(saved), other))
    assert opened.lost == {first.buffer}
    other.close()


def test_a_link_to_a_project_is_saved_where_it_leads(
    saved: Path, store: AudioStore, history: History, tmp_path: Path
) -> None:
    link = tmp_path / "link.clapsep"
    link.symlink_to(saved)
    save(link, Project(replace(history, index=0)), store)
    assert link.is_symlink()
    assert load(saved).history.index == 0
    assert not (tmp_path / "link.clapsep-data").exists()
