"""Sounds learned by models, and recipes made ready for those that are installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clapsep_desktop.batch import versions
from clapsep_desktop.batch.prepare import clip_of, learned, portable, ready, sound_of
from clapsep_desktop.errors import QueryError, SoundError
from clapsep_desktop.query import AudioPrompt, EmbeddedPrompt, Query, TextPrompt
from clapsep_desktop.separation.models import Models
from clapsep_desktop.session.recipe import Recipe, Step
from clapsep_desktop.session.sounds import CLIP_RATE, Sound, Vector
from tests.batch.conftest import tones
from tests.support.hearing import BANDS, HearingModel


@pytest.fixture
def example(tmp_path: Path) -> AudioPrompt:
    return AudioPrompt(tones(tmp_path / "my dog.wav", 500), weight=2.0)


def test_a_sound_is_learned_from_its_examples(
    models: Models, example: AudioPrompt, tmp_path: Path
) -> None:
    high = AudioPrompt(tones(tmp_path / "high.wav", 7_500), 1.0, 2.5)
    sound = sound_of("both", [example, high], models)
    assert [clip.name for clip in sound.clips] == ["my dog", "high"]
    assert sound.seconds == pytest.approx(4.5)
    vector = np.array(sound.vectors["mini"].values)
    assert sound.vectors["mini"].version == "v1"
    assert np.linalg.norm(vector) == pytest.approx(1)
    assert vector[0] == pytest.approx(vector[BANDS - 1], rel=0.01)
    more = sound_of("both", [example], models, before=sound)
    assert len(more.clips) == 3
    assert more.vectors["mini"].values[0] > sound.vectors["mini"].values[0]


def test_too_many_examples_are_refused(models: Models, example: AudioPrompt) -> None:
    for count in (0, 11):
        with pytest.raises(SoundError, match="one to 10"):
            sound_of("x", [example] * count, models)


def test_the_loudest_part_of_a_long_example_is_kept(tmp_path: Path) -> None:
    import soundfile

    times = np.arange(16_000 * 30) / 16_000
    level = np.where((times > 14) & (times < 24), 0.5, 0.01)
    path = tmp_path / "long.wav"
    soundfile.write(path, level * np.sin(2 * np.pi * 500 * times), 16_000)
    source = clip_of(AudioPrompt(path)).source()
    assert source.frames == 10 * CLIP_RATE
    assert np.sqrt(np.mean(source.samples**2)) > 0.34
    part = clip_of(AudioPrompt(path, 1.0, 2.0)).source()
    assert part.frames == CLIP_RATE
    assert np.abs(part.samples).max() < 0.02


def test_silence_is_no_sound(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=r"hush\.wav is silent"):
        clip_of(AudioPrompt(tones(tmp_path / "hush.wav", 500, level=0.0)))


def test_new_weights_learn_a_sound_anew(
    models: Models, example: AudioPrompt, monkeypatch: pytest.MonkeyPatch, model: HearingModel
) -> None:
    sound = sound_of("dog", [example], models)
    heard = len(model.clips)
    assert learned(sound, models) == sound
    assert len(model.clips) == heard
    assert versions.is_known(sound)
    monkeypatch.setattr(versions, "query_models", lambda: {"mini": "v2"})
    assert not versions.is_known(sound)
    again = learned(sound, models)
    assert again.vectors["mini"].version == "v2"
    assert versions.is_known(again)


def test_a_sound_without_clips_stays_as_it_is(models: Models) -> None:
    sound = Sound("x", (), {"mini": Vector((1.0,), "old")})
    assert learned(sound, models) == sound
    assert versions.is_known(sound)


def _recipe(*keep: AudioPrompt | TextPrompt | EmbeddedPrompt) -> Recipe:
    return Recipe((Step(Query(keep, (TextPrompt("hum"),))),))


def test_a_portable_recipe_asks_for_the_very_same(models: Models, example: AudioPrompt) -> None:
    recipe = _recipe(example, TextPrompt("low"))
    made = portable(recipe, models)
    conditioner = models.conditioner("mini")
    before = conditioner.condition(recipe.steps[0].query)
    example.path.unlink()
    again = Recipe.from_json(made.to_json())
    assert again.is_portable
    assert models.conditioner("mini").condition(again.steps[0].query) == before
    (sound,) = again.sounds
    assert (sound.name, sound.clips) == ("my dog", ())


def test_a_recipe_with_its_sound_is_learned_by_new_weights(
    models: Models, example: AudioPrompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    made = portable(_recipe(example), models, with_audio=True)
    example.path.unlink()
    assert ready(made, models, notes.append).steps[0].query.keep[0].weight == 2.0
    monkeypatch.setattr(versions, "query_models", lambda: {"mini": "v1", "base": "b"})
    (prompt,) = ready(made, models, notes.append).steps[0].query.keep
    assert isinstance(prompt, EmbeddedPrompt)
    assert prompt.vector_for("base") is not None
    assert not notes


def test_a_recipe_without_its_sound_warns_of_new_weights(
    models: Models, example: AudioPrompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    made = portable(_recipe(example), models)
    assert ready(made, models, notes.append).steps == made.steps
    assert not notes
    monkeypatch.setattr(versions, "query_models", lambda: {"mini": "v2"})
    assert ready(made, models, notes.append).steps == made.steps
    assert len(notes) == 1
    assert "another version" in notes[0]


def test_examples_of_one_name_stay_apart(models: Models, tmp_path: Path) -> None:
    prompts = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        prompts.append(AudioPrompt(tones(tmp_path / folder / "__dog@2!.wav", 500)))
    made = portable(_recipe(*prompts), models)
    assert [sound.name for sound in made.sounds] == ["dog 2", "dog 2 2"]


def test_saved_sounds_come_along(models: Models, example: AudioPrompt) -> None:
    fridge = sound_of("fridge", [example], models)
    recipe = _recipe(fridge.prompt())
    assert portable(recipe, models, saved=[fridge]).sounds == ()
    assert portable(recipe, models, with_audio=True, saved=[fridge]).sounds == (fridge,)
