from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.errors import DataError
from clapsep_desktop.evaluation.manifest import Sound
from clapsep_desktop.evaluation.mixtures import PEAK, Scene, loudest, scenes, window

SOUNDS = [
    Sound(Path(f"{concept}{i}"), concept, (f"{concept} one", f"{concept} two"), f"{concept}{i}")
    for concept in "abcdefgh"
    for i in range(1 if concept == "h" else 3)
]


def _neighbours(one: str, other: str) -> bool:
    """Whether two letters stand side by side."""
    return abs(ord(one) - ord(other)) <= 1


@given(st.integers(0, 2**31), st.integers(2, 4), st.integers(1, 12))
def test_scenes_are_the_same_for_the_same_seed(seed: int, size: int, count: int) -> None:
    found = scenes(SOUNDS, count, seed, _neighbours, size=size)
    assert found == scenes(SOUNDS, count + 5, seed, _neighbours, size=size)[:count]
    for scene in found:
        concepts = [sound.concept for sound in scene.sounds]
        assert len(concepts) == size
        assert not any(_neighbours(a, b) for i, a in enumerate(concepts) for b in concepts[:i])
        for sound, caption, example in zip(
            scene.sounds, scene.captions, scene.examples, strict=True
        ):
            assert caption in sound.captions
            assert example.concept == sound.concept
            assert (example == sound) == (sound.concept == "h")  # of which there is only one


def test_another_seed_gives_other_scenes() -> None:
    assert scenes(SOUNDS, 5, 1, _neighbours) != scenes(SOUNDS, 5, 2, _neighbours)


def test_the_first_sound_can_be_chosen() -> None:
    found = scenes(SOUNDS, 30, 0, _neighbours, size=3, first=lambda concept: concept in "ab")
    assert {scene.sounds[0].concept for scene in found} == {"a", "b"}
    assert all(sound.concept not in "ab" for scene in found for sound in scene.sounds[1:])


@pytest.mark.parametrize("size", [2, 3, 9])
def test_too_few_different_sounds_are_told(size: int) -> None:
    with pytest.raises(DataError, match="too few"):
        scenes(SOUNDS, 1, 0, lambda *_: True, size=size)


def test_a_leading_sound_nobody_has_is_told() -> None:
    with pytest.raises(DataError, match="too few"):
        scenes(SOUNDS, 1, 0, _neighbours, first=lambda concept: concept == "z")
    with pytest.raises(DataError, match="too few"):
        scenes(SOUNDS, 1, 0, _neighbours, first=lambda concept: True)


def test_sources_are_equally_strong_and_do_not_exceed_the_peak() -> None:
    def decode(sound: Sound) -> np.ndarray:
        random = np.random.default_rng(ord(sound.concept))
        samples = random.uniform(0.01, 1) * random.standard_normal(random.integers(500, 8_000))
        return samples.astype(np.float32)

    for scene in scenes(SOUNDS, 5, 3, _neighbours, size=3):
        rows = scene.sources(decode, 4_000)
        assert rows.shape == (3, 4_000)
        assert rows.dtype == np.float32
        energies = np.mean(rows**2, axis=1)
        assert energies == pytest.approx([energies[0]] * 3, rel=1e-4)
        assert np.max(np.abs(rows.sum(axis=0))) == pytest.approx(PEAK, rel=1e-5)
        assert np.array_equal(rows, scene.sources(decode, 4_000))


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.integers(0, 99))
def test_a_window_holds_all_of_a_short_sound(sound: int, length: int, seed: int) -> None:
    samples = np.arange(1, sound + 1, dtype=np.float32)
    found = window(samples, length, np.random.default_rng(seed))
    assert found.shape == (length,)
    if sound < length:
        assert np.array_equal(found[found > 0], samples)
    else:
        assert np.array_equal(np.diff(found), np.ones(length - 1))  # a cut of it


@given(st.integers(0, 40_000))
def test_the_loudest_cut_is_found(place: int) -> None:
    samples = np.full(60_000, 0.01, np.float32)
    samples[place : place + 3_000] = 1.0
    start = loudest(samples, 8_000)
    assert start <= place
    assert start + 8_000 >= min(place + 3_000, 60_000) - 1_600


def test_all_of_a_sound_shorter_than_the_cut_is_the_loudest() -> None:
    assert loudest(np.ones(10, np.float32), 1_000) == 0


def test_the_draw_of_pairs_does_not_change() -> None:
    """Figures of different versions can be compared only while they are of the same mixtures."""
    found = scenes(SOUNDS, 4, 20_402, _neighbours)
    assert [_short(scene) for scene in found] == DRAWN


def _short(scene: Scene) -> str:
    sounds = "+".join(str(sound.path) for sound in scene.sounds)
    examples = "+".join(str(sound.path) for sound in scene.examples)
    return f"{sounds} {'+'.join(scene.captions)} {examples} {scene.seed}"


DRAWN = [
    "h0+b1 h two+b two h0+b2 1368719807",
    "a2+g1 a one+g two a1+g2 1185602406",
    "c1+a2 c two+a one c0+a1 1479734381",
    "g2+d1 g two+d two g0+d2 1834032756",
]
