"""A line of a list of prompts that asks by example."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout

from clapsep_desktop.gui import theme
from clapsep_desktop.gui.controls import GRID, set_kind
from clapsep_desktop.gui.elided import ElidedLabel
from clapsep_desktop.gui.prompt_rows import PromptRow, Side, take_key
from clapsep_desktop.gui.wording import short_time
from clapsep_desktop.query import AudioPrompt, EmbeddedPrompt

_WAY_OUT = "Delete takes it out."


class ExampleRow(PromptRow):
    """An example: a sound file or a part of it, or a saved sound."""

    def __init__(self, side: Side, prompt: AudioPrompt | EmbeddedPrompt) -> None:
        super().__init__(side)
        self._prompt = prompt
        self._problem = ""
        title, detail, tip = _told(prompt)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"Example to {side}: {title}, {detail}")
        self.setToolTip(f"{tip}\n{_WAY_OUT}")
        self._mark = QLabel()
        self._drawing = "star" if isinstance(prompt, EmbeddedPrompt) else "example"
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(ElidedLabel(title, Qt.TextElideMode.ElideMiddle))
        self._detail = ElidedLabel(detail)
        self._detail.setProperty("kind", "muted")
        words.addWidget(self._detail)
        self._frame = QFrame()
        self._frame.setProperty("kind", "chip")
        self._frame.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        inside = QHBoxLayout(self._frame)
        inside.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        inside.setSpacing(2 * GRID)
        inside.addWidget(self._mark)
        inside.addLayout(words, 1)
        self._row.insertWidget(0, self._frame, 1)
        theme.notifier().changed.connect(self._draw)
        self._draw()
        self.set_weight(prompt.weight)

    @property
    def prompt(self) -> AudioPrompt | EmbeddedPrompt:
        return replace(self._prompt, weight=self.weight)

    def is_of(self, path: Path) -> bool:
        """Whether the example is this file or a part of it."""
        return isinstance(self._prompt, AudioPrompt) and self._prompt.path == path

    @property
    def is_example(self) -> bool:
        return True

    @property
    def problem(self) -> str:
        return self._problem

    def set_problem(self, sentence: str) -> None:
        """Marks an example that cannot be heard, and tells why."""
        self._problem = sentence
        self._detail.setText("Cannot be read")
        set_kind(self._detail, "kind", "error")
        self.setToolTip(f"{sentence}\n{_WAY_OUT}")
        self.setAccessibleDescription(sentence)
        self._draw()

    def takes(self, event: QKeyEvent) -> Callable[[], None] | None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            return self.removed.emit
        return super().takes(event)

    def event(self, event: QEvent) -> bool:
        return (self.hasFocus() and take_key(self, event)) or super().event(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        set_kind(self._frame, "current", True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        set_kind(self._frame, "current", False)

    def _draw(self, _: object = None) -> None:
        drawing, role = ("error", "error") if self._problem else (self._drawing, self.side)
        self._mark.setPixmap(theme.icon(drawing, role).pixmap(QSize(16, 16)))


def _told(prompt: AudioPrompt | EmbeddedPrompt) -> tuple[str, str, str]:
    """Title, detail and tool tip of an example."""
    if isinstance(prompt, EmbeddedPrompt):
        return prompt.name, "Saved sound", f"The saved sound “{prompt.name}”."
    if prompt.start is None and prompt.end is None:
        part = "Whole file"
    else:
        end = "end" if prompt.end is None else short_time(prompt.end)
        part = f"{short_time(prompt.start or 0.0)} – {end}"
    return prompt.path.name, part, f"{prompt.path}\n{part}"
