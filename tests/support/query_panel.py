"""A query panel, worked as a user works it: what stands in it, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QLabel, QLineEdit

from clapsep_desktop.gui.prompt_list import PromptList
from clapsep_desktop.gui.query_panel import QueryPanel
from clapsep_desktop.gui.text_row import TextRow
from clapsep_desktop.query import AudioPrompt, EmbeddedPrompt, Query, TextPrompt

T = TypeVar("T", bound=QObject)

MIXED = Query(
    keep=(TextPrompt("a man speaking"), AudioPrompt(Path("/sounds/man.wav"), 1.5, 3.0)),
    remove=(
        TextPrompt("wind", 2.0),
        EmbeddedPrompt("my hum", "mini", (0.6, 0.8), others=(("base", (1.0, 0.0)),)),
    ),
    blend=0.25,
    strength=0.8,
)
"""A query with everything in it."""


def child(panel: QueryPanel, name: str, kind: type[T]) -> T:
    """The part of a panel that has an objectName."""
    found = panel.findChild(kind, name)
    assert found is not None, name
    return found


def last_field(prompts: PromptList) -> QLineEdit:
    """The place to type in a list."""
    row = prompts.rows[-1]
    assert isinstance(row, TextRow)
    return row.field


def write(qtbot, prompts: PromptList, *texts: str) -> None:
    """Type texts into a list."""
    for text in texts:
        qtbot.keyClicks(last_field(prompts), text)


def problem(panel: QueryPanel) -> str:
    """What the panel says is wrong."""
    return child(panel, "queryProblemText", QLabel).text()
