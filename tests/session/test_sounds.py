"""Saved sounds: checked when made, the same after JSON, usable as prompts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from clapsep_desktop.errors import SoundError
from clapsep_desktop.session.sounds import (
    CLIP_RATE,
    MAX_CLIPS,
    Clip,
    Sound,
    Vector,
    checked_name,
    from_json,
    mean,
    to_json,
)
from tests.support.signals import noise, tone

VECTORS = {"mini": Vector((0.6, 0.8), "a1"), "base": Vector((1.0, 0.0, 0.0), "b2")}


def _sound(name: str = "our dog", clips: int = 2) -> Sound:
    made = tuple(
        Clip.of(noise(CLIP_RATE // 2, seed=seed)[:, 0], f"n{seed}") for seed in range(clips)
    )
    return Sound(name, made, {"mini": Vector(tuple(map(float, np.float32([0.6, 0.8]))), "a1")})


def test_a_file_of_sounds_holds_them_exactly() -> None:
    sounds = [_sound(), _sound("Wärmepumpe", 1), Sound("no clips", (), VECTORS)]
    text = to_json(sounds)
    assert text.isascii()
    again = from_json(text, "x")
    assert again[:2] == sounds[:2]
    assert again[2].vectors["base"] == VECTORS["base"]
    assert to_json(again) == text


@pytest.mark.parametrize("level", [0.9, 0.01])
def test_a_clip_is_what_went_in(level: float) -> None:
    samples = tone(CLIP_RATE, CLIP_RATE, 440, level=level)[:, 0]
    source = Clip.of(samples, "tone").source()
    assert (source.rate, source.frames, source.channels) == (CLIP_RATE, CLIP_RATE, 1)
    np.testing.assert_allclose(source.samples[:, 0], samples, atol=level * 2e-4)


def test_a_clip_that_is_too_loud_is_cut_not_wrapped() -> None:
    source = Clip.of(np.array([2.0, -2.0]), "loud").source()
    np.testing.assert_allclose(source.samples[:, 0], [1, -1], atol=1e-4)


def test_a_damaged_clip_is_told() -> None:
    with pytest.raises(SoundError, match="clip “x” of a saved sound is damaged"):
        Clip("x", 1.0, b"nothing").source()


def test_a_prompt_speaks_to_every_model() -> None:
    prompt = Sound("bell", (), VECTORS).prompt(2.0)
    assert (prompt.name, prompt.weight) == ("bell", 2.0)
    assert prompt.vector_for("mini") == (0.6, 0.8)
    assert prompt.vector_for("base") == (1.0, 0.0, 0.0)


def test_a_sound_that_no_model_knows_is_no_prompt() -> None:
    with pytest.raises(SoundError, match="No installed model has heard “bell”"):
        Sound("bell").prompt()


def test_a_model_of_another_version_does_not_know_it() -> None:
    sound = Sound("bell", (), VECTORS)
    assert sound.is_known_to("mini", "a1")
    assert not sound.is_known_to("mini", "a2")
    assert not sound.is_known_to("speech", "a1")
    assert sound.learned("mini", Vector((1.0, 0.0), "a2")).is_known_to("mini", "a2")


@pytest.mark.parametrize("name", ["fridge", "our dog", "Wärmepumpe", "B-52's 2.0", "犬"])
def test_names(name: str) -> None:
    assert checked_name(f" {name} ") == name


@pytest.mark.parametrize("name", ["", " ", "@fridge", "a/b", "..", "_x", "x" * 61, "a\0b", "a|b"])
def test_names_that_cannot_be_called(name: str) -> None:
    with pytest.raises(SoundError, match="cannot be a sound's name"):
        checked_name(name)


def test_more_than_ten_examples_are_refused() -> None:
    clip = Clip("x", 1.0, b"")
    with pytest.raises(SoundError, match=f"{MAX_CLIPS} are the most"):
        Sound("x", (clip,) * (MAX_CLIPS + 1))


def test_the_mean_of_examples() -> None:
    np.testing.assert_allclose(mean([np.array([1.0, 0.0]), np.array([0.0, 1.0])]), [0.5**0.5] * 2)
    with pytest.raises(SoundError, match="nothing in common"):
        mean([np.array([1.0, 0.0]), np.array([-1.0, 0.0])])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "no file of saved sounds"),
        ('{"format": "else"}', "no file of saved sounds"),
        ('{"format": "clapsep-sounds", "version": 2}', "another version"),
        ('{"format": "clapsep-sounds", "version": 1}', "damaged"),
    ],
)
def test_what_is_no_file_of_sounds_is_told(text: str, said: str) -> None:
    with pytest.raises(SoundError, match=said):
        from_json(text, "my.clapsounds")


@pytest.mark.parametrize(
    "change",
    [
        {"name": 3},
        {"clips": [{}]},
        {"clips": [{"name": "x", "seconds": 1, "flac": "§"}]},
        {"vectors": {"mini": {"version": "a", "float32": "AAAA"}}},
        {"vectors": {"mini": {"version": "a", "float32": "AADAfw=="}}},  # not a number
        {"vectors": []},
    ],
)
def test_a_damaged_sound_is_told(change: dict[str, object]) -> None:
    stored = json.loads(to_json([_sound()]))
    stored["sounds"][0] |= change
    with pytest.raises(SoundError, match="damaged"):
        from_json(json.dumps(stored), "x")
