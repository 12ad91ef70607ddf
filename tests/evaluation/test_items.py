from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.errors import DataError
from clapsep_desktop.evaluation.benchmark import decode
from clapsep_desktop.evaluation.collection import Mixing, from_manifest
from clapsep_desktop.evaluation.concepts import Concepts
from clapsep_desktop.evaluation.items import MOST_EXAMPLES, RATE, Item, Part, missing_files
from clapsep_desktop.evaluation.manifest import by_split, read_manifest
from clapsep_desktop.evaluation.metrics import sdr
from clapsep_desktop.evaluation.mixtures import PEAK, scenes
from tests.support.corpus import BANDS, distinct


def _noise(path: Path) -> np.ndarray:
    """A sound of its own length and level for each name."""
    random = np.random.default_rng(ord(path.name))
    length = int(random.integers(RATE // 2, 2 * RATE))
    return (random.uniform(0.01, 0.5) * random.standard_normal(length)).astype(np.float32)


def _item(count: int, target: int, snr: float, **changes: object) -> Item:
    parts = tuple(Part(Path(name), name, name) for name in "abcdef"[:count])
    item = Item("name", "split", parts, target, snr, 1.0, "loudest", 5)
    return replace(item, **changes)  # type: ignore[arg-type]


@given(st.integers(2, 6), st.data(), st.floats(-30, 30))
def test_the_target_stands_at_its_level_over_all_else(
    count: int, data: st.DataObject, snr: float
) -> None:
    item = _item(count, data.draw(st.integers(0, count - 1)), snr)
    target, rest = item.sources(_noise)
    assert target.shape == rest.shape == (RATE,)
    assert target.dtype == rest.dtype == np.float32
    assert sdr(target + rest, target) == pytest.approx(snr, abs=0.01)
    assert np.max(np.abs(target + rest)) == pytest.approx(PEAK, rel=1e-4)


def test_both_directions_of_a_pair_are_one_mixture() -> None:
    one, other = (_item(2, target, 0.0).sources(_noise) for target in (0, 1))
    assert np.allclose(one[0], other[1], atol=1e-6)
    assert np.allclose(one[1], other[0], atol=1e-6)


def test_a_pair_at_0_db_is_the_scene_that_training_validates_on(manifest: Path) -> None:
    sounds = by_split(read_manifest(manifest), "validation")
    concepts = Concepts(sounds, distinct)
    (scene,) = scenes(sounds, 1, 7, concepts.confusable)
    found = from_manifest(manifest, Mixing(count=1, seed=7, seconds=2.0), distinct, None).items
    expected = scene.sources(lambda sound: decode(sound.path), 2 * RATE)
    assert np.allclose(found[0].sources(decode), expected, atol=1e-6)


def test_a_mixture_of_starts_keeps_its_level_below_full_scale() -> None:
    quiet = _item(2, 0, 0.0, cut="start")
    target, rest = quiet.sources(lambda path: 0.1 * _noise(path))
    expected = 0.1 * _noise(Path("a"))[:RATE]
    assert np.array_equal(target[: len(expected)], expected)  # heard from its start, as it is
    assert not target[len(expected) :].any()
    loud = quiet.sources(lambda path: 10 * _noise(path))
    assert np.max(np.abs(loud[0] + loud[1])) == pytest.approx(PEAK, rel=1e-4)
    assert sdr(target + rest, target) == pytest.approx(0.0, abs=1e-4)


def test_a_silent_recording_is_told() -> None:
    silent = _item(2, 0, 0.0)
    with pytest.raises(DataError, match="“b” is silent"):
        silent.sources(lambda path: _noise(path) * (path.name == "a"))


def test_every_scene_is_asked_for_both_sounds_at_every_level(manifest: Path) -> None:
    mixing = Mixing(count=3, interferers=3, snrs=(-5.0, 0.0))
    items = from_manifest(manifest, mixing, distinct, None).items
    assert len({item.name for item in items}) == len(items) == 3 * 2 * 2
    assert {len(item.parts) for item in items} == {4}
    assert {item.snr for item in items} == {-5.0, 0.0}
    assert {item.target for item in items} == {0, 1}
    for item in items:
        assert item.wanted == item.parts[item.target]
        assert item.wanted not in item.others


def test_examples_are_other_recordings_of_the_same_concept(items: list[Item]) -> None:
    for item in items:
        for part in item.parts:
            assert len(part.examples) == 2  # of three recordings, the mixture's own left out
            assert part.path not in part.examples
            band = part.path.name.partition("-")[0]
            assert all(path.name.startswith(band) for path in part.examples)
    assert MOST_EXAMPLES >= 10


def test_the_absent_sound_is_in_no_part(items: list[Item]) -> None:
    captions = {f"band {band}" for band in range(BANDS)} | {f"band_{band}" for band in range(BANDS)}
    for item in items:
        assert item.absent in captions
        assert item.absent not in {part.caption for part in item.parts}


def test_only_chosen_concepts_are_targets(manifest: Path) -> None:
    mixing = Mixing(count=6, targets="band_3", seconds=1.0)
    items = from_manifest(manifest, mixing, distinct, None).items
    assert len(items) == 6
    assert {item.wanted.concept for item in items} == {"band_3"}
    assert all(part.concept != "band_3" for item in items for part in item.others)


def test_missing_files_are_named_once(items: list[Item], tmp_path: Path) -> None:
    gone = Part(tmp_path / "gone.wav", "x", "x")
    altered = [replace(item, parts=(gone, *item.parts[1:])) for item in items]
    assert missing_files(items) == []
    assert missing_files(altered) == [gone.path]
