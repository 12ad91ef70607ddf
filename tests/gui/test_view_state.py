from __future__ import annotations

import json

import pytest

from clapsep_desktop.gui.timeline import Timeline
from clapsep_desktop.gui.view_state import captured, restore
from clapsep_desktop.timebase import Span


def a_timeline(width: int = 1_000) -> Timeline:
    timeline = Timeline()
    timeline.set_width(width)
    timeline.set_recording(48_000, 480_000)
    return timeline


def test_a_view_comes_back(qapp) -> None:
    before = a_timeline()
    before.zoom_to(Span(100_000, 150_000))
    before.set_cursor(120_000)
    before.select(Span(110_000, 130_000), (200.0, 4_000.0))
    view = json.loads(json.dumps(captured(before, "removed")))
    after = a_timeline(width=500)
    assert restore(view, after) == "removed"
    assert after.visible == Span(100_000, 150_000)
    assert after.cursor == 120_000
    assert (after.selection, after.band) == (Span(110_000, 130_000), (200.0, 4_000.0))


def test_one_of_all_of_a_recording_too(qapp) -> None:
    after = a_timeline()
    assert restore(captured(a_timeline(), "kept"), after) == "kept"
    assert after.visible == Span(0, 480_000)
    assert after.selection is None


@pytest.mark.parametrize("wrong", [None, [], [1], ["a", "b"], [5, 1], [-3, 4], {}, 7, [1e9, 2e9]])
def test_what_a_view_says_wrongly_counts_for_nothing(qapp, wrong: object) -> None:
    after = a_timeline()
    view = dict.fromkeys(("visible", "selection", "band", "role"), wrong) | {"cursor": "x"}
    assert restore(view, after) is None
    assert after.visible == Span(0, 480_000)
    assert after.cursor == 0
    assert after.selection is None
