"""The report that a build server reads from the tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parent.parent


def test_recorded_figures_reach_a_junit_report(tmp_path):
    test, report = tmp_path / "test_figure.py", tmp_path / "report.xml"
    test.write_text("def test_figure(record_property): record_property('largest error', 1e-7)\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    result = subprocess.run(
        [*command, "-c", ROOT / "pyproject.toml", f"--junitxml={report}", test],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout
    (figure,) = ET.parse(report).iter("property")
    assert figure.attrib == {"name": "largest error", "value": "1e-07"}
