"""What is proposed while a text is typed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.errors import QueryError
from clapsep_desktop.gui.suggestions import MOST, Suggestion, Suggestions, known_sounds
from clapsep_desktop.query import EmbeddedPrompt, Query, TextPrompt


def saved(name: str) -> EmbeddedPrompt:
    return EmbeddedPrompt(name, "mini", (1.0, 0.0))


@pytest.fixture
def suggestions() -> Suggestions:
    made = Suggestions()
    made.set_saved(["Dog next door", "Hum"], saved)
    made.set_recent([Query.of(["a dog barking"], ["dog collar"]), Query.of(["rain"])])
    return made


def test_saved_go_before_recent_and_recent_before_known(suggestions):
    found = suggestions.matching("dog")
    kinds = [one.kind for one in found]
    assert kinds == sorted(kinds, key=["saved", "recent", "known"].index)
    assert found[0] == Suggestion("Dog next door", "saved")
    assert [one.text for one in found if one.kind == "recent"] == ["a dog barking", "dog collar"]
    assert Suggestion("a dog growling", "known") in found


def test_nothing_is_proposed_twice(suggestions):
    texts = [one.text for one in suggestions.matching("dog bark")]
    assert texts == ["a dog barking"]


def test_every_word_must_begin_a_word(suggestions):
    assert {one.text for one in suggestions.matching("bark dog")} == {"a dog barking"}
    assert suggestions.matching("ark") == []


def test_what_stands_there_already_is_not_proposed(suggestions):
    assert Suggestion("rain", "recent") not in suggestions.matching(" Rain ")
    assert Suggestion("Hum", "saved") in suggestions.matching("hum")


@pytest.mark.parametrize("typed", ["", "   ", "?!", "“"])
def test_nothing_typed_proposes_nothing(suggestions, typed):
    assert suggestions.matching(typed) == []


@given(
    typed=st.one_of(st.text(max_size=20), st.text("wrndai ", max_size=6)), most=st.integers(1, 20)
)
def test_proposals_are_few_different_and_fit(typed, most):
    suggestions = Suggestions()
    suggestions.set_recent([Query.of(["wind and rain", "rain on a tent"])])
    found = suggestions.matching(typed, most)
    assert len(found) <= most
    assert len(set(found)) == len(found)
    for one in found:
        words = re.findall(r"\w+", one.text.casefold())
        for part in re.findall(r"\w+", typed.casefold()):
            assert any(word.startswith(part) for word in words)


def test_a_saved_sound_becomes_a_prompt(suggestions):
    assert suggestions.prompt("Hum") == saved("Hum")
    assert suggestions.saved == ("Dog next door", "Hum")
    with pytest.raises(KeyError):
        suggestions.prompt("a dog barking")
    with pytest.raises(KeyError):
        Suggestions().prompt("Hum")


def test_after_an_at_sign_saved_sounds_only_are_proposed_and_asked_for(suggestions):
    assert [one.text for one in suggestions.matching("@")] == ["Dog next door", "Hum"]
    assert suggestions.matching("@dog") == [Suggestion("Dog next door", "saved")]
    assert suggestions.named(" @hum ") == saved("Hum")
    assert suggestions.named("hum") is None
    with pytest.raises(QueryError, match="no saved sound “rain”"):
        suggestions.named("@rain")


def test_known_sounds_are_queries_and_none_is_there_twice():
    names = known_sounds()
    assert 200 < len(names) < 500
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert TextPrompt(name).text == name
    assert "wind blowing" in names


def test_a_usual_number_is_shown(suggestions):
    assert len(suggestions.matching("a")) == MOST
