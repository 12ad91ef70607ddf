"""Where a sound is heard in a recording, or that it is not heard at all.

Two things speak for a sound at a time ``t``: how near the model's embedding of the two seconds
around ``t`` lies to the query, and how much the mask for the query would keep there, against the
loudest second nearby. The first tells which sound it is, the second when it sounds; measured on
mixtures of known content they do better together than either alone, weighed by a logistic
regression:

    p(t) = 1 / (1 + exp(-(a cos(t) + b loud(t) + c)))

Weights and thresholds belong to a model's weights. ``packaging/benchmarks/locate.py`` finds them
on the training split of a corpus, measures them on the validation split, and writes them to
``locate.json`` in the model's folder.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch.nn import functional as F

from clapsep_desktop.audio.resample import ResampledSource
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.errors import ModelDamagedError, ModelMismatchError, QueryError
from clapsep_desktop.model import registry
from clapsep_desktop.model.folder import sha256
from clapsep_desktop.model.interface import QueryModel, SpectralFilter
from clapsep_desktop.query import Query, TextPrompt
from clapsep_desktop.separation.channels import heard
from clapsep_desktop.separation.checked import CheckedSource
from clapsep_desktop.separation.models import Models
from clapsep_desktop.separation.spectral import Transform
from clapsep_desktop.timebase import Span

FILE = "locate.json"
"""Name of the thresholds' file in a model's folder."""

FORMAT = 1
MODEL = "mini"
"""The model that locates."""

STEP = 0.5
"""s between two values of a curve."""

_WIDTH = 2.0  # s that an embedding speaks of
_SECOND = 1.0  # s whose power counts as loudness at a time
_NEARBY = 10.0  # s on each side among which the loudest second is looked for
_QUIETEST = -40.0  # dB; what is fainter against its surroundings is not heard
_OVERLAP = 2  # s that neighbouring windows share
_PEAK = 2  # values, the highest ones, whose mean tells how surely a sound is there


@runtime_checkable
class AlongModel(QueryModel, Protocol):
    """A query model that can say what it hears from moment to moment."""

    def hear_along(
        self,
        windows: torch.Tensor,
        centres: Sequence[float],
        width: float,
        conditions: torch.Tensor | None,
    ) -> tuple[np.ndarray, SpectralFilter | None]:
        """What is heard around some times, and what some queries would keep; heard once.

        Args:
            windows: as in `SeparationModel.filters`, (B, n).
            centres: s from a window's start.
            width: s around each.
            conditions: float32 (Q, 2D); None where no filters are wanted.

        Returns:
            L2-normalised embeddings, float32 (B, len(centres), D), and a batch of B * Q filters,
            those of one window side by side.
        """
        ...


@dataclass(frozen=True)
class Weights:
    """How the two kinds of evidence are weighed, and from where on they count.

    Attributes:
        similarity: of the cosine.
        loudness: of the dB.
        offset: added.
        found: mean of the two highest values of a curve, from which on the sound is there.
        heard: value from which on it is heard at a time.
    """

    similarity: float
    loudness: float
    offset: float
    found: float
    heard: float

    def __call__(self, similarity: np.ndarray, loudness: np.ndarray) -> np.ndarray:
        """Likelihoods, 0 to 1, of any shape."""
        logit = self.similarity * similarity + self.loudness * loudness + self.offset
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logit, -40.0, 40.0))))


@dataclass(frozen=True)
class Thresholds:
    """What ``locate.json`` holds.

    Attributes:
        text: for queries in words.
        example: for queries by example.
        tags: for each tag of the checklist, mean and spread of its similarity where it is absent.
        weights: SHA-256 of the model's weights that all this was measured with.
        measured: figures on the validation split, for people.
    """

    text: Weights
    example: Weights
    tags: dict[str, tuple[float, float]]
    weights: str
    measured: dict[str, Any]

    @classmethod
    def load(cls, folder: Path) -> Thresholds:
        """Those of a model.

        Raises:
            ModelMismatchError: none were measured for it.
            ModelDamagedError: the file is damaged.
        """
        path = folder / FILE
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            if stored["format"] != FORMAT:
                raise ValueError("unknown format")
            return cls(
                Weights(**stored["text"]),
                Weights(**stored["example"]),
                {name: (float(pair[0]), float(pair[1])) for name, pair in stored["tags"].items()},
                str(stored["weights"]),
                dict(stored["measured"]),
            )
        except FileNotFoundError:
            raise ModelMismatchError(
                f"The model “{folder.name}” cannot locate sounds: no thresholds were measured for "
                f"it. Use “{MODEL}”, or measure them with packaging/benchmarks/locate.py."
            ) from None
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise ModelDamagedError(
                f"{path} cannot be used ({error}). Install CLAPSep Desktop again."
            ) from error

    def save(self, folder: Path) -> None:
        """Write them into a model's folder."""
        stored = {
            "format": FORMAT,
            "weights": self.weights,
            "text": vars(self.text),
            "example": vars(self.example),
            "measured": self.measured,
            "tags": {name: [round(part, 5) for part in pair] for name, pair in self.tags.items()},
        }
        part = folder / f"{FILE}.part"
        part.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8", newline="\n")
        part.replace(folder / FILE)

    def fit(self, folder: Path) -> bool:
        """Whether they were measured with the weights that are in a model's folder now."""
        return weights_of(folder) == self.weights


