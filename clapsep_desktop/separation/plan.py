"""``auto``: which model answers which part of a query, told before it runs.

What is about speech goes to the speech specialist, which knows nothing else and does that well;
the rest goes to a model that takes queries. The specialist cannot tell one speaker from another,
so a query with speech on both sides goes to the other model as a whole.

    keep        remove          steps
    speech      nothing, other  specialist: its voices are the result
    nothing     speech          specialist: all but its voices is the result
    other       speech, ...     specialist: all but its voices goes on; the rest of the query to it
    nothing     speech, other   the same
    speech,     nothing, other  specialist: its voices are set aside and all else goes on; the rest
    other                       of the query to it; then the voices are added again
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from clapsep_desktop.errors import QueryError
from clapsep_desktop.query import Prompt, Query

SPECIALIST = "speech"
FORMAT = 1

Side = Literal["kept", "removed"]


class Judge(Protocol):
    """Tells prompts about speech from others; see `clapsep_desktop.separation.about`."""

    def about_speech(self, prompts: Sequence[Prompt]) -> list[bool]:
        """Whether each prompt is about speech."""
        ...


@dataclass(frozen=True)
class Step:
    """One model's part in a plan.

    Attributes:
        model: its name or folder.
        query: what it is asked; None for a specialist, which asks for nothing but speech.
        passes: which of its two sides the next step hears, or is the result after the last one.
        aside: whether the other side belongs to the result too, added at the end.
    """

    model: str
    query: Query | None = None
    passes: Side = "kept"
    aside: bool = False

    def __str__(self) -> str:
        if self.query is not None:
            return f"{self.model}: {self.query}"
        if self.aside:
            return f"{self.model}: set the voices aside, to be added again at the end"
        if self.passes == "kept":
            return f"{self.model}: keep the voices, remove everything else"
        return f"{self.model}: remove the voices"

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        query = None if self.query is None else self.query.to_dict()
        return {"model": self.model, "query": query, "passes": self.passes, "aside": self.aside}

    @classmethod
    def from_dict(cls, value: object) -> Step:
        """The step that `to_dict` gave; raises QueryError for anything else."""
        match value:
            case {
                "model": str(model),
                "query": query,
                "passes": "kept" | "removed" as passes,
                "aside": bool(aside),
            }:
                return cls(model, None if query is None else Query.from_dict(query), passes, aside)
        raise QueryError("The saved plan is damaged. Write the query again.")


@dataclass(frozen=True)
class Plan:
    """Steps, each of which hears what the one before it passes on."""

    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        if not self.steps or self.steps[-1].aside:
            raise ValueError("a plan ends with a step whose one side is the result")

    def __str__(self) -> str:
        """A sentence for each step."""
        if len(self.steps) == 1:
            return str(self.steps[0])
        sentences = [f"{number}. {step}" for number, step in enumerate(self.steps, 1)]
        return "\n".join([sentences[0], *(f"{line}, of what is left" for line in sentences[1:])])

    @property
    def models(self) -> tuple[str, ...]:
        """Every model that is needed, once each, in order."""
        return tuple(dict.fromkeys(step.model for step in self.steps))

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {"version": FORMAT, "steps": [step.to_dict() for step in self.steps]}

    @classmethod
    def from_dict(cls, value: object) -> Plan:
        """The plan that `to_dict` gave; raises QueryError for anything else."""
        damaged = QueryError("The saved plan is damaged. Write the query again.")
        if not isinstance(value, Mapping) or value.get("version") != FORMAT:
            raise damaged
        steps = value.get("steps")
        if not isinstance(steps, list):
            raise damaged
        try:
            return cls(tuple(map(Step.from_dict, steps)))
        except ValueError as error:
            raise damaged from error


def automatic(query: Query, judge: Judge, general: str) -> Plan:
    """The plan for a query.

    Args:
        query: what to keep and to remove.
        judge: tells which of its prompts are about speech.
        general: the model for all that is not.
    """
    kept = _Side.of(query.keep, judge)
    removed = _Side.of(query.remove, judge)
    if bool(kept.speech) == bool(removed.speech):
        return direct(query, general)
    if kept.speech and not kept.other:
        return Plan((Step(SPECIALIST),))
    if not kept.other and not removed.other:
        return Plan((Step(SPECIALIST, passes="removed"),))
    rest = replace(query, keep=kept.other, remove=removed.other, strength=1.0)
    return Plan(
        (
            Step(SPECIALIST, passes="removed", aside=bool(kept.speech)),
            Step(general, rest),
        )
    )


def direct(query: Query, model: str) -> Plan:
    """The whole query to one model that takes queries."""
    return Plan((Step(model, replace(query, strength=1.0)),))


def by_specialist(query: Query, judge: Judge, model: str = SPECIALIST) -> Plan:
    """The query to the speech specialist alone.

    Raises:
        QueryError: it asks for something that a specialist for speech cannot do.
    """
    kept = _Side.of(query.keep, judge)
    removed = _Side.of(query.remove, judge)
    if kept.speech and not kept.other and not removed.speech:
        return Plan((Step(model),))
    if removed.speech and not removed.other and not query.keep:
        return Plan((Step(model, passes="removed"),))
    raise QueryError(
        f"The model “{model}” only parts speech from everything else, and the query asks for "
        "something different. Ask to keep or to remove speech, or choose the model “auto”."
    )


@dataclass(frozen=True)
class _Side:
    """The prompts of one side of a query."""

    speech: tuple[Prompt, ...]
    other: tuple[Prompt, ...]

    @classmethod
    def of(cls, prompts: tuple[Prompt, ...], judge: Judge) -> _Side:
        verdicts = judge.about_speech(prompts)
        pairs = list(zip(prompts, verdicts, strict=True))
        return cls(
            tuple(prompt for prompt, spoken in pairs if spoken),
            tuple(prompt for prompt, spoken in pairs if not spoken),
        )
