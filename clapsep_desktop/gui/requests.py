"""What the user asks for, as frozen values that any thread may hold."""

from __future__ import annotations

from dataclasses import dataclass

from clapsep_desktop.query import Query
from clapsep_desktop.session.session import ChannelMode, Extraction
from clapsep_desktop.timebase import Span

PREVIEW_SECONDS = 10.0
"""Length of a preview."""


@dataclass(frozen=True)
class ExtractionRequest:
    """An extraction that is to be made.

    Attributes:
        query: what to keep and to remove, and how strongly.
        span: where, in frames of the recording.
        band: lowest and highest frequency that may change, Hz; None for all.
        channels: one filter for all channels or one for each.
        model: "auto", a model's name or its folder.
        specialists: whether "auto" may choose a specialist.
    """

    query: Query
    span: Span
    band: tuple[float, float] | None = None
    channels: ChannelMode = "linked"
    model: str = "auto"
    specialists: bool = True

    @property
    def extraction(self) -> Extraction:
        """The node of the stack it will become, not yet rendered."""
        return Extraction(
            query=self.query,
            span=self.span,
            band=self.band,
            channels=self.channels,
            model=self.model,
            specialists=self.specialists,
            strength=self.query.strength,
        )

    @classmethod
    def of(cls, extraction: Extraction) -> ExtractionRequest:
        """What would make an extraction again."""
        return cls(
            query=extraction.query,
            span=extraction.span,
            band=extraction.band,
            channels=extraction.channels,
            model=extraction.model,
            specialists=extraction.specialists,
        )


def preview_span(cursor: int, rate: int, frames: int) -> Span:
    """`PREVIEW_SECONDS` from a cursor on, moved inside the recording; all of a shorter one.

    >>> preview_span(0, 1000, 60_000)
    Span(start=0, stop=10000)
    >>> preview_span(30_000, 1000, 60_000)
    Span(start=30000, stop=40000)
    >>> preview_span(59_000, 1000, 60_000)
    Span(start=50000, stop=60000)
    """
    length = min(round(PREVIEW_SECONDS * rate), frames)
    start = min(max(cursor, 0), frames - length)
    return Span(start, start + length)


@dataclass(frozen=True)
class WayOut:
    """A button that leads on from a problem.

    Attributes:
        label: the button's words, such as "Use Mini".
        action: what it does: one of those that `clapsep_desktop.gui.troubles` knows.
        request: what to do again in another way, if that is it.
    """

    label: str
    action: str
    request: ExtractionRequest | None = None


@dataclass(frozen=True)
class Trouble:
    """A problem in words, with the ways out of it.

    Attributes:
        title: what could not be done.
        sentence: what happened and what to do.
        ways: the first is the one most will want.
    """

    title: str
    sentence: str
    ways: tuple[WayOut, ...] = ()
