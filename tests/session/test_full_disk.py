"""Disks that are full, fill up or may not be written; needs Linux and root."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.disks import mounting, script

__all__ = ["mounting"]  # a fixture


CASES = [(attempt, state) for attempt, states in script.ATTEMPTS for state in states]


@pytest.mark.parametrize(
    ("attempt", "state"), CASES, ids=[f"{one.__name__} {state}" for one, state in CASES]
)
def test_a_disk_that_takes_nothing_costs_nothing(
    attempt, state: str, tmp_path: Path, mounting: None
) -> None:
    (tmp_path / "large").mkdir()
    with script.disk(tmp_path / "small") as small:
        outcome = attempt(state, small, tmp_path / "large")
    words = {"full": ("full", "free"), "fills up": ("full",)}
    expected = words.get(state, ("read-only", "write-protected", "Read-only"))
    assert any(word in outcome.sentence for word in expected), outcome.sentence
    assert outcome.sentence.endswith(".")
    assert outcome.intact
    assert outcome.elsewhere
