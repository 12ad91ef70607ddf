"""The ways to ask for one item: in words, by example, by both, or for what is not there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from clapsep_desktop.errors import DataError
from clapsep_desktop.evaluation.items import MOST_EXAMPLES, RATE, Decode, Item, Part
from clapsep_desktop.evaluation.mixtures import loudest
from clapsep_desktop.query import AudioPrompt, Prompt, Query, TextPrompt

MODES = {
    "both": "text: keep and remove",
    "positive": "text: keep",
    "negative": "text: remove",
    "example": "example: keep and remove",
    "example-positive": "example: keep",
    "example-negative": "example: remove",
    "hybrid": "text and example: keep and remove",
    "hybrid-positive": "text and example: keep",
    "absent": "text: keep what is not there",
    "none": "no query",
}
"""Every query mode and its title."""

ASKABLE = tuple(mode for mode in MODES if mode != "none")
"""Those that a model with queries can be asked in."""

DEFAULT_MODES = ("both", "positive", "negative", "example", "example-positive", "hybrid", "absent")


@dataclass(frozen=True, order=True)
class Ask:
    """A query mode and, where recordings are shown, how many and how long."""

    mode: str  # one of `MODES`, or the name of a reference
    shots: int = 0  # recordings shown of each sound
    seconds: float = 0.0  # longest part that is shown of each

    def __post_init__(self) -> None:
        if self.by_example != bool(self.shots) or self.by_example != bool(self.seconds):
            raise ValueError("examples have a number and a length, words have none")

    @property
    def by_example(self) -> bool:
        """Whether recordings are shown."""
        return shows(self.mode)

    @property
    def title(self) -> str:
        """For a table."""
        if not self.by_example:
            return MODES.get(self.mode, self.mode)
        return f"{MODES[self.mode]} ({self.shots} × {self.seconds:g} s)"


def shows(mode: str) -> bool:
    """Whether a query mode shows recordings."""
    return mode.startswith(("example", "hybrid"))


def asks_of(modes: Sequence[str], shots: Sequence[int], seconds: Sequence[float]) -> list[Ask]:
    """Every mode, those by example with every number and length of examples.

    Raises:
        DataError: there is no such mode, or no such number or length.
    """
    for mode in modes:
        if mode not in ASKABLE:
            raise DataError(
                f"There is no query mode “{mode[:40]}”. Choose from {', '.join(ASKABLE)}."
            )
    if not all(1 <= count <= MOST_EXAMPLES for count in shots):
        raise DataError(f"From 1 to {MOST_EXAMPLES} examples can be shown.")
    if not all(0.1 <= length <= 60 for length in seconds):
        raise DataError("An example can last from 0.1 to 60 s.")
    return [
        ask
        for mode in dict.fromkeys(modes)
        for ask in (
            [Ask(mode, count, length) for count in shots for length in seconds]
            if shows(mode)
            else [Ask(mode)]
        )
    ]


def query_of(item: Item, ask: Ask, decode: Decode) -> Query | None:
    """The query that asks for an item's target in some way.

    Returns:
        None where there is no such query: too few recordings to show, no sound known to be
        absent, or a mode without query.

    Raises:
        AudioError: an example cannot be read.
        QueryError: a caption cannot be used.
    """
    if ask.mode == "none":
        return None
    if ask.mode == "absent":
        return Query.of(keep=[item.absent]) if item.absent else None
    kind, _, side = ask.mode.partition("-")
    if not ask.by_example:
        kind, side = "text", "" if kind == "both" else kind
    keep = [] if side == "negative" else [item.wanted]
    remove = [] if side == "positive" else list(item.others)
    if any(len(part.examples) < ask.shots for part in (*keep, *remove)):
        return None
    return Query(
        tuple(prompt for part in keep for prompt in _prompts(part, kind, ask, decode)),
        tuple(prompt for part in remove for prompt in _prompts(part, kind, ask, decode)),
    )


def _prompts(part: Part, kind: str, ask: Ask, decode: Decode) -> Iterator[Prompt]:
    if kind in ("text", "hybrid"):
        yield TextPrompt(part.caption)
    for path in part.examples[: ask.shots]:
        yield _excerpt(path, ask.seconds, decode)


def _excerpt(path: Path, seconds: float, decode: Decode) -> AudioPrompt:
    """The loudest part of a recording, or all of a shorter one."""
    samples, length = decode(path), round(seconds * RATE)
    if len(samples) <= length:
        return AudioPrompt(path)
    start = loudest(samples, length) / RATE
    return AudioPrompt(path, start, start + seconds)
