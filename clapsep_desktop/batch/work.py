"""What a worker does with one job: fetch, carry out the recipe, write, put in place, note it.

Results are written in a folder of their own on the disk they go to, and take their names when
both are complete. The note of it, the record, is written before and after, so that whoever does
the job again after a crash knows whether it is done, and may replace what stands there.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clapsep_desktop import __version__
from clapsep_desktop.audio.export import ExportResult, PairWriter
from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.batch import places
from clapsep_desktop.batch.jobs import RECORDS, Job, Outcome
from clapsep_desktop.errors import ClapSepError
from clapsep_desktop.timebase import Span

if TYPE_CHECKING:
    from clapsep_desktop.separation.models import Models

Report = Callable[[str, float, float | None], None]
"""Told the phase, the seconds of sound done and their total; what it raises stops the job."""

_STORE = "steps"
_SHOP_IN_PATH = re.compile(rf"[/\\]{re.escape(places.SHOP)}[^”/\\]*\.part[/\\]\w+")
_LONGEST_NAME = 120  # characters


class Stopped(Exception):  # noqa: N818 - not a failure
    """The job was told to stop."""


class Worker:
    """Does one job after the other with models that stay loaded.

    Args:
        device: one of `clapsep_desktop.model.device.DEVICE_NAMES`.
        models: instead of those that are installed.
    """

    def __init__(self, device: str = "auto", models: Models | None = None) -> None:
        self._device = device
        self._models = models
        self._notes: list[str] = []

    def do(self, job: Job, report: Report) -> Outcome:
        """Do a job; every error a user can meet becomes a failed outcome.

        Args:
            job: what to do; one whose record says that it is done is not done again.
            report: see `Report`.
        """
        started = time.monotonic()
        self._notes.clear()
        try:
            earlier = recorded(job)
            if earlier is not None and earlier.is_done:
                return earlier
            outcome = self._done(job, report)
        except ClapSepError as error:
            outcome = Outcome("failed", _SHOP_IN_PATH.sub("", str(error)))
        outcome = replace(
            outcome, seconds=time.monotonic() - started, notes=tuple(dict.fromkeys(self._notes))
        )
        return _noted(job, outcome) if outcome.is_done else outcome

    def _done(self, job: Job, report: Report) -> Outcome:
        report("loading the model", 0.0, None)
        models = self._loaded()
        from clapsep_desktop.batch.apply import apply
        from clapsep_desktop.batch.prepare import ready

        with ExitStack() as stack:
            report("opening", 0.0, None)
            path = stack.enter_context(places.fetched(job.source))
            source = stack.enter_context(AudioFile(path))
            if source.info.warning:
                self._notes.append(source.info.warning)
            shop = stack.enter_context(places.workshop(job.key, job.targets))
            store = AudioStore(shop / _STORE)
            stack.callback(store.close)
            recipe = ready(job.recipe, models, self._notes.append)
            steps = stack.enter_context(closing(apply(recipe, source, models, store)))
            while True:
                try:
                    progress = next(steps)
                except StopIteration as stop:
                    applied = stop.value
                    break
                report("separating", progress.done, progress.total)
            written = _written(job, source, applied.blocks(), shop, report)
            outcome = Outcome(
                "placing",
                length=source.info.duration,
                sha256={kind: _sha256(file) for kind, file in _files(written)},
                clipped={"kept": written.clipped_kept, "removed": written.clipped_removed},
                plans=applied.plans,
            )
            self._notes += written.notes
            report("writing", 0.0, None)
            _record(job, outcome)
            wanted = {"kept": job.kept, "removed": job.removed}
            places.deliver([(file, wanted[kind] or "") for kind, file in _files(written)])
            return replace(outcome, state="done")

    def _loaded(self) -> Models:
        if self._models is None:
            from clapsep_desktop.separation.models import Models

            self._models = Models(self._device, self._notes.append)
        return self._models


def recorded(job: Job) -> Outcome | None:
    """What the record says of a job; None where there is none, or the results have changed."""
    text = places.read_text(job.record) if job.record else None
    outcome = None if text is None else Outcome.from_json(text)
    if outcome is not None and outcome.is_done:
        now = {place: places.state(place) for place in job.targets}
        return outcome if now == outcome.states else None
    return outcome


def results_of(home: str) -> dict[str, str]:
    """The results that are in place because of the records in a folder, each with its recording."""
    made: dict[str, str] = {}
    for record in places.files_in(places.joined(home, RECORDS)):
        text = places.read_text(record) or ""
        outcome = Outcome.from_json(text)
        if outcome is None:
            continue
        note = json.loads(text)
        for place in note.get("targets", ()):
            if not outcome.is_done or places.state(place) == outcome.states.get(place):
                made[place] = note["source"]
    return made


def _noted(job: Job, outcome: Outcome) -> Outcome:
    """A done outcome as its record has it; where none can be written, that is told."""
    try:
        states = {place: places.state(place) or (0, "") for place in job.targets}
        outcome = replace(outcome, states=states)
        _record(job, outcome)
    except ClapSepError as error:
        sentence = f"The results are there, but another run of the batch makes them again: {error}"
        return replace(outcome, notes=(*outcome.notes, sentence))
    return outcome


def _record(job: Job, outcome: Outcome) -> None:
    if job.record:
        note = {"source": job.source, "targets": job.targets, **outcome.to_dict()}
        places.write_text(job.record, json.dumps(note, indent=1))


def _written(
    job: Job,
    source: AudioFile,
    blocks: Iterator[tuple[Span, np.ndarray, np.ndarray]],
    shop: Path,
    report: Report,
) -> ExportResult:
    """The results in the workshop."""
    total = source.info.duration
    wanted = {"kept": job.kept, "removed": job.removed}
    targets = {
        kind: None if place is None else shop / kind / places.name_of(place)[-_LONGEST_NAME:]
        for kind, place in wanted.items()
    }
    for kind in wanted:
        (shop / kind).mkdir()
    with PairWriter(
        source,
        source.info,
        kept=targets["kept"],
        removed=targets["removed"],
        comment=f"CLAPSep Desktop {__version__}: {job.recipe.note}",
        depth=job.depth,
    ) as writer:
        for span, own, kept in blocks:
            report("writing", span.start / source.rate, total)
            writer.write(span, own, kept)
        return writer.finish()


def _files(written: ExportResult) -> list[tuple[str, Path]]:
    both = (("kept", written.kept), ("removed", written.removed))
    return [(kind, path) for kind, path in both if path is not None]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
