import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.session.budget import SMALLEST, bytes_used, default_budget, fitted
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


def test_use_is_that_of_all_sessions(tmp_path: Path) -> None:
    assert bytes_used(tmp_path / "none") == 0
    for name, count in (("a", 10), ("b", 200)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.wav").write_bytes(b"0" * count)
    assert bytes_used(tmp_path) == 210


def test_the_default_leaves_half_of_what_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_free(count: int) -> int:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=count))
        return default_budget(tmp_path / "not" / "there" / "yet")

    assert with_free(100 << 30) == 50 << 30
    assert with_free(0) == SMALLEST
