"""Running a plan: one extraction, or several of which each hears what the one before passes on.

With ``x0`` the recording, ``x1`` what the first step passes on and so forth, the kept sound is

    kept = x_n + sum over steps that set a side aside of (x_(i-1) - x_i)

and with a strength ``s`` below 1 it is ``x0 - s (x0 - kept)``, as for a single step. What a step
passes on is computed where and when the next one reads it: nothing is stored, results come from
the first block on, and memory does not grow with length.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial

import numpy as np

from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.separation.band import Band, limited
from clapsep_desktop.separation.blocks import Block, blended, presence
from clapsep_desktop.separation.channels import ChannelMode
from clapsep_desktop.separation.condition import Condition
from clapsep_desktop.separation.derived import DerivedSource
from clapsep_desktop.separation.engine import Separator
from clapsep_desktop.separation.models import Models
from clapsep_desktop.separation.plan import Plan, Step
from clapsep_desktop.timebase import Span

CONTEXT = 2
"""s that an engine reads beyond its model's windows, at most."""


class Pipeline:
    """A plan with its models loaded and its queries embedded.

    Args:
        plan: what to run.
        models: to run it with.

    Raises:
        ModelError: a model is missing, damaged, or of another kind than its step needs.
        AudioError: an example cannot be read.
        QueryError: a query cannot be embedded.
    """

    def __init__(self, plan: Plan, models: Models) -> None:
        self.plan = plan
        self._stages = [_Stage.of(step, models) for step in plan.steps]

    @property
    def conditions(self) -> tuple[Condition | None, ...]:
        """What each step's query means to its model; None for a specialist."""
        return tuple(stage.condition for stage in self._stages)

    @property
    def devices(self) -> tuple[str, ...]:
        """Where each step's model computes now."""
        return tuple(str(stage.separator.model.device) for stage in self._stages)

    def extract(
        self,
        source: AudioSource,
        span: Span | None = None,
        *,
        strength: float = 1.0,
        channels: ChannelMode = "linked",
        band: Band | None = None,
        first: int | None = None,
    ) -> Generator[Block, None, None]:
        """Starts an extraction; see `Separator.extract`, whose arguments and errors these are."""
        span = Span(0, source.frames) if span is None else span.clipped(0, source.frames)
        run = partial(self._unlimited, channels=channels)
        if band is not None:
            return limited(band, run, source, span, strength, first)
        return run(source, span, first, strength=strength)

    def _unlimited(
        self,
        source: AudioSource,
        span: Span,
        first: int | None,
        *,
        channels: ChannelMode,
        strength: float = 1.0,
    ) -> Generator[Block, None, None]:
        """An extraction in all of the spectrum."""
        if len(self._stages) == 1:
            return self._stages[0].blocks(source, span, first, channels=channels, strength=strength)
        return self._through_all(source, span, first, channels, strength)

    def _through_all(
        self,
        source: AudioSource,
        span: Span,
        first: int | None,
        channels: ChannelMode,
        strength: float,
    ) -> Generator[Block, None, None]:
        *earlier, last = self._stages
        with ExitStack() as stack:
            heard: list[AudioSource] = [source]
            for number, stage in enumerate(earlier):
                extract = partial(stage.blocks, channels=channels)
                around = source.rate * sum(later.reach for later in self._stages[number + 1 :])
                wider = Span(max(span.start - around, 0), min(span.stop + around, source.frames))
                derived = DerivedSource(extract, heard[-1], wider, around)
                heard.append(stack.enter_context(closing(derived)))
            blocks = last.blocks(heard[-1], span, first, channels=channels)
            for block in stack.enter_context(closing(blocks)):
                own = source.read(block.span.start, block.span.stop)
                kept = block.kept + self._set_aside(heard, block.span)
                amount = strength * presence(block.span, span, source)
                yield Block(block.span, own, blended(own, kept, amount), block.done, block.total)

    def _set_aside(self, heard: Sequence[AudioSource], span: Span) -> np.ndarray | float:
        """The sum of all that was set aside in a span, (n, channels), or 0."""
        total: np.ndarray | float = 0.0
        for stage, before, after in zip(self._stages, heard, heard[1:], strict=False):
            if stage.step.aside:
                total += before.read(span.start, span.stop) - after.read(span.start, span.stop)
        return total


@dataclass(frozen=True)
class _Stage:
    """A step that is ready to run."""

    step: Step
    separator: Separator
    condition: Condition | None

    @classmethod
    def of(cls, step: Step, models: Models) -> _Stage:
        separator = Separator(models.model(step.model), models.notify)
        if step.query is None:
            return cls(step, separator, None)
        return cls(step, separator, models.conditioner(step.model).condition(step.query))

    @property
    def reach(self) -> int:
        """Seconds around a place that may be read to work there."""
        plan = self.separator.model.plan
        return plan.length + plan.lead + CONTEXT

    def blocks(
        self,
        source: AudioSource,
        span: Span,
        first: int | None,
        *,
        channels: ChannelMode,
        strength: float = 1.0,
    ) -> Generator[Block, None, None]:
        """The extraction whose kept side is what this step passes on."""
        return self.separator.extract(
            source,
            span,
            None if self.condition is None else self.condition.vector,
            strength=strength,
            channels=channels,
            complement=self.step.passes == "removed",
            first=first,
        )