def weights_of(folder: Path) -> str:
    """SHA-256 of a model's weights."""
    return sha256(folder / "weights.safetensors")


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a model has to say of some queries along a recording.

    Attributes:
        similarity: cosine of each query with what is heard, float32 (queries, n).
        loudness: dB of what the query's mask keeps, against the loudest second nearby; the same
            shape.
    """

    similarity: np.ndarray
    loudness: np.ndarray


@dataclass(frozen=True, eq=False)
class Located:
    """Where a sound is.

    Attributes:
        curve: likelihood, 0 to 1, that it is heard at each time, float32 (n,).
        step: s between two values; the first lies at the recording's start.
        threshold: value from which on it counts as heard.
        spans: frames of the recording in which it is; empty where it was not found.
        score: how surely it is in the recording, 0 to 1.
    """

    curve: np.ndarray
    step: float
    threshold: float
    spans: tuple[Span, ...]
    score: float

    @property
    def found(self) -> bool:
        """Whether it is in the recording."""
        return bool(self.spans)


Listening = Generator[tuple[float, float], None, Evidence]
"""Yields the seconds done and their total; its value is what was heard."""


def locator(models: Models, name: str = MODEL) -> tuple[AlongModel, Thresholds]:
    """A model that locates sounds, with its thresholds.

    Raises:
        ModelError: it is missing, or none were measured for it.
    """
    model = models.model(name)
    thresholds = Thresholds.load(registry.find(name).folder)
    if not isinstance(model, AlongModel):
        raise ModelMismatchError(f"The model “{name}” cannot locate sounds. Use “{MODEL}”.")
    return model, thresholds


def locate(
    source: AudioSource, query: Query, models: Models, name: str = MODEL
) -> Generator[tuple[float, float], None, Located]:
    """Where the sounds that a query keeps, or else removes, are heard.

    Args:
        source: the recording.
        query: its one side is looked for; with both, what it keeps.
        models: to look with.
        name: the model.

    Yields:
        Seconds done and their total.

    Raises:
        ModelError: the model cannot locate.
        AudioError, SpanError, QueryError: an example cannot be used, or the recording not be read,
            or it holds samples that are not numbers.
    """
    model, thresholds = locator(models, name)
    prompts = query.keep or query.remove
    condition = models.conditioner(name).condition(Query(prompts, (), query.blend))
    vector = condition.positive
    if vector is None:
        raise QueryError("Nothing is asked for: name a sound to look for.")
    evidence = yield from listen(source, vector[None], model)
    by_example = any(not isinstance(prompt, TextPrompt) for prompt in prompts)
    weights = thresholds.example if by_example else thresholds.text
    return judged(evidence, 0, weights, source)


def judged(evidence: Evidence, index: int, weights: Weights, source: AudioSource) -> Located:
    """What the evidence on one of its queries comes to."""
    curve = weights(evidence.similarity[index], evidence.loudness[index]).astype(np.float32)
    score = peak(curve)
    spans: tuple[Span, ...] = ()
    if score >= weights.found:
        threshold = min(weights.heard, float(curve.max()))
        spans = tuple(_spans(curve >= threshold, source))
    return Located(curve, STEP, weights.heard, spans, score)


def peak(curve: np.ndarray) -> float:
    """The mean of the highest values of a curve."""
    return float(np.sort(curve)[-_PEAK:].mean())


def listen(
    source: AudioSource, vectors: np.ndarray, model: AlongModel, *, masks: bool = True
) -> Listening:
    """Listen to a recording with some queries in mind; memory does not grow with length.

    Args:
        source: the recording.
        vectors: the queries' embeddings, float32 (Q, D), of length 1.
        model: listens.
        masks: False leaves the loudness out, which is several times faster for many queries.
    """
    rate = model.grid.rate
    resampled = ResampledSource(CheckedSource(source), rate)
    seconds = resampled.frames / rate
    count = int(seconds / STEP) + 1
    similarity = np.zeros((len(vectors), count), np.float32)
    powers = np.zeros((len(vectors) + 1, count))
    conditions = None
    if masks:
        conditions = torch.from_numpy(np.pad(vectors, ((0, 0), (0, vectors.shape[1]))))
    transform = Transform(model.grid, torch.device("cpu"))
    for start, first, last in _windows(seconds, model.plan.length, count):
        window = _window(resampled, start * rate, model)
        centres = [index * STEP - start for index in range(first, last)]
        embeddings, answer = model.hear_along(window, centres, _WIDTH, conditions)
        similarity[:, first:last] = vectors @ embeddings[0].T
        if answer is not None:
            powers[:, first:last] = _powers(window, answer.gain.cpu(), centres, transform)
        yield min(last * STEP, seconds), seconds
    return Evidence(similarity, _loudness(powers))


def _windows(
    seconds: float, length: int, count: int
) -> Generator[tuple[int, int, int], None, None]:
    """Each window's start in seconds, and the steps that it answers for."""
    hop = length - _OVERLAP
    start, first = 0, 0
    while first < count:
        final = start + length >= seconds
        last = count if final else int((start + length - _OVERLAP / 2) / STEP)
        yield start, first, last
        first = last
        start += hop


