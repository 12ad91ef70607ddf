from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.evaluation.asks import Ask
from clapsep_desktop.evaluation.curves import by_duration, by_shots, by_snr
from clapsep_desktop.evaluation.lists import PUBLISHED
from clapsep_desktop.evaluation.results import Row
from clapsep_desktop.evaluation.summary import (
    EXTREMES,
    ConceptFigure,
    Group,
    Spread,
    extremes,
    summarise,
)
from clapsep_desktop.evaluation.tables import COLUMNS, cells, published_cells, side_by_side
from tests.evaluation.test_results import ROW


def _row(item: str, mode: str, gain: float | None, **changes: object) -> Row:
    row = replace(ROW, item=item, mode=mode, sdri=gain, si_sdri=gain, target=item[0])
    return replace(row, **changes)  # type: ignore[arg-type]


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=30))
def test_a_spread_is_that_of_its_values(values: list[float]) -> None:
    spread = Spread.of(values)
    assert spread.mean == pytest.approx(np.mean(values), abs=1e-3)
    assert spread.median == pytest.approx(np.median(values), abs=1e-3)
    assert spread.deviation == pytest.approx(np.std(values), abs=1e-3)
    assert spread.improved == pytest.approx(sum(v > 0 for v in values) / len(values), abs=1e-3)


def test_rows_are_told_apart_by_split_level_and_mode() -> None:
    rows = [
        _row("a1", "both", 4.0),
        _row("b1", "both", 8.0),
        _row("a1", "mixture", 0.0),
        _row("a1", "absent", None, let_through=-20.0),
        _row("a1", "example", 3.0, shots=5, example_seconds=2.0),
        _row("a2", "both", 1.0, split="unseen"),
        _row("a3", "both", 2.0, snr=-10.0),
        _row("a4", "both", 3.0, sounds=6),
    ]
    asks = [Ask("both"), Ask("absent"), Ask("example", 5, 2.0)]
    summary = summarise(rows, asks)
    assert [group.title for group in summary.groups] == [
        "validation, 2 sounds, +0 dB",
        "unseen, 2 sounds, +0 dB",
        "validation, 2 sounds, -10 dB",
        "validation, 6 sounds, +0 dB",
    ]
    mixture, both, absent, example = summary.groups[Group("validation", 2, 0.0)]
    assert mixture.is_reference
    assert both.count == 2
    assert both.si_sdri == Spread(6.0, 6.0, 2.0, 1.0)
    assert absent.si_sdri is None
    assert absent.let_through == -20.0
    assert example.title.endswith("(5 × 2 s)")
    assert summary.concept_ask == Ask("both")
    assert summary.concepts[Group("validation", 2, 0.0)] == [
        ConceptFigure("b", 1, 8.0),
        ConceptFigure("a", 1, 4.0),
    ]


def test_only_what_was_asked_for_is_summarised_whatever_the_order() -> None:
    rows = [_row(f"{c}{i}", m, i * 1.1) for c in "abc" for i in range(5) for m in ("both", "half")]
    rows.append(_row("a1", "positive", 9.0))
    summary = summarise(rows, [Ask("both")])
    assert [line.ask.mode for line in summary.groups[Group("validation", 2, 0.0)]] == [
        "half",
        "both",
    ]
    assert summarise(reversed(rows), [Ask("both")]).to_dict() == summary.to_dict()
    json.dumps(summary.to_dict(), allow_nan=False)


@given(st.integers(0, 50))
def test_no_concept_is_both_best_and_worst(count: int) -> None:
    figures = [ConceptFigure(str(i), 1, -float(i)) for i in range(count)]
    best, worst = extremes(figures)
    assert len(best) + len(worst) == min(count, 2 * EXTREMES)
    assert best == figures[: len(best)]
    assert worst == figures[::-1][: len(worst)]
    assert not set(best) & set(worst)


def test_a_line_fills_a_row_of_the_table() -> None:
    rows = [_row("a1", "both", 4.0, similarity=0.5), _row("b1", "both", -2.0, similarity=0.7)]
    rows.append(_row("a1", "absent", None, let_through=-20.0))
    both, absent = summarise(rows, [Ask("both"), Ask("absent")]).groups[Group("validation", 2, 0.0)]
    expected = (
        "text: keep and remove",
        "2",
        "1.00",
        "1.00",
        "1.00",
        "3.00",
        "50%",
        "-3.0",
        "0.600",
    )
    assert cells(both) == expected
    assert cells(absent) == ("text: keep what is not there", "1", *[""] * 5, "-20.0", "")
    assert len(expected) == len(COLUMNS)


def test_figures_of_others_are_marked() -> None:
    for split in PUBLISHED:
        for row in published_cells(split):
            assert len(row) == len(COLUMNS)
            assert "published" in row[0] or "by others" in row[0]
    expected = ("AudioSep, published; text: keep", "", "10.04", "8.81")
    assert expected in [row[:4] for row in published_cells("esc")]
    assert published_cells("validation") == []
    assert published_cells("esc", 5.0) == []


def test_kinds_of_mixtures_stand_side_by_side() -> None:
    rows = [
        _row("a", "both", 4.0),
        _row("a", "mixture", 0.0),
        _row("b", "both", 1.0, split="unseen"),
        _row("b", "absent", None, split="unseen", let_through=-20.0),
    ]
    headings, table = side_by_side(summarise(rows, [Ask("both"), Ask("absent")]))
    assert headings[1:] == ("validation, 2 sounds, +0 dB", "unseen, 2 sounds, +0 dB")
    assert table == [
        ("text: keep and remove", "4.00", "1.00"),
        ("text: keep what is not there: let through", "", "-20.0"),
    ]


def _shown(item: str, gain: float, shots: int, seconds: float = 4.0) -> Row:
    return _row(item, "example", gain, shots=shots, example_seconds=seconds)


def test_a_curve_compares_the_same_items() -> None:
    rows = [
        _shown("a", 1.0, 1),
        _shown("b", 3.0, 1),
        _shown("rare", -50.0, 1),
        _shown("a", 2.0, 5),
        _shown("b", 4.0, 5),
        _row("a", "both", 99.0),
    ]
    assert by_shots(rows) == {
        "validation, 2 sounds, +0 dB": {"example: keep and remove, 4 s each": {1: 2.0, 5: 3.0}}
    }
    assert by_duration(rows) == {}
    longer = [replace(row, example_seconds=1.0, si_sdri=0.0) for row in rows if row.shots == 1]
    assert by_duration([*rows, *longer]) == {
        "validation, 2 sounds, +0 dB": {
            "example: keep and remove, 1 shown": {1.0: 0.0, 4.0: pytest.approx(-46 / 3)}
        }
    }


def test_levels_make_a_curve() -> None:
    rows = [
        _row(f"{scene}@{snr:+g}dB", "both", gain, snr=snr)
        for scene, snr, gain in [("x", -5.0, 6.0), ("x", 5.0, 2.0), ("y", 5.0, 40.0)]
    ]
    assert by_snr(rows) == {
        "validation, 2 sounds": {"text: keep and remove": {-5.0: 6.0, 5.0: 2.0}}
    }
    assert by_snr(rows[1:]) == {}
