r"""How a stretch of a recording is cut into the windows a model hears, and how these are joined.

Windows start on whole seconds, so that every sample rate meets every model's frames there.
Neighbours share at least ``overlap`` seconds; the change-over from one to the next lies in the
last ``overlap`` seconds of the earlier one, away from both windows' edges by the guard, so that
wherever a window starts regularly, its predecessor still speaks alone.

    window i     |==================\______|
    window i+1                |______\==================|
                              ^ seam (a block boundary)
                              |guard|fade|guard|

A model that must warm up has a lead, which takes the place of the first guard if it is longer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Windows:
    """The windows for one stretch; see `plan`. Nothing in it grows with their number."""

    first: int  # s, where the first window starts
    count: int
    length: int  # s heard at once
    overlap: int  # s shared by neighbours, at least
    latest: int  # s, where the last window starts at the latest
    lead: int = 0  # s at an inner window's start that are heard but never used

    def start(self, index: int) -> int:
        """Second at which a window starts."""
        return min(self.first + index * (self.length - self.overlap), self.latest)

    def stop(self, index: int) -> int:
        """Second at which a window ends."""
        return self.start(index) + self.length

    def seam(self, index: int) -> int:
        """Second that parts a window from its predecessor; the stretch's own ends are seams too."""
        if index == 0:
            return self.first
        if index == self.count:
            return self.stop(index - 1)
        return self.first + index * (self.length - self.overlap)

    def index_at(self, second: int) -> int:
        """The window between whose seams a second lies."""
        index = (second - self.first) // (self.length - self.overlap)
        return min(max(index, 0), self.count - 1)

    def weights(self, index: int, start: int, stop: int, rate: int, guard: int) -> np.ndarray:
        """Share of a window in each frame; over all windows the shares sum to one.

        Args:
            index: of the window.
            start: first frame, counted from second 0.
            stop: one past the last frame.
            rate: frames per second.
            guard: frames at a window's inner edges that are never used.

        Returns:
            float64 (stop - start,), 0 to 1; 0 outside the window, save that the first and the
            last one have a share of 1 beyond the stretch's ends.
        """
        frames = np.arange(start, stop)
        rising = self._fade(index, frames, rate, guard)
        falling = self._fade(index + 1, frames, rate, guard)
        return np.asarray(rising - falling)

    def _fade(self, index: int, frames: np.ndarray, rate: int, guard: int) -> np.ndarray:
        """Raised-cosine step from the window before ``index`` to the one at ``index``."""
        if index in (0, self.count):
            return np.full(len(frames), float(index == 0))
        wait = max(guard, self.lead * rate)
        width = self.overlap * rate - wait - guard
        if width <= 0:
            raise ValueError("the guards leave no room for a cross-fade")
        begin = self.seam(index) * rate + wait
        progress = np.clip((frames - begin) / width, 0.0, 1.0)
        return np.asarray(0.5 - 0.5 * np.cos(np.pi * progress))


def plan(first: int, last: int, seconds: int, length: int, overlap: int, lead: int = 0) -> Windows:
    """The fewest windows that cover a stretch of a recording, with its surroundings as context.

    A stretch shorter than a window lies in its middle, wherever the recording goes on far enough;
    the last window is drawn back so as not to reach past the recording's end. A recording shorter
    than a window is heard alone: silence behind it would change what a model makes of it. With a
    lead, the stretch is heard from that much earlier on, and no window is longer than that takes.

    Args:
        first: second with which the stretch starts.
        last: second with which it ends, at most ``seconds``.
        seconds: the recording's length, rounded up.
        length: seconds in a window.
        overlap: seconds shared by neighbouring windows, at least.
        lead: seconds heard before anything is used, as far as the recording has them.

    >>> windows = plan(20, 23, 60, 10, 2)
    >>> windows.count, windows.start(0)
    (1, 17)
    >>> windows = plan(0, 25, 25, 10, 2)
    >>> [windows.start(i) for i in range(windows.count)]
    [0, 8, 15]
    """
    if not 0 < 2 * overlap <= length:
        raise ValueError("windows must overlap, by half their length at most")
    if not 0 <= first < last <= seconds:
        raise ValueError(f"seconds {first} to {last} are no stretch of 0 to {seconds}")
    if lead:
        first = max(first - lead, 0)
    length = min(length, last - first if lead else seconds)
    overlap = min(overlap, length // 2)
    step = length - overlap
    count = 1 + max(0, -(-(last - first - length) // step))
    spare = length + (count - 1) * step - (last - first)
    latest = max(seconds - length, 0)
    start = min(max(first - spare // 2, 0), latest)
    return Windows(start, count, length, overlap, latest, lead)
