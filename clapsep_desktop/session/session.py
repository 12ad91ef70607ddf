"""The document as a value: a recording and the stack of extractions made of it.

A `Session` is frozen. An edit makes another one, so that undo is to show the one before, and a
session can be read by any thread.

Each extraction keeps what it takes away at full strength, ``r``, as a buffer of its span. As the
engine is linear in the strength ``s``, what is heard needs no model again:

    kept = source - sum over enabled extractions of s r,    removed = source - kept

An extraction heard what the ones below it in the stack left over. Where that changes later, it
stands as it is until it is rendered again; `Session.is_outdated` tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from clapsep_desktop.query import Query
from clapsep_desktop.timebase import Span

ChannelMode = Literal["linked", "independent"]


def new_id() -> str:
    """A name that no other extraction or buffer has."""
    return uuid4().hex


@dataclass(frozen=True)
class Recording:
    """The file that a session is about.

    Attributes:
        path: where it is.
        rate: Hz.
        channels: their number.
        frames: its length.
        digest: SHA-256 of the file's bytes in hexadecimal; empty while it is not known.
    """

    path: Path
    rate: int
    channels: int
    frames: int
    digest: str = ""

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.frames / self.rate


@dataclass(frozen=True)
class Heard:
    """What an extraction heard: a buffer that was taken away before it, and how much of it."""

    buffer: str
    strength: float


@dataclass(frozen=True)
class Extraction:
    """One keep or remove of the stack.

    Attributes:
        query: what was asked; its own ``strength`` is the one the extraction began with.
        span: where, in frames of the recording.
        band: lowest and highest frequency that may change, Hz; None for all.
        channels: one filter for all channels or one for each.
        model: what the user chose: "auto", a model's name or a folder.
        specialists: whether "auto" may choose a specialist.
        strength: how much is taken away now, 0 to 1.
        enabled: whether it counts.
        name: the user's own title; empty for the query's words.
        buffer: of what is taken away at full strength, as long as the span; empty while it is
            not rendered.
        heard: what had been taken away before, when the buffer was rendered.
        plan: the plan that was carried out, as its own JSON; empty while it is not rendered.
        vectors: the condition of each step of the plan; None for a specialist.
        seconds: that the rendering took.
        id: stays the same through every edit.
    """

    query: Query
    span: Span
    band: tuple[float, float] | None = None
    channels: ChannelMode = "linked"
    model: str = "auto"
    specialists: bool = True
    strength: float = 1.0
    enabled: bool = True
    name: str = ""
    buffer: str = ""
    heard: tuple[Heard, ...] = ()
    plan: str = ""
    vectors: tuple[tuple[float, ...] | None, ...] = ()
    seconds: float = 0.0
    id: str = ""

    def __post_init__(self) -> None:
        if not 0.0 <= self.strength <= 1.0:
            raise ValueError("a strength must lie between 0 and 1")
        if self.band is not None and not 0.0 <= self.band[0] < self.band[1]:
            raise ValueError("a band must begin at 0 Hz or higher and end above its start")
        if not self.id:
            object.__setattr__(self, "id", new_id())

    @property
    def title(self) -> str:
        """A menu's words for it, such as “Keep “dog bark””."""
        if self.name:
            return self.name
        words = str(replace(self.query, strength=1.0))
        return words[:1].upper() + words[1:]

    @property
    def is_rendered(self) -> bool:
        """Whether there is a buffer to hear."""
        return bool(self.buffer)

    @property
    def is_audible(self) -> bool:
        """Whether it takes anything away from what is heard now."""
        return self.enabled and self.is_rendered and self.strength > 0.0


@dataclass(frozen=True)
class Marker:
    """A named place, in frames of the recording."""

    frame: int
    name: str = ""


@dataclass(frozen=True)
class Session:
    """A recording, the extractions made of it, first to last, and markers, by place."""

    recording: Recording
    extractions: tuple[Extraction, ...] = ()
    markers: tuple[Marker, ...] = ()

    def __iter__(self) -> Iterator[Extraction]:
        return iter(self.extractions)

    def __contains__(self, identity: object) -> bool:
        return any(extraction.id == identity for extraction in self.extractions)

    def find(self, identity: str) -> Extraction:
        """The extraction of an id; raises KeyError."""
        return self.extractions[self.index(identity)]

    def index(self, identity: str) -> int:
        """The place of an extraction in the stack, from 0; raises KeyError."""
        for index, extraction in enumerate(self.extractions):
            if extraction.id == identity:
                return index
        raise KeyError(identity)

    # Edits. Each gives a new session; an id that is not there raises KeyError.

    def added(self, extraction: Extraction) -> Session:
        """With one more extraction, on top."""
        return replace(self, extractions=(*self.extractions, extraction))

    def without(self, identity: str) -> Session:
        """Without an extraction."""
        index = self.index(identity)
        rest = self.extractions[:index] + self.extractions[index + 1 :]
        return replace(self, extractions=rest)

    def edited(self, identity: str, **changes: Any) -> Session:
        """With other values for some attributes of an extraction."""
        return self.replaced(replace(self.find(identity), **changes))

    def replaced(self, extraction: Extraction) -> Session:
        """With an extraction in place of the one of the same id."""
        index = self.index(extraction.id)
        extractions = (*self.extractions[:index], extraction, *self.extractions[index + 1 :])
        return replace(self, extractions=extractions)

    def moved(self, identity: str, index: int) -> Session:
        """With an extraction at another place in the stack."""
        rest = list(self.without(identity).extractions)
        rest.insert(index, self.find(identity))
        return replace(self, extractions=tuple(rest))

    def marked(self, marker: Marker) -> Session:
        """With one more marker; one at the same frame is replaced."""
        others = [one for one in self.markers if one.frame != marker.frame]
        return replace(self, markers=tuple(sorted([*others, marker], key=lambda one: one.frame)))

    def unmarked(self, frame: int) -> Session:
        """Without the marker at a frame, if there is one."""
        return replace(self, markers=tuple(one for one in self.markers if one.frame != frame))

    # What is heard.

    def below(self, identity: str | None = None) -> tuple[Extraction, ...]:
        """The audible extractions an extraction hears the work of; None: one put on top."""
        stop = len(self.extractions) if identity is None else self.index(identity)
        return tuple(one for one in self.extractions[:stop] if one.is_audible)

    def heard_by(self, span: Span, identity: str | None = None) -> tuple[Heard, ...]:
        """What is taken away before an extraction of a span, where the two overlap."""
        return tuple(
            Heard(one.buffer, one.strength)
            for one in self.below(identity)
            if one.span.start < span.stop and span.start < one.span.stop
        )

    def is_outdated(self, identity: str) -> bool:
        """Whether an extraction would hear something else now than when it was rendered."""
        extraction = self.find(identity)
        return extraction.is_rendered and extraction.heard != self.heard_by(
            extraction.span, identity
        )

    @property
    def buffers(self) -> frozenset[str]:
        """The ids of every buffer that the session needs."""
        return frozenset(one.buffer for one in self.extractions if one.buffer)
