"""What to keep of a recording and what to remove from it, in words and by example.

A `Query` is a value: frozen, checked when it is made, printable, and the same after a trip
through JSON.

>>> query = Query.of(keep=["a man speaking"], remove=["wind"])
>>> print(query)
keep “a man speaking”; remove “wind”
>>> Query.from_json(query.to_json()) == query
True
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from clapsep_desktop.errors import QueryError
from clapsep_desktop.timebase import format_time, parse_time

FORMAT = 1
"""Version of a query's JSON."""

MAX_TEXT = 300
"""Characters of one text. The published model reads 77 tokens, which is about as many letters."""

MAX_WEIGHT = 100.0

_PART = re.compile(r"(?P<path>.+)#(?P<start>[\d:.]*)-(?P<end>[\d:.]*)", re.DOTALL)
_SPACES = "\t\n\v\f\r"  # control characters that pasted text may hold; taken as spaces
_INVISIBLE = {"Zs", "Zl", "Zp", "Cc", "Cf"}  # Unicode categories


class Mode(Enum):
    """Which halves of the condition a query fills (CLAPSep, arXiv 2402.17455)."""

    POSITIVE = "positive"  # [e_P, 0]: only what to keep is named
    NEGATIVE = "negative"  # [0, e_N]: only what to remove is named
    BOTH = "both"  # [e_P, e_N]


@dataclass(frozen=True)
class TextPrompt:
    """A sound in words.

    Attributes:
        text: in Unicode's normal form C, runs of white space made one space.
        weight: its share beside the other texts of its list, over 0 and at most `MAX_WEIGHT`.
    """

    text: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _checked_text(self.text))
        object.__setattr__(self, "weight", _checked_weight(self.weight))

    def __str__(self) -> str:
        return f"“{self.text}”{_times(self.weight)}"

    @property
    def meaning(self) -> object:
        """Equal for two prompts that ask for the same."""
        return self.text.casefold()

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"text": self.text, "weight": self.weight}


@dataclass(frozen=True)
class AudioPrompt:
    """A sound by example: a recording or a part of it.

    Attributes:
        path: a sound file.
        start: seconds; None for the file's start.
        end: seconds; None for the file's end.
        weight: its share beside the other examples of its list, over 0 and at most `MAX_WEIGHT`.
    """

    path: Path
    start: float | None = None
    end: float | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", _checked_path(self.path))
        for edge in ("start", "end"):
            if getattr(self, edge) is not None:
                object.__setattr__(self, edge, self._checked_edge(edge))
        if self.end is not None and self.end <= (self.start or 0.0):
            raise QueryError(
                f"The part of the example {self.path.name} is empty: "
                "its end must lie after its start."
            )
        object.__setattr__(self, "weight", _checked_weight(self.weight))

    def __str__(self) -> str:
        part = ""
        if self.start is not None or self.end is not None:
            end = "its end" if self.end is None else format_time(self.end)
            part = f" from {format_time(self.start or 0.0)} to {end}"
        return f"the example {printable(self.path.name)}{part}{_times(self.weight)}"

    @property
    def meaning(self) -> object:
        """Equal for two prompts that ask for the same."""
        return (self.path, self.start or 0.0, self.end)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        part = {"start": self.start, "end": self.end}
        return (
            {"audio": str(self.path)}
            | {edge: seconds for edge, seconds in part.items() if seconds is not None}
            | {"weight": self.weight}
        )

    def _checked_edge(self, edge: str) -> float:
        seconds = _number(getattr(self, edge), f"The {edge} of an audio example")
        if seconds < 0:
            raise QueryError(f"The {edge} of an audio example cannot lie before the file's start.")
        return seconds


@dataclass(frozen=True)
class EmbeddedPrompt:
    """A sound by example, already embedded, so that it needs the sound file no more.

    Attributes:
        name: what to call it.
        model: the model in whose space it lies.
        vector: the embedding; it is scaled to length 1 when it is used.
        weight: its share beside the other examples of its list, over 0 and at most `MAX_WEIGHT`.
        others: further models, each with the same sound's embedding in its space.
    """

    name: str
    model: str
    vector: tuple[float, ...] = field(repr=False)
    weight: float = 1.0
    others: tuple[tuple[str, tuple[float, ...]], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _checked_text(self.name))
        object.__setattr__(self, "model", _checked_text(self.model))
        object.__setattr__(self, "vector", _checked_vector(self.vector, self.name))
        object.__setattr__(self, "weight", _checked_weight(self.weight))
        others = ((model, _checked_vector(vector, self.name)) for model, vector in self.others)
        object.__setattr__(self, "others", tuple(others))

    def __str__(self) -> str:
        return f"the saved sound “{self.name}”{_times(self.weight)}"

    @property
    def meaning(self) -> object:
        """Equal for two prompts that ask for the same."""
        return (self.model, self.vector)

    def vector_for(self, model: str) -> tuple[float, ...] | None:
        """The embedding in the space of a model; None where it was not embedded for that."""
        return dict([(self.model, self.vector), *self.others]).get(model)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        stored: dict[str, Any] = {
            "name": self.name,
            "model": self.model,
            "vector": list(self.vector),
            "weight": self.weight,
        }
        if self.others:
            stored["others"] = {model: list(vector) for model, vector in self.others}
        return stored


