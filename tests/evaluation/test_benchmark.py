from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clapsep_desktop.errors import ModelError
from clapsep_desktop.evaluation.asks import Ask
from clapsep_desktop.evaluation.benchmark import Benchmark, decode, speed_of
from clapsep_desktop.evaluation.items import RATE, Item, Part
from clapsep_desktop.evaluation.references import REFERENCES
from clapsep_desktop.evaluation.results import Results, Row
from clapsep_desktop.model.interface import WindowPlan
from tests.support.corpus import QuickModel, band_noise, write_clip
from tests.support.models import FakeModel, constant, identity

ASKS = [
    Ask("both"),
    Ask("positive"),
    Ask("negative"),
    Ask("example", 1, 1.0),
    Ask("hybrid", 2, 1.0),
    Ask("absent"),
]


def _measured(benchmark: Benchmark, items: list[Item], asks: list[Ask]) -> dict[str, list[Row]]:
    for _ in benchmark.run(items, asks):
        pass
    return _by_mode(benchmark.results.rows)


def _by_mode(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.item):
        found.setdefault(row.mode, []).append(row)
    return found


@pytest.fixture(scope="module")
def rows(items: list[Item]) -> dict[str, list[Row]]:
    """Rows of a model that parts the corpus's bands well, by query mode."""
    benchmark = Benchmark(QuickModel(), Results(None, {}))
    found = _measured(benchmark, items, ASKS)
    assert not benchmark.failures
    assert not benchmark.unasked
    return found


def test_every_item_is_asked_for_in_every_way(
    rows: dict[str, list[Row]], items: list[Item]
) -> None:
    assert rows.keys() == {ask.mode for ask in ASKS} | REFERENCES.keys()
    for found in rows.values():
        assert [row.item for row in found] == [item.name for item in items]


def test_a_good_model_finds_what_is_asked_for(rows: dict[str, list[Row]]) -> None:
    for mode in ("both", "positive", "negative", "example", "hybrid"):
        assert min(row.si_sdri or 0 for row in rows[mode]) > 15, mode
        assert min(row.sdri or 0 for row in rows[mode]) > 12, mode


def test_references_are_what_they_are(rows: dict[str, list[Row]]) -> None:
    for row in rows["mixture"]:
        assert (row.sdri, row.si_sdri, row.let_through) == (0.0, 0.0, 0.0)
        assert row.sdr == pytest.approx(0.0, abs=0.01)
    for row in rows["half"]:
        assert row.sdri == pytest.approx(3.01, abs=0.05)
        assert row.si_sdri == pytest.approx(0.0, abs=1e-3)
        assert row.let_through == pytest.approx(-6.02, abs=0.01)
    assert min(row.si_sdri or 0 for row in rows["ideal"]) > 20


def test_of_what_is_absent_nearly_nothing_comes_through(rows: dict[str, list[Row]]) -> None:
    for row in rows["absent"]:
        assert row.let_through < -15
        assert row.sdr is row.sdri is row.si_sdr is row.si_sdri is None


def test_results_are_likened_to_the_words(rows: dict[str, list[Row]]) -> None:
    for mixture, result in zip(rows["mixture"], rows["both"], strict=True):
        assert mixture.similarity is not None
        assert result.similarity is not None
        assert result.similarity > 0.99 > mixture.similarity
    assert {row.similarity for row in rows["absent"] + rows["half"]} == {None}


def test_a_model_that_changes_nothing_gains_nothing(items: list[Item]) -> None:
    model = FakeModel(identity)
    (row,) = _measured(Benchmark(model, Results(None, {})), items[:1], [Ask("none")])["none"]
    assert (row.sdri, row.si_sdri) == pytest.approx((0.0, 0.0), abs=0.01)
    assert row.similarity is None
    assert model.conditions == [None]


