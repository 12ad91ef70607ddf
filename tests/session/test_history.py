from pathlib import Path

import pytest

from clapsep_desktop.query import Query
from clapsep_desktop.session.history import History
from clapsep_desktop.session.session import Extraction, Recording, Session
from clapsep_desktop.timebase import Span

EMPTY = Session(Recording(Path("field.wav"), 8_000, 1, 8_000))


def step(number: int) -> Extraction:
    return Extraction(Query.of(keep=[f"sound {number}"]), Span(0, 10), buffer=f"b{number}")


def of_steps(count: int) -> History:
    history = History.of(EMPTY)
    for number in range(count):
        history = history.applied(f"Step {number}", history.current.added(step(number)))
    return history


def test_a_step_after_undo_forgets_what_could_be_redone() -> None:
    history = of_steps(3).at(1)
    other = history.applied("Other", history.current.added(step(9)))
    assert other.titles == ("Step 0", "Other")
    assert other.index == 2
    assert other.buffers == {"b0", "b9"}


def test_buffers_are_those_of_every_state() -> None:
    assert of_steps(3).at(0).buffers == {"b0", "b1", "b2"}
    assert of_steps(3).at(0).current.buffers == frozenset()


def test_the_ends_can_be_cut_but_not_the_state_that_is_shown() -> None:
    history = of_steps(2).at(1)
    assert history.without_oldest().states == history.states[1:]
    assert history.without_oldest().current == history.current
    assert history.without_newest().states == history.states[:2]
    with pytest.raises(ValueError, match="shows one"):
        history.at(0).without_oldest()
    with pytest.raises(ValueError, match="shows one"):
        history.at(2).without_newest()


def test_a_recording_found_elsewhere_is_so_in_every_state() -> None:
    moved = of_steps(2).of_recording(Recording(Path("moved.wav"), 8_000, 1, 8_000))
    assert {state.recording.path.name for state in moved.states} == {"moved.wav"}


def test_a_lost_buffer_leaves_an_extraction_to_be_rendered() -> None:
    history = of_steps(2).without_buffers(frozenset({"b0"}))
    first, second = history.current
    assert not first.is_rendered
    assert second.is_rendered


def test_states_of_two_recordings_are_no_history() -> None:
    other = Session(Recording(Path("other.wav"), 8_000, 1, 8_000))
    with pytest.raises(ValueError, match="one recording"):
        History((EMPTY, other), ("Step",))
