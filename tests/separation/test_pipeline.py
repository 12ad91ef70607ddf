from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.errors import ModelMismatchError
from clapsep_desktop.model import registry
from clapsep_desktop.model.interface import SpectralGrid, WindowPlan
from clapsep_desktop.query import Query
from clapsep_desktop.resources import resource
from clapsep_desktop.separation.engine import EDGE, Separator, assemble
from clapsep_desktop.separation.models import Models, make_plan
from clapsep_desktop.separation.pipeline import Pipeline
from clapsep_desktop.separation.plan import Plan, Step, direct
from clapsep_desktop.timebase import Span
from tests.support.models import GRID, SPEECH_GRID, FakeModel, identity, tilted, zero
from tests.support.signals import noise, peak_db

RATE = 44_100
QUERY = Query.of(["anything"])


def low_pass(windows: torch.Tensor, grid: SpectralGrid) -> torch.Tensor:
    """Keeps what lies below 4 kHz."""
    return (torch.arange(grid.bins) < 4_000 * grid.n_fft / grid.rate).float()


class FakeQueryModel(FakeModel):
    """A fake with the queries' half of the contract."""

    embedding_size = 2

    def embed_text(self, texts: Sequence[str]) -> np.ndarray:
        return np.tile(np.array([1.0, 0.0], np.float32), (len(texts), 1))

    def embed_audio(self, clips: Sequence[np.ndarray]) -> np.ndarray:
        return np.tile(np.array([0.0, 1.0], np.float32), (len(clips), 1))


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Models:
    made = {
        "speech": FakeModel(low_pass, SPEECH_GRID, WindowPlan(length=8, overlap=4, lead=1)),
        "mini": FakeQueryModel(tilted, GRID),
        "all": FakeQueryModel(identity, GRID),
        "nothing": FakeQueryModel(zero, GRID),
    }
    monkeypatch.setattr(registry, "load", lambda name, *_: made[name])
    return Models("cpu")


def run(
    plan: Plan, models: Models, samples: np.ndarray, span: Span | None = None, **options: object
) -> np.ndarray:
    return assemble(Pipeline(plan, models).extract(ArraySource(samples, RATE), span, **options))  # type: ignore[arg-type]


def alone(
    models: Models, name: str, samples: np.ndarray, span: Span | None = None, **options: object
) -> np.ndarray:
    condition = None if name == "speech" else np.array([1, 0, 0, 0], np.float32)
    separator = Separator(models.model(name))
    return assemble(separator.extract(ArraySource(samples, RATE), span, condition, **options))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return noise(int(12.3 * RATE), 2, level=0.1)


@pytest.mark.parametrize("passes", ["kept", "removed"])
def test_a_plan_of_one_step_is_one_extraction(models, samples, passes) -> None:
    options = {"span": Span(RATE, 5 * RATE), "strength": 0.7, "channels": "independent"}
    expected = alone(models, "speech", samples, complement=passes == "removed", **options)
    got = run(Plan((Step("speech", passes=passes),)), models, samples, **options)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("passes", ["kept", "removed"])
def test_the_second_step_hears_what_the_first_one_passes_on(models, samples, passes) -> None:
    first = alone(models, "speech", samples, complement=passes == "removed")
    expected = alone(models, "mini", first)
    got = run(Plan((Step("speech", passes=passes), Step("mini", QUERY))), models, samples)
    assert peak_db(got - expected) < -110


def test_what_is_set_aside_is_added_at_the_end(models, samples) -> None:
    voices = alone(models, "speech", samples)
    expected = voices + alone(models, "mini", samples - voices)
    plan = Plan((Step("speech", passes="removed", aside=True), Step("mini", QUERY)))
    assert peak_db(run(plan, models, samples) - expected) < -110


def test_nothing_is_lost_where_the_second_step_keeps_all(models, samples) -> None:
    plan = Plan((Step("speech", passes="removed", aside=True), Step("all", QUERY)))
    assert peak_db(run(plan, models, samples) - samples) < -110
    plan = Plan((Step("speech", passes="removed"), Step("nothing", QUERY)))
    assert peak_db(run(plan, models, samples)) < -110


def test_three_steps_are_no_different(models, samples) -> None:
    plan = Plan(
        (
            Step("speech", passes="removed", aside=True),
            Step("mini", QUERY, passes="removed", aside=True),
            Step("all", QUERY),
        )
    )
    assert peak_db(run(plan, models, samples) - samples) < -110


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_strength_takes_away_its_share_of_what_all_steps_remove(
    models, samples, strength: float
) -> None:
    plan = Plan((Step("speech", passes="removed"), Step("mini", QUERY)))
    full = run(plan, models, samples)
    expected = samples - strength * (samples - full)
    assert peak_db(run(plan, models, samples, strength=strength) - expected) < -120


@pytest.mark.parametrize("aside", [True, False])
def test_a_selection_is_the_same_part_of_the_whole_and_starts_from_the_recording(
    models, samples, aside: bool
) -> None:
    plan = Plan((Step("speech", passes="removed", aside=aside), Step("mini", QUERY)))
    span = Span(5 * RATE + 17, 7 * RATE + 3)
    part = run(plan, models, samples, span)
    own = samples[span.start : span.stop]
    edge = int(EDGE * RATE) + 1
    whole = run(plan, models, samples)[span.start : span.stop]
    assert peak_db((part - whole)[edge:-edge]) < -100
    assert peak_db((part - own)[[0, -1]]) < -60


