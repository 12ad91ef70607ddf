from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.evaluation.manifest import Sound
from clapsep_desktop.training.captions import MISTYPED, WORDINGS, CaptionTable, mistyped

SOUNDS = [
    Sound(Path("a.wav"), "dog_bark", ("a dog barking", "barking"), "a"),
    Sound(Path("b.wav"), "rain", ("rain",), "b"),
]


def table() -> tuple[CaptionTable, list[str]]:
    """A table, and the texts it was made from; every text is placed by its own number."""
    seen: list[str] = []

    def embed(texts):
        seen.extend(texts)
        return np.eye(64, dtype=np.float32)[np.arange(len(texts)) % 64]

    return CaptionTable(SOUNDS, embed), seen


def test_every_caption_stands_in_every_wording_and_misspelt():
    captions, texts = table()
    assert captions.captions == ["a dog barking", "barking", "dog bark", "rain"]
    assert captions.embeddings.shape == (4, len(WORDINGS) + MISTYPED, 64)
    assert "the sound of a dog barking" in texts
    misspelt = texts[len(WORDINGS)]
    assert misspelt != "a dog barking"
    assert len(misspelt.split()) == 3


def test_the_same_captions_are_misspelt_alike():
    assert table()[1] == table()[1]


def test_draws_reach_every_wording():
    captions, _ = table()
    random = np.random.default_rng(0)
    drawn = {int(np.argmax(captions.draw(["rain"], random))) for _ in range(300)}
    assert len(drawn) == len(WORDINGS) + MISTYPED


@given(st.text(alphabet="abcdefg ", max_size=30), st.integers(0, 1000))
def test_a_misspelt_text_differs_in_one_word_at_most(text, seed):
    wrong = mistyped(text, np.random.default_rng(seed)).split(" ")
    pairs = list(zip(text.split(" "), wrong, strict=True))
    differ = [(one, other) for one, other in pairs if one != other]
    assert len(differ) <= 1
    for one, other in differ:
        assert len(one) > 3
        assert one[0] == other[0]
        assert abs(len(one) - len(other)) <= 1


def test_concepts_are_told_apart_in_the_space_that_is_made_for_it():
    """A space where all texts are near to each other must not make all sounds confusable."""

    def near(texts):
        return np.full((len(texts), 16), 0.25, np.float32)

    def apart(texts):
        return np.array([[float("rain" in text), float("rain" not in text)] for text in texts])

    assert CaptionTable(SOUNDS, near).confusable("dog_bark", "rain")
    assert not CaptionTable(SOUNDS, near, told_apart=apart).confusable("dog_bark", "rain")
