"""What the program is, and whose work."""

from __future__ import annotations

import subprocess
import sys

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton, QTabWidget, QTextBrowser

from clapsep_desktop import __version__
from clapsep_desktop.gui.about_dialog import (
    AboutDialog,
    credit_files,
    diagnostics,
    models,
    versions,
)
from clapsep_desktop.resources import resources_folder
from tests.support.accessibility import shortcomings


@pytest.fixture
def dialog(qtbot):
    dialog = AboutDialog()
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def turned_to(dialog, title):
    """The text of a page once the user has turned to it."""
    page = dialog.findChild(QTextBrowser, f"about{title}")
    dialog.findChild(QTabWidget, "aboutTabs").setCurrentWidget(page)
    return page.toPlainText()


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("Program", ["offline", "2402.17455"]),
        ("Versions", [f"CLAPSep Desktop: {__version__}", "numpy: 1.26", "Qt: 6."]),
        ("Models", ["mini", "speech", "part of the program"]),
        ("Credits", ["demo recording", "DeepFilterNet 3", "all-MiniLM-L6-v2"]),
        ("Licences", ["Apache License", "models/speech/LICENSE-MIT"]),
    ],
)
def test_every_page_tells(dialog, page, words):
    text = turned_to(dialog, page)
    for word in words:
        assert word in text


def test_every_credit_that_ships_is_shown(dialog):
    shipped = credit_files()
    folders = {path.parent.relative_to(resources_folder()).as_posix() for path in shipped}
    assert {"demo", "models/mini", "models/mini/text", "models/speech"} <= folders
    text = turned_to(dialog, "Credits") + turned_to(dialog, "Licences")
    for path in shipped:
        title = path.read_text(encoding="utf-8").strip().splitlines()[0].strip("# ")
        assert title in text, path


def test_diagnostics_are_copied_as_text(dialog):
    dialog.findChild(QPushButton, "aboutCopyDiagnostics").click()
    copied = QGuiApplication.clipboard().text()
    assert copied == diagnostics()
    for name, version in versions():
        assert f"{name}: {version}" in copied
    assert "mini" in dict(models())


def test_it_does_not_wake_torch():
    code = (
        "import sys; from clapsep_desktop.gui import about_dialog; about_dialog.diagnostics(); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_every_control_can_be_found_named_and_reached(dialog):
    parts = ("closeAbout", "ScrollLeft", "ScrollRight")  # Qt's own, or with words enough
    missing = [line for line in shortcomings(dialog) if not any(part in line for part in parts)]
    assert missing == []
