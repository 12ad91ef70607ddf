"""Wheel and keys that every strip of the track area understands."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QWheelEvent

from clapsep_desktop.gui.timeline import Timeline
from clapsep_desktop.timebase import Span

_NOTCH: Final = 120.0  # what Qt tells for one notch of a wheel
_ZOOM: Final = 1.25  # per notch
_SCROLL: Final = 0.1  # of the visible range per notch


def wheel(timeline: Timeline, event: QWheelEvent, x: float) -> float | None:
    """Zoom at a pixel with Ctrl, scroll otherwise.

    Returns:
        With Ctrl and Shift, the factor of a vertical zoom for the plot to carry out; else None.
    """
    modifiers = event.modifiers()
    turn = event.angleDelta()
    notches = (turn.y() or turn.x()) / _NOTCH  # Alt and some systems' Shift turn it sideways
    if modifiers & Qt.KeyboardModifier.ControlModifier:
        factor: float = _ZOOM**notches
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            return factor
        timeline.zoom_at(x, factor)
    elif not event.pixelDelta().isNull():  # a touch pad tells pixels
        way = event.pixelDelta()
        pixels = way.x() if abs(way.x()) > abs(way.y()) else way.y()
        timeline.scroll(-pixels * timeline.frames_per_pixel)
    else:
        timeline.scroll(-notches * _SCROLL * timeline.width * timeline.frames_per_pixel)
    return None


def key(timeline: Timeline, event: QKeyEvent) -> bool:
    """Move the cursor, or with Shift an end of the selection, or turn the page.

    Returns:
        Whether the key was one of these.
    """
    page = timeline.width * timeline.frames_per_pixel
    pressed = Qt.Key(event.key())
    if pressed in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
        timeline.scroll(page if pressed == Qt.Key.Key_PageDown else -page)
        return True
    ways = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
    if pressed not in ways:
        return False
    control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
    step = page * _SCROLL if control else timeline.frames_per_pixel
    _move(
        timeline,
        ways[pressed] * max(round(step), 1),
        extend=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier),
    )
    return True


def select_between_markers(timeline: Timeline, x: float) -> None:
    """Select from the marker before a pixel to the one after; the ends count as markers."""
    frame = timeline.frame_at(x)
    places = sorted({0, timeline.frames, *(marker.frame for marker in timeline.markers)})
    before = [place for place in places if place <= frame]
    after = [place for place in places if place > frame]
    if before and after:
        timeline.select(Span(before[-1], after[0]))


def _move(timeline: Timeline, frames: int, *, extend: bool) -> None:
    """Move the cursor; what it passes is selected or let go, the other end of it staying."""
    former = timeline.cursor
    timeline.set_cursor(former + frames)
    timeline.reveal(timeline.cursor)
    if not extend:
        return
    held = former
    if timeline.selection is not None and former in (
        timeline.selection.start,
        timeline.selection.stop,
    ):
        ends = timeline.selection.start, timeline.selection.stop
        held = ends[0] if former == ends[1] else ends[1]
    if held == timeline.cursor:
        timeline.clear_selection()
    else:
        one, other = sorted((held, timeline.cursor))
        timeline.select(Span(one, other), timeline.band)
