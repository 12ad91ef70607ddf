"""Which prompts of a query are about speech.

A text is judged by where the sentence encoder places it, with a linear probe that
``packaging/train_speech_probe.py`` has learned; an example by how near the mini model's audio
encoder, which shares that space, places it to texts about speech. How near is near enough depends
on mini's weights: ``packaging/measure_speech_nearness.py`` finds it for new ones.

Whispering, singing, laughter, crying and crowds count as other sounds, for the specialist would
not keep them (it takes 18 dB off a whisper), and so does a text that names speech together with
something else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from clapsep_desktop.errors import ModelDamagedError
from clapsep_desktop.query import AudioPrompt, EmbeddedPrompt, Prompt, TextPrompt

PROBE = "probe.json"
"""Name of the probe's file, in the folder of the speech specialist."""

FORMAT = 2
SPACE = "mini"
"""The model in whose space texts and examples are judged."""

SPOKEN = (
    "speech",
    "a man speaking",
    "a woman speaking",
    "a person talking",
    "conversation",
)
"""Texts that an example of speech lies near to."""


class Space(Protocol):
    """Places texts and examples on one sphere."""

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        """L2-normalised embeddings, float32 (len(texts), D)."""
        ...

    def embed_example(self, prompt: AudioPrompt) -> np.ndarray:
        """The L2-normalised embedding of an example, float32 (D,).

        Raises:
            AudioError: it cannot be read.
            QueryError: it is silent or too short.
        """
        ...


@dataclass(frozen=True, eq=False)
class Probe:
    """A plane that parts texts about speech from others.

    Attributes:
        weights: float64 (D,).
        offset: added to the weighted sum, which is positive for speech.
        near: cosine between an example and the mean of `SPOKEN` from which on it is speech.
    """

    weights: np.ndarray
    offset: float
    near: float

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """Which of some texts' embeddings (n, D) are about speech, bool (n,)."""
        return np.asarray(embeddings @ self.weights + self.offset > 0)

    @classmethod
    def load(cls, path: Path) -> Probe:
        """The probe in a file; raises ModelDamagedError where it is absent or not one."""
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            if stored["format"] != FORMAT:
                raise ValueError("unknown format")
            weights = np.array(stored["weights"], dtype=np.float64)
            if weights.ndim != 1 or not np.isfinite(weights).all():
                raise ValueError("weights that are no numbers")
            return cls(weights, float(stored["offset"]), float(stored["near"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelDamagedError(
                f"{path} cannot be used ({error}). Install CLAPSep Desktop again."
            ) from error


class SpeechJudge:
    """Tells prompts about speech from others.

    Args:
        space: places texts and examples; asked only when there is something to judge.
        probe: for texts.
    """

    def __init__(self, space: Space, probe: Probe) -> None:
        self._space = space
        self._probe = probe

    def about_speech(self, prompts: Sequence[Prompt]) -> list[bool]:
        """Whether each prompt is about speech.

        Raises:
            AudioError: an example cannot be read.
            QueryError: an example is silent or too short.
        """
        texts = [prompt.text for prompt in prompts if isinstance(prompt, TextPrompt)]
        by_text = iter(self._texts(texts))
        return [
            next(by_text) if isinstance(prompt, TextPrompt) else self._example(prompt)
            for prompt in prompts
        ]

    def _texts(self, texts: list[str]) -> list[bool]:
        if not texts:
            return []
        return [bool(verdict) for verdict in self._probe(self._space.embed_text(texts))]

    def _example(self, prompt: AudioPrompt | EmbeddedPrompt) -> bool:
        if isinstance(prompt, AudioPrompt):
            embedding = self._space.embed_example(prompt)
        else:
            vector = prompt.vector_for(SPACE)
            if vector is None:  # cannot be judged, and needs the model of its own space
                return False
            embedding = np.array(vector) / np.linalg.norm(vector)
        spoken = self._space.embed_text(SPOKEN)
        if spoken.shape[1:] != embedding.shape:
            return False
        return bool(nearness(embedding, spoken) >= self._probe.near)


def nearness(examples: np.ndarray, spoken: np.ndarray) -> np.ndarray:
    """Cosine of examples (..., D), L2-normalised, to the mean of `SPOKEN`'s embeddings (n, D)."""
    centre = spoken.mean(axis=0)
    return np.asarray(examples @ centre / np.linalg.norm(centre))
