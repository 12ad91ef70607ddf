"""Going back and forth in earlier queries."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.gui.query_history import QueryHistory
from clapsep_desktop.query import Query

RAIN, HUM, DOG = Query.of(["rain"]), Query.of(remove=["hum"]), Query.of(["a dog"])


def test_older_newer_and_the_draft_again():
    history = QueryHistory()
    history.set_queries([RAIN, HUM])

    assert history.older(DOG) == RAIN
    assert history.is_browsing
    assert history.older(RAIN) == HUM
    assert history.older(HUM) is None
    assert history.newer() == (True, RAIN)
    assert history.newer() == (True, DOG)
    assert not history.is_browsing
    assert history.newer() == (False, None)


def test_what_is_shown_already_is_skipped():
    history = QueryHistory()
    history.set_queries([RAIN, HUM])
    assert history.older(RAIN) == HUM


def test_an_empty_draft_comes_back_as_nothing():
    history = QueryHistory()
    history.set_queries([RAIN])
    history.older(None)
    assert history.newer() == (True, None)


def test_without_queries_nothing_moves():
    history = QueryHistory()
    assert history.older(DOG) is None
    assert history.newer() == (False, None)
    assert not history.is_browsing


@given(steps=st.lists(st.booleans(), max_size=30), count=st.integers(0, 5))
def test_as_far_forth_as_back_ends_at_the_draft(steps, count):
    history = QueryHistory()
    history.set_queries([Query.of([f"sound {number}"]) for number in range(count)])
    shown: Query | None = DOG
    for back in steps:
        if back:
            shown = history.older(shown) or shown
        else:
            moved, newer = history.newer()
            shown = newer if moved else shown
    while history.is_browsing:
        shown = history.newer()[1]
    assert shown == DOG
