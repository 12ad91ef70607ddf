"""What is in a recording: a checklist of everyday sounds, each found or left out.

Every tag of ``resources/tags.json`` is first judged by its similarity alone, against how similar
recordings without it are; the likeliest few are then located as any query would be.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.resources import resource
from clapsep_desktop.separation.locate import (
    MODEL,
    AlongModel,
    Located,
    Thresholds,
    judged,
    listen,
    locator,
    peak,
)
from clapsep_desktop.separation.models import Models
from clapsep_desktop.steps import retold

CANDIDATES = 12
"""Tags that are located."""

_FIRST = 0.4  # share of the time that the first hearing takes


@dataclass(frozen=True, eq=False)
class Tag:
    """A sound that is in a recording.

    Attributes:
        name: for people.
        text: that asks for it, in a query.
        located: where it is.
    """

    name: str
    text: str
    located: Located


@lru_cache(maxsize=1)
def vocabulary() -> dict[str, tuple[str, ...]]:
    """Every tag with the texts that describe it, the first of which asks for it."""
    stored = json.loads(resource("tags.json").read_text(encoding="utf-8"))
    return {name: tuple(texts) for name, texts in stored.items()}


def tag_vectors(model: AlongModel) -> np.ndarray:
    """Where a model places each tag: float32 (tags, D), of length 1."""
    texts = [text for described in vocabulary().values() for text in described]
    embedded = iter(model.embed_text(texts))
    rows = []
    for described in vocabulary().values():
        mean = np.mean([next(embedded) for _ in described], axis=0)
        rows.append(mean / np.linalg.norm(mean))
    return np.array(rows, np.float32)


def surprise(similarity: np.ndarray, thresholds: Thresholds) -> np.ndarray:
    """How far each tag's similarity (tags, n) lies above that of recordings without it.

    Returns:
        Spreads above the mean, (tags,).
    """
    usual = np.array([thresholds.tags[name] for name in vocabulary()])
    peaks = np.array([peak(row) for row in similarity])
    return np.asarray((peaks - usual[:, 0]) / usual[:, 1])


def tags(
    source: AudioSource, models: Models, name: str = MODEL
) -> Generator[tuple[float, float], None, list[Tag]]:
    """What is in a recording, the surest first.

    Args:
        source: the recording.
        models: to listen with.
        name: the model.

    Yields:
        Seconds done and their total.

    Raises:
        ModelError: the model cannot locate.
        AudioError: the recording cannot be read.
    """
    model, thresholds = locator(models, name)
    vectors = tag_vectors(model)
    first = listen(source, vectors, model, masks=False)
    heard = yield from retold(first, lambda step: (step[0] * _FIRST, step[1]))
    likely = np.argsort(-surprise(heard.similarity, thresholds))[:CANDIDATES]
    again = listen(source, vectors[likely], model)
    rest = 1.0 - _FIRST
    second = yield from retold(again, lambda step: (step[1] * _FIRST + step[0] * rest, step[1]))
    found = []
    for row, index in enumerate(likely):
        title, texts = list(vocabulary().items())[index]
        located = judged(second, row, thresholds.text, source)
        if located.found:
            found.append(Tag(title, texts[0], located))
    return sorted(found, key=lambda tag: -tag.located.score)
