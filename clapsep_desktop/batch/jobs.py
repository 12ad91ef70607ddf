"""What a batch is made of: jobs, what came of them, and the messages on the way.

All of it is plain values, to be sent to other processes and machines.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Protocol

from clapsep_desktop.session.recipe import Recipe

RECORDS = ".clapsep-batch"
"""The folder of records, in that of the report."""

State = Literal["placing", "done", "failed"]


@dataclass(frozen=True)
class Job:
    """One recording, what to do with it, and where the results go.

    Attributes:
        number: its place in the batch, from 1.
        source: path or URL of the recording.
        recipe: what to do.
        kept: path or URL for what is kept; None for none.
        removed: path or URL for what is removed; None for none.
        depth: a key of `clapsep_desktop.audio.formats.DEPTHS`; None for the recording's own.
        record: path or URL of the note that the job is done; empty for none.
        key: tells the job from any other, and from itself where its recording changed.
    """

    number: int
    source: str
    recipe: Recipe
    kept: str | None
    removed: str | None
    depth: str | None = None
    record: str = ""
    key: str = ""

    @property
    def targets(self) -> tuple[str, ...]:
        """Where results go."""
        return tuple(place for place in (self.kept, self.removed) if place is not None)

    def identity(self, state: object, models: object) -> str:
        """Hexadecimal digits for everything the results depend on.

        Args:
            state: of the recording, see `places.state`.
            models: versions of the models.
        """
        parts = (self.source, state, self.recipe.digest, self.kept, self.removed, self.depth)
        return hashlib.sha256(json.dumps([*parts, models]).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Outcome:
    """What came of a job.

    Attributes:
        state: "done" or "failed"; "placing" in a record whose results were about to be put in
            place.
        error: the sentence of what failed.
        seconds: that it took.
        length: s of the recording.
        sha256: of each result, by kind.
        states: of each result when it was put in place, see `places.state`.
        clipped: samples that did not fit the format, by kind.
        plans: which model did what, a line for each step.
        notes: sentences that the user should know.
        attempts: how often it was begun.
        before: whether an earlier run of the batch did it.
    """

    state: State
    error: str = ""
    seconds: float = 0.0
    length: float = 0.0
    sha256: dict[str, str] = field(default_factory=dict)
    states: dict[str, tuple[int, str]] = field(default_factory=dict)
    clipped: dict[str, int] = field(default_factory=dict)
    plans: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    attempts: int = 1
    before: bool = False

    @property
    def is_done(self) -> bool:
        """Whether the results are there."""
        return self.state == "done"

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def from_json(cls, text: str) -> Outcome | None:
        """The outcome in a record; None for anything else."""
        try:
            value = json.loads(text)
            known = {each.name for each in fields(cls)}
            value = {name: each for name, each in value.items() if name in known}
            lists = {name: tuple(value[name]) for name in ("plans", "notes")}
            states = {place: tuple(state) for place, state in value["states"].items()}
            return cls(**{**value, **lists, "states": states})
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


@dataclass(frozen=True)
class Advanced:
    """A job came on: ``done`` of ``total`` seconds of sound in a phase; total None for unknown."""

    job: Job
    phase: str
    done: float = 0.0
    total: float | None = None


@dataclass(frozen=True)
class Finished:
    """A job came to its end."""

    job: Job
    outcome: Outcome


Event = Advanced | Finished


class Pool(Protocol):
    """Carries out jobs, several at once."""

    def run(self, jobs: list[Job]) -> Generator[Event, None, None]:
        """Does the jobs; closing the generator stops them and leaves nothing half-written."""
        ...
