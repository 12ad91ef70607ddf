"""A recipe carried out on a recording, step by step, as the editor would.

Each step hears what the ones before it left over, and what it takes away at full strength is kept
in a store on disk, so that memory does not grow with length, and the result is the very sum that
the editor plays and exports:

    kept = x - sum of s r
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from clapsep_desktop.audio.band import BandSource
from clapsep_desktop.audio.mix import Layer, MixSource
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.separation.models import Models, make_plan
from clapsep_desktop.separation.pipeline import Pipeline
from clapsep_desktop.session.recipe import Recipe, Step
from clapsep_desktop.timebase import Span

_BLOCK = 1 << 18  # frames copied at once


@dataclass(frozen=True)
class Progress:
    """Seconds of sound done of those that all steps together have."""

    done: float
    total: float


@dataclass(frozen=True)
class Applied:
    """What a recipe made of a recording.

    Attributes:
        kept: what is left of the recording.
        plans: which model did what, a line for each step.
    """

    kept: MixSource
    plans: tuple[str, ...]

    def blocks(self) -> Iterator[tuple[Span, np.ndarray, np.ndarray]]:
        """All of the recording as `audio.export.PairWriter` takes it."""
        for start in range(0, self.kept.frames, _BLOCK):
            span = Span(start, min(start + _BLOCK, self.kept.frames))
            own = self.kept.base.read(span.start, span.stop)
            yield span, own, self.kept.read(span.start, span.stop)


def apply(
    recipe: Recipe, source: AudioSource, models: Models, store: AudioStore
) -> Generator[Progress, None, Applied]:
    """Carry out a recipe; closing the generator stops it.

    Args:
        recipe: what to do.
        source: the recording.
        models: to do it with.
        store: takes what each step removes; what is returned reads from it.

    Raises:
        SpanError: a step's scope begins after the recording's end.
        ClapSepError: see `make_plan`, `Pipeline` and `Separator.extract`.
    """
    spans = [step.span(source.rate, source.frames) for step in recipe.steps]
    total = sum(span.length for span in spans) / source.rate
    done = 0.0
    layers: list[Layer] = []
    plans = []
    for step, span in zip(recipe.steps, spans, strict=True):
        yield Progress(done, total)
        plan = make_plan(step.query, models, step.model, specialists=step.specialists)
        plans.append(str(plan))
        heard = MixSource(source, layers, role="kept")
        identity = f"step{len(layers)}"
        rendering = _render(step, span, heard, Pipeline(plan, models), store, identity)
        with closing(rendering):
            for seconds in rendering:
                yield Progress(done + seconds, total)
        layers.append(Layer(store.open(identity), span.start, step.query.strength))
        done += span.length / source.rate
    yield Progress(total, total)
    return Applied(MixSource(source, layers, role="kept"), tuple(plans))


def _render(
    step: Step, span: Span, heard: MixSource, pipeline: Pipeline, store: AudioStore, identity: str
) -> Generator[float, None, None]:
    """Put what a step takes away into the store, and give the seconds of sound that are done."""
    form = heard.rate, heard.channels, span.length
    blocks = pipeline.extract(heard, span, strength=1.0, channels=step.channels)
    with (
        closing(blocks),
        store.create(*form, identity if step.band is None else None) as writer,
    ):
        for block in blocks:
            writer.write(block.span.start - span.start, block.removed)
            yield block.done / heard.rate
        if step.band is None:
            writer.seal()
            return
        inside = BandSource(
            writer, step.band, fade_in=span.start > 0, fade_out=span.stop < heard.frames
        )
        with store.create(*form, identity) as filtered:
            for start in range(0, span.length, _BLOCK):
                filtered.write(start, inside.read(start, min(start + _BLOCK, span.length)))
                yield span.length / heard.rate
            filtered.seal()
