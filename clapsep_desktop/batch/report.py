"""What came of a batch, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from clapsep_desktop import __version__
from clapsep_desktop.batch.jobs import Job, Outcome

COLUMNS = (
    "n", "input", "state", "kept", "removed", "error", "seconds", "length", "attempts",
    "sha256_kept", "sha256_removed", "clipped_kept", "clipped_removed", "query", "recipe",
    "models", "notes",
)  # fmt: skip
"""Columns of the CSV."""

Row = tuple[Job, Outcome | None]
"""A job and what came of it; None while nothing did."""


def row(job: Job, outcome: Outcome | None) -> dict[str, Any]:
    """A job's line, by `COLUMNS`."""
    found = outcome or Outcome("failed")
    return {
        "n": job.number,
        "input": job.source,
        "state": "not done" if outcome is None else found.state,
        "kept": job.kept or "",
        "removed": job.removed or "",
        "error": found.error,
        "seconds": round(found.seconds, 3),
        "length": round(found.length, 3),
        "attempts": 0 if outcome is None else found.attempts,
        "sha256_kept": found.sha256.get("kept", ""),
        "sha256_removed": found.sha256.get("removed", ""),
        "clipped_kept": found.clipped.get("kept", 0),
        "clipped_removed": found.clipped.get("removed", 0),
        "query": str(job.recipe),
        "recipe": job.recipe.digest,
        "models": " | ".join(found.plans),
        "notes": " | ".join(found.notes),
    }


def as_csv(rows: Sequence[Row]) -> str:
    """A table with a line for each job; escapes stand for what a name holds that is no text."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    writer.writerows(row(job, outcome) for job, outcome in rows)
    return file.getvalue().encode(errors="backslashreplace").decode()


def as_dict(rows: Sequence[Row]) -> dict[str, Any]:
    """The whole report as JSON holds it."""
    done = [outcome for _, outcome in rows if outcome is not None and outcome.is_done]
    failed = [outcome for _, outcome in rows if outcome is not None and not outcome.is_done]
    return {
        "version": __version__,
        "jobs": len(rows),
        "done": len(done),
        "done_before": sum(outcome.before for outcome in done),
        "failed": len(failed),
        "not_done": len(rows) - len(done) - len(failed),
        "results": [row(job, outcome) for job, outcome in rows],
    }


def as_json(rows: Sequence[Row]) -> str:
    """`as_dict` as ASCII text."""
    return json.dumps(as_dict(rows), indent=1, allow_nan=False) + "\n"


def results_in(text: str) -> set[str] | None:
    """The results that a report tells of, from what `as_json` gave; None for any other text."""
    try:
        results = json.loads(text)["results"]
        return {each[kind] for each in results for kind in ("kept", "removed") if each[kind]}
    except (ValueError, TypeError, KeyError):
        return None
