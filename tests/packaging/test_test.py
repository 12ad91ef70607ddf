"""packaging/test.py: every check runs, and one failure is enough to fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def script(load, monkeypatch):
    load("_setup")
    module = load("test")
    monkeypatch.setattr(module, "prepare", lambda extras: Path(sys.executable))
    return module


def test_every_check_runs_even_after_a_failure_and_the_code_tells(script, monkeypatch, capsys):
    ran = []

    def run_check(check):
        ran.append(check.title)
        return script.Outcome(check.title, passed="mypy" not in check.title, seconds=1.5)

    monkeypatch.setattr(script, "run_check", run_check)
    monkeypatch.setattr(script, "cores", lambda: 2)
    assert script.main([]) == 1
    assert [title.split(":")[0] for title in ran] == [
        "ruff",
        "ruff",
        "import-linter",
        "mypy",
        "pytest",
        "pytest",
    ]
    said = capsys.readouterr().out
    assert "FAILED      1.5 s  mypy: types" in said
    assert said.count("passed") == 5


def test_all_passed_is_zero_and_arguments_reach_pytest(script, monkeypatch):
    given = []

    def run_check(check):
        given.append(check.command)
        return script.Outcome(check.title, passed=True, seconds=0.1)

    monkeypatch.setattr(script, "run_check", run_check)
    assert script.main(["--slow", "-k", "query"]) == 0
    assert given[-1][-3:] == ["--slow", "-k", "query"]


@pytest.mark.parametrize(
    ("cores", "options"),
    [
        (1, []),
        (2, ["-n", "2", "--dist", "worksteal"]),
        (64, ["-n", "4", "--dist", "worksteal"]),
    ],
)
def test_tests_run_side_by_side_unless_asked_not_to(script, monkeypatch, cores, options):
    monkeypatch.setattr(script, "cores", lambda: cores)
    command = script.checks(Path(sys.executable), ["-n", "0"])[-1].command
    assert command[command.index("--durations=10") + 1 :] == [*options, "-n", "0"]


@pytest.mark.parametrize(
    ("cores", "arguments", "follows"),
    [(2, [], True), (2, ["--slow"], True), (2, ["-k", "query"], False), (1, [], False)],
)
def test_what_is_timed_runs_once_and_by_itself(script, monkeypatch, cores, arguments, follows):
    monkeypatch.setattr(script, "cores", lambda: cores)
    *_, last = script.checks(Path(sys.executable), arguments)
    assert (last.command[-3:] == ["-m", "alone", "tests"]) == follows
    assert ("-n" in last.command) == (cores > 1 and not follows)


def test_there_is_a_core(script):
    assert 1 <= script.cores() <= os.cpu_count()


@pytest.mark.parametrize("code", [0, 3])
def test_a_check_passes_when_its_command_does(script, code):
    check = script.Check("x", [sys.executable, "-c", f"raise SystemExit({code})"])
    outcome = script.run_check(check)
    assert outcome.passed == (code == 0)
    assert outcome.seconds > 0


def test_the_commands_exist(script):
    for check in script.checks(Path(sys.executable), []):
        if check.command[1:2] == ["-m"]:
            subprocess.run([*check.command[:3], "--version"], check=True, capture_output=True)
        else:
            assert Path(check.command[0]).stem == "lint-imports"
