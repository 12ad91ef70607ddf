"""Work as a generator, done to its end or told in other words."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from clapsep_desktop.steps import carried_out, retold


def work(parts: int, closed: list[int]) -> Generator[int, None, str]:
    try:
        yield from range(parts)
        return f"{parts} done"
    finally:
        closed.append(parts)


def test_every_report_is_told_and_the_end_returned() -> None:
    told: list[int] = []
    assert carried_out(work(3, []), told.append) == "3 done"
    assert told == [0, 1, 2]
    assert carried_out(work(0, [])) == "0 done"


def test_work_is_closed_when_telling_fails() -> None:
    def fail(report: int) -> None:
        raise OSError(report)

    closed: list[int] = []
    with pytest.raises(OSError, match="0"):
        carried_out(work(2, closed), fail)
    steps = retold(work(3, closed), fail)
    with pytest.raises(OSError, match="0"):
        next(steps)
    assert closed == [2, 3]


def test_reports_are_told_in_other_words_and_closed_with_them() -> None:
    closed: list[int] = []
    told: list[str] = []
    assert carried_out(retold(work(2, closed), str), told.append) == "2 done"
    assert told == ["0", "1"]
    stopped = retold(work(3, closed), str)
    next(stopped)
    stopped.close()
    assert closed == [2, 3]
