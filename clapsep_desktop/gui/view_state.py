"""Where the user looks, as a project keeps it: names and values as JSON has them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from clapsep_desktop.errors import SpanError
from clapsep_desktop.gui.session_sound import ROLES
from clapsep_desktop.gui.timeline import Timeline
from clapsep_desktop.timebase import Span


def captured(timeline: Timeline, role: str) -> dict[str, Any]:
    """What is seen, where the cursor is, what is selected, and which role is heard."""
    visible, selection = timeline.visible, timeline.selection
    return {
        "visible": None if visible is None else [visible.start, visible.stop],
        "cursor": timeline.cursor,
        "selection": None if selection is None else [selection.start, selection.stop],
        "band": None if timeline.band is None else list(timeline.band),
        "role": role,
    }


def restore(view: Mapping[str, Any], timeline: Timeline) -> str | None:
    """Look where a project was left; what it says wrongly counts for nothing.

    Returns:
        The role that was heard, if it says one.
    """
    visible = _span(view.get("visible"))
    if visible is not None and visible.start < timeline.frames:
        timeline.zoom_to(visible.clipped(0, timeline.frames))
    cursor = view.get("cursor")
    if isinstance(cursor, int):
        timeline.set_cursor(cursor)
    selection = _span(view.get("selection"))
    if selection is not None:
        timeline.select(selection, _band(view.get("band")))
    role = view.get("role")
    return role if role in ROLES else None


def _span(value: object) -> Span | None:
    with suppress(SpanError):
        match value:
            case [int(start), int(stop)]:
                return Span(start, stop)
    return None


def _band(value: object) -> tuple[float, float] | None:
    match value:
        case [int() | float() as low, int() | float() as high] if 0 <= low < high:
            return float(low), float(high)
    return None
