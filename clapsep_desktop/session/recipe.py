"""Recipes: a stack of extractions as a file, to be carried out again on any recording.

A recipe holds what was asked, not what came of it: queries, scopes, strengths, models. Its
examples stand in it as vectors, so that it needs no file beside it; their sound may be put in as
well, for models that have not heard them yet. The same recipe on the same recording gives the
same bytes on the same machine.

>>> from clapsep_desktop.query import Query
>>> recipe = Recipe((Step(Query.of(remove=["wind"])),), "Calm")
>>> print(recipe)
Calm: remove “wind”
>>> Recipe.from_json(recipe.to_json()) == recipe
True
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from clapsep_desktop.audio.staging import write_text
from clapsep_desktop.errors import ClapSepError, RecipeError
from clapsep_desktop.query import AudioPrompt, EmbeddedPrompt, Prompt, Query
from clapsep_desktop.session.session import ChannelMode, Session
from clapsep_desktop.session.sounds import Sound
from clapsep_desktop.timebase import Span, format_time

FORMAT = "clapsep-recipe"
VERSION = 1
SUFFIX = ".clapsep-recipe.json"
"""Extension of a recipe's file."""

_MOST_BYTES = 256 * 1024**2  # a larger file is no recipe


@dataclass(frozen=True)
class Step:
    """One keep or remove of a recipe.

    Attributes:
        query: what is asked; its ``strength`` is how much is taken away.
        start: s from the recording's start; None for the start.
        end: s from the recording's start; None for the end.
        band: lowest and highest frequency that may change, Hz; None for all.
        channels: one filter for all channels or one for each.
        model: "auto", a model's name or a folder.
        specialists: whether "auto" may choose a specialist.
        name: the user's own title; empty for the query's words.
    """

    query: Query
    start: float | None = None
    end: float | None = None
    band: tuple[float, float] | None = None
    channels: ChannelMode = "linked"
    model: str = "auto"
    specialists: bool = True
    name: str = ""

    def __post_init__(self) -> None:
        if self.band is not None and not 0.0 <= self.band[0] < self.band[1] < math.inf:
            raise RecipeError("A band must begin at 0 Hz or higher and end above its start.")
        first, last = self.start or 0.0, self.end
        if not 0.0 <= first < math.inf or not (last is None or first < last < math.inf):
            raise RecipeError("A step must begin at 0 s or later and end after its start.")

    def __str__(self) -> str:
        text = str(self.query)
        if self.start is not None or self.end is not None:
            end = "its end" if self.end is None else format_time(self.end)
            text += f", from {format_time(self.start or 0.0)} to {end}"
        if self.band is not None:
            text += f", between {self.band[0]:g} and {self.band[1]:g} Hz"
        return text

    def span(self, rate: int, frames: int) -> Span:
        """Its scope in a recording; raises SpanError where that ends before the scope starts."""
        return Span.from_seconds(self.start, self.end, rate, frames)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "query": self.query.to_dict(),
            "start": self.start,
            "end": self.end,
            "band": None if self.band is None else list(self.band),
            "channels": self.channels,
            "model": self.model,
            "specialists": self.specialists,
            "name": self.name,
        }

    @classmethod
    def from_dict(cls, value: object) -> Step:
        """The step that `to_dict` gave; raises RecipeError for anything else."""
        match value:
            case {
                "query": query,
                "start": None | int() | float() as start,
                "end": None | int() | float() as end,
                "band": None | [int() | float(), int() | float()] as band,
                "channels": "linked" | "independent" as channels,
                "model": str(model),
                "specialists": bool(specialists),
                "name": str(name),
            }:
                edges = None if band is None else (float(band[0]), float(band[1]))
                asked = Query.from_dict(query)
                return cls(asked, start, end, edges, channels, model, specialists, name)
        raise _damaged()


