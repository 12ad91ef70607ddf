"""Texts that deny a sound, as people type them."""

from __future__ import annotations

from pathlib import Path

import pytest

from clapsep_desktop.errors import QueryError
from clapsep_desktop.query import AudioPrompt, Query, TextPrompt
from clapsep_desktop.separation.negation import in_plain_words


@pytest.mark.parametrize(
    ("typed", "keep", "remove"),
    [
        ("no speech", [], ["speech"]),
        ("No Speech", [], ["Speech"]),
        ("without voices", [], ["voices"]),
        ("without any wind", [], ["wind"]),
        ("not the dog", [], ["dog"]),
        ("non-speech", [], ["speech"]),
        ("no one talking", [], ["somebody talking"]),
        ("nobody speaking", [], ["somebody speaking"]),
        ("no speech or music", [], ["speech", "music"]),
        ("no wind, no rain and no thunder", [], ["wind", "rain", "thunder"]),
        ("everything but the wind", [], ["wind"]),
        ("everything except for speech", [], ["speech"]),
        ("all but birds", [], ["birds"]),
        ("music without singing", ["music"], ["singing"]),
        ("birdsong but no wind", ["birdsong"], ["wind"]),
        ("a dog barking, no speech", ["a dog barking"], ["speech"]),
        ("a dog barking but not the cat", ["a dog barking"], ["cat"]),
        ("music with no vocals or drums", ["music"], ["vocals", "drums"]),
    ],
)
def test_what_is_denied_is_removed(typed: str, keep: list[str], remove: list[str]) -> None:
    assert in_plain_words(Query.of([typed])) == Query.of(keep, remove)


@pytest.mark.parametrize(
    ("typed", "keep", "remove"),
    [
        ("everything but the voice", ["voice"], []),
        ("anything except speech", ["speech"], []),
        ("noise but not the voice", ["voice"], ["noise"]),
    ],
)
def test_what_is_not_to_be_removed_is_kept(typed: str, keep: list[str], remove: list[str]) -> None:
    assert in_plain_words(Query.of(remove=[typed])) == Query.of(keep, remove)


@pytest.mark.parametrize("typed", ["no speech", "without voices", "nobody talking", "non-speech"])
def test_a_bare_denial_of_what_to_remove_is_refused(typed: str) -> None:
    with pytest.raises(QueryError, match="two ways"):
        in_plain_words(Query.of(remove=[typed]))


@pytest.mark.parametrize(
    "typed",
    [
        "speech",
        "a man speaking",
        "north wind",
        "a notification sound",
        "nonsense talk",
        "a knot being tied",
        "piano notes",
        "rain and wind",
        "a dog barking, a cat meowing",
        "everything",
        "no",
    ],
)
def test_texts_that_deny_nothing_are_as_they_were(typed: str) -> None:
    query = Query.of([typed], ["noise"])
    assert in_plain_words(query) is query


def test_weights_and_options_stay_and_examples_are_left_alone() -> None:
    example = AudioPrompt(Path("no speech.wav"), weight=3.0)
    query = Query((TextPrompt("no wind", 2.0), example), (), blend=0.2, strength=0.7)
    expected = Query((example,), (TextPrompt("wind", 2.0),), blend=0.2, strength=0.7)
    assert in_plain_words(query) == expected


def test_what_is_both_asked_for_and_denied_is_refused() -> None:
    with pytest.raises(QueryError, match="both to keep and to remove"):
        in_plain_words(Query.of(["speech", "no speech"]))
