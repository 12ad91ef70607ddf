"""Saved sounds: a name, what was heard of it, and where each model places it.

A `Sound` is its clips, one to ten short recordings at the rate that the models hear. Its vectors
follow from them, so that a model that is installed or changed later can learn it from the sound
alone. Sounds go through JSON: each clip as FLAC, each vector as little-endian float32, in base64.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import soundfile

from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.errors import SoundError
from clapsep_desktop.query import EmbeddedPrompt, printable

FORMAT = "clapsep-sounds"
VERSION = 1

MAX_CLIPS = 10
"""Examples of one sound; the paper shows its model up to as many."""

CLIP_RATE = 32_000
"""Hz; the rate at which mini and base hear."""

CLIP_SECONDS = 10
"""s that are kept of an example, at most: what the models hear at once."""

_FAINT = 0.1  # full scales; a clip with a lower peak is kept in 24 bits
_NAME = re.compile(r"[^\W_][\w .'-]{0,59}")


@dataclass(frozen=True)
class Clip:
    """A short recording of a sound.

    Attributes:
        name: of the file it comes from.
        seconds: its length.
        flac: mono FLAC at `CLIP_RATE`.
    """

    name: str
    seconds: float
    flac: bytes = field(repr=False)

    @classmethod
    def of(cls, samples: np.ndarray, name: str) -> Clip:
        """A clip of mono samples at `CLIP_RATE`, float (n,); what exceeds full scale is cut."""
        samples = np.clip(samples, -1.0, 1.0)
        file = io.BytesIO()
        depth = "PCM_24" if np.abs(samples).max(initial=0.0) < _FAINT else "PCM_16"
        soundfile.write(file, samples, CLIP_RATE, format="FLAC", subtype=depth)
        return cls(name, len(samples) / CLIP_RATE, file.getvalue())

    def source(self) -> ArraySource:
        """Its samples; raises SoundError where they are damaged."""
        try:
            samples, rate = soundfile.read(io.BytesIO(self.flac), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise SoundError(
                f"The clip “{self.name}” of a saved sound is damaged. Save the sound again."
            ) from error
        return ArraySource(samples, rate)


@dataclass(frozen=True)
class Vector:
    """Where a model places a sound.

    Attributes:
        values: the embedding, as float32 holds it.
        version: tells the model's weights from those of another version.
    """

    values: tuple[float, ...] = field(repr=False)
    version: str


@dataclass(frozen=True)
class Sound:
    """A saved sound.

    Attributes:
        name: what ``@name`` calls it: letters, digits, spaces and ``. _ ' -``.
        clips: what it sounds like; empty where only its vectors were kept.
        vectors: by model.
    """

    name: str
    clips: tuple[Clip, ...] = ()
    vectors: Mapping[str, Vector] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", checked_name(self.name))
        if len(self.clips) > MAX_CLIPS:
            raise SoundError(
                f"“{self.name}” has {len(self.clips)} examples; {MAX_CLIPS} are the most that are "
                "used. Leave some out."
            )

    @property
    def key(self) -> str:
        """Equal for names that differ in case alone."""
        return self.name.casefold()

    @property
    def seconds(self) -> float:
        """Length of all clips together."""
        return sum(clip.seconds for clip in self.clips)

    def is_known_to(self, model: str, version: str) -> bool:
        """Whether it holds a vector of a model's present weights."""
        vector = self.vectors.get(model)
        return vector is not None and vector.version == version

    def learned(self, model: str, vector: Vector) -> Sound:
        """With a model's vector."""
        return replace(self, vectors={**self.vectors, model: vector})

    def prompt(self, weight: float = 1.0) -> EmbeddedPrompt:
        """The sound as a part of a query; raises SoundError where no model has heard it yet."""
        if not self.vectors:
            raise SoundError(f"No installed model has heard “{self.name}” yet. Save it again.")
        (model, vector), *others = self.vectors.items()
        return EmbeddedPrompt(
            self.name,
            model,
            vector.values,
            weight,
            tuple((name, other.values) for name, other in others),
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "name": self.name,
            "vectors": {
                model: {"version": vector.version, "float32": _packed(vector.values)}
                for model, vector in self.vectors.items()
            },
            "clips": [
                {"name": clip.name, "seconds": clip.seconds, "flac": _base64(clip.flac)}
                for clip in self.clips
            ],
        }

    @classmethod
    def from_dict(cls, value: object) -> Sound:
        """The sound that `to_dict` gave; raises SoundError for anything else."""
        match value:
            case {"name": str(name), "vectors": dict(vectors), "clips": list(clips)}:
                try:
                    return cls(
                        name,
                        tuple(map(_clip, clips)),
                        {str(model): _vector(vector) for model, vector in vectors.items()},
                    )
                except (KeyError, TypeError, ValueError, binascii.Error) as error:
                    raise _damaged(name) from error
        raise _damaged("")


def checked_name(name: object) -> str:
    """A name fit for a saved sound, in Unicode's normal form C; raises SoundError for others."""
    text = " ".join(unicodedata.normalize("NFC", str(name)).split())
    if _NAME.fullmatch(text) is None:
        raise SoundError(
            f"“{printable(str(name))[:40]}” cannot be a sound's name. Use up to 60 letters, "
            "digits, spaces, dots, dashes and apostrophes, and begin with a letter or a digit."
        )
    return text


def to_json(sounds: Iterable[Sound]) -> str:
    """Sounds as one file holds them; the same sounds give the same ASCII text."""
    content = {
        "format": FORMAT,
        "version": VERSION,
        "sounds": [sound.to_dict() for sound in sounds],
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def from_json(text: str, name: str) -> list[Sound]:
    """The sounds in a file's text.

    Args:
        text: what `to_json` gave.
        name: of the file, for what is said of it.

    Raises:
        SoundError: it holds something else, or a newer version of this.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SoundError(f"“{name}” is no file of saved sounds: it is not JSON.") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise SoundError(f"“{name}” is no file of saved sounds.")
    if content.get("version") != VERSION:
        raise SoundError(
            f"“{name}” was written by another version of CLAPSep Desktop. Update the program."
        )
    sounds = content.get("sounds")
    if not isinstance(sounds, list):
        raise _damaged("")
    return [Sound.from_dict(sound) for sound in sounds]


def mean(vectors: Sequence[np.ndarray]) -> tuple[float, ...]:
    """The mean direction of some unit vectors, (D,) each, as float32 holds it."""
    total = np.sum(np.stack(vectors).astype(np.float64), axis=0)
    length = np.linalg.norm(total)
    if length < 1e-3 * len(vectors):
        raise SoundError("The examples have nothing in common. Save them as separate sounds.")
    return tuple((total / length).astype(np.float32).tolist())


def _clip(value: object) -> Clip:
    match value:
        case {"name": str(name), "seconds": int() | float() as seconds, "flac": str(flac)}:
            return Clip(name, float(seconds), base64.b64decode(flac, validate=True))
    raise ValueError("no clip")


def _vector(value: object) -> Vector:
    match value:
        case {"version": str(version), "float32": str(packed)}:
            values = np.frombuffer(base64.b64decode(packed, validate=True), "<f4")
            if np.isfinite(values).all() and values.any():
                return Vector(tuple(values.tolist()), version)
    raise ValueError("no vector")


def _packed(values: Sequence[float]) -> str:
    return _base64(np.asarray(values, "<f4").tobytes())


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _damaged(name: str) -> SoundError:
    which = f"sound “{name[:40]}”" if name else "file of saved sounds"
    return SoundError(f"The {which} is damaged. Save it again, or use another copy.")