@dataclass(frozen=True)
class Recipe:
    """Steps, each of which hears what the ones before it left over.

    Attributes:
        steps: first to last, at least one.
        name: what the user calls it.
        sounds: the examples' own sound, by the names of their prompts, where it was put in.
    """

    steps: tuple[Step, ...]
    name: str = ""
    sounds: tuple[Sound, ...] = ()

    def __post_init__(self) -> None:
        if not self.steps:
            raise RecipeError(
                "The recipe would be empty: make at least one extraction, and let it be on."
            )

    @classmethod
    def of(cls, session: Session, name: str = "", *, whole: bool = False) -> Recipe:
        """The recipe of a session: its extractions that are on and take something away.

        Args:
            session: with the stack.
            name: see `Recipe`.
            whole: let every step work on the whole of a recording, wherever it worked here.

        Raises:
            RecipeError: there is no such extraction.
        """
        rate, frames = session.recording.rate, session.recording.frames
        steps = []
        for one in session:
            if not one.enabled or one.strength == 0.0:
                continue
            start = None if whole or one.span.start == 0 else one.span.start / rate
            end = None if whole or one.span.stop >= frames else one.span.stop / rate
            query = replace(one.query, strength=one.strength)
            steps.append(
                Step(
                    query, start, end, one.band, one.channels, one.model, one.specialists, one.name
                )
            )
        return cls(tuple(steps), name)

    def __str__(self) -> str:
        steps = "; then ".join(map(str, self.steps))
        return f"{self.name}: {steps}" if self.name else steps

    @property
    def title(self) -> str:
        """A few words for it."""
        return self.name or str(self.steps[0].query)

    @property
    def prompts(self) -> Iterator[Prompt]:
        """Every prompt of every step."""
        for step in self.steps:
            yield from (*step.query.keep, *step.query.remove)

    @property
    def is_portable(self) -> bool:
        """Whether it needs no file beside it."""
        return not any(isinstance(prompt, AudioPrompt) for prompt in self.prompts)

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that tell it from any other recipe."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    @property
    def note(self) -> str:
        """What is written into the metadata of a file that was made by it."""
        return f"recipe {self.digest}, {self}"

    def mapped(self, known: Mapping[Prompt, EmbeddedPrompt]) -> Recipe:
        """With other prompts in place of some."""

        def side(prompts: Iterable[Prompt]) -> tuple[Prompt, ...]:
            return tuple(known.get(prompt, prompt) for prompt in prompts)

        steps = tuple(
            replace(
                step,
                query=replace(
                    step.query, keep=side(step.query.keep), remove=side(step.query.remove)
                ),
            )
            for step in self.steps
        )
        return replace(self, steps=steps)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "name": self.name,
            "steps": [step.to_dict() for step in self.steps],
            "sounds": [sound.to_dict() for sound in self.sounds],
        }

    def to_json(self) -> str:
        """ASCII; the same recipe gives the same text."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_dict(cls, value: object) -> Recipe:
        """The recipe that `to_dict` gave.

        Raises:
            RecipeError: it is no recipe, damaged, or of a newer version.
            QueryError: one of its queries is damaged.
            SoundError: one of its sounds is damaged.
        """
        if not isinstance(value, Mapping) or value.get("format") != FORMAT:
            raise RecipeError("This is no recipe. Export one from a session, or write one anew.")
        version = value.get("version")
        if version != VERSION:
            raise RecipeError(
                f"The recipe is of version {str(version)[:20]}, and this program reads version "
                f"{VERSION}. Update CLAPSep Desktop."
            )
        match value:
            case {"name": str(name), "steps": list(steps), "sounds": list(sounds)}:
                made = tuple(map(Step.from_dict, steps))
                return cls(made, name, tuple(map(Sound.from_dict, sounds)))
        raise _damaged()

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """The recipe that `to_json` gave; raises as `from_dict` does."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RecipeError("This is no recipe: it is not JSON.") from error
        return cls.from_dict(value)

    def save(self, path: Path) -> None:
        """Write it to a file, whole or not at all; raises AudioWriteError."""
        write_text(path, self.to_json())

    @classmethod
    def load(cls, path: Path) -> Recipe:
        """The recipe in a file; raises RecipeError, naming the file."""
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise RecipeError(f"“{path.name}” is too large to be a recipe.")
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise RecipeError(f"There is no recipe “{path}”.") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not text"
            raise RecipeError(f"The recipe “{path}” could not be read: {reason}.") from error
        try:
            return cls.from_json(text)
        except ClapSepError as error:
            raise RecipeError(f"“{path.name}”: {error}") from error


def _damaged() -> RecipeError:
    return RecipeError("The recipe is damaged. Export it again.")
