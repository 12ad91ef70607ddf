"""What is to be seen of each role, part by part, so that roles share what they have in common.

Where no layer lies, the kept side is the recording itself and the removed side silent; there both
need no pictures of their own. Where layers lie, their names, places and gains name the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from weakref import WeakKeyDictionary

from clapsep_desktop.audio.buffers import BufferWriter, StoredBuffer
from clapsep_desktop.audio.mix import MixSource
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.timebase import Span

_serial = count()
_names: WeakKeyDictionary[AudioSource, str] = WeakKeyDictionary()


@dataclass(frozen=True)
class LayerName:
    """A layer over the recording: whose samples, from which frame to which, and how much."""

    source: str
    start: int
    stop: int
    gain: float

    @property
    def span(self) -> Span:
        """Where it lies."""
        return Span(self.start, self.stop)

    def overlaps(self, first: int, last: int) -> bool:
        """Whether it reaches into ``first <= frame < last``."""
        return self.start < last and first < self.stop


@dataclass(frozen=True)
class Content:
    """What a picture shows: the recording, or a side of it under some layers.

    Attributes:
        role: "original", "kept" or "removed".
        layers: that reach it, in order; none for the original.
    """

    role: str
    layers: tuple[LayerName, ...] = ()

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to see: the removed side where nothing is removed."""
        return self.role == "removed" and not self.layers


ORIGINAL = Content("original")


class Contents:
    """The contents of a set of sources.

    Args:
        sources: by role; "original" is the recording.
    """

    def __init__(self, sources: Mapping[str, AudioSource]) -> None:
        self.sources = dict(sources)
        self._growing: set[str] = set()
        self._layers = {role: self._layers_of(source) for role, source in sources.items()}

    def whole(self, role: str) -> Content:
        """What the whole of a role shows."""
        return self._content(role, self._layers.get(role, ()))

    def between(self, role: str, first: int, last: int) -> Content:
        """What frames ``first <= frame < last`` of a role show."""
        layers = self._layers.get(role, ())
        return self._content(role, tuple(each for each in layers if each.overlaps(first, last)))

    def _content(self, role: str, layers: tuple[LayerName, ...]) -> Content:
        if layers or role == "removed":
            return Content(role, layers)
        return ORIGINAL

    def source(self, content: Content) -> AudioSource | None:
        """Where a content is read; None where it is not that of these sources any more."""
        layers = self._layers.get(content.role)
        if layers is None or not set(content.layers) <= set(layers):
            return None
        return self.sources[content.role]

    def may_change(self, content: Content) -> bool:
        """Whether samples of a content can change while its sources stay the same."""
        return not content.layers or any(each.source in self._growing for each in content.layers)

    def _layers_of(self, source: AudioSource) -> tuple[LayerName, ...]:
        if source is self.sources.get("original"):
            return ()
        if not isinstance(source, MixSource):  # all of it may differ
            self._growing.add(_name(source))
            return (LayerName(_name(source), 0, max(source.frames, 1), 1.0),)
        self._growing |= {
            _name(layer.source)
            for layer in source.layers
            if not isinstance(layer.source, StoredBuffer) or isinstance(layer.source, BufferWriter)
        }
        return tuple(
            LayerName(_name(layer.source), max(layer.start, 0), layer.stop, layer.gain)
            for layer in source.layers
        )


def _name(source: AudioSource) -> str:
    """A buffer's identity; for other sources a number that no other object gets."""
    if isinstance(source, StoredBuffer):
        return source.identity
    if source not in _names:
        _names[source] = f"#{next(_serial)}"
    return _names[source]


def differing(one: Content, other: Content) -> list[Span]:
    """Where two contents of a recording differ, in order."""
    return merged(layer.span for layer in set(one.layers) ^ set(other.layers))


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same frames in as few spans as possible, in order."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].stop:
            joined[-1] = Span(joined[-1].start, max(joined[-1].stop, span.stop))
        else:
            joined.append(span)
    return joined
