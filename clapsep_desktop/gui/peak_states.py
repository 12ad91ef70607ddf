"""The waveforms of the roles: which pyramids there are, and which are still to be filled.

A pyramid belongs to a content, so that after an undo the former one is shown at once. A new one
begins as a copy of the one that differs least, and only what differs is read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from clapsep_desktop.audio.peaks import BIN, PeakPyramid
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.gui.contents import ORIGINAL, Content, Contents, differing, merged
from clapsep_desktop.gui.view_worker import PeaksRequest
from clapsep_desktop.timebase import Span

_BYTES_PER_BIN: Final = 16  # three float32 of the finest level, and the coarser ones

STATE_BYTES: Final = 256 << 20
"""What pyramids take at most, but for those that are needed now."""


class PeakStates:
    """Pyramids by content. Lives on the GUI's thread; the worker fills one at a time.

    Attributes:
        running: what the worker reads now.
    """

    def __init__(self) -> None:
        self.running: PeaksRequest | None = None
        self._frames = 0
        self._channels = 1
        self._pyramids: OrderedDict[Content, PeakPyramid] = OrderedDict()
        self._whole: set[Content] = set()  # whose pyramids are filled
        self._wanted: list[Content] = []
        self._outdated: dict[Content, list[Span]] = {}
        self._latest: dict[str, Content] = {}  # what was last shown of a role

    def begin(self, frames: int, channels: int) -> None:
        """Begin with a recording of which nothing is known."""
        self._frames, self._channels = frames, channels
        self._pyramids[ORIGINAL] = PeakPyramid(frames, channels)
        self._outdated[ORIGINAL] = [Span(0, frames)] if frames else []

    def cancel(self) -> None:
        """Let the worker stop what it reads."""
        if self.running is not None:
            self.running.cancelled.set()

    def want(self, contents: Sequence[Content]) -> None:
        """Tell which contents are needed, most wanted first; others stay while there is room."""
        self._wanted = list(dict.fromkeys(contents))
        if self.running is not None and self.running.content not in self._wanted:
            self.cancel()
        self._make_room()

    def outdate(self, content: Content, span: Span) -> None:
        """Have a span of a content read again, if it has been read at all."""
        if span.start < self._frames:
            span = Span(span.start, min(span.stop, self._frames))
            self._outdated.setdefault(content, []).append(span)

    def shown(self, content: Content) -> PeakPyramid | None:
        """What to show of a content: its own pyramid, or until there is one its role's former."""
        if content.is_silent and content not in self._pyramids:
            self._pyramids[content] = PeakPyramid.silent(self._frames, self._channels)
        if content in self._pyramids:
            self._latest[content.role] = content
            self._pyramids.move_to_end(content)
        return self._pyramids.get(self._latest.get(content.role, ORIGINAL))

    # What the worker does.

    def next(self, contents: Contents) -> PeaksRequest | None:
        """What is to be read next; None while something is read, or when nothing is left."""
        if self.running is not None:
            return None
        for content in self._wanted:
            source = contents.source(content)
            if source is not None:
                request = self._request(content, source)
                if request is not None:
                    self.running = request
                    return request
        return None

    def take(self, request: PeaksRequest, pyramid: PeakPyramid) -> None:
        """A new content's pyramid is there, a copy that is about to be filled."""
        if request is self.running:
            self._pyramids[request.content] = pyramid

    def end(self, *, whole: bool) -> None:
        """Reading came to an end; not whole where it was cancelled, or failed."""
        assert self.running is not None
        content, cancelled = self.running.content, self.running.cancelled.is_set()
        self.running = None
        if whole or not cancelled:  # what failed once would fail again
            self._whole.add(content)
        else:
            self._whole.discard(content)
            self._pyramids.pop(content, None)
        self._make_room()

    def _request(self, content: Content, source: AudioSource) -> PeaksRequest | None:
        pyramid = self._pyramids.get(content)
        if pyramid is not None:
            spans = tuple(merged(self._outdated.pop(content, ())))
            return PeaksRequest(content, source, spans, pyramid) if spans else None
        self._outdated.pop(content, None)
        nearest = self._nearest(content)
        if nearest is None and content.role == "kept":
            return None  # begins when the recording is read
        spans = tuple(
            Span(span.start, min(span.stop, self._frames))
            for span in differing(nearest or Content(content.role), content)
            if span.start < self._frames
        )
        base = self._pyramids[nearest] if nearest is not None else None
        return PeaksRequest(content, source, spans, None, base)

    def _nearest(self, content: Content) -> Content | None:
        """The filled pyramid that differs least from a content, if there is one."""
        roles = {content.role, "original"} if content.role == "kept" else {content.role}
        filled = [each for each in self._pyramids if each in self._whole and each.role in roles]
        return min(
            filled,
            key=lambda each: sum(span.length for span in differing(each, content)),
            default=None,
        )

    def _make_room(self) -> None:
        """Let the least recently shown pyramids go that nobody needs now."""
        needed = {*self._wanted, *self._latest.values(), ORIGINAL}
        if self.running is not None:
            needed.add(self.running.content)
        size = self._frames / BIN * self._channels * _BYTES_PER_BIN
        for content in list(self._pyramids):
            if len(self._pyramids) * size <= STATE_BYTES:
                return
            if content not in needed:
                del self._pyramids[content]
                self._whole.discard(content)