def test_the_engine_is_what_is_measured(items: list[Item]) -> None:
    """A gain of a half is half the mixture, whatever the model's own grid."""
    model = FakeModel(constant(0.5))
    rows = _measured(Benchmark(model, Results(None, {})), items[:2], [Ask("none")])
    for half, row in zip(rows["half"], rows["none"], strict=True):
        assert row.sdri == pytest.approx(half.sdri, abs=1e-3)
        assert row.let_through == pytest.approx(half.let_through, abs=1e-3)


def test_what_is_known_is_not_measured_again(
    items: list[Item], rows: dict[str, list[Row]], tmp_path: Path
) -> None:
    stopped = Benchmark(QuickModel(), Results(tmp_path, {}))
    steps = stopped.run(items, ASKS[:2])
    for step in steps:
        if step.done == 2:
            steps.close()
    assert len({row.item for row in stopped.results.rows}) == 2

    model = QuickModel()
    resumed = Benchmark(model, Results(tmp_path, {}))
    _measured(resumed, items, ASKS)
    assert len(model.conditions) == len(items) * len(ASKS) - 2 * 2
    assert _by_mode(resumed.results.rows) == rows

    idle = QuickModel()
    _measured(Benchmark(idle, Results(tmp_path, {})), items, ASKS)
    assert not idle.conditions
    assert not idle.clips


def test_one_damaged_recording_does_not_end_a_run(items: list[Item], tmp_path: Path) -> None:
    damaged, silent = tmp_path / "damaged.wav", tmp_path / "silent.wav"
    damaged.write_bytes(b"RIFF")
    write_clip(silent, np.zeros(RATE, np.float32))
    spoiled = [
        replace(items[0], name="damaged", parts=(Part(damaged, "x", "x"), items[0].parts[1])),
        replace(items[0], name="silent", parts=(items[0].parts[0], Part(silent, "x", "x"))),
        replace(
            items[0],
            name="shown",
            parts=tuple(replace(part, examples=(damaged,)) for part in items[0].parts),
        ),
        items[1],
    ]
    benchmark = Benchmark(QuickModel(), Results(None, {}))
    rows = _measured(benchmark, spoiled, [Ask("both"), Ask("example", 1, 1.0)])
    assert [row.item for row in rows["both"]] == ["shown", items[1].name]
    assert [row.item for row in rows["example"]] == [items[1].name]
    assert [failure.item.partition(",")[0] for failure in benchmark.failures] == [
        "damaged",
        "silent",
        "shown",
    ]
    assert all(failure.sentence.endswith(".") for failure in benchmark.failures)


def test_items_that_cannot_be_asked_for_are_counted(items: list[Item]) -> None:
    lonely = [
        replace(item, parts=tuple(replace(part, examples=()) for part in item.parts), absent="")
        for item in items
    ]
    benchmark = Benchmark(QuickModel(), Results(None, {}))
    rows = _measured(benchmark, lonely, ASKS)
    assert rows.keys() == {"both", "positive", "negative"} | REFERENCES.keys()
    assert benchmark.unasked == {ask: len(items) for ask in ASKS[3:]}


def test_a_broken_model_ends_the_run(items: list[Item]) -> None:
    benchmark = Benchmark(FakeModel(constant(float("nan"))), Results(None, {}))
    with pytest.raises(ModelError, match="no usable answer"):
        list(benchmark.run(items, [Ask("none")]))


def test_recordings_are_decoded_to_one_channel_at_one_rate(tmp_path: Path) -> None:
    stereo = np.stack([band_noise(0, 0.5), np.zeros(RATE // 2, np.float32)], axis=1)
    decoded = decode(write_clip(tmp_path / "stereo.wav", stereo))
    assert decoded == pytest.approx(stereo.mean(axis=1))
    assert not decoded.flags.writeable
    assert len(decode(write_clip(tmp_path / "low.wav", np.ones(8_000, np.float32), 16_000))) == (
        RATE // 2
    )


def test_speed_is_measured_over_several_windows() -> None:
    model = FakeModel(identity, plan=WindowPlan(length=2, overlap=1))
    assert speed_of(model, band_noise(0, 0.5)) > 0
    assert len(model.calls) > 3
