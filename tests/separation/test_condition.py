"""Conditions are formed as the paper forms them, from texts and from examples of any shape."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.errors import AudioReadError, QueryError, SpanError
from clapsep_desktop.model.interface import QueryModel
from clapsep_desktop.query import AudioPrompt, EmbeddedPrompt, Query, TextPrompt
from clapsep_desktop.separation.condition import (
    SHORTEST_EXAMPLE,
    Condition,
    Conditioner,
    embed_example,
)
from tests.support.hearing import BANDS, HearingModel

RATE = HearingModel.grid.rate
WHOLE = AudioPrompt(Path("example.wav"))


@pytest.fixture
def model() -> HearingModel:
    return HearingModel()


@pytest.fixture
def conditioner(model: HearingModel) -> Conditioner:
    return Conditioner(model)


def _tone(band: float, seconds: float, rate: int = RATE) -> np.ndarray:
    """Float32 (n,) in the middle of one of the model's bands."""
    frequency = (band + 0.5) / BANDS * RATE / 2
    return 0.3 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate).astype("f")


def _write(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


def _unit(band: int) -> np.ndarray:
    return np.eye(BANDS)[band]


def test_the_fake_is_a_query_model(model: HearingModel) -> None:
    assert isinstance(model, QueryModel)


# -- The pair ----------------------------------------------------------------------------------


def test_positive_only(conditioner: Conditioner) -> None:
    condition = conditioner.condition(Query.of(keep=["band 2"]))
    np.testing.assert_allclose(condition.vector, [*_unit(2), *np.zeros(BANDS)])
    assert condition.negative is None


def test_negative_only(conditioner: Conditioner) -> None:
    condition = conditioner.condition(Query.of(remove=["band 2"]))
    np.testing.assert_allclose(condition.vector, [*np.zeros(BANDS), *_unit(2)])
    assert condition.positive is None


def test_both_are_normalised_as_one_vector(conditioner: Conditioner) -> None:
    condition = conditioner.condition(Query.of(["band 2"], ["band 5"]))
    expected = np.concatenate([_unit(2), _unit(5)]) / np.sqrt(2)
    np.testing.assert_allclose(condition.vector, expected, rtol=1e-6)
    np.testing.assert_allclose(condition.positive, _unit(2), rtol=1e-6)
    np.testing.assert_allclose(condition.negative, _unit(5), rtol=1e-6)
    assert condition.vector.dtype == np.float32
    assert condition.model == "hearing"


def test_texts_are_averaged_by_weight_and_renormalised(conditioner: Conditioner) -> None:
    query = Query((TextPrompt("band 0", 3), TextPrompt("band 1", 4)))
    positive = conditioner.condition(query).positive
    np.testing.assert_allclose(positive, 0.6 * _unit(0) + 0.8 * _unit(1), rtol=1e-6)


def test_strength_is_no_part_of_the_condition(conditioner: Conditioner) -> None:
    full, half = Query.of(["wind"]), Query.of(["wind"], strength=0.5)
    assert conditioner.condition(full) == conditioner.condition(half)


@given(
    st.lists(st.tuples(st.text("abc", min_size=1, max_size=3), st.floats(0.1, 10)), max_size=4),
    st.lists(st.tuples(st.text("xyz", min_size=1, max_size=3), st.floats(0.1, 10)), max_size=4),
)
def test_a_condition_has_length_one_and_equal_halves(
    keep: list[tuple[str, float]], remove: list[tuple[str, float]]
) -> None:
    if not keep and not remove:
        return
    query = Query(
        tuple(TextPrompt(*prompt) for prompt in keep),
        tuple(TextPrompt(*prompt) for prompt in remove),
    )
    vector = Conditioner(HearingModel()).condition(query).vector
    lengths = np.linalg.norm(vector.reshape(2, -1), axis=1)
    share = 1 / np.sqrt(2) if keep and remove else 1
    np.testing.assert_allclose(lengths, [share * bool(keep), share * bool(remove)], atol=1e-6)


# -- The blend ---------------------------------------------------------------------------------


@pytest.mark.parametrize("blend", [0.0, 0.3, 0.5, 1.0])
def test_examples_and_texts_are_blended(
    conditioner: Conditioner, tmp_path: Path, blend: float
) -> None:
    example = _write(tmp_path / "tone.wav", _tone(3, 2))
    query = Query.of(["band 6"], keep_audio=[example], blend=blend)
    expected = blend * _unit(3) + (1 - blend) * _unit(6)
    positive = conditioner.condition(query).positive
    np.testing.assert_allclose(positive, expected / np.linalg.norm(expected), atol=1e-3)


@pytest.mark.parametrize("blend", [0.0, 0.5, 1.0])
def test_a_lone_text_or_example_ignores_the_blend(
    conditioner: Conditioner, tmp_path: Path, blend: float
) -> None:
    example = _write(tmp_path / "tone.wav", _tone(3, 2))
    condition = conditioner.condition(Query.of(["band 6"], remove_audio=[example], blend=blend))
    np.testing.assert_allclose(condition.positive, _unit(6), atol=1e-3)
    np.testing.assert_allclose(condition.negative, _unit(3), atol=1e-3)


# -- Examples ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_rate_and_channel_count(model: HearingModel, rate: int, channels: int) -> None:
    samples = np.repeat(_tone(1, 1.5, rate)[:, None], channels, axis=1)
    embedding = embed_example(model, ArraySource(samples, rate), WHOLE)
    np.testing.assert_allclose(embedding, _unit(1), atol=0.01)
    assert [len(clip) for clip in model.clips] == [round(1.5 * RATE)]


def test_a_mix_that_cancels_is_heard_by_its_louder_channel(model: HearingModel) -> None:
    tone = _tone(1, 1)
    source = ArraySource(np.stack([0.5 * tone, -0.5 * tone], axis=1), RATE)
    np.testing.assert_allclose(embed_example(model, source, WHOLE), _unit(1), atol=0.01)


@pytest.mark.parametrize("seconds", [0.1, 3.999, 4.0, 4.001, 9.3, 12.0])
def test_a_long_example_is_heard_whole(model: HearingModel, seconds: float) -> None:
    steps = np.random.default_rng(0).random(round(seconds * RATE)).astype("f")
    embed_example(model, ArraySource(steps[:, None], RATE), WHOLE)
    window = model.plan.length * RATE
    assert len(model.clips) == -(-len(steps) // window)
    assert {len(clip) for clip in model.clips} == {min(len(steps), window)}
    assert set(steps.tolist()) == {value for clip in model.clips for value in clip.tolist()}


def test_windows_of_a_long_example_are_averaged(model: HearingModel) -> None:
    samples = np.concatenate([_tone(1, 4), _tone(2, 4)])
    embedding = embed_example(model, ArraySource(samples[:, None], RATE), WHOLE)
    np.testing.assert_allclose(embedding, (_unit(1) + _unit(2)) / np.sqrt(2), atol=0.01)


@pytest.mark.parametrize("level", [0.0, 1e-5, 1e-3])
def test_faint_windows_of_a_long_example_do_not_count(model: HearingModel, level: float) -> None:
    samples = np.concatenate([_tone(1, 4), level * _tone(2, 4)])
    embedding = embed_example(model, ArraySource(samples[:, None], RATE), WHOLE)
    np.testing.assert_allclose(embedding, _unit(1), atol=0.01)


def test_only_the_part_asked_for_is_heard(model: HearingModel) -> None:
    samples = np.concatenate([_tone(1, 2), _tone(2, 2), _tone(3, 2)])[:, None]
    part = AudioPrompt(Path("example.wav"), 2, 4)
    np.testing.assert_allclose(
        embed_example(model, ArraySource(samples, RATE), part), _unit(2), atol=0.01
    )
    np.testing.assert_array_equal(model.clips[0], samples[2 * RATE : 4 * RATE, 0])


def test_several_examples_are_averaged_by_weight(conditioner: Conditioner, tmp_path: Path) -> None:
    shots = tuple(
        AudioPrompt(_write(tmp_path / f"{band}.wav", _tone(band, 1)), weight=weight)
        for band, weight in ((1, 3.0), (2, 4.0))
    )
    positive = conditioner.condition(Query(shots)).positive
    np.testing.assert_allclose(positive, 0.6 * _unit(1) + 0.8 * _unit(2), atol=0.01)


def test_a_saved_sound_is_as_good_as_its_example(conditioner: Conditioner, tmp_path: Path) -> None:
    prompt = AudioPrompt(_write(tmp_path / "bell.wav", _tone(4, 1)), weight=2)
    saved = conditioner.embed_example(prompt)
    prompt.path.unlink()
    assert (saved.name, saved.model, saved.weight) == ("bell", "hearing", 2)
    again = Query.from_json(Query((saved,)).to_json())
    np.testing.assert_allclose(conditioner.condition(again).positive, _unit(4), atol=1e-3)


# -- Bad examples ------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.0, 2e-5])
def test_a_silent_example_is_refused(
    conditioner: Conditioner, tmp_path: Path, level: float
) -> None:
    path = _write(tmp_path / "hush.wav", level * _tone(1, 9))
    with pytest.raises(QueryError, match=r"hush\.wav is silent"):
        conditioner.condition(Query.of(keep_audio=[path]))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_an_example_with_broken_samples_is_refused(
    conditioner: Conditioner, tmp_path: Path, value: float
) -> None:
    samples = _tone(1, 9)
    samples[100_000] = value
    path = _write(tmp_path / "broken.wav", samples)
    with pytest.raises(QueryError, match=r"broken\.wav holds samples that are not numbers"):
        conditioner.condition(Query.of(keep_audio=[path]))


def test_a_short_example_is_refused(model: HearingModel) -> None:
    frames = round(SHORTEST_EXAMPLE * RATE)
    samples = _tone(1, 1)[:, None]
    embed_example(model, ArraySource(samples[:frames], RATE), WHOLE)
    with pytest.raises(QueryError, match=r"example\.wav is too short"):
        embed_example(model, ArraySource(samples[: frames - 1], RATE), WHOLE)


def test_a_part_past_the_end_is_refused(conditioner: Conditioner, tmp_path: Path) -> None:
    path = _write(tmp_path / "tone.wav", _tone(1, 1))
    with pytest.raises(SpanError):
        conditioner.condition(Query((AudioPrompt(path, start=1.5),)))


def test_an_example_that_is_no_recording_is_refused(
    conditioner: Conditioner, tmp_path: Path
) -> None:
    (tmp_path / "notes.wav").write_text("not a sound")
    for name in ("notes.wav", "missing.wav"):
        with pytest.raises(AudioReadError, match=name):
            conditioner.condition(Query.of(keep_audio=[tmp_path / name]))


@pytest.mark.parametrize(("model_name", "size"), [("base", BANDS), ("hearing", BANDS + 1)])
def test_a_sound_saved_for_another_model_is_refused(
    conditioner: Conditioner, model_name: str, size: int
) -> None:
    saved = EmbeddedPrompt("our bell", model_name, (1.0,) * size)
    with pytest.raises(QueryError, match="our bell"):
        conditioner.condition(Query((saved,)))


def test_sounds_that_cancel_are_refused(conditioner: Conditioner) -> None:
    opposite = tuple(EmbeddedPrompt("bell", "hearing", (sign, *[0.0] * 7)) for sign in (1.0, -1.0))
    with pytest.raises(QueryError, match="cancel"):
        conditioner.condition(Query(opposite))


# -- What is remembered ------------------------------------------------------------------------


def test_a_query_is_embedded_once(
    conditioner: Conditioner, model: HearingModel, tmp_path: Path
) -> None:
    example = _write(tmp_path / "tone.wav", _tone(3, 2))
    query = Query.of(["dog", "cat", "dog"], ["wind"], remove_audio=[example])
    first = conditioner.condition(query)
    second = conditioner.condition(Query.of(["dog", "cat", "dog"], ["wind"],
                                            remove_audio=[example], strength=0.2))  # fmt: skip
    assert first == second
    assert model.texts == [("dog", "cat"), ("wind",)]
    assert len(model.clips) == 1


def test_a_changed_file_is_heard_again(conditioner: Conditioner, tmp_path: Path) -> None:
    query = Query.of(keep_audio=[_write(tmp_path / "tone.wav", _tone(3, 2))])
    conditioner.condition(query)
    _write(tmp_path / "tone.wav", _tone(5, 3))
    np.testing.assert_allclose(conditioner.condition(query).positive, _unit(5), atol=1e-3)


def test_the_longest_unused_is_forgotten_first(model: HearingModel) -> None:
    conditioner = Conditioner(model, capacity=2)
    for text in ("a", "b", "a", "c", "a", "b"):
        conditioner.condition(Query.of([text]))
    assert model.texts == [("a",), ("b",), ("c",), ("b",)]


def test_more_prompts_than_are_remembered(model: HearingModel) -> None:
    texts = [f"sound {number}" for number in range(5)]
    many = Conditioner(model, capacity=2).condition(Query.of(texts))
    assert many == Conditioner(model).condition(Query.of(texts))


# -- Conditions as values ----------------------------------------------------------------------


def test_json_gives_the_same_condition_back(conditioner: Conditioner) -> None:
    condition = conditioner.condition(Query.of(["dog"], ["wind"]))
    again = Condition.from_dict(json.loads(json.dumps(condition.to_dict())))
    assert again == condition
    assert hash(again) == hash(condition)
    assert again.vector.tobytes() == condition.vector.tobytes()


def test_a_condition_cannot_be_changed(conditioner: Conditioner) -> None:
    with pytest.raises(ValueError, match="read-only"):
        conditioner.condition(Query.of(["dog"])).vector[0] = 2


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"model": "mini"},
        {"model": "mini", "vector": 3},
        {"model": "mini", "vector": "?"},
        {"model": "mini", "vector": "AACAPw=="},
        {"model": "mini", "vector": "AAAAAAAAAAA="},
        {"model": "mini", "vector": "AADAfwAAwH8="},
        {"model": 3, "vector": "AACAPwAAAAA="},
    ],
)
def test_what_is_not_a_condition_is_refused(value: object) -> None:
    with pytest.raises(QueryError, match="damaged"):
        Condition.from_dict(value)
    assert Condition.from_dict({"model": "mini", "vector": "AACAPwAAAAA="}).vector[0] == 1
