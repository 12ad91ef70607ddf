"""What the mouse does on a plot: click, drag, extend, move an edge, draw a box.

Knows no widget: a plot tells it places, and it edits the timeline.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, auto
from typing import Final, Protocol

from PySide6.QtCore import QPointF, Qt

from clapsep_desktop.gui.timeline import Band, Timeline
from clapsep_desktop.timebase import Span

GRIP: Final = 5.0
"""Pixels around an edge in which it can be taken hold of."""

MAGNET: Final = 8.0
"""Pixels in which a marker or an end of the recording draws an edge to itself."""

_THRESHOLD: Final = 3.0  # pixels that a click may waver


class Part(Flag):
    """What of the selection the mouse holds."""

    NONE = 0
    START = auto()
    STOP = auto()
    LOW = auto()
    HIGH = auto()


_CURSORS: Final = {
    Part.START: Qt.CursorShape.SizeHorCursor,
    Part.STOP: Qt.CursorShape.SizeHorCursor,
    Part.LOW: Qt.CursorShape.SizeVerCursor,
    Part.HIGH: Qt.CursorShape.SizeVerCursor,
    Part.START | Part.HIGH: Qt.CursorShape.SizeFDiagCursor,
    Part.STOP | Part.LOW: Qt.CursorShape.SizeFDiagCursor,
    Part.START | Part.LOW: Qt.CursorShape.SizeBDiagCursor,
    Part.STOP | Part.HIGH: Qt.CursorShape.SizeBDiagCursor,
}


class Frequencies(Protocol):
    """The vertical axis of a plot that shows frequencies."""

    def frequency_at(self, y: float) -> float:
        """The frequency at a pixel, Hz, within what is seen."""
        ...

    def y_of_frequency(self, hertz: float) -> float:
        """The pixel of a frequency."""
        ...


@dataclass(frozen=True)
class _Place:
    """Where the mouse is, in the recording."""

    frame: int
    snaps: bool  # whether the frame is still to be drawn to what `Timeline.snap` finds
    frequency: float


@dataclass(frozen=True)
class _Press:
    """Where the button went down, and what was selected then."""

    point: QPointF
    place: _Place
    selection: Span | None
    band: Band | None
    part: Part
    extends: bool


class SelectionTool:
    """Turns presses, moves and releases on one plot into edits of the timeline.

    Args:
        timeline: that is edited.
        frequencies: of the plot, if its height shows any.

    Attributes:
        boxes: whether a drag selects frequencies too.
        is_dragging: whether a selection is being drawn or changed.
    """

    def __init__(self, timeline: Timeline, frequencies: Frequencies | None = None) -> None:
        self._timeline = timeline
        self._frequencies = frequencies
        self._press: _Press | None = None
        self._waiting: tuple[_Press, _Place, Span | None] | None = None  # for where edges snap to
        self.boxes = False
        self.is_dragging = False

    # What a plot tells.

    def press(self, point: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """The left button went down."""
        timeline = self._timeline
        extends = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        part = self.part_at(point)
        self._press = _Press(
            point,
            self._place(point, modifiers),
            timeline.selection,
            timeline.band,
            part,
            extends,
        )
        self.is_dragging = False
        if extends and not part:
            self._drag(point, modifiers)

    def move(self, point: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """The mouse moved with the button down."""
        press = self._press
        if press is None:
            return
        way = point - press.point
        if self.is_dragging or max(abs(way.x()), abs(way.y())) > _THRESHOLD:
            self._drag(point, modifiers)

    def release(self, point: QPointF, modifiers: Qt.KeyboardModifier) -> int | None:
        """The button went up; the frame of a click, None after a drag."""
        press, self._press = self._press, None
        dragged, self.is_dragging = self.is_dragging, False
        if press is None or dragged or press.part or press.extends:
            return None
        self._timeline.clear_selection()
        return self._snapped(self._place(point, modifiers))[0]

    def snap_again(self) -> None:
        """Put the edges where they snap to, if that was not known yet when they were drawn."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None and waiting[2] == self._timeline.selection:
            self._draw(*waiting[:2])

    def cancel(self) -> bool:
        """Esc: back to what was selected before; False if nothing was being dragged."""
        press, self._press = self._press, None
        if press is None or not self.is_dragging:
            return False
        self.is_dragging, self._waiting = False, None
        if press.selection is None:
            self._timeline.clear_selection()
        else:
            self._timeline.select(press.selection, press.band)
        return True

    def part_at(self, point: QPointF) -> Part:
        """What of the selection a press would take hold of."""
        timeline = self._timeline
        selection = timeline.selection
        if selection is None:
            return Part.NONE
        left, right = timeline.x_of(selection.start), timeline.x_of(selection.stop)
        part = _nearer(point.x(), left, right, Part.START, Part.STOP)
        if self._frequencies is None or timeline.band is None:
            return part
        low, high = (self._frequencies.y_of_frequency(each) for each in timeline.band)
        if not high - GRIP <= point.y() <= low + GRIP:
            return Part.NONE
        if left - GRIP <= point.x() <= right + GRIP:
            part |= _nearer(point.y(), low, high, Part.LOW, Part.HIGH)
        return part

    def cursor_at(self, point: QPointF) -> Qt.CursorShape:
        """The shape of the mouse's cursor."""
        part = self._press.part if self._press is not None else self.part_at(point)
        if part:
            return _CURSORS[part]
        return Qt.CursorShape.CrossCursor if self.boxes else Qt.CursorShape.IBeamCursor

    # What that does.

    def _drag(self, point: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        press = self._press
        assert press is not None
        self.is_dragging = True
        self._draw(press, self._place(point, modifiers))

    def _draw(self, press: _Press, place: _Place) -> None:
        """Select what a drag from a press to a place means."""
        frame, known = self._snapped(place)
        if press.part:
            self._move_part(press, frame, place.frequency)
        elif press.extends:
            self._extend(press, frame)
        else:
            pressed, known_too = self._snapped(press.place)
            known = known and known_too
            self._select(press, pressed, frame, place.frequency)
        self._waiting = None if known else (press, place, self._timeline.selection)

    def _select(self, press: _Press, one: int, other: int, frequency: float) -> None:
        band = _ordered(press.place.frequency, frequency) if self._draws_boxes else None
        if not self._draws_boxes or band is not None:
            self._set(one, other, band)

    def _extend(self, press: _Press, frame: int) -> None:
        """Move the end of the selection that lies nearer to where the mouse went down."""
        if press.selection is None:
            return self._set(self._timeline.cursor, frame, None)
        start, stop = press.selection.start, press.selection.stop
        pressed = press.place.frame
        held = stop if abs(pressed - start) <= abs(pressed - stop) else start
        return self._set(held, frame, press.band)

    def _move_part(self, press: _Press, frame: int, frequency: float) -> None:
        assert press.selection is not None
        one, other = press.selection.start, press.selection.stop
        if press.part & Part.START:
            one = frame
        elif press.part & Part.STOP:
            other = frame
        band = press.band
        if band is not None and press.part & Part.LOW:
            band = _ordered(frequency, band[1]) or self._timeline.band
        elif band is not None and press.part & Part.HIGH:
            band = _ordered(band[0], frequency) or self._timeline.band
        self._set(one, other, band)

    def _set(self, one: int, other: int, band: Band | None) -> None:
        if one != other:
            self._timeline.select(Span(min(one, other), max(one, other)), band)

    @property
    def _draws_boxes(self) -> bool:
        return self.boxes and self._frequencies is not None

    def _place(self, point: QPointF, modifiers: Qt.KeyboardModifier) -> _Place:
        """The place under the mouse, drawn to what is near; Alt leaves it where it is."""
        timeline = self._timeline
        frame = timeline.frame_at(point.x())
        frequency = self._frequencies.frequency_at(point.y()) if self._frequencies else 0.0
        if modifiers & Qt.KeyboardModifier.AltModifier:
            return _Place(frame, False, frequency)
        magnets = [0, timeline.frames, *(marker.frame for marker in timeline.markers)]
        nearest = min(magnets, key=lambda magnet: abs(magnet - frame))
        if abs(timeline.x_of(nearest) - point.x()) <= MAGNET:
            return _Place(nearest, False, frequency)
        return _Place(frame, True, frequency)

    def _snapped(self, place: _Place) -> tuple[int, bool]:
        """The frame of a place, and whether it lies where it snaps to already."""
        found = self._timeline.snapped(place.frame) if place.snaps else place.frame
        return (place.frame, False) if found is None else (found, True)


def _nearer(at: float, one: float, other: float, first: Part, second: Part) -> Part:
    """Which of two edges is within reach."""
    if min(abs(at - one), abs(at - other)) > GRIP:
        return Part.NONE
    return first if abs(at - one) < abs(at - other) else second


def _ordered(one: float, other: float) -> Band | None:
    """A band of two frequencies; None where there is nothing between them."""
    low, high = min(one, other), max(one, other)
    return (low, high) if low < high else None
