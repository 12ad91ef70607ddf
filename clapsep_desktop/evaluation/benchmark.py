"""Measuring a model: every item, asked for in every way, through the engine the user has."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.audio.resample import ResampledSource, resample
from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.errors import AudioError, DataError, QueryError
from clapsep_desktop.evaluation import metrics
from clapsep_desktop.evaluation.asks import Ask, query_of
from clapsep_desktop.evaluation.hearing import hears_once
from clapsep_desktop.evaluation.items import RATE, SILENT, Item
from clapsep_desktop.evaluation.references import REFERENCES
from clapsep_desktop.evaluation.results import Results, Row
from clapsep_desktop.model.interface import QueryModel, SeparationModel
from clapsep_desktop.query import Query
from clapsep_desktop.separation.condition import Conditioner
from clapsep_desktop.separation.engine import Separator, assemble

SIMILARITY_MODES = frozenset({"mixture", "ideal", "both", "positive"})
"""Ways of asking for which the estimate is also compared with the query's words."""


@dataclass(frozen=True)
class Failure:
    """An item that could not be measured, and why."""

    item: str
    sentence: str


@dataclass(frozen=True)
class Step:
    """How far a run is."""

    done: int  # items
    total: int
    item: Item


class Benchmark:
    """Measures one model.

    Args:
        model: any separation model.
        results: rows already there are not measured again.
        similarity: whether to compare estimates with the query in the model's joint space.

    Attributes:
        failures: items that could not be measured.
        unasked: how many items could not be asked for in each way, for lack of recordings to
            show or of a sound known to be absent.
    """

    def __init__(
        self, model: SeparationModel, results: Results, *, similarity: bool = True
    ) -> None:
        if hasattr(model, "keep_embedders"):
            model.keep_embedders = True  # there are many queries to come
        self.model = model
        self.results = results
        self.failures: list[Failure] = []
        self.unasked: Counter[Ask] = Counter()
        self._hearing = hears_once(model)
        self._separator = Separator(self._hearing or model)
        self._conditioner = Conditioner(model) if isinstance(model, QueryModel) else None
        self._similarity = similarity and self._conditioner is not None

    def run(self, items: Sequence[Item], asks: Sequence[Ask]) -> Iterator[Step]:
        """Measures item by item; closing the generator ends the run, and what is done stays.

        Raises:
            AudioWriteError: results cannot be written.
            DeviceError: the device's memory does not suffice.
            ModelError: the model gave no usable answer.
        """
        for done, item in enumerate(items, start=1):
            try:
                self.results.add(self._rows(item, asks))
            except (AudioError, _UnusableError) as error:
                self.failures.append(Failure(item.name, str(error)))
            yield Step(done, len(items), item)

    def estimate(self, item: Item, ask: Ask) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Target, rest and the model's estimate of an item, float32 (n,) each.

        Returns:
            None where the item cannot be asked for in this way.
        """
        query = query_of(item, ask, decode)
        if query is None and ask.mode != "none":
            return None
        target, rest = item.sources(decode)
        (estimate,) = self._separated(target + rest, [self._condition(query)])
        return target, rest, estimate

    def embed(self, samples: np.ndarray) -> np.ndarray:
        """A sound at `RATE`, float32 (n,), in the joint space of a model that has one; (D,)."""
        assert isinstance(self.model, QueryModel)
        rate = self.model.grid.rate
        frames = -(-len(samples) * rate // RATE)
        converted = resample(samples[:, None], 0, RATE, rate, 0, frames)[:, 0]
        limit = self.model.plan.length * rate
        clip = np.ascontiguousarray(converted[:limit], np.float32)
        return np.asarray(self.model.embed_audio([clip])[0])

    def embed_text(self, caption: str) -> np.ndarray:
        """A caption in the joint space of a model that has one; float32 (D,)."""
        assert self._conditioner is not None
        embedding = self._conditioner.condition(Query.of(keep=[caption])).positive
        assert embedding is not None
        return embedding

    def _rows(self, item: Item, asks: Sequence[Ask]) -> list[Row]:
        """Everything about one item that is not measured yet."""
        references = [name for name in REFERENCES if (item.name, name, 0, 0.0) not in self.results]
        wanted = [
            ask for ask in asks if (item.name, ask.mode, ask.shots, ask.seconds) not in self.results
        ]
        if not references and not wanted:
            return []
        try:
            target, rest = item.sources(decode)
        except DataError as error:  # a fault of this item, not of the run
            raise _UnusableError(str(error)) from error
        answered = [
            self._row(item, Ask(name), REFERENCES[name][1](target, rest), target, rest)
            for name in references
        ]
        conditions = self._conditions(item, wanted)
        for ask, estimate in zip(
            conditions, self._separated(target + rest, list(conditions.values())), strict=True
        ):
            answered.append(self._row(item, ask, estimate, target, rest))
        return answered

    def _conditions(self, item: Item, asks: Sequence[Ask]) -> dict[Ask, np.ndarray | None]:
        """What each way of asking means to the model; those that fail or do not apply are noted."""
        found: dict[Ask, np.ndarray | None] = {}
        for ask in asks:
            try:
                query = query_of(item, ask, decode)
                if query is None and ask.mode != "none":
                    self.unasked[ask] += 1
                else:
                    found[ask] = self._condition(query)
            except (AudioError, QueryError) as error:
                self.failures.append(Failure(f"{item.name}, {ask.title}", str(error)))
        return found

    def _condition(self, query: Query | None) -> np.ndarray | None:
        if query is None or self._conditioner is None:
            return None
        return self._conditioner.condition(query).vector

    def _separated(
        self, mixture: np.ndarray, conditions: Sequence[np.ndarray | None]
    ) -> Iterator[np.ndarray]:
        """What the model keeps of a mixture under each condition, float32 (n,)."""
        prepared = [condition for condition in conditions if condition is not None]
        if self._hearing is not None and prepared:
            self._hearing.prepare(prepared)
        source = ArraySource(mixture[:, None], RATE)
        for condition in conditions:
            yield assemble(self._separator.extract(source, condition=condition))[:, 0]

    def _row(
        self,
        item: Item,
        ask: Ask,
        estimate: np.ndarray,
        target: np.ndarray,
        rest: np.ndarray,
    ) -> Row:
        mixture = target + rest
        figures: dict[str, float | None] = dict.fromkeys(("sdr", "sdri", "si_sdr", "si_sdri"))
        if ask.mode != "absent":
            for name, metric in (("sdr", metrics.sdr), ("si_sdr", metrics.si_sdr)):
                value = float(metric(estimate, target))
                figures[name] = value
                figures[f"{name}i"] = value - float(metric(mixture, target))
        return Row(
            item=item.name,
            split=item.split,
            sounds=len(item.parts),
            snr=item.snr,
            target=item.wanted.concept,
            others="|".join(part.concept for part in item.others),
            mode=ask.mode,
            shots=ask.shots,
            example_seconds=ask.seconds,
            **figures,
            let_through=float(metrics.let_through(estimate, mixture)),
            similarity=self._likeness(item, ask, estimate),
        )

    def _likeness(self, item: Item, ask: Ask, estimate: np.ndarray) -> float | None:
        """Cosine of an estimate and its target's caption; None where it is not measured."""
        if not self._similarity or ask.mode not in SIMILARITY_MODES:
            return None
        if float(np.sqrt(np.mean(np.square(estimate)))) < SILENT:
            return None  # silence sounds like nothing
        return float(self.embed(estimate) @ self.embed_text(item.wanted.caption))


