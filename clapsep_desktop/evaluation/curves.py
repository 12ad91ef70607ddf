"""How a figure changes with what was varied: the examples shown, their length, the level.

A curve holds only items that were measured at each of its points, so that it compares like with
like: few concepts have ten recordings to show, and those are not the hardest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from clapsep_desktop.evaluation.asks import MODES, Ask
from clapsep_desktop.evaluation.results import Row
from clapsep_desktop.evaluation.summary import Group

Curve = dict[float, float]
"""What was varied -> mean SI-SDRi in dB, by rising value."""


def by_shots(rows: Iterable[Row]) -> dict[str, Curve]:
    """Over the number of examples shown, for each query mode and length of example."""
    return _curves(
        (row for row in rows if row.shots),
        lambda row: (row.split, row.sounds, row.snr, row.mode, row.example_seconds),
        lambda row: row.shots,
        lambda row: f"{_kind(row)}: {MODES[row.mode]}, {row.example_seconds:g} s each",
    )


def by_duration(rows: Iterable[Row]) -> dict[str, Curve]:
    """Over the length of the examples shown, for each query mode and number of examples."""
    return _curves(
        (row for row in rows if row.shots),
        lambda row: (row.split, row.sounds, row.snr, row.mode, row.shots),
        lambda row: row.example_seconds,
        lambda row: f"{_kind(row)}: {MODES[row.mode]}, {row.shots} shown",
    )


def by_snr(rows: Iterable[Row]) -> dict[str, Curve]:
    """Over the target's level, for each query mode."""
    return _curves(
        (row for row in rows if row.mode in MODES),
        lambda row: (row.split, row.sounds, row.mode, row.shots, row.example_seconds),
        lambda row: row.snr,
        lambda row: f"{row.split}, {row.sounds} sounds: {_ask(row).title}",
    )


def _curves(
    rows: Iterable[Row],
    line: Callable[[Row], object],
    place: Callable[[Row], float],
    title: Callable[[Row], str],
) -> dict[str, Curve]:
    """Curves of two points or more.

    Args:
        rows: what to draw from.
        line: rows of one curve have the same.
        place: where on the curve a row stands.
        title: of a curve, from any of its rows.
    """
    grouped: dict[object, list[Row]] = defaultdict(list)
    for row in rows:
        if row.si_sdri is not None:
            grouped[line(row)].append(row)
    found = {title(members[0]): _curve(members, place) for members in grouped.values()}
    return {name: curve for name, curve in found.items() if len(curve) > 1}


def _curve(rows: Sequence[Row], place: Callable[[Row], float]) -> Curve:
    """Means over the items that stand at every place."""
    at: dict[float, dict[str, float]] = defaultdict(dict)
    for row in rows:
        assert row.si_sdri is not None
        at[place(row)][_scene(row.item)] = row.si_sdri
    common = set.intersection(*(set(values) for values in at.values()))
    return {x: _mean(at[x], common) for x in sorted(at)} if common else {}


def _mean(values: Mapping[str, float], items: set[str]) -> float:
    return float(np.mean([values[item] for item in items]))


def _scene(item: str) -> str:
    """An item's name without its level."""
    return item.partition("@")[0]


def _kind(row: Row) -> str:
    return Group(row.split, row.sounds, row.snr).title


def _ask(row: Row) -> Ask:
    return Ask(row.mode, row.shots, row.example_seconds)
