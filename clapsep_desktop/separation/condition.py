"""A query as the vector that sets a model's behaviour.

After CLAPSep (arXiv 2402.17455): with ``e_T`` the mean of the texts to keep, ``e_A`` the mean of
the examples to keep, and ``a`` the blend,

    e_P = norm(a * e_A + (1 - a) * e_T)

or ``e_T`` or ``e_A`` alone where the other is not there; ``e_N`` likewise of what to remove. The
condition is ``norm([e_P, e_N])``, with zeros for a half that is not asked for. Every mean is
weighted and brought back to length 1.
"""

from __future__ import annotations

import base64
import binascii
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.audio.resample import ResampledSource
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.errors import QueryError
from clapsep_desktop.model.interface import QueryModel
from clapsep_desktop.query import AudioPrompt, EmbeddedPrompt, Prompt, Query, TextPrompt
from clapsep_desktop.separation.channels import heard
from clapsep_desktop.separation.checked import first_unusable
from clapsep_desktop.timebase import Span

SHORTEST_EXAMPLE = 0.1
"""Seconds; less holds too few frames to recognise anything by."""

SILENCE = 10 ** (-90 / 20)
"""Root mean square of full scale, under which an example counts as silent: -90 dBFS."""

_FAINT = 10 ** (-40 / 20)  # of the loudest window; fainter ones say nothing of a long example
_OPPOSITE = 1e-3  # length of a mean under which its members cancel each other


