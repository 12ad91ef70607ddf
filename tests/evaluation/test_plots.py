from __future__ import annotations

from clapsep_desktop.evaluation.plots import curves, png


def test_many_curves_leave_room_for_themselves() -> None:
    lines = {
        f"text and example: keep and remove ({n} × 4 s)": {1.0: 2.0, 5.0: n} for n in range(18)
    }
    figure = curves(lines, "examples shown")
    png(figure)  # lays it out
    (axes,) = figure.axes
    (legend,) = figure.legends
    assert axes.get_window_extent().height / figure.dpi > 2.0
    assert not axes.get_window_extent().overlaps(legend.get_window_extent())
    assert len({line.get_color() for line in axes.lines}) == len(lines)
