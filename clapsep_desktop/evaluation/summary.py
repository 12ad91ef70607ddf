"""What many rows say together: means, medians and shares, by split, level and query mode."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from clapsep_desktop.evaluation.asks import Ask
from clapsep_desktop.evaluation.references import REFERENCES
from clapsep_desktop.evaluation.results import Row

EXTREMES = 10
"""Concepts shown as the best and as the worst."""

_DIGITS = 3


@dataclass(frozen=True)
class Group:
    """Rows that may be compared: mixtures of one kind."""

    split: str
    sounds: int  # in a mixture
    snr: float  # dB

    @property
    def title(self) -> str:
        """For a table."""
        return f"{self.split}, {self.sounds} sounds, {self.snr:+g} dB"


@dataclass(frozen=True)
class Spread:
    """A figure over many items; deviations are those of the items, not of their mean."""

    mean: float
    median: float
    deviation: float
    improved: float  # share of the items above 0, 0 to 1

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        array = np.asarray(values, np.float64)
        return cls(
            mean=round(float(np.mean(array)), _DIGITS),
            median=round(float(np.median(array)), _DIGITS),
            deviation=round(float(np.std(array)), _DIGITS),
            improved=round(float(np.mean(array > 0.0)), _DIGITS),
        )


@dataclass(frozen=True)
class Line:
    """One way of asking in one group."""

    ask: Ask
    count: int  # items
    sdri: Spread | None  # dB; None where nothing in the mixtures is asked for
    si_sdri: Spread | None
    let_through: float  # dB, mean
    similarity: float | None  # mean cosine

    @property
    def title(self) -> str:
        """For a table."""
        return REFERENCES[self.ask.mode][0] if self.is_reference else self.ask.title

    @property
    def is_reference(self) -> bool:
        """Whether no model was asked."""
        return self.ask.mode in REFERENCES


@dataclass(frozen=True)
class ConceptFigure:
    """How well one concept was found."""

    concept: str
    count: int  # items
    si_sdri: float  # dB, mean


@dataclass(frozen=True)
class Summary:
    """All that the rows of a run say.

    Attributes:
        groups: the lines of each kind of mixture; references first.
        concepts: of each kind of mixture, by the way of asking named in ``concept_ask``, best
            first.
        concept_ask: the first way of asking that was measured.
    """

    groups: dict[Group, list[Line]]
    concepts: dict[Group, list[ConceptFigure]]
    concept_ask: Ask | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "groups": [
                {
                    **asdict(group),
                    "lines": [_line(line) for line in lines],
                    "concepts": [asdict(figure) for figure in self.concepts.get(group, [])],
                }
                for group, lines in self.groups.items()
            ],
            "concepts_by": self.concept_ask.title if self.concept_ask else None,
        }


def summarise(rows: Iterable[Row], asks: Sequence[Ask]) -> Summary:
    """Summarises the rows of some ways of asking.

    Args:
        rows: of any groups and in any order.
        asks: those to summarise, in the order in which they are to stand; references always do.
    """
    ordered = [*(Ask(name) for name in REFERENCES), *asks]
    grouped: dict[Group, dict[Ask, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        ask = Ask(row.mode, row.shots, row.example_seconds)
        grouped[Group(row.split, row.sounds, row.snr)][ask].append(row)
    groups = {
        group: [_summary(ask, found[ask]) for ask in ordered if ask in found]
        for group, found in grouped.items()
    }
    leading = next(
        (ask for ask in asks if ask.mode != "absent" and any(ask in f for f in grouped.values())),
        None,
    )
    concepts = {
        group: _by_concept(found[leading])
        for group, found in grouped.items()
        if leading is not None and leading in found
    }
    return Summary(groups, concepts, leading)


def extremes(figures: Sequence[ConceptFigure]) -> tuple[list[ConceptFigure], list[ConceptFigure]]:
    """The best, best first, and the worst, worst first; none of them twice."""
    best = list(figures[: min(EXTREMES, -(-len(figures) // 2))])
    worst = list(reversed(figures[len(best) :]))
    return best, worst[:EXTREMES]


def _summary(ask: Ask, rows: Sequence[Row]) -> Line:
    def values(of: Callable[[Row], float | None]) -> list[float]:
        return [value for row in rows if (value := of(row)) is not None]

    sdri = values(lambda row: row.sdri)
    si_sdri = values(lambda row: row.si_sdri)
    similarity = values(lambda row: row.similarity)
    return Line(
        ask=ask,
        count=len(rows),
        sdri=Spread.of(sdri) if sdri else None,
        si_sdri=Spread.of(si_sdri) if si_sdri else None,
        let_through=round(float(np.mean([row.let_through for row in rows])), _DIGITS),
        similarity=round(float(np.mean(similarity)), _DIGITS) if similarity else None,
    )


def _by_concept(rows: Sequence[Row]) -> list[ConceptFigure]:
    found: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.si_sdri is not None:
            found[row.target].append(row.si_sdri)
    figures = [
        ConceptFigure(concept, len(values), round(float(np.mean(values)), _DIGITS))
        for concept, values in found.items()
    ]
    return sorted(figures, key=lambda figure: (-figure.si_sdri, figure.concept))


def _line(line: Line) -> dict[str, Any]:
    return {
        **asdict(line.ask),
        "title": line.title,
        "reference": line.is_reference,
        "count": line.count,
        "sdri": asdict(line.sdri) if line.sdri else None,
        "si_sdri": asdict(line.si_sdri) if line.si_sdri else None,
        "let_through": line.let_through,
        "similarity": line.similarity,
    }
