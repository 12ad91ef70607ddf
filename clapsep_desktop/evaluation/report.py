"""One HTML file with everything a run has shown: tables and pictures, no file beside it needed."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from clapsep_desktop.evaluation import plots
from clapsep_desktop.evaluation.asks import Ask
from clapsep_desktop.evaluation.benchmark import Benchmark
from clapsep_desktop.evaluation.curves import by_duration, by_shots, by_snr
from clapsep_desktop.evaluation.items import Item
from clapsep_desktop.evaluation.plots import Example, JointMap
from clapsep_desktop.evaluation.results import Row
from clapsep_desktop.evaluation.summary import Group, Line, Summary
from clapsep_desktop.evaluation.tables import COLUMNS, cells, published_cells, side_by_side
from clapsep_desktop.model.interface import QueryModel

MAP_CONCEPTS = 12
MAP_ITEMS = 8
"""Concepts on the map of the joint space, and items of each."""

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
       color: #222; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }
table { border-collapse: collapse; font-size: .87rem; margin: .6rem 0 }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left }
tr.reference td, tr.published td { color: #666 } tr.published td:first-child { font-style: italic }
figure { margin: 1rem 0 } img { max-width: 100%; height: auto }
figcaption, p.note { color: #555; font-size: .87rem }
"""


@dataclass(frozen=True)
class Gathered:
    """Sounds and embeddings that are not kept with the rows and were made again for the report."""

    examples: Sequence[Example] = ()
    points: JointMap | None = None


@dataclass(frozen=True)
class Report:
    """What the page shows.

    Attributes:
        title: of the page.
        facts: names and values of what was measured with what.
        summary: of the rows.
        rows: those of the run.
        notes: sentences on what is missing.
        gathered: see `gather`.
    """

    title: str
    facts: Mapping[str, str]
    summary: Summary
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    gathered: Gathered = field(default_factory=Gathered)

    def html(self) -> str:
        """The page."""
        body = "\n".join(self._body())
        return (
            "<!doctype html>\n"
            f'<html lang="en"><head><meta charset="utf-8"><title>{escape(self.title)}</title>'
            f"<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
        )

    def _body(self) -> Iterator[str]:
        yield f"<h1>{escape(self.title)}</h1>"
        yield _table(("", ""), [("", pair) for pair in self.facts.items()])
        for note in self.notes:
            yield f'<p class="note">{escape(note)}</p>'
        if len(self.summary.groups) > 1:
            yield from self._side_by_side()
        for group, lines in self.summary.groups.items():
            yield f"<h2>{escape(group.title)}</h2>"
            yield _table(COLUMNS, [*map(_styled, lines), *_published(group)])
            yield from self._distributions(group, lines)
            yield from self._concepts(group)
        yield from self._curves()
        yield from self._map()
        yield from self._examples()

    def _side_by_side(self) -> Iterator[str]:
        yield "<h2>Side by side</h2>"
        headings, rows = side_by_side(self.summary)
        yield _table(headings, [("", row) for row in rows])
        ask = self.summary.concept_ask
        if ask is not None:
            values = {group.title: self._values(group, ask) for group in self.summary.concepts}
            yield _figure(
                plots.png(plots.distributions(values)),
                f"SI-SDRi by {ask.title}: quartiles, mean (diamond), 5th to 95th percentile.",
            )

    def _values(self, group: Group, ask: Ask) -> list[float]:
        return [
            row.si_sdri for row in self.rows if _is_of(row, group, ask) and row.si_sdri is not None
        ]

    def _distributions(self, group: Group, lines: Sequence[Line]) -> Iterator[str]:
        values = {
            line.title: self._values(group, line.ask)
            for line in lines
            if line.si_sdri is not None and line.ask.mode not in ("mixture", "half")
        }
        if values:
            yield _figure(
                plots.png(plots.distributions(values)),
                "SI-SDRi of the items: quartiles, mean (diamond), 5th to 95th percentile.",
            )

    def _concepts(self, group: Group) -> Iterator[str]:
        figures = self.summary.concepts.get(group, [])
        if len(figures) > 1 and self.summary.concept_ask is not None:
            yield _figure(
                plots.png(plots.concept_bars(figures)),
                f"Best and worst of {len(figures)} concepts ({self.summary.concept_ask.title}); "
                "items in brackets.",
            )

    def _curves(self) -> Iterator[str]:
        for heading, label, kinds in (
            ("Number of examples", "examples shown", by_shots(self.rows)),
            ("Length of examples", "seconds of each example", by_duration(self.rows)),
            ("Level of the target", "target over all else (dB)", by_snr(self.rows)),
        ):
            if kinds:
                yield f"<h2>{heading}</h2>"
            for kind, lines in kinds.items():
                yield _figure(
                    plots.png(plots.curves(lines, label)),
                    f"{kind}: mean over the items measured at every point.",
                )

    def _map(self) -> Iterator[str]:
        if self.gathered.points is not None:
            yield "<h2>Joint space</h2>"
            yield _figure(
                plots.png(plots.joint_map(self.gathered.points)),
                "Separated sounds (dots) and the words that asked for them (crosses), t-SNE.",
            )

    def _examples(self) -> Iterator[str]:
        if self.gathered.examples:
            yield "<h2>Examples</h2>"
        for example in self.gathered.examples:
            yield _figure(plots.png(plots.spectrograms(example)), example.title)