Prompt = TextPrompt | AudioPrompt | EmbeddedPrompt


def parse_example(text: str, folder: Path = Path()) -> AudioPrompt:
    """The example that ``FILE`` or ``FILE#START-END`` names.

    A file of the whole name goes first. Times are as `parse_time` reads them.

    Args:
        text: what the user wrote.
        folder: that a relative path starts from.

    Raises:
        QueryError: there is no name, or the part is empty.
        SpanError: a time cannot be read.

    >>> example = parse_example("street.wav#2.5-1:00")
    >>> example.start, example.end
    (2.5, 60.0)
    """
    part = _PART.fullmatch(text)
    whole = folder / expanded(text)
    if part is None or _exists(whole):
        return AudioPrompt(whole)
    start, end = (parse_time(part[edge]) if part[edge] else None for edge in ("start", "end"))
    return AudioPrompt(folder / expanded(part["path"]), start, end)


def expanded(text: str) -> Path:
    """A path with ``~`` as the home it means; a name like any other where there is no such home."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


@dataclass(frozen=True)
class Query:
    """What to keep and what to remove.

    Attributes:
        keep: prompts for what stays.
        remove: prompts for what goes.
        blend: share of the examples, 0 to 1, in a list that holds both texts and examples
            (``a`` in ``a * e_audio + (1 - a) * e_text``).
        strength: 0 changes nothing, 1 removes all the model would.
    """

    keep: tuple[Prompt, ...] = ()
    remove: tuple[Prompt, ...] = ()
    blend: float = 0.5
    strength: float = 1.0

    def __post_init__(self) -> None:
        for name in ("keep", "remove"):
            prompts = tuple(getattr(self, name))
            if not all(isinstance(prompt, Prompt) for prompt in prompts):
                raise QueryError(f"Each thing to {name} must be a text or an audio example.")
            object.__setattr__(self, name, prompts)
        if not self.keep and not self.remove:
            raise QueryError("Nothing is asked for: name a sound to keep or a sound to remove.")
        removed = {prompt.meaning for prompt in self.remove}
        for prompt in self.keep:
            if prompt.meaning in removed:
                raise QueryError(
                    f"The query asks both to keep and to remove {prompt}. Leave one of them out."
                )
        object.__setattr__(self, "blend", _share(self.blend, "The text/audio blend"))
        object.__setattr__(self, "strength", _share(self.strength, "The strength"))

    @classmethod
    def of(
        cls,
        keep: Iterable[str] = (),
        remove: Iterable[str] = (),
        *,
        keep_audio: Iterable[str | Path] = (),
        remove_audio: Iterable[str | Path] = (),
        blend: float = 0.5,
        strength: float = 1.0,
    ) -> Query:
        """A query from texts and sound files, each of weight 1."""
        return cls(
            (*map(TextPrompt, keep), *(AudioPrompt(Path(path)) for path in keep_audio)),
            (*map(TextPrompt, remove), *(AudioPrompt(Path(path)) for path in remove_audio)),
            blend,
            strength,
        )

    @property
    def mode(self) -> Mode:
        """Whether sounds to keep, to remove or both are named."""
        if self.keep and self.remove:
            return Mode.BOTH
        return Mode.POSITIVE if self.keep else Mode.NEGATIVE

    def __str__(self) -> str:
        parts = [
            f"{verb} {_listed(prompts)}"
            for verb, prompts in (("keep", self.keep), ("remove", self.remove))
            if prompts
        ]
        if any(_is_mixed(prompts) for prompts in (self.keep, self.remove)):
            parts.append(f"{self.blend:.0%} by example")
        if self.strength != 1:
            parts.append(f"strength {self.strength:.0%}")
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "version": FORMAT,
            "keep": [prompt.to_dict() for prompt in self.keep],
            "remove": [prompt.to_dict() for prompt in self.remove],
            "blend": self.blend,
            "strength": self.strength,
        }

    def to_json(self) -> str:
        """One line of ASCII; the same query gives the same text."""
        return json.dumps(self.to_dict(), allow_nan=False)

    @classmethod
    def from_dict(cls, value: object) -> Query:
        """The query that `to_dict` gave; raises QueryError for anything else."""
        known = ("version", "keep", "remove", "blend", "strength")
        fields = _fields(value, "A query", known)
        version = fields.pop("version", None)
        if version != FORMAT:
            raise QueryError(
                f"The query is of version {str(version)[:20]}, and this program reads version "
                f"{FORMAT}. Update the program, or write the query again."
            )
        for name in ("keep", "remove"):
            prompts = fields.get(name, [])
            if not isinstance(prompts, list):
                raise QueryError(f"What to {name} must be a list of texts and audio examples.")
            fields[name] = tuple(map(_prompt_from_dict, prompts))
        return cls(**fields)

    @classmethod
    def from_json(cls, text: str) -> Query:
        """The query that `to_json` gave; raises QueryError for anything else."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise QueryError(f"The query is not JSON: {error}.") from error
        return cls.from_dict(value)


