"""What an extraction keeps, as a source for the next one, computed where it is read."""

from __future__ import annotations

from collections.abc import Callable, Generator

import numpy as np

from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.separation.blocks import Block
from clapsep_desktop.timebase import Span

Extract = Callable[[AudioSource, Span, int | None], Generator[Block, None, None]]
"""A source, a span of it, and the frame to begin with: the blocks of an extraction."""


class DerivedSource:
    """The kept side of an extraction as an `AudioSource`.

    Reads are meant to go forward, as an engine's do: then each block is computed once. A read
    elsewhere starts the extraction anew from there.

    Args:
        extract: gives the blocks.
        source: what they are extracted from; outside the span it is read as it is.
        span: where something is extracted.
        around: frames before and after the latest read within which blocks are remembered.
    """

    def __init__(self, extract: Extract, source: AudioSource, span: Span, around: int) -> None:
        self.rate = source.rate
        self.channels = source.channels
        self.frames = source.frames
        self._extract = extract
        self._source = source
        self._span = span
        self._around = around
        self._running: Generator[Block, None, None] | None = None
        self._coming = 0  # frame with which the next block starts
        self._blocks: list[Block] = []

    def read(self, start: int, stop: int) -> np.ndarray:
        """See `AudioSource.read`; raises what the extraction raises."""
        samples = np.array(self._source.read(start, stop))
        low, high = max(start, self._span.start), min(stop, self._span.stop)
        if low < high:
            self._forget_far_from(low, high)
            self._fill(samples[low - start : high - start], low)
        return samples

    def close(self) -> None:
        """Ends the extraction and forgets what it gave."""
        if self._running is not None:
            self._running.close()
            self._running = None
        self._blocks.clear()

    def _fill(self, samples: np.ndarray, start: int) -> None:
        """Overwrites the samples from a frame on with what is kept there."""
        done = 0
        while done < len(samples):
            block = self._block_at(start + done)
            offset = start + done - block.span.start
            some = block.kept[offset : offset + len(samples) - done]
            samples[done : done + len(some)] = some
            done += len(some)

    def _block_at(self, frame: int) -> Block:
        for block in self._blocks:
            if block.span.start <= frame < block.span.stop:
                return block
        new = self._continue_at(frame) or self._start_at(frame)
        self._blocks.append(new)
        last = new.span.stop >= self._span.stop  # then the span's first part comes next
        self._coming = self._span.start if last else new.span.stop
        return new

    def _continue_at(self, frame: int) -> Block | None:
        """The running extraction's next block, if it starts with the frame."""
        if self._running is None or frame != self._coming:
            return None
        return next(self._running, None)

    def _start_at(self, frame: int) -> Block:
        """The first block of a new extraction, which holds the frame."""
        self.close()
        self._running = self._extract(self._source, self._span, frame)
        return next(self._running)

    def _forget_far_from(self, start: int, stop: int) -> None:
        lowest, highest = start - self._around, stop + self._around
        self._blocks = [
            block
            for block in self._blocks
            if block.span.start < highest and lowest < block.span.stop
        ]
