"""Extracting: what runs on the job thread, and the models that stay loaded between two jobs.

torch comes in with the first job, on its thread: nothing here imports it before.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clapsep_desktop.audio.band import BandSource
from clapsep_desktop.audio.buffers import BufferWriter
from clapsep_desktop.audio.mix import Layer
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.gui.jobs import Progress, Steps
from clapsep_desktop.gui.model_choices import model_title
from clapsep_desktop.gui.requests import ExtractionRequest
from clapsep_desktop.session.session import Extraction, Heard
from clapsep_desktop.timebase import Span

if TYPE_CHECKING:
    from clapsep_desktop.separation.condition import Condition
    from clapsep_desktop.separation.models import Models
    from clapsep_desktop.separation.pipeline import Pipeline
    from clapsep_desktop.separation.plan import Plan

COPIED_AT_ONCE = 1 << 18
"""Frames that are filtered between two chances to stop."""

Notify = Callable[[str], None]


def load_models(device: str, notify: Notify) -> Models:
    """The installed models, each loaded when it is first needed."""
    from clapsep_desktop.separation.models import Models

    return Models(device, notify)


class ModelCache:
    """The models, kept from one job to the next; any thread may use it.

    Args:
        notify: told in a sentence what the user should know, on the job thread.
        make: makes the models for a device.
    """

    def __init__(self, notify: Notify, make: Callable[[str, Notify], Models] = load_models) -> None:
        self._notify = notify
        self._make = make
        self._kept: tuple[str, Models] | None = None  # with their device

    def models(self, device: str) -> Models:
        """The models, for a device; another one than before lets go of those that are loaded."""
        kept = self._kept
        if kept is None or kept[0] != device:
            self._kept = kept = (device, self._make(device, self._notify))
        return kept[1]

    def forget(self) -> None:
        """Let go of every model, and of the memory they take once no job uses them any more."""
        self._kept = None


@dataclass(frozen=True)
class Task:
    """An extraction with all that it needs, so that it looks at nothing that may change.

    Attributes:
        request: what is asked.
        source: what it hears, the work of the steps below it done.
        heard: those of these steps that reach into its span, as the session notes them.
        below: the buffers that the source reads.
        buffer: the id its result will have.
        raw: the id of what the models take away, before the band is filtered out of it; what is
            heard while the extraction runs is read from there. The same as `buffer` without one.
        device: where to compute.
        first: frame of the recording to begin with, or None for the span's start.
    """

    request: ExtractionRequest
    source: AudioSource
    heard: tuple[Heard, ...]
    below: tuple[str, ...]
    buffer: str
    raw: str
    device: str = "auto"
    first: int | None = None

    @property
    def buffers(self) -> tuple[str, ...]:
        """What it makes."""
        return (self.buffer,) if self.raw == self.buffer else (self.buffer, self.raw)


@dataclass(frozen=True)
class Growth:
    """News of a running extraction.

    Attributes:
        task: whose.
        layer: what can be heard of it, with the first news only.
        plan: which model does what, in words, with the first news only.
        devices: where the models compute, with the first news only.
        span: what has become audible, in frames of the recording.
    """

    task: Task
    layer: Layer | None = None
    plan: str = ""
    devices: tuple[str, ...] = ()
    span: Span | None = None


def extract_steps(
    task: Task, cache: ModelCache, store: AudioStore, tell: Callable[[Growth], None]
) -> Steps[Extraction]:
    """Carry an extraction out; its result is a sealed buffer, and nothing when it is stopped.

    The layer that is told can be heard after the end, too, as long as the store keeps `Task.raw`.

    Args:
        task: what to do.
        cache: the models.
        store: takes the result.
        tell: gets news, on the job thread.

    Raises:
        ModelError: a model is missing or damaged.
        QueryError: the request cannot be met.
        AudioError: an example, the recording or a result cannot be read, or the result not stored.
        DeviceError: there is no such device, or it has too little memory.
    """
    started = time.monotonic()
    request = task.request
    yield Progress("loading the model")
    from clapsep_desktop.separation.models import make_plan
    from clapsep_desktop.separation.pipeline import Pipeline

    models = cache.models(task.device)
    plan = make_plan(request.query, models, request.model, specialists=request.specialists)
    yield Progress("listening")
    pipeline = Pipeline(plan, models)
    form = task.source.rate, task.source.channels, request.span.length
    with store.create(*form, task.raw) as writer:
        heard = _in_band(writer, request, task.source.frames)
        layer = Layer(heard, request.span.start, request.query.strength)
        tell(Growth(task, layer=layer, plan=_in_words(plan), devices=pipeline.devices))
        yield from _separate(task, pipeline, writer, heard, tell)
        yield Progress("writing")
        if task.raw != task.buffer:
            yield from _copy(heard, store, task.buffer)
        writer.seal()
    return replace(
        request.extraction,
        buffer=task.buffer,
        heard=task.heard,
        plan=json.dumps(plan.to_dict()),
        vectors=_vectors(pipeline.conditions),
        seconds=time.monotonic() - started,
    )


def _in_words(plan: Plan) -> str:
    """A plan with the names that the user reads for the models."""
    steps = (replace(step, model=model_title(step.model)) for step in plan.steps)
    return str(replace(plan, steps=tuple(steps)))


def _separate(
    task: Task,
    pipeline: Pipeline,
    writer: BufferWriter,
    heard: AudioSource,
    tell: Callable[[Growth], None],
) -> Steps[None]:
    """Write block after block, telling what can be heard."""
    span, source = task.request.span, task.source
    reach = heard.reach if isinstance(heard, BandSource) else 0
    blocks = pipeline.extract(
        source, span, strength=1.0, channels=task.request.channels, first=task.first
    )
    yield Progress("separating", 0.0, span.length / source.rate)
    with closing(blocks):
        for block in blocks:
            writer.write(block.span.start - span.start, block.removed)
            changed = Span(max(block.span.start - reach, 0), block.span.stop + reach)
            tell(Growth(task, span=changed.clipped(span.start, span.stop)))
            yield Progress("separating", block.done / source.rate, block.total / source.rate)


def _in_band(writer: BufferWriter, request: ExtractionRequest, frames: int) -> AudioSource:
    if request.band is None:
        return writer
    return BandSource(
        writer,
        request.band,
        fade_in=request.span.start > 0,
        fade_out=request.span.stop < frames,
    )


def _copy(source: AudioSource, store: AudioStore, identity: str) -> Steps[None]:
    """Store a source as a buffer of its own."""
    with store.create(source.rate, source.channels, source.frames, identity) as target:
        for start in range(0, source.frames, COPIED_AT_ONCE):
            stop = min(start + COPIED_AT_ONCE, source.frames)
            target.write(start, source.read(start, stop))
            yield Progress("writing", stop / source.rate, source.frames / source.rate)
        target.seal()


def _vectors(conditions: Sequence[Condition | None]) -> tuple[tuple[float, ...] | None, ...]:
    return tuple(
        None if condition is None else tuple(map(float, condition.vector))
        for condition in conditions
    )
