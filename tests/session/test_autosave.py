import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from clapsep_desktop.audio import staging
from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.errors import AudioWriteError
from clapsep_desktop.session import autosave as autosaves
from clapsep_desktop.session.autosave import (
    Autosave,
    FinishedStep,
    finished_steps,
    note_finished,
    read_snapshot,
)
from clapsep_desktop.session.history import History
from clapsep_desktop.session.project import Project
from clapsep_desktop.session.session import Session
from tests.support.sessions import make_recording, make_step


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AudioStore]:
    store = AudioStore(tmp_path / "session")
    yield store
    store.close()


@pytest.fixture
def autosave(store: AudioStore) -> Iterator[Autosave]:
    autosave = Autosave(store.folder)
    yield autosave
    autosave.close()


@pytest.fixture
def empty(tmp_path: Path) -> History:
    return History.of(Session(make_recording(tmp_path / "field.wav")))


def grown(store: AudioStore, history: History, seed: int) -> History:
    extraction = make_step(store, history.current, seed)
    return history.applied(extraction.title, history.current.added(extraction))


def note(store: AudioStore, history: History) -> None:
    extraction = history.current.extractions[-1]
    note_finished(store.folder, FinishedStep("Keep", history.recording, extraction))


def test_what_was_put_last_is_on_the_disk(
    autosave: Autosave, store: AudioStore, empty: History
) -> None:
    history = empty
    for seed in range(5):
        history = grown(store, history, seed)
        autosave.put(Project(history, {"seed": seed}), Path("/home/field.clapsep"))
    assert autosave.flush(10)
    snapshot = read_snapshot(store.folder)
    assert snapshot is not None
    assert snapshot.project == Project(history, {"seed": 4})
    assert snapshot.path == Path("/home/field.clapsep")


def test_it_is_written_on_another_thread(
    autosave: Autosave, empty: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []
    write = autosaves._write_json

    def watched(*args: object) -> None:
        threads.append(threading.current_thread())
        write(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(autosaves, "_write_json", watched)
    autosave.put(Project(empty))
    assert autosave.flush(10)
    assert threads
    assert threading.current_thread() not in threads


def test_closing_writes_what_is_pending(store: AudioStore, empty: History) -> None:
    autosave = Autosave(store.folder)
    autosave.put(Project(empty))
    autosave.close()
    autosave.close()
    assert read_snapshot(store.folder) is not None


def test_clearing_leaves_nothing_to_recover(
    autosave: Autosave, store: AudioStore, empty: History
) -> None:
    note(store, grown(store, empty, 1))
    autosave.put(Project(empty))
    autosave.clear()
    assert autosave.flush(10)
    assert read_snapshot(store.folder) is None
    assert finished_steps(store.folder) == []


def test_a_finished_step_is_noted_until_the_session_tells_of_it(
    autosave: Autosave, store: AudioStore, empty: History
) -> None:
    first = grown(store, empty, 1)
    second = grown(store, first, 2)
    note(store, first)
    note(store, second)
    assert [step.extraction for step in finished_steps(store.folder)] == [*second.current]
    autosave.put(Project(first))
    assert autosave.flush(10)
    (step,) = finished_steps(store.folder)
    assert step.extraction == second.current.extractions[1]
    assert step.title == "Keep"


def test_a_step_that_was_given_up_before_it_was_written_is_not_brought_back(
    autosave: Autosave, store: AudioStore, empty: History
) -> None:
    note(store, grown(store, empty, 1))
    with autosave._changed:  # the thread cannot write in between
        autosave.put(Project(grown(store, empty, 1)))
        history = grown(store, empty, 2)
        note(store, history)
        autosave.put(Project(history))
        autosave.put(Project(empty))
    assert autosave.flush(10)
    told = {step.extraction.buffer for step in finished_steps(store.folder)}
    assert told.isdisjoint(history.buffers)


def test_a_damaged_note_is_no_step(store: AudioStore, empty: History) -> None:
    (store.folder / "broken.step").write_text("{")
    (store.folder / "strange.step").write_text(json.dumps({"titles": []}))
    assert finished_steps(store.folder) == []


def test_a_full_disk_is_told_once_and_tried_again(
    store: AudioStore, empty: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise AudioWriteError("The disk is full.")

    told: list[str | None] = []
    works_again = threading.Event()

    def trouble(sentence: str | None) -> None:
        told.append(sentence)
        if sentence is None:
            works_again.set()

    autosave = Autosave(store.folder, trouble, interval=0.01)
    with monkeypatch.context() as patch:
        patch.setattr(autosaves, "write_text", full)
        for _ in range(2):
            autosave.put(Project(empty))
            assert not autosave.flush(10)
    assert works_again.wait(10)
    assert len(told) == 2
    assert "The disk is full." in str(told[0])
    assert read_snapshot(store.folder) is not None
    autosave.close()


def test_closing_while_it_fails_ends(store: AudioStore, empty: History, tmp_path: Path) -> None:
    autosave = Autosave(tmp_path / "no" / "such" / "folder")
    autosave.put(Project(empty))
    autosave.close()
    assert not autosave._thread.is_alive()


def test_the_former_autosave_outlives_one_that_fails(
    autosave: Autosave, store: AudioStore, empty: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    autosave.put(Project(empty, {"first": True}))
    assert autosave.flush(10)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(staging.os, "fsync", fail)
    autosave.put(Project(empty, {"second": True}))
    assert not autosave.flush(10)
    snapshot = read_snapshot(store.folder)
    assert snapshot is not None
    assert snapshot.project.view == {"first": True}
    monkeypatch.undo()
