"""A query is checked when made, reads as a sentence, and survives JSON."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clapsep_desktop.errors import QueryError
from clapsep_desktop.query import (
    MAX_TEXT,
    MAX_WEIGHT,
    AudioPrompt,
    EmbeddedPrompt,
    Mode,
    Prompt,
    Query,
    TextPrompt,
)

weights = st.floats(min_value=1e-6, max_value=MAX_WEIGHT)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=60)
words = texts.filter(lambda text: text.strip() and len(unicodedata.normalize("NFC", text)) < 200)


@st.composite
def audio_prompts(draw: st.DrawFn) -> AudioPrompt:
    start = draw(st.none() | st.floats(0, 1e6))
    length = draw(st.none() | st.floats(1, 1e6))
    end = None if length is None else (start or 0.0) + length
    name = draw(st.text(st.characters(exclude_characters="\0"), max_size=20))
    return AudioPrompt(Path("folder") / f"{name}.wav", start, end, draw(weights))


vectors = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8).filter(any).map(tuple)
embedded_prompts = st.builds(
    EmbeddedPrompt,
    words,
    words,
    vectors,
    weights,
    st.dictionaries(words, vectors, max_size=2).map(lambda others: tuple(others.items())),
)
prompts: st.SearchStrategy[Prompt] = (
    st.builds(TextPrompt, words, weights) | audio_prompts() | embedded_prompts
)


@st.composite
def queries(draw: st.DrawFn) -> Query:
    keep = tuple(draw(st.lists(prompts, max_size=4)))
    kept = {prompt.meaning for prompt in keep}
    remove = tuple(p for p in draw(st.lists(prompts, max_size=4)) if p.meaning not in kept)
    assume(keep or remove)
    return Query(keep, remove, draw(st.floats(0, 1)), draw(st.floats(0, 1)))


@given(queries())
def test_json_gives_the_same_query_back(query: Query) -> None:
    assert Query.from_json(query.to_json()) == query
    assert Query.from_json(query.to_json()).to_json() == query.to_json()


@given(queries())
def test_a_query_is_a_value_that_any_terminal_prints(query: Query) -> None:
    assert hash(query) == hash(replace(query))
    printed = str(query)
    assert printed.encode()
    assert "\n" not in printed
    assert "\x1b" not in printed


@given(words)
def test_a_text_is_normalised_once(text: str) -> None:
    prompt = TextPrompt(text)
    assert TextPrompt(prompt.text) == prompt
    assert TextPrompt(unicodedata.normalize("NFD", text)) == prompt
    assert TextPrompt(f"  {text}\r\n\t") == prompt


@given(st.text(max_size=2 * MAX_TEXT))
def test_any_text_is_taken_or_refused_with_a_sentence(text: str) -> None:
    try:
        assert 1 <= len(TextPrompt(text).text) <= MAX_TEXT
    except QueryError as error:
        assert str(error).endswith((".", "to hear."))  # noqa: PT017
        assert str(error).encode()  # noqa: PT017


def test_frozen() -> None:
    query = Query.of(keep=["rain"])
    with pytest.raises(FrozenInstanceError):
        query.blend = 0.1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("query", "printed"),
    [
        (Query.of(keep=["a man speaking"]), "keep “a man speaking”"),
        (Query.of(remove=["wind", "rain"]), "remove “wind” and “rain”"),
        (Query.of(["a dog", "a cat", "a cow"], ["wind"]),
         "keep “a dog”, “a cat” and “a cow”; remove “wind”"),
        (Query((TextPrompt("a dog", 2.5),), strength=0.5), "keep “a dog” × 2.5; strength 50%"),
        (Query.of(keep=["bark"], keep_audio=["dogs/rex.wav"], blend=0.3),
         "keep “bark” and the example rex.wav; 30% by example"),
        (Query(remove=(AudioPrompt(Path("hum.wav"), 1, 2.5),)),
         "remove the example hum.wav from 00:00:01.000 to 00:00:02.500"),
        (Query(remove=(AudioPrompt(Path("hum.wav"), end=2),)),
         "remove the example hum.wav from 00:00:00.000 to 00:00:02.000"),
        (Query(remove=(AudioPrompt(Path("hum.wav"), start=2),)),
         "remove the example hum.wav from 00:00:02.000 to its end"),
        (Query((EmbeddedPrompt("our bell", "mini", (1.0, 0.0)),)),
         "keep the saved sound “our bell”"),
        (Query(remove=(AudioPrompt(Path("a\x1b[31m\udcffb.wav")),)),
         "remove the example a\\x1b[31m\\udcffb.wav"),
    ],
)  # fmt: skip
def test_printed(query: Query, printed: str) -> None:
    assert str(query) == printed


@pytest.mark.parametrize(
    ("query", "mode"),
    [
        (Query.of(keep=["a"]), Mode.POSITIVE),
        (Query.of(remove=["a"]), Mode.NEGATIVE),
        (Query.of(["a"], ["b"]), Mode.BOTH),
        (Query.of(keep_audio=["a.wav"], remove=["b"]), Mode.BOTH),
    ],
)
def test_mode(query: Query, mode: Mode) -> None:
    assert query.mode is mode


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u3000", "\u200b", "\u200d\u2066", "\x00"])
def test_an_invisible_text_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match=r"empty|control"):
        TextPrompt(text)


@pytest.mark.parametrize("text", ["dog\x07", "a\x00b", "\x1b[31mred", "\x85"])
def test_control_characters_are_refused(text: str) -> None:
    with pytest.raises(QueryError, match="control character"):
        TextPrompt(text)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(QueryError, match="broken character"):
        TextPrompt("dog \ud83d")


@pytest.mark.parametrize(
    "text",
    [
        "犬が吠える",
        "كلب ينبح",
        "собака лает",
        "🐕 barking 👨‍👩‍👧",
        "a b",
        "!?",
        "\U000e0001x",
        "ﬁre",
    ],
)
def test_any_script_is_accepted(text: str) -> None:
    assert TextPrompt(text).text == text


def test_a_text_at_the_limit_is_accepted_and_past_it_refused() -> None:
    assert len(TextPrompt("x" * MAX_TEXT).text) == MAX_TEXT
    with pytest.raises(QueryError, match="301 characters"):
        TextPrompt("x" * (MAX_TEXT + 1))
    with pytest.raises(QueryError, match="100,000 characters") as caught:
        TextPrompt("x" * 100_000)
    assert len(str(caught.value)) < 300


def test_nothing_asked_for_is_refused() -> None:
    with pytest.raises(QueryError, match="Nothing is asked for"):
        Query()


@pytest.mark.parametrize(
    "value", [-0.01, 1.01, float("nan"), float("inf"), 10**400, "0.5", None, True]
)
@pytest.mark.parametrize("name", ["blend", "strength"])
def test_shares_outside_0_to_1_are_refused(name: str, value: object) -> None:
    with pytest.raises(QueryError, match=rf"The .*{name}"):
        Query.of(keep=["a"], **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("weight", [0, -1, 100.5, float("nan"), float("-inf"), "1", None, False])
def test_weights_out_of_range_are_refused(weight: object) -> None:
    with pytest.raises(QueryError, match="weight"):
        TextPrompt("a", weight)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="weight"):
        AudioPrompt(Path("a.wav"), weight=weight)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("keep", "remove"), [("Wind", "wind"), ("a  dog", "A dog"), ("caf\u00e9", "cafe\u0301")]
)
def test_to_keep_and_remove_the_same_is_refused(keep: str, remove: str) -> None:
    with pytest.raises(QueryError, match="both to keep and to remove"):
        Query.of([keep, "rain"], [remove])


def test_to_keep_and_remove_the_same_example_is_refused() -> None:
    with pytest.raises(QueryError, match=r"both .* a\.wav"):
        Query((AudioPrompt(Path("a.wav")),), (AudioPrompt(Path("a.wav"), start=0.0, weight=2),))
    Query((AudioPrompt(Path("a.wav")),), (AudioPrompt(Path("a.wav"), start=1.0),))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (-1, None),
        (2, 2),
        (3, 2),
        (None, 0),
        (float("nan"), None),
        (None, float("inf")),
        ("1", None),
    ],
)
def test_parts_that_hold_nothing_are_refused(start: float | None, end: float | None) -> None:
    with pytest.raises(QueryError, match="example"):
        AudioPrompt(Path("a.wav"), start, end)


@pytest.mark.parametrize("path", ["", ".", "/", "a\0b.wav", None, 3])
def test_paths_that_cannot_be_are_refused(path: object) -> None:
    with pytest.raises(QueryError, match="path of a sound file"):
        AudioPrompt(path)  # type: ignore[arg-type]


@pytest.mark.parametrize("vector", [(), (0.0, 0.0), (1.0, float("nan")), "12", 3, ("a",)])
def test_saved_sounds_without_numbers_are_refused(vector: object) -> None:
    with pytest.raises(QueryError, match="saved sound “bell”"):
        EmbeddedPrompt("bell", "mini", vector)  # type: ignore[arg-type]


def _changed(**changes: object) -> str:
    return json.dumps(Query.of(["a"], ["b"]).to_dict() | changes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        "{",
        "[" * 100_000,
        _changed(version=2),
        _changed(version=None),
        _changed(keep="a"),
        _changed(keep=["a"]),
        _changed(keep=[{}]),
        _changed(keep=[{"text": 1}]),
        _changed(keep=[{"text": "a", "volume": 1}]),
        _changed(keep=[{"text": "a", "audio": "a.wav"}]),
        _changed(keep=[{"text": "b"}]),
        _changed(keep=[{"audio": "a.wav", "start": "now"}]),
        _changed(keep=[{"vector": [1.0]}]),
        _changed(keep=[], remove=[]),
        _changed(blend=7),
        _changed(strength="all"),
        _changed(colour="red"),
    ],
)
def test_what_is_not_a_query_is_refused(text: str) -> None:
    with pytest.raises(QueryError):
        Query.from_json(text)


def test_fields_left_out_take_their_defaults() -> None:
    query = Query.from_dict({"version": 1, "keep": [{"text": "a"}]})
    assert query == Query.of(keep=["a"])


def test_a_saved_sound_may_lie_in_several_spaces() -> None:
    saved = EmbeddedPrompt("bell", "mini", (1.0,), others=(("base", (0.0, 2.0)),))
    assert saved.vector_for("mini") == (1.0,)
    assert saved.vector_for("base") == (0.0, 2.0)
    assert saved.vector_for("speech") is None


def test_further_vectors_without_models_are_refused() -> None:
    prompt = EmbeddedPrompt("bell", "mini", (1.0,)).to_dict() | {"others": [1.0]}
    with pytest.raises(QueryError, match="named by their models"):
        Query.from_dict({"version": 1, "keep": [prompt]})
