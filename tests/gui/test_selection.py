"""What the mouse does to the selection."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, Qt

from clapsep_desktop.gui.selection import Part, SelectionTool
from clapsep_desktop.gui.timeline import Timeline
from clapsep_desktop.session.session import Marker
from clapsep_desktop.timebase import Span

PLAIN = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
ALT = Qt.KeyboardModifier.AltModifier


class Height:
    """1000 Hz over 100 pixels, low at the bottom."""

    def frequency_at(self, y: float) -> float:
        return min(max(1000 - 10 * y, 0), 1000)

    def y_of_frequency(self, hertz: float) -> float:
        return (1000 - hertz) / 10


@pytest.fixture
def timeline() -> Timeline:
    timeline = Timeline()
    timeline.set_width(1000)
    timeline.set_recording(1000, 100_000)  # 100 frames a pixel
    return timeline


@pytest.fixture
def tool(timeline: Timeline) -> SelectionTool:
    return SelectionTool(timeline, Height())


def drag(
    tool: SelectionTool,
    start: tuple[float, float],
    stop: tuple[float, float],
    modifiers: Qt.KeyboardModifier = PLAIN,
) -> int | None:
    tool.press(QPointF(*start), modifiers)
    tool.move(QPointF((start[0] + stop[0]) / 2, stop[1]), modifiers)
    tool.move(QPointF(*stop), modifiers)
    return tool.release(QPointF(*stop), modifiers)


def test_a_click_seeks_and_lets_the_selection_go(timeline: Timeline, tool: SelectionTool) -> None:
    timeline.select(Span(10_000, 20_000))
    assert drag(tool, (500, 50), (501, 50)) == 50_100
    assert timeline.selection is None


@pytest.mark.parametrize(("start", "stop"), [(200, 500), (500, 200)])
def test_a_drag_selects_in_either_direction(
    timeline: Timeline, tool: SelectionTool, start: float, stop: float
) -> None:
    assert drag(tool, (start, 50), (stop, 60)) is None
    assert timeline.selection == Span(20_000, 50_000)
    assert timeline.band is None


def test_a_drag_beyond_the_end_selects_up_to_it(timeline: Timeline, tool: SelectionTool) -> None:
    drag(tool, (900, 50), (1300, 50))
    assert timeline.selection == Span(90_000, 100_000)


def test_shift_moves_the_nearer_end(timeline: Timeline, tool: SelectionTool) -> None:
    timeline.select(Span(20_000, 50_000))
    drag(tool, (600, 50), (600, 50), SHIFT)
    assert timeline.selection == Span(20_000, 60_000)
    drag(tool, (250, 50), (100, 50), SHIFT)
    assert timeline.selection == Span(10_000, 60_000)


def test_shift_without_a_selection_begins_at_the_cursor(
    timeline: Timeline, tool: SelectionTool
) -> None:
    timeline.set_cursor(30_000)
    drag(tool, (400, 50), (400, 50), SHIFT)
    assert timeline.selection == Span(30_000, 40_000)


def test_an_edge_can_be_dragged_past_the_other(timeline: Timeline, tool: SelectionTool) -> None:
    timeline.select(Span(20_000, 50_000))
    assert tool.cursor_at(QPointF(202, 50)) == Qt.CursorShape.SizeHorCursor
    drag(tool, (201, 50), (300, 50))
    assert timeline.selection == Span(30_000, 50_000)
    drag(tool, (300, 50), (700, 50))
    assert timeline.selection == Span(50_000, 70_000)


def test_boxes_select_frequencies_where_there_are_any(
    timeline: Timeline, tool: SelectionTool
) -> None:
    tool.boxes = True
    drag(tool, (200, 20), (500, 70))
    assert timeline.selection == Span(20_000, 50_000)
    assert timeline.band == (300, 800)
    flat = SelectionTool(timeline)
    flat.boxes = True
    drag(flat, (100, 20), (600, 70))
    assert timeline.band is None


def test_edges_of_a_box_can_be_dragged(timeline: Timeline, tool: SelectionTool) -> None:
    timeline.select(Span(20_000, 50_000), (300, 800))
    drag(tool, (350, 21), (350, 10))
    assert timeline.band == (300, 900)
    assert timeline.selection == Span(20_000, 50_000)
    drag(tool, (500, 70), (600, 80))
    assert timeline.band == (200, 900)
    assert timeline.selection == Span(20_000, 60_000)
    assert tool.part_at(QPointF(600, 80)) == Part.STOP | Part.LOW
    assert tool.part_at(QPointF(600, 3)) == Part.NONE, "beside the box"


def test_escape_brings_the_former_selection_back(timeline: Timeline, tool: SelectionTool) -> None:
    timeline.select(Span(20_000, 50_000), (300, 800))
    tool.press(QPointF(700, 50), PLAIN)
    assert not tool.cancel(), "nothing was dragged yet"
    tool.press(QPointF(700, 50), PLAIN)
    tool.move(QPointF(900, 50), PLAIN)
    assert timeline.selection == Span(70_000, 90_000)
    assert tool.cancel()
    assert timeline.selection == Span(20_000, 50_000)
    assert timeline.band == (300, 800)
    assert tool.release(QPointF(900, 50), PLAIN) is None


def test_markers_and_ends_attract_unless_alt_is_held(
    timeline: Timeline, tool: SelectionTool
) -> None:
    timeline.set_markers((Marker(40_000),))
    drag(tool, (3, 50), (404, 50))
    assert timeline.selection == Span(0, 40_000)
    drag(tool, (203, 50), (404, 50), ALT)
    assert timeline.selection == Span(20_300, 40_400)


def test_edges_snap_once_it_is_known_where_to(timeline: Timeline, tool: SelectionTool) -> None:
    known: set[int] = set()
    timeline.snap = lambda frame: frame // 1000 * 1000 if frame in known else None
    drag(tool, (205, 50), (509, 50))
    assert timeline.selection == Span(20_500, 50_900)
    known.add(50_900)
    tool.snap_again()
    assert timeline.selection == Span(20_500, 50_000)
    known.add(20_500)
    tool.snap_again()
    assert timeline.selection == Span(20_000, 50_000)
    timeline.snap = lambda frame: frame + 7  # another role has other crossings
    tool.snap_again()
    assert timeline.selection == Span(20_000, 50_000)


def test_what_was_selected_since_does_not_snap(timeline: Timeline, tool: SelectionTool) -> None:
    timeline.snap = lambda _: None
    drag(tool, (205, 50), (509, 50))
    timeline.select(Span(1, 2))
    timeline.snap = lambda _: 0
    tool.snap_again()
    assert timeline.selection == Span(1, 2)


def test_edges_snap(timeline: Timeline, tool: SelectionTool) -> None:
    timeline.snap = lambda frame: frame // 1000 * 1000
    drag(tool, (205, 50), (509, 50))
    assert timeline.selection == Span(20_000, 50_000)
    timeline.clear_selection()
    drag(tool, (205, 50), (509, 50), ALT)
    assert timeline.selection == Span(20_500, 50_900)
