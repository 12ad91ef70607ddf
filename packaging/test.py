"""Set up the environment and run every check; the exit code tells whether all passed.

Usage: python3 packaging/test.py [--slow] [PYTEST ARGUMENTS]

Anything given is handed to pytest: ``--slow`` adds the slow tests, ``-k words`` picks some.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from _setup import ROOT, environment_script, prepare, say


class Check(NamedTuple):
    """One tool to run and what it looks for."""

    title: str
    command: list[str]


class Outcome(NamedTuple):
    """How a check ended."""

    title: str
    passed: bool
    seconds: float


def checks(python: Path, pytest_arguments: list[str]) -> list[Check]:
    """All checks, the quickest to fail first."""
    run_module = [str(python), "-m"]
    return [
        Check("ruff: rules", [*run_module, "ruff", "check", "."]),
        Check("ruff: format", [*run_module, "ruff", "format", "--check", "."]),
        Check("import-linter: layers", [str(environment_script("lint-imports"))]),
        Check("mypy: types", [*run_module, "mypy"]),
        Check("pytest: behaviour", [*run_module, "pytest", "--durations=10", *pytest_arguments]),
    ]


def run_check(check: Check) -> Outcome:
    """Run one check in the repository's root, its output passed through."""
    say(f"\n== {check.title}")
    start = time.monotonic()
    code = subprocess.run(check.command, cwd=ROOT).returncode
    return Outcome(check.title, code == 0, time.monotonic() - start)


def summary(outcomes: list[Outcome]) -> str:
    """One line per check, with its time."""
    lines = [
        f"{'passed' if outcome.passed else 'FAILED'}  {outcome.seconds:7.1f} s  {outcome.title}"
        for outcome in outcomes
    ]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Run every check; 0 when all passed, else 1."""
    if {"-h", "--help"} & set(arguments):
        say(__doc__.strip())
        return 0
    start = time.monotonic()
    python = prepare(extras=("dev",))
    say(f"Environment ready after {time.monotonic() - start:.1f} s.")
    outcomes = [run_check(check) for check in checks(python, arguments)]
    say("\n" + summary(outcomes))
    return 0 if all(outcome.passed for outcome in outcomes) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
