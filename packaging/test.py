"""Set up the environment and run every check; the exit code tells whether all passed.

Usage: python3 packaging/test.py [--slow] [PYTEST ARGUMENTS]

Anything given is handed to pytest: ``--slow`` adds the slow tests, ``-k words`` picks some,
``-n 0`` runs them one after the other, as a debugger wants it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from _setup import ROOT, environment_script, prepare, say

MOST_PROCESSES = 4
"""Processes of tests: each loads all libraries anew, which takes 20 s and about 1 GB."""


class Check(NamedTuple):
    """One tool to run and what it looks for."""

    title: str
    command: list[str]


class Outcome(NamedTuple):
    """How a check ended."""

    title: str
    passed: bool
    seconds: float


def cores() -> int:
    """How many of the processor's cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux has it
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def side_by_side() -> list[str]:
    """What lets pytest use more than one core, where there is more than one.

    Each process begins with a stretch of neighbouring tests, which share what their file sets up;
    one that is done takes from the end of another's.
    """
    processes = min(cores(), MOST_PROCESSES)
    return ["-n", str(processes), "--dist", "worksteal"] if processes > 1 else []


def checks(python: Path, pytest_arguments: list[str]) -> list[Check]:
    """All checks, the quickest to fail first.

    Tests marked ``alone`` take the time of what they do, which another beside them would spoil:
    they follow by themselves, unless the arguments pick tests.
    """
    run_module = [str(python), "-m"]
    beside = side_by_side()
    run_pytest = [*run_module, "pytest", "--durations=10", *beside]
    alone = [Check("pytest: what is timed", [*run_module, "pytest", "-m", "alone", "tests"])]
    return [
        Check("ruff: rules", [*run_module, "ruff", "check", "."]),
        Check("ruff: format", [*run_module, "ruff", "format", "--check", "."]),
        Check("import-linter: layers", [str(environment_script("lint-imports"))]),
        Check("mypy: types", [*run_module, "mypy"]),
        Check("pytest: behaviour", [*run_pytest, *pytest_arguments]),
        *(alone if beside and set(pytest_arguments) <= {"--slow"} else []),
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