def speed_of(model: SeparationModel, mixture: np.ndarray) -> float:
    """Seconds of sound that a model separates in one second, by the engine as a user runs it.

    Args:
        model: any separation model.
        mixture: float32 (n,) at `RATE`; repeated to three of the model's windows.
    """
    repeats = -(-3 * model.plan.length * RATE // len(mixture))
    long = np.tile(mixture, repeats)[:, None]
    condition = None
    if isinstance(model, QueryModel):
        condition = np.full(
            2 * model.embedding_size, (2 * model.embedding_size) ** -0.5, np.float32
        )
    separator = Separator(model)
    for warm_up in (True, False):
        source = ArraySource(long[: model.plan.length * RATE] if warm_up else long, RATE)
        start = time.perf_counter()
        for _ in separator.extract(source, condition=condition):
            pass
    return source.frames / RATE / (time.perf_counter() - start)


class _UnusableError(DataError):
    """An item whose mixture cannot be made."""


@lru_cache(maxsize=64)
def decode(path: Path) -> np.ndarray:
    """A sound file as the mean of its channels at `RATE`, float32 (n,), read-only.

    Raises:
        AudioError: it cannot be read.
    """
    with AudioFile(path) as file:
        source = ResampledSource(file, RATE)
        samples = np.ascontiguousarray(source.read(0, source.frames).mean(axis=1), np.float32)
    samples.flags.writeable = False
    return samples