def gather(
    benchmark: Benchmark, items: Iterable[Item], summary: Summary, rows: Sequence[Row]
) -> Gathered:
    """Makes again what the pictures need: a few items' sounds, and embeddings of more.

    Args:
        benchmark: of the model that was measured.
        items: of the run.
        summary: of its rows.
        rows: of the run.
    """
    ask = summary.concept_ask
    if ask is None:
        return Gathered()
    by_name = {item.name: item for item in items}
    measured = sorted(
        (row for row in rows if Ask(row.mode, row.shots, row.example_seconds) == ask),
        key=lambda row: (row.si_sdri or 0.0, row.item),
    )
    measured = [row for row in measured if row.item in by_name]
    examples = [_example(benchmark, by_name[row.item], ask, row) for row in _typical(measured)]
    points = None
    if isinstance(benchmark.model, QueryModel):
        points = _joint_map(benchmark, [by_name[row.item] for row in measured], ask)
    return Gathered([example for example in examples if example is not None], points)


def _typical(rows: Sequence[Row]) -> list[Row]:
    """Of rows from the worst to the best: one near each end and those in between."""
    if not rows:
        return []
    places = [round(share * (len(rows) - 1)) for share in (0.95, 0.75, 0.5, 0.25, 0.05)]
    return [rows[place] for place in dict.fromkeys(places)]


def _example(benchmark: Benchmark, item: Item, ask: Ask, row: Row) -> Example | None:
    estimated = benchmark.estimate(item, ask)
    if estimated is None or row.si_sdri is None:
        return None
    target, rest, estimate = estimated
    others = ", ".join(part.caption for part in item.others)
    title = f"“{item.wanted.caption}” beside “{others}”: SI-SDRi {row.si_sdri:.1f} dB"
    return Example(title, target + rest, target, estimate)


def _joint_map(benchmark: Benchmark, items: Sequence[Item], ask: Ask) -> JointMap | None:
    counts = Counter(item.wanted.concept for item in items)
    shown = {concept: 0 for concept, _ in counts.most_common(MAP_CONCEPTS)}
    outputs, queries, concepts = [], [], []
    for item in sorted(items, key=lambda item: item.name):
        concept = item.wanted.concept
        if shown.get(concept, MAP_ITEMS) >= MAP_ITEMS:
            continue
        estimated = benchmark.estimate(item, ask)
        if estimated is None or not estimated[2].any():
            continue
        shown[concept] += 1
        outputs.append(benchmark.embed(estimated[2]))
        queries.append(benchmark.embed_text(item.wanted.caption))
        concepts.append(concept)
    if len(outputs) < 4:  # too few to be laid out
        return None
    return JointMap(np.stack(outputs), np.stack(queries), concepts)


def _is_of(row: Row, group: Group, ask: Ask) -> bool:
    return (
        Group(row.split, row.sounds, row.snr) == group
        and Ask(row.mode, row.shots, row.example_seconds) == ask
    )


def _styled(line: Line) -> tuple[str, tuple[str, ...]]:
    return ("reference" if line.is_reference else "", cells(line))


def _published(group: Group) -> list[tuple[str, tuple[str, ...]]]:
    return [("published", row) for row in published_cells(group.split, group.snr)]


def _table(headings: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """A table of rows, each with its class."""
    head = "".join(f"<th>{escape(text)}</th>" for text in headings)
    body = "\n".join(
        f'<tr class="{kind}">' + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>"
        for kind, row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def _figure(image: bytes, caption: str) -> str:
    data = base64.b64encode(image).decode("ascii")
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
