"""What can be heard of a recording: all of it, less what the extractions of a session take away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from clapsep_desktop.audio.mix import Layer, MixSource
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.session.session import Extraction, Session
from clapsep_desktop.timebase import Span

ROLES = ("original", "kept", "removed")
"""What can be heard and seen of a recording."""


class SessionSound:
    """Mixes a recording with the results of a session.

    Args:
        store: where the results lie.

    Attributes:
        growing: a result that is heard while it is still computed, from the next `mix` on.
        sources: what is heard, by `ROLES`; the same mapping until something else is mixed. Empty
            at first.
    """

    def __init__(self, store: AudioStore) -> None:
        self._store = store
        self._readers: dict[str, AudioSource] = {}
        self.growing: Layer | None = None
        self.sources: Mapping[str, AudioSource] = {}

    def mix(self, base: AudioSource, session: Session) -> None:
        """Hear a session of a recording; raises KeyError without one of its results."""
        layers = self.layers(session.below())
        if self.growing is not None:
            layers.append(self.growing)
        removed = MixSource(base, layers, role="removed")
        self.sources = {"original": base, "kept": _kept(base, layers), "removed": removed}

    def silence(self) -> None:
        """Hear nothing any more."""
        self.growing = None
        self.sources = {}

    def left(self, base: AudioSource, extractions: Iterable[Extraction]) -> AudioSource:
        """What extractions leave of a recording."""
        return _kept(base, self.layers(extractions))

    def layers(self, extractions: Iterable[Extraction]) -> list[Layer]:
        """What each extraction takes away, where it lies; raises KeyError without a result."""
        return [
            Layer(self._reader(one.buffer), one.span.start, one.strength) for one in extractions
        ]

    def keep_only(self, buffers: Iterable[str]) -> None:
        """Let go of the results that are not among these."""
        for buffer in self._readers.keys() - buffers:
            del self._readers[buffer]

    def _reader(self, buffer: str) -> AudioSource:
        if buffer not in self._readers:
            self._readers[buffer] = self._store.open(buffer)
        return self._readers[buffer]


def _kept(base: AudioSource, layers: list[Layer]) -> AudioSource:
    return MixSource(base, layers, role="kept") if layers else base


def changed_span(before: Session, after: Session) -> Span | None:
    """Where two sessions of one recording sound different; None where nowhere.

    Only what lies between the first and the last difference in the two stacks counts: what is
    the same on both sides of it is added up in the same order.
    """
    one = [(each.buffer, each.span, each.strength) for each in before.below()]
    other = [(each.buffer, each.span, each.strength) for each in after.below()]
    while one and other and one[0] == other[0]:
        del one[0], other[0]
    while one and other and one[-1] == other[-1]:
        del one[-1], other[-1]
    spans = [span for _, span, _ in (*one, *other)]
    if not spans:
        return None
    return Span(min(span.start for span in spans), max(span.stop for span in spans))