def _window(source: ResampledSource, start: int, model: AlongModel) -> torch.Tensor:
    """One window (1, n), silent after the recording's end."""
    length = model.plan.length * model.grid.rate
    stop = min(start + length, source.frames)
    samples = heard(source.read(start, stop).astype(np.float32, copy=False), "linked")
    padded = np.pad(samples, ((0, 0), (0, length - samples.shape[1])))
    return torch.from_numpy(np.ascontiguousarray(padded))


@torch.inference_mode()
def _powers(
    window: torch.Tensor, gain: torch.Tensor, centres: Sequence[float], transform: Transform
) -> np.ndarray:
    """Power that each query's mask keeps in the second around each time, and that of all.

    Args:
        window: (1, n).
        gain: of each query, (Q, K, F).
        centres: s from the window's start.
        transform: of the model's grid.

    Returns:
        float64 (Q + 1, len(centres)).
    """
    grid = transform.grid
    half = grid.n_fft // 2
    power = transform.analyse(F.pad(window, (half, half))).abs().square()[0]  # (K, F)
    kept = (gain.square() * power).sum(dim=2)
    frames = torch.cat([kept, power.sum(dim=1)[None]]).double().numpy()  # (Q + 1, K)
    total = np.pad(np.cumsum(frames, axis=1), ((0, 0), (1, 0)))
    each = grid.frames_per_second
    low, high = (
        np.clip([round((centre + side) * each) for centre in centres], 0, frames.shape[1])
        for side in (-_SECOND / 2, _SECOND / 2)
    )
    return np.asarray(total[:, high] - total[:, low])


def _loudness(powers: np.ndarray) -> np.ndarray:
    """What is kept in dB against the loudest second nearby, float32 (Q, n)."""
    reach = round(_NEARBY / STEP)
    padded = np.pad(powers[-1], reach)
    nearby = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1)
    ratio = powers[:-1] / np.maximum(nearby, 1e-9)
    return np.asarray(np.maximum(10 * np.log10(ratio + 1e-12), _QUIETEST), np.float32)


def _spans(heard_at: np.ndarray, source: AudioSource) -> Generator[Span, None, None]:
    """Runs of times at which a sound is heard, each time standing for half a step around it."""
    edges = np.flatnonzero(np.diff(np.pad(heard_at.astype(np.int8), 1)))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        start = max(round((first - 0.5) * STEP * source.rate), 0)
        stop = min(round((last - 0.5) * STEP * source.rate), source.frames)
        if start < stop:
            yield Span(start, stop)