@pytest.mark.parametrize("first", [0, 4 * RATE, 12 * RATE])
def test_blocks_may_begin_anywhere(models, samples, first: int) -> None:
    plan = Plan((Step("speech", passes="removed", aside=True), Step("mini", QUERY)))
    blocks = list(Pipeline(plan, models).extract(ArraySource(samples, RATE), first=first))
    assert blocks[0].span.start <= first < blocks[0].span.stop
    assert blocks[-1].progress == 1.0
    np.testing.assert_allclose(assemble(blocks), run(plan, models, samples), atol=1e-6)
    for block in blocks:
        np.testing.assert_array_equal(block.source, samples[block.span.start : block.span.stop])


def test_each_window_of_an_earlier_step_is_heard_once(models, samples) -> None:
    plan = Plan((Step("speech", passes="removed", aside=True), Step("mini", QUERY)))
    alone(models, "speech", samples)
    expected = len(models.model("speech").calls)
    models.model("speech").calls.clear()
    run(plan, models, samples)
    assert len(models.model("speech").calls) == expected


def test_closing_ends_every_step(models, samples) -> None:
    plan = Plan((Step("speech", passes="removed"), Step("mini", QUERY)))
    blocks = Pipeline(plan, models).extract(ArraySource(samples, RATE))
    next(blocks)
    blocks.close()
    with pytest.raises(StopIteration):
        next(blocks)


def test_conditions_are_kept_for_each_step(models) -> None:
    pipeline = Pipeline(Plan((Step("speech", passes="removed"), Step("mini", QUERY))), models)
    nothing, condition = pipeline.conditions
    assert nothing is None
    assert condition is not None
    np.testing.assert_array_equal(condition.vector, [1, 0, 0, 0])
    assert pipeline.devices == ("cpu", "cpu")


@pytest.mark.parametrize("aside", [True, False])
@pytest.mark.parametrize("first", [None, 6 * RATE])
def test_several_steps_work_within_a_band(models, samples, aside: bool, first: int | None) -> None:
    plan = Plan((Step("speech", passes="removed", aside=aside), Step("mini", QUERY)))
    span = Span(2 * RATE, 9 * RATE)
    own = samples[span.start : span.stop]
    edge = int(EDGE * RATE) + 1
    whole = run(plan, models, samples, span)
    parts = [  # two bands that meet take away together what the whole spectrum does
        own - run(plan, models, samples, span, band=band, first=first)
        for band in ((0.0, 2_000.0), (2_000.0, RATE / 2))
    ]
    together = own - sum(parts)
    assert peak_db((together - whole)[edge:-edge]) < -70
    low_only = np.abs(np.fft.rfft(parts[0][:, 0] * np.kaiser(len(own), 20))) / len(own)
    assert 20 * np.log10(low_only[int(2_500 * len(own) / RATE) :].max()) < -110


def test_memory_does_not_grow_with_length(models) -> None:
    class Endless:
        rate, channels = 8_000, 1

        def __init__(self, seconds: int) -> None:
            self.frames = seconds * self.rate

        def read(self, start: int, stop: int) -> np.ndarray:
            return np.full((stop - start, 1), 0.1, np.float32)

    plan = Plan((Step("speech", passes="removed", aside=True), Step("mini", QUERY)))

    def peak(seconds: int) -> int:
        tracemalloc.start()
        for _ in Pipeline(plan, models).extract(Endless(seconds)):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(40)
    assert peak(600) < 1.5 * peak(200)


# Models and the plan that suits them.


def test_a_model_is_loaded_once(monkeypatch) -> None:
    loaded: list[str] = []

    def load(name: str, *_: object) -> FakeModel:
        loaded.append(name)
        return FakeQueryModel(identity)

    monkeypatch.setattr(registry, "load", load)
    models = Models()
    assert models.model("mini") is models.model("mini")
    assert models.conditioner("mini") is models.conditioner("mini")
    assert models.conditioner("mini").model is models.model("mini")
    assert loaded == ["mini"]


def test_a_specialist_has_no_conditioner(models) -> None:
    with pytest.raises(ModelMismatchError, match="takes no query"):
        models.conditioner("speech")


@pytest.fixture
def installed(monkeypatch) -> list[str]:
    names = ["mini", "speech"]
    monkeypatch.setattr(
        registry,
        "installed",
        lambda: [registry.InstalledModel(name, resource("models", name)) for name in names],
    )
    return names


def test_the_base_model_takes_the_rest_where_it_is_installed(installed) -> None:
    shipped = Models("cpu")  # the plan needs their sentence encoder
    query = Query.of(["a dog barking"], ["speech"])
    assert make_plan(query, shipped).models == ("speech", "mini")
    installed.append("base")
    assert make_plan(query, shipped).models == ("speech", "base")
    assert make_plan(query, shipped, specialists=False) == direct(query, "base")
    installed.remove("speech")
    assert make_plan(query, shipped) == direct(query, "base")


def test_a_model_by_name_does_it_all(models) -> None:
    query = Query.of(["a dog barking"], ["speech"])
    assert make_plan(query, models, "all") == direct(query, "all")


def test_the_specialist_by_name_keeps_or_removes_speech() -> None:
    shipped = Models("cpu")
    assert make_plan(Query.of(["no speech"]), shipped) == make_plan(
        Query.of([], ["speech"]), shipped
    )
    assert make_plan(Query.of(["a man talking"]), shipped, "speech").steps == (Step("speech"),)
    assert make_plan(Query.of([], ["a man talking"]), shipped, "speech").steps == (
        Step("speech", passes="removed"),
    )
