import json
import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.errors import ProjectDamagedError
from clapsep_desktop.query import AudioPrompt, Query
from clapsep_desktop.session.history import History
from clapsep_desktop.session.serial import history_from_dict, history_to_dict
from clapsep_desktop.session.session import Extraction, Recording, Session
from clapsep_desktop.timebase import Span
from tests.support.sessions import histories


def through_json(history: History, folder: Path | None = None) -> History:
    return history_from_dict(json.loads(json.dumps(history_to_dict(history, folder))), folder)


@given(histories())
def test_a_history_comes_back_exactly(history: History) -> None:
    assert through_json(history) == history


@given(histories())
def test_and_also_with_paths_as_seen_from_a_folder(history: History) -> None:
    assert through_json(history, Path("/recordings")) == history


def test_what_states_share_is_written_once() -> None:
    session = Session(Recording(Path("/a.wav"), 8_000, 1, 8_000))
    one = Extraction(Query.of(keep=["dog"]), Span(0, 10), vectors=((0.5,) * 64,))
    history = History.of(session).applied("Keep", session.added(one))
    for strength in (0.1, 0.2, 0.3):
        tuned = history.current.edited(one.id, strength=strength)
        history = history.applied("Strength", tuned).applied("Mark", tuned)
    value = history_to_dict(history)
    assert len(value["states"]) == 8
    assert len(value["extractions"]) == 4
    assert len(value["vectors"]) == 1


def test_a_folder_that_moves_as_a_whole_takes_its_sounds_along(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        (folder / "sub").mkdir(parents=True)
        (folder / "sub" / "field.wav").touch()
    query = Query((AudioPrompt(here / "sub" / "bark.wav"), AudioPrompt(tmp_path / "far.wav")))
    session = Session(Recording(here / "sub" / "field.wav", 8_000, 1, 8_000))
    history = History.of(session.added(Extraction(query, Span(0, 10))))
    value = history_to_dict(history, here)
    assert value["recording"]["path"] == "sub/field.wav"

    moved = history_from_dict(value, there)
    assert moved.recording.path == there / "sub" / "field.wav"
    (extraction,) = moved.current
    near, far = extraction.query.keep
    assert isinstance(near, AudioPrompt)
    assert isinstance(far, AudioPrompt)
    assert near.path == there / "sub" / "bark.wav"
    assert far.path == tmp_path / "far.wav"


def test_a_project_that_moves_alone_finds_the_recording_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "field.wav").touch()
    history = History.of(Session(Recording(tmp_path / "field.wav", 8_000, 1, 8_000)))
    value = history_to_dict(history, tmp_path)
    assert history_from_dict(value, tmp_path / "elsewhere").recording == history.recording


def test_one_that_is_found_nowhere_is_looked_for_beside_the_project(tmp_path: Path) -> None:
    history = History.of(Session(Recording(tmp_path / "gone.wav", 8_000, 1, 8_000)))
    value = history_to_dict(history, tmp_path)
    moved = history_from_dict(value, tmp_path / "new")
    assert moved.recording.path == tmp_path / "new" / "gone.wav"


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX only")
def test_file_names_that_are_no_text_are_kept() -> None:
    path = Path(os.fsdecode(b"/data/r\xe9ne.wav"))
    history = History.of(Session(Recording(path, 8_000, 1, 8_000)))
    assert through_json(history).recording.path == path


GARBAGE = st.sampled_from([None, True, -1, 10**30, 0.5, "", "../x", [], [[]], {}, {"text": 1}])


@given(histories(), st.data())
def test_damage_anywhere_is_told_as_such(history: History, data: st.DataObject) -> None:
    value = json.loads(json.dumps(history_to_dict(history)))
    spot = value
    while isinstance(spot, dict | list) and spot:
        keys = list(spot) if isinstance(spot, dict) else list(range(len(spot)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(spot[key], dict | list) or data.draw(st.booleans()):
            spot[key] = data.draw(GARBAGE)
            break
        spot = spot[key]
    with suppress(ProjectDamagedError):  # no other error, whatever is wrong
        history_from_dict(value)


@pytest.mark.parametrize("buffer", ["../../etc/passwd", "a/b", "a.b", "ü"])
def test_a_buffer_cannot_name_a_file_elsewhere(buffer: str) -> None:
    extraction = Extraction(Query.of(keep=["dog"]), Span(0, 10), buffer=buffer)
    session = Session(Recording(Path("/a.wav"), 8_000, 1, 8_000), (extraction,))
    with pytest.raises(ProjectDamagedError):
        through_json(History.of(session))


def test_an_extraction_past_the_end_of_the_recording_is_damage() -> None:
    extraction = Extraction(Query.of(keep=["dog"]), Span(0, 8_001))
    session = Session(Recording(Path("/a.wav"), 8_000, 1, 8_000), (extraction,))
    with pytest.raises(ProjectDamagedError):
        through_json(History.of(session))