def _prompt_from_dict(value: object) -> Prompt:
    made: dict[str, tuple[Callable[..., Prompt], str, tuple[str, ...]]] = {
        "text": (TextPrompt, "text", ("weight",)),
        "audio": (AudioPrompt, "path", ("start", "end", "weight")),
        "vector": (EmbeddedPrompt, "vector", ("name", "model", "weight", "others")),
    }
    for key, (make, first, others) in made.items():
        if isinstance(value, Mapping) and key in value:
            fields = _fields(value, "A prompt", (key, *others))
            fields[first] = fields.pop(key)
            if make is EmbeddedPrompt and not {"name", "model"} <= fields.keys():
                raise QueryError("A saved sound must say its name and its model.")
            if "others" in fields:
                fields["others"] = _other_vectors(fields["others"])
            return make(**fields)
    raise QueryError("A prompt must be an object with “text”, “audio” or “vector”.")


def _other_vectors(value: object) -> tuple[tuple[str, object], ...]:
    if not isinstance(value, Mapping):
        raise QueryError("The further vectors of a saved sound must be named by their models.")
    return tuple((str(model), vector) for model, vector in value.items())


def _fields(value: object, what: str, known: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise QueryError(f"{what} must be an object with the names {', '.join(known)}.")
    for name in value:
        if name not in known:
            raise QueryError(f"{what} has no “{printable(str(name))[:40]}”.")
    return dict(value)


def _checked_text(text: object) -> str:
    if not isinstance(text, str):
        raise QueryError("The description of a sound must be a text.")
    try:
        text.encode()
    except UnicodeEncodeError as error:  # a lone surrogate
        raise QueryError(
            "The description of a sound holds a broken character. Type it again."
        ) from error
    text = text.translate(dict.fromkeys(map(ord, _SPACES), " "))
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise QueryError("The description of a sound holds a control character. Type it again.")
    text = " ".join(unicodedata.normalize("NFC", text).split())
    if all(unicodedata.category(character) in _INVISIBLE for character in text):
        raise QueryError("The description of a sound is empty: say in a few words what to hear.")
    if len(text) > MAX_TEXT:
        raise QueryError(
            f"The description “{text[:20]}…” has {len(text):,} characters, and the models hear no "
            f"more than {MAX_TEXT}. Shorten it, or name several sounds one by one."
        )
    return text


def _checked_path(path: object) -> Path:
    if isinstance(path, str | Path) and Path(path).name and "\0" not in str(path):
        return Path(path)
    raise QueryError("An audio example needs the path of a sound file.")


def _checked_vector(vector: object, name: str) -> tuple[float, ...]:
    if isinstance(vector, str) or not isinstance(vector, Iterable):
        raise QueryError(f"The saved sound “{name}” must be a list of numbers.")
    numbers = tuple(_number(value, f"Every number of the saved sound “{name}”") for value in vector)
    if not any(numbers):
        raise QueryError(f"The saved sound “{name}” holds nothing. Save it again.")
    return numbers


def _checked_weight(weight: object) -> float:
    number = _number(weight, "A weight")
    if not 0 < number <= MAX_WEIGHT:
        raise QueryError(f"A weight must lie over 0 and at most at {MAX_WEIGHT:g}, not {number:g}.")
    return number


def _share(value: object, what: str) -> float:
    number = _number(value, what)
    if not 0 <= number <= 1:
        raise QueryError(f"{what} must lie between 0 and 1, not at {number:g}.")
    return number


def _number(value: object, what: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300:
        return float(value)
    if isinstance(value, float) and math.isnan(value):
        raise QueryError(f"{what} must be a number, not NaN.")
    raise QueryError(f"{what} must be a finite number.")


def _listed(prompts: tuple[Prompt, ...]) -> str:
    *first, last = map(str, prompts)
    return f"{', '.join(first)} and {last}" if first else last


def _is_mixed(prompts: tuple[Prompt, ...]) -> bool:
    return len({isinstance(prompt, TextPrompt) for prompt in prompts}) == 2


def _times(weight: float) -> str:
    return "" if weight == 1 else f" × {weight:g}"


def printable(name: str) -> str:
    """A file name that any terminal can show: escapes stand for what is not printable."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in name
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long, or with a null character
        return False
