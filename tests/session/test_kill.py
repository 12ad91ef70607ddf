"""A few deaths of `packaging/benchmarks/kill_test.py`, which measures hundreds."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.mark.slow
def test_nothing_finished_is_lost() -> None:
    script = ROOT / "packaging" / "benchmarks" / "kill_test.py"
    command = [sys.executable, str(script), "core", "--kills", "10"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left 0 folders" in done.stdout
