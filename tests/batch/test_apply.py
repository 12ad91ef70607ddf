"""A recipe carried out is what the editor would make of the same stack."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clapsep_desktop.audio.source import ArraySource, AudioSource
from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.batch.apply import Applied, Progress, apply
from clapsep_desktop.errors import SpanError
from clapsep_desktop.query import Query
from clapsep_desktop.separation.engine import assemble
from clapsep_desktop.separation.models import Models, make_plan
from clapsep_desktop.separation.pipeline import Pipeline
from clapsep_desktop.session.recipe import Recipe, Step
from tests.support.hearing import HearingModel
from tests.support.signals import noise

RATE = 16_000
LOW, HIGH = Query.of(remove=["low"]), Query.of(remove=["high"], strength=0.5)

pytestmark = pytest.mark.usefixtures("model")


@pytest.fixture
def source() -> ArraySource:
    return ArraySource(noise(3 * RATE, 2), RATE)


def _carried_out(
    recipe: Recipe, source: AudioSource, models: Models, folder: Path
) -> tuple[np.ndarray, Applied, list[Progress]]:
    store, news = AudioStore(folder), []
    steps = apply(recipe, source, models, store)
    while True:
        try:
            news.append(next(steps))
        except StopIteration as stop:
            applied: Applied = stop.value
            blocks = list(applied.blocks())
            assert blocks[0][0].start == 0
            assert blocks[-1][0].stop == source.frames
            store.close()
            return np.concatenate([kept for _, _, kept in blocks]), applied, news


def _extracted(query: Query, source: AudioSource, models: Models) -> np.ndarray:
    pipeline = Pipeline(make_plan(query, models), models)
    return assemble(pipeline.extract(source, strength=query.strength))


def test_one_step_is_one_extraction(source: ArraySource, models: Models, tmp_path: Path) -> None:
    kept, applied, _ = _carried_out(Recipe((Step(HIGH),)), source, models, tmp_path / "a")
    np.testing.assert_allclose(kept, _extracted(HIGH, source, models), atol=1e-6)
    assert applied.plans == ("mini: remove “high”",)


def test_a_step_hears_what_those_before_it_left(
    source: ArraySource, models: Models, tmp_path: Path
) -> None:
    recipe = Recipe((Step(LOW), Step(HIGH)))
    kept, _, news = _carried_out(recipe, source, models, tmp_path / "a")
    between = ArraySource(_extracted(LOW, source, models), RATE)
    np.testing.assert_allclose(kept, _extracted(HIGH, between, models), atol=1e-6)
    assert [each.done for each in news] == sorted(each.done for each in news)
    assert news[-1] == Progress(6.0, 6.0)


def test_twice_is_the_same_to_the_bit(source: ArraySource, models: Models, tmp_path: Path) -> None:
    recipe = Recipe((Step(LOW, 0.5, 2.5, band=(100.0, 4_000.0)), Step(HIGH)))
    one, *_ = _carried_out(recipe, source, models, tmp_path / "a")
    two, *_ = _carried_out(recipe, source, models, tmp_path / "b")
    assert one.tobytes() == two.tobytes()


def test_nothing_changes_outside_its_scope(
    source: ArraySource, models: Models, tmp_path: Path
) -> None:
    for number, band in enumerate((None, (100.0, 4_000.0))):
        step = Step(LOW, 1.0, 2.0, band)
        kept, *_ = _carried_out(Recipe((step,)), source, models, tmp_path / str(number))
        np.testing.assert_array_equal(kept[:RATE], source.samples[:RATE])
        np.testing.assert_array_equal(kept[2 * RATE :], source.samples[2 * RATE :])
        assert not np.allclose(kept[RATE : 2 * RATE], source.samples[RATE : 2 * RATE], atol=1e-3)


def test_nothing_changes_outside_its_band(
    source: ArraySource, models: Models, tmp_path: Path
) -> None:
    step = Step(Query.of(keep=["band 3"]), band=(1_000.0, 2_000.0))
    kept, *_ = _carried_out(Recipe((step,)), source, models, tmp_path / "a")
    change = np.abs(np.fft.rfft((source.samples - kept)[:, 0] * np.hanning(source.frames)))
    hertz = np.fft.rfftfreq(source.frames, 1 / RATE)
    outside = change[(hertz < 900) | (hertz > 2_200)]
    assert outside.max() < 1e-3 * change.max()


def test_strength_scales_what_is_taken(source: ArraySource, models: Models, tmp_path: Path) -> None:
    taken = []
    for strength in (1.0, 0.25):
        step = Step(replace(LOW, strength=strength))
        kept, *_ = _carried_out(Recipe((step,)), source, models, tmp_path / str(strength))
        taken.append(source.samples - kept)
    np.testing.assert_allclose(taken[1], 0.25 * taken[0], atol=1e-6)


def test_a_scope_beyond_the_recording_is_refused_before_anything_is_heard(
    source: ArraySource, models: Models, model: HearingModel, tmp_path: Path
) -> None:
    recipe = Recipe((Step(LOW), Step(HIGH, start=5.0)))
    with pytest.raises(SpanError):
        _carried_out(recipe, source, models, tmp_path / "a")
    assert model.conditions == []
