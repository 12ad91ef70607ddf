"""Saved sounds and recipes made ready for the models that are installed here.

A model learns a sound from its clips. A recipe that came from elsewhere may hold vectors of other
weights than those installed; where it holds the sound as well, they are made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.audio.resample import ResampledSource
from clapsep_desktop.batch import versions
from clapsep_desktop.errors import QueryError, RecipeError, SoundError
from clapsep_desktop.query import AudioPrompt, EmbeddedPrompt, Prompt
from clapsep_desktop.separation.channels import heard
from clapsep_desktop.separation.models import Models
from clapsep_desktop.session.recipe import Recipe
from clapsep_desktop.session.sounds import (
    CLIP_RATE,
    CLIP_SECONDS,
    MAX_CLIPS,
    Clip,
    Sound,
    Vector,
    mean,
)
from clapsep_desktop.timebase import Span

_SILENT = 10 ** (-90 / 20)  # full scales, root mean square
_CUTS_PER_SECOND = 2  # among which the loudest is looked for


def clip_of(prompt: AudioPrompt) -> Clip:
    """The loudest `CLIP_SECONDS` of an example, as the models hear it.

    Raises:
        AudioError: it cannot be read.
        SpanError: its part lies outside the file.
        QueryError: it is silent or too short.
    """
    with AudioFile(prompt.path) as file:
        span = Span.from_seconds(prompt.start, prompt.end, file.rate, file.frames)
        source = ResampledSource(file, CLIP_RATE)
        start = span.start * CLIP_RATE // file.rate
        stop = min(-(-span.stop * CLIP_RATE // file.rate), source.frames)
        start, stop = _loudest(source, start, stop)
        samples = heard(source.read(start, stop).astype(np.float32, copy=False), "linked")[0]
    if not _level(samples) >= _SILENT:
        raise QueryError(
            f"The example {prompt.path.name} is silent. Choose a part in which the sound is heard."
        )
    return Clip.of(samples, prompt.path.stem)


def sound_of(
    name: str, prompts: Sequence[AudioPrompt], models: Models, before: Sound | None = None
) -> Sound:
    """A sound of some examples, known to every installed model.

    Args:
        name: what to call it.
        prompts: one example or more.
        models: learn it.
        before: a sound whose examples stay in it.

    Raises:
        SoundError: there are too many examples, or the name cannot be used.
        AudioError, SpanError, QueryError: see `clip_of`.
    """
    old = before.clips if before else ()
    if not 1 <= len(prompts) + len(old) <= MAX_CLIPS:
        raise SoundError(f"A sound is saved from one to {MAX_CLIPS} examples.")
    sound = Sound(name, (*old, *map(clip_of, prompts)))
    return learned(sound, models)


def learned(sound: Sound, models: Models) -> Sound:
    """A sound with a vector of every installed model's present weights, if it has clips.

    Raises:
        SoundError: a clip is damaged.
        ModelError: a model cannot be loaded.
    """
    if not sound.clips:
        return sound
    for name, version in versions.query_models().items():
        if not sound.is_known_to(name, version):
            conditioner = models.conditioner(name)
            vectors = [conditioner.embed_clip(clip.source(), clip.name) for clip in sound.clips]
            sound = sound.learned(name, Vector(mean(vectors), version))
    return sound


def portable(
    recipe: Recipe,
    models: Models,
    *,
    with_audio: bool = False,
    saved: Iterable[Sound] = (),
) -> Recipe:
    """A recipe that needs no file beside it: its examples as vectors and, if wished, as sound.

    Args:
        recipe: with any examples.
        models: embed them.
        with_audio: whether to put the sound in.
        saved: sounds that some of its prompts were taken from.

    Raises:
        AudioError, SpanError, QueryError: an example cannot be used.
    """
    library = {sound.name: sound for sound in saved}
    known: dict[Prompt, EmbeddedPrompt] = {}
    sounds: dict[str, Sound] = {sound.name: sound for sound in recipe.sounds}
    for prompt in dict.fromkeys(recipe.prompts):
        if isinstance(prompt, AudioPrompt):
            sound = _embedded(prompt, models, _free_name(prompt, sounds), with_audio)
            known[prompt] = sound.prompt(prompt.weight)
            sounds[sound.name] = sound
        elif isinstance(prompt, EmbeddedPrompt) and prompt.name in library and with_audio:
            sounds[prompt.name] = library[prompt.name]
    return replace(recipe.mapped(known), sounds=tuple(sounds.values()))


def ready(recipe: Recipe, models: Models, notify: Callable[[str], None]) -> Recipe:
    """A recipe whose sounds the installed models know as they are now.

    Args:
        recipe: from anywhere.
        models: learn what they can.
        notify: told in a sentence what they cannot.
    """
    sounds = {sound.name: sound for sound in recipe.sounds}
    present = versions.query_models()
    known: dict[Prompt, EmbeddedPrompt] = {}
    for prompt in dict.fromkeys(recipe.prompts):
        sound = sounds.get(prompt.name) if isinstance(prompt, EmbeddedPrompt) else None
        if sound is None:
            continue
        if sound.clips:
            known[prompt] = learned(sound, models).prompt(prompt.weight)
        elif any(
            model in present and vector.version != present[model]
            for model, vector in sound.vectors.items()
        ):
            notify(
                f"“{sound.name}” was learned by another version of its model, so the result may "
                "differ. Export the recipe with its sounds to avoid that."
            )
    return recipe.mapped(known)


def _embedded(prompt: AudioPrompt, models: Models, name: str, with_audio: bool) -> Sound:
    """An example as a sound; its vectors are the very ones that a query with the file has."""
    vectors = {
        model: Vector(models.conditioner(model).embed_example(prompt).vector, version)
        for model, version in versions.query_models().items()
    }
    if not vectors:
        raise RecipeError("No installed model can hear the examples. Install CLAPSep again.")
    return Sound(name, (clip_of(prompt),) if with_audio else (), vectors)


def _free_name(prompt: AudioPrompt, taken: dict[str, Sound]) -> str:
    """A name for an example that a sound may have and no other one has."""
    plain = "".join(c if c.isalnum() or c in " ._'-" else " " for c in prompt.path.stem)
    plain = " ".join(plain.split()).lstrip("_ .'-")[:50].strip() or "example"
    name, number = plain, 2
    while name in taken:
        name, number = f"{plain} {number}", number + 1
    return name


def _loudest(source: ResampledSource, start: int, stop: int) -> tuple[int, int]:
    """The loudest cut of `CLIP_SECONDS` between two frames."""
    length = CLIP_SECONDS * CLIP_RATE
    if stop - start <= length:
        return start, stop
    hop = CLIP_RATE // _CUTS_PER_SECOND
    powers = [
        float(np.square(source.read(at, min(at + hop, stop)), dtype=np.float64).sum())
        for at in range(start, stop, hop)
    ]
    total = np.concatenate([[0.0], np.cumsum(powers)])
    count = length // hop
    best = int(np.argmax(total[count:] - total[:-count]))
    first = min(start + best * hop, stop - length)
    return first, first + length


def _level(samples: np.ndarray) -> float:
    return float(np.sqrt(np.square(samples, dtype=np.float64).mean())) if len(samples) else 0.0
