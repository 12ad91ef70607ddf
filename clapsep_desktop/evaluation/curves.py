"""How a figure changes with what was varied: the examples shown, their length, the level.

A curve holds only items that were measured at each of its points, so that it compares like with
like: few concepts have ten recordings to show, and those are not the hardest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from clapsep_desktop.evaluation.asks import MODES, Ask
from clapsep_desktop.evaluation.items import scene_of
from clapsep_desktop.evaluation.results import Row
from clapsep_desktop.evaluation.summary import Group

Curve = dict[float, float]
"""What was varied -> mean SI-SDRi in dB, by rising value."""

Curves = dict[str, dict[str, Curve]]
"""Kind of mixture -> way of asking -> its curve."""


def by_shots(rows: Iterable[Row]) -> Curves:
    """Over the number of examples shown, for each query mode and length of example."""
    return _curves(
        (row for row in rows if row.shots),
        _kind,
        lambda row: f"{MODES[row.mode]}, {row.example_seconds:g} s each",
        lambda row: row.shots,
    )


def by_duration(rows: Iterable[Row]) -> Curves:
    """Over the length of the examples shown, for each query mode and number of examples."""
    return _curves(
        (row for row in rows if row.shots),
        _kind,
        lambda row: f"{MODES[row.mode]}, {row.shots} shown",
        lambda row: row.example_seconds,
    )


def by_snr(rows: Iterable[Row]) -> Curves:
    """Over the target's level, for each query mode."""
    return _curves(
        (row for row in rows if row.mode in MODES),
        lambda row: f"{row.split}, {row.sounds} sounds",
        lambda row: Ask(row.mode, row.shots, row.example_seconds).title,
        lambda row: row.snr,
    )


def _curves(
    rows: Iterable[Row],
    kind: Callable[[Row], str],
    title: Callable[[Row], str],
    place: Callable[[Row], float],
) -> Curves:
    """Curves of two points or more.

    Args:
        rows: what to draw from.
        kind: of mixture.
        title: rows of one kind and title make a curve.
        place: where on the curve a row stands.
    """
    grouped: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.si_sdri is not None:
            grouped[kind(row)][title(row)].append(row)
    found: Curves = {}
    for name, lines in grouped.items():
        drawn = {line: _curve(members, place) for line, members in lines.items()}
        drawn = {line: curve for line, curve in drawn.items() if len(curve) > 1}
        if drawn:
            found[name] = drawn
    return found


def _curve(rows: Sequence[Row], place: Callable[[Row], float]) -> Curve:
    """Means over the items that stand at every place."""
    at: dict[float, dict[str, float]] = defaultdict(dict)
    for row in rows:
        assert row.si_sdri is not None
        at[place(row)][scene_of(row.item)] = row.si_sdri
    common = set.intersection(*(set(values) for values in at.values()))
    return {x: _mean(at[x], common) for x in sorted(at)} if common else {}


def _mean(values: Mapping[str, float], items: set[str]) -> float:
    return float(np.mean([values[item] for item in items]))


def _kind(row: Row) -> str:
    return Group(row.split, row.sounds, row.snr).title
