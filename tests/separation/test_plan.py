from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from clapsep_desktop.errors import QueryError
from clapsep_desktop.query import Prompt, Query, TextPrompt
from clapsep_desktop.separation.plan import Plan, Step, automatic, by_specialist, direct

SPEECH = {"a man speaking", "a woman speaking", "speech"}


class Lookup:
    """Takes the texts in `SPEECH` for speech."""

    def about_speech(self, prompts: Sequence[Prompt]) -> list[bool]:
        return [isinstance(prompt, TextPrompt) and prompt.text in SPEECH for prompt in prompts]


def plan(keep: Sequence[str] = (), remove: Sequence[str] = (), **options: float) -> Plan:
    return automatic(Query.of(keep, remove, **options), Lookup(), "mini")


@pytest.mark.parametrize("remove", [[], ["wind"], ["wind", "music"]])
@pytest.mark.parametrize("keep", [["a man speaking"], ["speech", "a woman speaking"]])
def test_speech_alone_is_kept_by_the_specialist(keep: list[str], remove: list[str]) -> None:
    assert plan(keep, remove).steps == (Step("speech", None, "kept"),)


@pytest.mark.parametrize("remove", [["speech"], ["a man speaking", "a woman speaking"]])
def test_speech_alone_is_removed_by_the_specialist(remove: list[str]) -> None:
    assert plan([], remove).steps == (Step("speech", None, "removed"),)


@pytest.mark.parametrize(
    ("keep", "remove"),
    [
        (["a dog barking"], []),
        (["a dog barking"], ["wind"]),
        ([], ["wind"]),
        (["a man speaking"], ["a woman speaking"]),
        (["a man speaking", "music"], ["a woman speaking", "wind"]),
    ],
)
def test_what_the_specialist_cannot_do_goes_to_the_other_model_whole(
    keep: list[str], remove: list[str]
) -> None:
    query = Query.of(keep, remove)
    assert plan(keep, remove).steps == (Step("mini", query, "kept"),)


@pytest.mark.parametrize(
    ("keep", "remove", "rest"),
    [
        (["a dog barking"], ["speech"], Query.of(["a dog barking"])),
        (["a dog barking"], ["speech", "wind"], Query.of(["a dog barking"], ["wind"])),
        ([], ["speech", "wind"], Query.of([], ["wind"])),
    ],
)
def test_speech_is_removed_before_the_rest_is_asked_for(
    keep: list[str], remove: list[str], rest: Query
) -> None:
    expected = (Step("speech", None, "removed"), Step("mini", rest, "kept"))
    assert plan(keep, remove).steps == expected


@pytest.mark.parametrize(
    ("keep", "remove", "rest"),
    [
        (["speech", "music"], ["wind"], Query.of(["music"], ["wind"])),
        (["music", "speech"], [], Query.of(["music"])),
    ],
)
def test_speech_beside_another_sound_is_set_aside(
    keep: list[str], remove: list[str], rest: Query
) -> None:
    expected = (Step("speech", None, "removed", aside=True), Step("mini", rest, "kept"))
    assert plan(keep, remove).steps == expected


def test_the_blend_stays_with_the_query_and_the_strength_with_the_extraction() -> None:
    made = plan(["a dog barking"], ["speech"], blend=0.2, strength=0.5)
    query = made.steps[1].query
    assert query is not None
    assert (query.blend, query.strength) == (0.2, 1.0)
    assert direct(Query.of(["wind"], strength=0.5), "base").steps[0].query == Query.of(["wind"])


def test_a_plan_is_told_in_a_sentence_for_each_step() -> None:
    assert str(plan(["speech"])) == "speech: keep the voices, remove everything else"
    assert str(plan([], ["speech"])) == "speech: remove the voices"
    assert str(plan(["wind"])) == "mini: keep “wind”"
    assert str(plan(["wind"], ["speech"])).splitlines() == [
        "1. speech: remove the voices",
        "2. mini: keep “wind”, of what is left",
    ]
    assert str(plan(["wind", "speech"])).splitlines() == [
        "1. speech: set the voices aside, to be added again at the end",
        "2. mini: keep “wind”, of what is left",
    ]


def test_models_are_named_once_each() -> None:
    assert plan(["wind"], ["speech"]).models == ("speech", "mini")
    assert Plan((Step("a"), Step("b"), Step("a"))).models == ("a", "b")


@pytest.mark.parametrize(
    "made",
    [plan(["speech"]), plan([], ["speech"]), plan(["wind", "speech"], ["music"]), plan(["wind"])],
    ids=str,
)
def test_a_plan_survives_json(made: Plan) -> None:
    assert Plan.from_dict(json.loads(json.dumps(made.to_dict()))) == made


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"version": 99, "steps": []},
        {"version": 1, "steps": []},
        {"version": 1, "steps": "speech"},
        {"version": 1, "steps": [{"model": "speech"}]},
        {"version": 1, "steps": [Step("speech").to_dict() | {"passes": "both"}]},
        {"version": 1, "steps": [Step("speech").to_dict() | {"model": 1}]},
        {"version": 1, "steps": [Step("speech").to_dict() | {"query": {"keep": 1}}]},
        {"version": 1, "steps": [Step("speech", aside=True).to_dict()]},
    ],
)
def test_a_damaged_plan_says_so(value: object) -> None:
    with pytest.raises(QueryError):
        Plan.from_dict(value)


def test_the_specialist_can_be_asked_for_by_name() -> None:
    keep, remove = Query.of(["speech"], ["wind"]), Query.of([], ["speech"])
    assert by_specialist(keep, Lookup(), "mine").steps == (Step("mine"),)
    assert by_specialist(remove, Lookup()).steps == (Step("speech", passes="removed"),)


@pytest.mark.parametrize(
    "query",
    [
        Query.of(["wind"]),
        Query.of([], ["wind"]),
        Query.of(["speech", "wind"]),
        Query.of(["wind"], ["speech"]),
        Query.of([], ["speech", "wind"]),
        Query.of(["a man speaking"], ["a woman speaking"]),
    ],
    ids=str,
)
def test_the_specialist_by_name_refuses_what_it_cannot_do(query: Query) -> None:
    with pytest.raises(QueryError, match="auto"):
        by_specialist(query, Lookup())