@dataclass(frozen=True, eq=False)
class Condition:
    """What a query means to one model; kept with a result, so that a re-run is exact.

    Attributes:
        vector: float32 (2D,), of length 1: what to keep, then what to remove. Read-only.
        model: name of the model in whose space it lies.
    """

    vector: np.ndarray
    model: str

    def __post_init__(self) -> None:
        vector = np.array(self.vector, np.float32)
        if vector.ndim != 1 or len(vector) % 2 or not _is_unit(vector):
            raise QueryError("The saved query is damaged. Write the query again.")
        vector.flags.writeable = False
        object.__setattr__(self, "vector", vector)

    @property
    def positive(self) -> np.ndarray | None:
        """What to keep, float32 (D,), of length 1; None where nothing is named."""
        return self._half(slice(None, len(self.vector) // 2))

    @property
    def negative(self) -> np.ndarray | None:
        """What to remove, float32 (D,), of length 1; None where nothing is named."""
        return self._half(slice(len(self.vector) // 2, None))

    def _half(self, part: slice) -> np.ndarray | None:
        half = self.vector[part]
        return _normalised(half).astype(np.float32) if half.any() else None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Condition):
            return NotImplemented
        return self.model == other.model and np.array_equal(self.vector, other.vector)

    def __hash__(self) -> int:
        return hash((self.model, self.vector.tobytes()))

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it: the vector as base64 of little-endian float32."""
        packed = base64.b64encode(self.vector.astype("<f4").tobytes()).decode("ascii")
        return {"model": self.model, "vector": packed}

    @classmethod
    def from_dict(cls, value: object) -> Condition:
        """What `to_dict` gave, bit for bit; raises QueryError for anything else."""
        damaged = QueryError("The saved query is damaged. Write the query again.")
        if not isinstance(value, Mapping) or not isinstance(value.get("model"), str):
            raise damaged
        try:
            packed = base64.b64decode(value["vector"], validate=True)
            return cls(np.frombuffer(packed, "<f4"), value["model"])
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise damaged from error


class Conditioner:
    """Forms the conditions of one model, and remembers what it has embedded, for one thread.

    Args:
        model: embeds texts and examples.
        capacity: embeddings that are remembered; the longest unused is forgotten first.
    """

    def __init__(self, model: QueryModel, capacity: int = 256) -> None:
        self.model = model
        self._capacity = capacity
        self._known: OrderedDict[Hashable, np.ndarray] = OrderedDict()

    def condition(self, query: Query) -> Condition:
        """The condition of a query.

        Raises:
            AudioError: an example cannot be read.
            SpanError: an example's part lies outside its file.
            QueryError: an example is silent, too short or damaged, the prompts of a list cancel
                each other, or a saved sound belongs to another model.
        """
        halves = [self._side(prompts, query.blend) for prompts in (query.keep, query.remove)]
        return Condition(_normalised(np.concatenate(halves)), self.model.name)

    def embed_example(self, prompt: AudioPrompt) -> EmbeddedPrompt:
        """The same example without its file, for recipes and libraries of sounds."""
        vector = tuple(self._audio(prompt).tolist())
        return EmbeddedPrompt(prompt.path.stem, self.model.name, vector, prompt.weight)

    def embed_clip(self, source: AudioSource, name: str) -> np.ndarray:
        """The embedding of all of a sound in memory, as `embed_example`; float32 (D,)."""
        return embed_example(self.model, source, AudioPrompt(Path(name)))

    def _side(self, prompts: Sequence[Prompt], blend: float) -> np.ndarray:
        """One half of the pair, float64 (D,): of length 1, or zeros where nothing is asked."""
        texts = [prompt for prompt in prompts if isinstance(prompt, TextPrompt)]
        examples = [prompt for prompt in prompts if not isinstance(prompt, TextPrompt)]
        by_text = _mean(self._texts(texts), [prompt.weight for prompt in texts])
        by_example = _mean(map(self._example, examples), [prompt.weight for prompt in examples])
        if by_text is not None and by_example is not None:
            blended = _mean([by_example, by_text], [blend, 1 - blend])
        else:
            blended = by_example if by_text is None else by_text
        return np.zeros(self.model.embedding_size) if blended is None else blended

    def _texts(self, prompts: Sequence[TextPrompt]) -> list[np.ndarray]:
        keys = [(TextPrompt, prompt.text) for prompt in prompts]
        new = [key for key in dict.fromkeys(keys) if key not in self._known]
        found = {key: self._known[key] for key in keys if key in self._known}
        if new:
            embedded = self.model.embed_text([text for _, text in new])
            found |= dict(zip(new, embedded, strict=True))
        for key in keys:
            self._remember(key, found[key])
        return [found[key] for key in keys]

    def _example(self, prompt: AudioPrompt | EmbeddedPrompt) -> np.ndarray:
        # Normalised once more in both cases, so that a saved example gives the very same condition.
        if isinstance(prompt, AudioPrompt):
            return _normalised(self._audio(prompt).astype(np.float64))
        return self._saved(prompt)

    def _saved(self, prompt: EmbeddedPrompt) -> np.ndarray:
        name, size = self.model.name, self.model.embedding_size
        vector = prompt.vector_for(name)
        if vector is None or len(vector) != size:
            raise QueryError(
                f"The saved sound “{prompt.name}” belongs to the model “{prompt.model}”, not to "
                f"“{name}”. Choose that model, or make the sound again from its recordings."
            )
        return _normalised(np.asarray(vector, np.float64))

    def _audio(self, prompt: AudioPrompt) -> np.ndarray:
        key = (AudioPrompt, prompt.meaning, _state_of(prompt))
        embedding = self._known.get(key)
        if embedding is None:
            with AudioFile(prompt.path) as file:
                embedding = embed_example(self.model, file, prompt)
        self._remember(key, embedding)
        return embedding

    def _remember(self, key: Hashable, embedding: np.ndarray) -> None:
        self._known[key] = embedding
        self._known.move_to_end(key)
        while len(self._known) > self._capacity:
            self._known.popitem(last=False)


def embed_example(model: QueryModel, source: AudioSource, prompt: AudioPrompt) -> np.ndarray:
    """The embedding of a part of a recording, float32 (D,), of length 1.

    What is longer than the model's window is heard window by window, with even steps, and
    averaged; windows far fainter than the loudest do not count. Memory does not grow with length.

    Raises:
        SpanError: the part lies outside the recording.
        QueryError: it is silent, too short, or holds samples that are not numbers.
    """
    span = Span.from_seconds(prompt.start, prompt.end, source.rate, source.frames)
    if span.length < SHORTEST_EXAMPLE * source.rate:
        raise QueryError(
            f"The example {prompt.path.name} is too short ({span.length / source.rate:.3f} s): "
            f"give {SHORTEST_EXAMPLE:g} s or more of the sound."
        )
    levels, embeddings = [], []
    for clip in _clips(model, source, span, prompt):
        levels.append(_level(clip))
        if levels[-1] >= SILENCE:
            embeddings.append(model.embed_audio([clip])[0])
    if not embeddings:
        raise QueryError(
            f"The example {prompt.path.name} is silent. Choose a part in which the sound is heard."
        )
    loud = np.array([level for level in levels if level >= SILENCE])
    mean = _mean(embeddings, (loud >= _FAINT * loud.max()).astype(float).tolist())
    assert mean is not None
    return mean.astype(np.float32)


def _clips(
    model: QueryModel, source: AudioSource, span: Span, prompt: AudioPrompt
) -> Iterator[np.ndarray]:
    """Mono windows at the model's rate, float32 (n,), that cover a part of a recording."""
    resampled = ResampledSource(source, model.grid.rate)
    first = span.start * resampled.rate // source.rate
    last = min(-(-span.stop * resampled.rate // source.rate), resampled.frames)
    length = min(model.plan.length * resampled.rate, last - first)
    count = -(-(last - first) // length)
    for start in np.linspace(first, last - length, count).astype(int).tolist():
        samples = resampled.read(start, start + length)
        if first_unusable(samples) is not None:
            raise QueryError(
                f"The example {prompt.path.name} holds samples that are not numbers, or far too "
                "large. Repair it or choose another one."
            )
        yield heard(samples.astype(np.float32, copy=False), "linked")[0]


def _level(clip: np.ndarray) -> float:
    return float(np.sqrt(np.square(clip, dtype=np.float64).mean()))


def _state_of(prompt: AudioPrompt) -> Hashable:
    """Changes when the example's file does; None where opening it will tell what is wrong."""
    try:
        state = prompt.path.stat()
    except (OSError, ValueError):
        return None
    return state.st_size, state.st_mtime_ns


def _mean(vectors: Iterable[np.ndarray], weights: Sequence[float]) -> np.ndarray | None:
    """The weighted mean brought back to length 1, float64 (D,); None of no vectors."""
    if not weights:
        return None
    summed = np.average(np.stack(list(vectors)).astype(np.float64), axis=0, weights=weights)
    if np.linalg.norm(summed) < _OPPOSITE:
        raise QueryError("The sounds named together cancel each other. Leave one of them out.")
    return _normalised(summed)


def _normalised(vector: np.ndarray) -> np.ndarray:
    normalised: np.ndarray = vector / np.linalg.norm(vector)
    return normalised


def _is_unit(vector: np.ndarray) -> bool:
    return bool(abs(float(np.linalg.norm(vector)) - 1) < 1e-3)
