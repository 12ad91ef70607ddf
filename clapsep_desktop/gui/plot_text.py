"""The plots in words, for those who do not see them."""

from __future__ import annotations

import math

from clapsep_desktop.gui.plot import Readout
from clapsep_desktop.gui.timeline import Timeline
from clapsep_desktop.gui.wording import rounded
from clapsep_desktop.timebase import format_time


def describe(timeline: Timeline, level: float | None = None) -> str:
    """What the plots show: the visible range, the selection, the cursor and the level there.

    Args:
        timeline: that they show.
        level: dBFS at the cursor; None where it is not known.
    """
    if not timeline.frames:
        return "No recording is open."
    seen = timeline.visible
    assert seen is not None
    first, last, end = (_time(timeline, each) for each in (seen.start, seen.stop, timeline.frames))
    cursor = f"Cursor at {_time(timeline, timeline.cursor)}"
    sentences = [
        f"Visible from {first} to {last} of {end}.",
        _selection(timeline),
        f"{cursor}." if level is None else f"{cursor}, level {level_text(level)}.",
    ]
    if timeline.markers:
        count = len(timeline.markers)
        sentences.append(f"{count} marker{'s' if count > 1 else ''}.")
    return " ".join(sentences)


def readout_text(readout: Readout | None, rate: int) -> str:
    """What lies under the pointer, for the status bar; empty if it is not over a plot."""
    if readout is None:
        return ""
    parts = [format_time(readout.frame / rate)]
    if readout.channel is not None:
        parts.append(f"channel {readout.channel + 1}")
    if readout.frequency is not None:
        parts.append(frequency_text(readout.frequency))
    if readout.level is not None:
        parts.append(level_text(readout.level))
    return "   ".join(parts)


def level_text(decibels: float) -> str:
    """A level in dBFS.

    >>> level_text(-12.34)
    '−12.3 dB'
    """
    return f"{rounded(decibels, 1)} dB" if math.isfinite(decibels) else "silence"


def frequency_text(hertz: float) -> str:
    """A frequency with its unit.

    >>> frequency_text(99.6), frequency_text(2345)
    ('100 Hz', '2.35 kHz')
    """
    return f"{hertz:.0f} Hz" if hertz < 1000 else f"{hertz / 1000:.3g} kHz"


def _selection(timeline: Timeline) -> str:
    selection = timeline.selection
    if selection is None:
        return "Nothing is selected."
    text = (
        f"Selected from {_time(timeline, selection.start)} to {_time(timeline, selection.stop)}, "
        f"{selection.length / timeline.rate:.3f} seconds"
    )
    if timeline.band is not None:
        low, high = (frequency_text(each) for each in timeline.band)
        text += f", from {low} to {high}"
    return text + "."


def _time(timeline: Timeline, frame: int) -> str:
    return format_time(timeline.seconds(frame))
