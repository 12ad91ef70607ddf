from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from clapsep_desktop.evaluation.collection import embed_texts
from clapsep_desktop.evaluation.concepts import Concepts, embedded, likeness
from clapsep_desktop.evaluation.manifest import Sound

_ANGLES = {"bird": 0, "birds": 20, "a bird sings": 10, "engine": 90, "motor": 100}


def _embed(texts: Sequence[str]) -> np.ndarray:
    radians = np.radians([_ANGLES[text] for text in texts])
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def _sound(concept: str, *captions: str) -> Sound:
    return Sound(Path(concept), concept, captions, concept)


def test_likeness_is_the_greatest_cosine_of_any_two_captions() -> None:
    sounds = [_sound("bird", "a bird sings"), _sound("engine", "motor"), _sound("birds")]
    concepts = Concepts(sounds, _embed)
    assert concepts.names == ["bird", "birds", "engine"]
    assert concepts.captions["bird"] == ["a bird sings", "bird"]
    expected = np.cos(np.radians([[0, 10, 80], [10, 0, 70], [80, 70, 0]]))
    assert concepts.likeness == pytest.approx(expected, abs=1e-6)
    assert concepts.confusable("bird", "birds")
    assert not concepts.confusable("bird", "engine")


def test_likeness_equals_brute_force() -> None:
    random = np.random.default_rng(0)
    groups = [random.standard_normal((size, 4)) for size in (1, 3, 2, 5)]
    groups = [group / np.linalg.norm(group, axis=1, keepdims=True) for group in groups]
    table = likeness(groups)
    for i, one in enumerate(groups):
        for j, other in enumerate(groups):
            expected = 1.0 if i == j else max(a @ b for a in one for b in other)
            assert table[i, j] == pytest.approx(expected)


def test_embeddings_are_kept(tmp_path: Path) -> None:
    calls: list[Sequence[str]] = []

    def embed(texts: Sequence[str]) -> np.ndarray:
        calls.append(texts)
        return _embed(texts)

    first = embedded(["bird", "motor"], embed, tmp_path)
    again = embedded(["bird", "motor"], embed, tmp_path)
    other = embedded(["engine"], embed, tmp_path)
    assert calls == [["bird", "motor"], ["engine"]]
    assert np.array_equal(first, again)
    assert len(other) == 1
    assert len(list(tmp_path.iterdir())) == 2


def test_words_for_one_sound_are_confusable_to_the_shipped_encoder() -> None:
    sounds = [
        _sound("dog_bark", "a dog barking"),
        _sound("dog", "a dog barks"),
        _sound("violin", "a violin playing"),
        _sound("rain", "rain falling on a roof"),
    ]
    concepts = Concepts(sounds, embed_texts)
    assert concepts.confusable("dog_bark", "dog")
    assert not concepts.confusable("dog", "violin")
    assert not concepts.confusable("rain", "violin")
