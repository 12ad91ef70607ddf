"""Recipes: taken from a session, the same after JSON, refused with a sentence where damaged."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.errors import RecipeError, SpanError
from clapsep_desktop.query import AudioPrompt, EmbeddedPrompt, Query, TextPrompt
from clapsep_desktop.session.recipe import Recipe, Step
from clapsep_desktop.session.session import Extraction, Recording, Session
from clapsep_desktop.session.sounds import Clip, Sound, Vector
from clapsep_desktop.timebase import Span

RATE = 44_100
RECORDING = Recording(Path("field.wav"), RATE, 2, 10 * RATE)
WIND = Query.of(remove=["wind"])

steps = st.builds(
    Step,
    st.sampled_from([WIND, Query.of(keep=["a", "b"], strength=0.25)]),
    st.none() | st.floats(0, 1e5),
    st.none() | st.floats(1e5, 2e5, exclude_min=True),
    st.none() | st.floats(0, 1e4).map(lambda low: (low, low + 100)),
    st.sampled_from(["linked", "independent"]),
    st.text(max_size=9),
    st.booleans(),
    st.text(st.characters(codec="utf-8"), max_size=9),
)


@given(st.lists(steps, min_size=1, max_size=3), st.text(st.characters(codec="utf-8"), max_size=9))
def test_json_holds_a_recipe_exactly(made: list[Step], name: str) -> None:
    recipe = Recipe(tuple(made), name)
    text = recipe.to_json()
    assert text.isascii()
    assert Recipe.from_json(text) == recipe
    assert Recipe.from_json(text).digest == recipe.digest


def test_sounds_stay_with_it(tmp_path: Path) -> None:
    sound = Sound("dog", (Clip("bark", 1.0, b"flac"),), {"mini": Vector((1.0,), "v")})
    recipe = Recipe((Step(Query((sound.prompt(),))),), "Dog", (sound,))
    recipe.save(tmp_path / "dog.json")
    assert Recipe.load(tmp_path / "dog.json") == recipe
    assert recipe.is_portable


def _session(*extractions: Extraction) -> Session:
    return Session(RECORDING, extractions)


def test_a_session_gives_what_is_on(tmp_path: Path) -> None:
    whole, part = Span(0, 10 * RATE), Span(RATE + 1, 2 * RATE)
    session = _session(
        Extraction(WIND, whole, strength=0.5, name="Calm"),
        Extraction(Query.of(keep=["x"]), whole, enabled=False),
        Extraction(Query.of(keep=["y"]), whole, strength=0.0),
        Extraction(Query.of(keep=["z"]), part, (100, 200), "independent", "base", False),
    )
    recipe = Recipe.of(session, "Both")
    assert [str(step.query) for step in recipe.steps] == [
        "remove “wind”; strength 50%",
        "keep “z”",
    ]
    calm, other = recipe.steps
    assert (calm.start, calm.end, calm.name) == (None, None, "Calm")
    assert (other.band, other.channels, other.model) == ((100, 200), "independent", "base")
    assert not other.specialists
    assert other.span(RATE, 10 * RATE) == part
    again = Recipe.from_json(recipe.to_json()).steps[1]
    assert again.span(RATE, 10 * RATE) == part


@given(st.integers(0, 10 * RATE - 2), st.integers(1, 10 * RATE))
def test_scopes_are_exact_to_the_frame(start: int, length: int) -> None:
    span = Span(start, min(start + length, 10 * RATE))
    (step,) = Recipe.of(_session(Extraction(WIND, span))).steps
    assert step.span(RATE, 10 * RATE) == span


def test_scopes_may_be_left_behind() -> None:
    session = _session(Extraction(WIND, Span(5, 10)))
    (step,) = Recipe.of(session, whole=True).steps
    assert step.span(8_000, 3) == Span(0, 3)


def test_a_scope_after_the_end_is_told() -> None:
    with pytest.raises(SpanError, match="recording ends at"):
        Step(WIND, start=5.0).span(RATE, RATE)


def test_a_scope_ends_after_its_start() -> None:
    with pytest.raises(RecipeError, match="end after its start"):
        Step(WIND, start=2.0, end=1.0)


def test_nothing_that_is_on_gives_no_recipe() -> None:
    with pytest.raises(RecipeError, match="would be empty"):
        Recipe.of(_session(Extraction(WIND, Span(0, 5), enabled=False)))


def test_prompts_can_be_replaced() -> None:
    example = AudioPrompt(Path("dog.wav"), 1.0, 2.0, weight=2.0)
    recipe = Recipe((Step(Query((TextPrompt("a"), example), (TextPrompt("b"),))),) * 2)
    assert not recipe.is_portable
    saved = EmbeddedPrompt("dog", "mini", (1.0,), 2.0)
    portable = recipe.mapped({example: saved})
    assert portable.is_portable
    for step in portable.steps:
        assert step.query.keep == (TextPrompt("a"), saved)
        assert step.query.remove == (TextPrompt("b"),)


def test_it_reads_as_a_sentence() -> None:
    recipe = Recipe((Step(WIND), Step(Query.of(keep=["dog"]), 1.0, None, (50, 900))), "Calm")
    assert str(recipe) == (
        "Calm: remove “wind”; then keep “dog”, from 00:00:01.000 to its end, between 50 and 900 Hz"
    )
    assert recipe.title == "Calm"
    assert Recipe((Step(WIND),)).title == "remove “wind”"
    assert recipe.digest in recipe.note
    assert str(recipe) in recipe.note


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "x"}, "no recipe"),
        ({"version": 2}, "version 2.*Update"),
        ({"steps": []}, "empty"),
        ({"steps": [{}]}, "damaged"),
        ({"steps": 3}, "damaged"),
        ({"name": None}, "damaged"),
        ({"sounds": [{}]}, "damaged"),
    ],
)
def test_a_damaged_recipe_is_told_with_its_file(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(Recipe((Step(WIND),)).to_dict() | change))
    with pytest.raises(RecipeError, match=rf"mine\.json.*{said}"):
        Recipe.load(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("band", [100]),
        ("band", [200, 100]),
        ("channels", "both"),
        ("band", [100, math.inf]),
        ("start", "now"),
        ("start", math.nan),
        ("start", -1.0),
        ("end", 0),
        ("end", math.inf),
        ("query", {"version": 1}),
        ("specialists", 1),
    ],
)
def test_a_damaged_step_is_told(tmp_path: Path, key: str, value: object) -> None:
    stored = Recipe((Step(WIND),)).to_dict()
    stored["steps"][0][key] = value
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(stored))
    with pytest.raises(RecipeError, match=r"mine\.json"):
        Recipe.load(path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1]", b"3"])
def test_other_files_are_no_recipes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=r"mine\.json"):
        Recipe.load(path)
    with pytest.raises(RecipeError, match="There is no recipe"):
        Recipe.load(tmp_path / "absent.json")
