from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.session.budget import fitted
from clapsep_desktop.session.history import History
from tests.support.sessions import histories


def size(buffer: str) -> int:
    return 1 + int(buffer[:4], 16)


def total(history: History) -> int:
    return sum(map(size, history.buffers))


@given(histories(), st.integers(0, 300_000))
def test_steps_go_until_the_rest_fits_and_what_is_shown_stays(
    history: History, allowed: int
) -> None:
    rest = fitted(history, size, allowed)
    assert rest.current == history.current
    assert total(rest) <= allowed or rest.states == (history.current,)
    if total(history) <= allowed:
        assert rest == history


@given(histories())
def test_the_steps_to_undo_go_before_those_to_redo(history: History) -> None:
    after_undo = history.states[history.index :]
    enough = sum(map(size, frozenset().union(*(state.buffers for state in after_undo))))
    rest = fitted(history, size, enough)
    assert rest.states[-len(after_undo) :] == after_undo
