"""One evaluation from its options to its figures, files and sentences."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from clapsep_desktop import __version__
from clapsep_desktop.audio.staging import write_text
from clapsep_desktop.errors import AudioError, DataError
from clapsep_desktop.evaluation.asks import DEFAULT_MODES, Ask, asks_of
from clapsep_desktop.evaluation.benchmark import Benchmark, Step, decode, speed_of
from clapsep_desktop.evaluation.collection import (
    Collection,
    Listed,
    Mixing,
    embed_texts,
    from_lists,
    from_manifest,
)
from clapsep_desktop.evaluation.concepts import Embed
from clapsep_desktop.evaluation.results import Results, Row
from clapsep_desktop.evaluation.summary import Summary, summarise
from clapsep_desktop.evaluation.tables import NAMED, named
from clapsep_desktop.model.interface import QueryModel, SeparationModel

SUMMARY_FILE = "summary.json"
REPORT_FILE = "report.html"

SPEECH = "speech"
"""How the concepts begin that a model without a query separates from all else."""


@dataclass(frozen=True)
class Options:
    """What to measure.

    Attributes:
        manifest: single sounds to mix; None where ``lists`` are given.
        mixing: how to mix them.
        lists: published lists, each with its recordings.
        modes: ways of asking; empty for the common ones.
        shots: numbers of examples.
        example_seconds: lengths of an example.
        similarity: see `Benchmark`.
        out: folder of results; None keeps nothing.
    """

    manifest: Path | None = None
    mixing: Mixing = field(default_factory=Mixing)
    lists: Sequence[Listed] = ()
    modes: Sequence[str] = ()
    shots: Sequence[int] = (1,)
    example_seconds: Sequence[float] = (4.0,)
    similarity: bool = True
    out: Path | None = None

    def __post_init__(self) -> None:
        if (self.manifest is None) == (not self.lists):
            raise DataError("Give either a manifest of sounds or a list of mixtures.")
        if self.lists and not self.mixing.suits_lists:
            raise DataError(
                "A list says itself which sounds are mixed: give it without splits, a number of "
                "interferers, or targets."
            )


class Evaluation:
    """A model, what it is measured on, and what came of it.

    Args:
        model: any separation model.
        options: what to measure.
        folder: of the model; its files are told apart from other versions of it. None for a model
            that has none.
        embed: the space in which captions are told apart, see `Concepts`; None for that of the
            sentence encoder that ships with the program.
        cache: folder that keeps embedded captions; None for none.

    Raises:
        DataError: an option, the data or the folder of results cannot be used.
    """

    def __init__(
        self,
        model: SeparationModel,
        options: Options,
        *,
        folder: Path | None = None,
        embed: Embed | None = None,
        cache: Path | None = None,
    ) -> None:
        options = _fitting(options, model)
        self.model = model
        self.options = options
        self.asks = _asks(model, options)
        self.collection = _collection(options, self.asks, embed or embed_texts, cache)
        identity = {
            "model": {"name": model.name, "files": _fingerprint(folder)},
            **self.collection.identity,
        }
        self.results = Results(options.out, identity)
        self.benchmark = Benchmark(model, self.results, similarity=options.similarity)

    def steps(self) -> Iterator[Step]:
        """Measures what is not measured yet, item by item."""
        return self.benchmark.run(self.collection.items, self.asks)

    @property
    def rows(self) -> list[Row]:
        """The rows of this evaluation; the folder of results may hold more."""
        names = {item.name for item in self.collection.items}
        return [row for row in self.results.rows if row.item in names]

    @property
    def summary(self) -> Summary:
        """Of the rows so far."""
        return summarise(self.rows, self.asks)

    @cached_property
    def speed(self) -> float:
        """Seconds of sound separated in one second, measured when first asked for."""
        for item in self.collection.items:
            with suppress(AudioError, DataError):
                target, rest = item.sources(decode)
                return round(speed_of(self.model, target + rest), 1)
        raise DataError("None of the recordings can be read.")

    def to_dict(self) -> dict[str, Any]:
        """All figures, as JSON holds them."""
        return {
            "version": __version__,
            "model": self.model.name,
            "device": str(self.model.device),
            **self.collection.identity,
            "speed": self.speed,
            **self.summary.to_dict(),
            "missing": [str(path) for path in self.collection.missing],
            "dropped": self.collection.dropped,
            "failures": {f.item: f.sentence for f in self.benchmark.failures},
            "unasked": {ask.title: count for ask, count in self.benchmark.unasked.items()},
        }

    def notes(self) -> Iterator[str]:
        """Sentences on what could not be measured."""
        missing = [path.name for path in self.collection.missing]
        if missing:
            dropped = self.collection.dropped
            yield (
                f"Missing: {_counted(len(missing), 'recording')} and, for lack of them, "
                f"{_counted(dropped, 'mixture')}: {named(missing)}."
            )
        failures = self.benchmark.failures
        if failures:
            sentences = [f"{failure.item}: {failure.sentence}" for failure in failures[:NAMED]]
            yield f"Failed: {_counted(len(failures), 'measurement')}. " + " ".join(sentences)
        for ask, count in self.benchmark.unasked.items():
            lack = "a sound known to be absent" if ask.mode == "absent" else "other recordings"
            yield f"Not asked for by “{ask.title}”: {_counted(count, 'item')}, for lack of {lack}."

    def write(self) -> None:
        """Writes the figures into the folder of results, if there is one.

        Raises:
            AudioWriteError: it cannot be written.
        """
        self._write(SUMMARY_FILE, json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n")

    def write_report(self) -> None:
        """Writes the page with tables and pictures; needs matplotlib and scikit-learn.

        Raises:
            AudioWriteError: it cannot be written.
        """
        from clapsep_desktop.evaluation.report import Report, gather

        summary, rows = self.summary, self.rows
        data = self.collection.identity["data"]
        facts = {
            "model": self.model.name,
            "device": str(self.model.device),
            "data": str(data["name"]),
            "seed": str(self.collection.identity["seed"]),
            "items": str(len(self.collection.items)),
            "speed": f"{self.speed:.0f} × real time",
            "program": f"CLAPSep Desktop {__version__}",
        }
        report = Report(
            title=f"{self.model.name} on {data['name']}",
            facts=facts,
            summary=summary,
            rows=rows,
            notes=list(self.notes()),
            gathered=gather(self.benchmark, self.collection.items, summary, rows),
        )
        self._write(REPORT_FILE, report.html())

    def _write(self, name: str, text: str) -> None:
        if self.options.out is not None:
            write_text(self.options.out / name, text)


def _fitting(options: Options, model: SeparationModel) -> Options:
    """The options with what a model that takes no query is asked for."""
    if isinstance(model, QueryModel) or options.manifest is None or options.mixing.targets:
        return options
    return replace(options, mixing=replace(options.mixing, targets=SPEECH))


def _asks(model: SeparationModel, options: Options) -> list[Ask]:
    if not isinstance(model, QueryModel):
        return [Ask("none")]
    return asks_of(options.modes or DEFAULT_MODES, options.shots, options.example_seconds)


def _collection(
    options: Options, asks: Sequence[Ask], embed: Embed, cache: Path | None
) -> Collection:
    if options.manifest is not None:
        return from_manifest(options.manifest, options.mixing, embed, cache)
    absent = any(ask.mode == "absent" for ask in asks)
    return from_lists(options.lists, options.mixing, embed if absent else None)


def _fingerprint(folder: Path | None) -> str:
    """Tells one version of a model's files from another: their names, sizes and configuration."""
    digest = hashlib.sha256()
    if folder is None:
        return ""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(folder)} {path.stat().st_size}\n".encode())
            if path.suffix == ".json" and path.parent == folder:
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
