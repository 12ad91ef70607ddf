"""Figures and names in words, for the terminal and the report."""

from __future__ import annotations

from collections.abc import Sequence

from clapsep_desktop.evaluation.asks import MODES
from clapsep_desktop.evaluation.lists import PUBLISHED
from clapsep_desktop.evaluation.summary import Line, Summary

COLUMNS = (
    "asked for by",
    "items",
    "SDRi",
    "SI-SDRi",
    "median",
    "deviation",
    "improved",
    "let through",
    "similarity",
)
"""Headings of a table of lines; dB but for the items, the share improved and the cosine."""

NAMED = 10
"""Names that stand in a sentence; files name all."""


def named(names: Sequence[str]) -> str:
    """The first `NAMED` of some names, and how many more there are.

    >>> named(["a.wav", "b.wav"])
    'a.wav, b.wav'
    """
    shown = ", ".join(names[:NAMED])
    return shown + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def cells(line: Line) -> tuple[str, ...]:
    """A line as the text of its cells, in the order of `COLUMNS`."""
    sdri, si_sdri = line.sdri, line.si_sdri
    return (
        line.title,
        str(line.count),
        f"{sdri.mean:.2f}" if sdri else "",
        f"{si_sdri.mean:.2f}" if si_sdri else "",
        f"{si_sdri.median:.2f}" if si_sdri else "",
        f"{si_sdri.deviation:.2f}" if si_sdri else "",
        f"{si_sdri.improved:.0%}" if si_sdri and not line.is_reference else "",
        f"{line.let_through:.1f}",
        "" if line.similarity is None else f"{line.similarity:.3f}",
    )


def side_by_side(summary: Summary) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings and rows of a table with a column for each kind of mixture.

    Mean SI-SDRi; for what is not there, the energy let through. All in dB.
    """
    lines = {
        group: {line.ask: line for line in members} for group, members in summary.groups.items()
    }
    titles = {
        ask: line.title if line.si_sdri else f"{line.title}: let through"
        for members in lines.values()
        for ask, line in members.items()
    }
    rows = [
        (title, *(_figure(members.get(ask)) for members in lines.values()))
        for ask, title in titles.items()
        if ask.mode not in ("mixture", "half")
    ]
    return ("SI-SDRi (dB)", *(group.title for group in lines)), rows


def _figure(line: Line | None) -> str:
    if line is None:
        return ""
    return f"{line.si_sdri.mean:.2f}" if line.si_sdri else f"{line.let_through:.1f}"


def published_cells(split: str, snr: float = 0.0) -> list[tuple[str, ...]]:
    """Figures of others for a published list, as cells in the order of `COLUMNS`.

    They are of mixtures at 0 dB; beside other levels none stand.
    """
    if snr:
        return []
    return [
        (
            f"{figures.model}; {MODES[figures.query]}",
            "",
            f"{figures.sdri:.2f}",
            f"{figures.si_sdri:.2f}",
            *[""] * (len(COLUMNS) - 4),
        )
        for figures in PUBLISHED.get(split, ())
    ]
