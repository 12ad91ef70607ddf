"""A list of prompts: what to keep, or what to remove."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout

from clapsep_desktop.audio.formats import CONTAINERS
from clapsep_desktop.errors import ClapSepError
from clapsep_desktop.gui import theme
from clapsep_desktop.gui.controls import GRID, set_kind
from clapsep_desktop.gui.example_row import ExampleRow
from clapsep_desktop.gui.prompt_rows import PromptRow, Side
from clapsep_desktop.gui.suggestions import Suggestions
from clapsep_desktop.gui.text_row import TextRow
from clapsep_desktop.query import AudioPrompt, Prompt, TextPrompt

NO_SOUND_FILE = "Only sound files can be examples. Drop a WAV, FLAC, Ogg or MP3 file."

_EXTENSIONS = frozenset(extension for container in CONTAINERS for extension in container.extensions)

_TITLES: dict[Side, str] = {"keep": "Keep", "remove": "Remove"}


class PromptList(QFrame):
    """Texts and examples of one side of a query.

    The list ends with an empty text, so that there is always a place to type.

    Args:
        side: which of the two lists it is.
        suggestions: what is proposed while a text is typed.

    Signals:
        changed(): the prompts are others.
        submitted(): Ctrl+Enter was pressed.
        selection_wanted(): the selection is to become an example.
        left(int): the keyboard moves out of the list, upwards (-1) or downwards (+1).
        history(int): an older (-1) or newer (+1) query is wanted.
        refused(str): a sentence on why something dropped or picked cannot be an example.
        example_added(Path): an example of this file stands in the list now.
    """

    changed = Signal()
    submitted = Signal()
    selection_wanted = Signal()
    left = Signal(int)
    history = Signal(int)
    refused = Signal(str)
    example_added = Signal(object)

    def __init__(self, side: Side, suggestions: Suggestions) -> None:
        super().__init__()
        self.side = side
        self._suggestions = suggestions
        self._rows: list[PromptRow] = []
        title = _TITLES[side]
        self.setObjectName(f"{side}List")
        self.setProperty("kind", "card")
        self.setAccessibleName(f"Sounds to {side}")
        self.setAcceptDrops(True)
        self._mark = QLabel()
        heading = QLabel(title)
        heading.setObjectName(f"{side}Heading")
        heading.setProperty("kind", f"{side}Heading")
        self.selection_button = QToolButton()
        self.selection_button.setObjectName(f"{side}SelectionButton")
        self.selection_button.setText("Use Selection")
        self.selection_button.setIconSize(QSize(16, 16))
        self.selection_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.selection_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.selection_button.setAccessibleName(f"Use the selection as an example to {side}")
        theme.dress(self.selection_button, "selection")
        self.selection_button.clicked.connect(self.selection_wanted)
        head = QHBoxLayout()
        head.setSpacing(2 * GRID)
        head.addWidget(self._mark)
        head.addWidget(heading)
        head.addStretch(1)
        head.addWidget(self.selection_button)
        self._lines = QVBoxLayout()
        self._lines.setSpacing(2)  # half a step: the fields have air of their own
        column = QVBoxLayout(self)
        column.setContentsMargins(3 * GRID, GRID, 2 * GRID, GRID)
        column.setSpacing(0)
        column.addLayout(head)
        column.addLayout(self._lines)
        theme.notifier().changed.connect(self._draw)
        self._draw()
        self.set_has_selection(False)
        self._arrange()

    # What it holds.

    @property
    def rows(self) -> tuple[PromptRow, ...]:
        """The lines from top to bottom; the last one is an empty text."""
        return tuple(self._rows)

    @property
    def is_empty(self) -> bool:
        """Whether it asks for nothing."""
        return all(row.is_empty for row in self._rows)

    @property
    def is_mixed(self) -> bool:
        """Whether it holds both texts and examples."""
        return len({row.is_example for row in self._rows if not row.is_empty}) == 2

    @property
    def problem(self) -> str:
        """What is known against one of its lines, in a sentence; empty for nothing."""
        return next((row.problem for row in self._rows if row.problem), "")

    def prompts(self) -> tuple[Prompt, ...]:
        """Every prompt in order; raises QueryError."""
        return tuple(row.prompt for row in self._rows if not row.is_empty)

    def set_prompts(self, prompts: Iterable[Prompt]) -> None:
        """Holds these prompts and no others."""
        for row in self._rows:
            self._discard(row)
        self._rows = []
        for prompt in prompts:
            self._insert(len(self._rows), self._row_of(prompt))
        self._arrange()
        self.changed.emit()

    def add(self, prompt: Prompt) -> None:
        """Puts one more prompt at the end."""
        self._insert(len(self._rows) - 1, self._row_of(prompt))
        self._arrange()
        self.changed.emit()

    def add_files(self, paths: Iterable[Path]) -> None:
        """Takes sound files in as examples; tells where none of them is one."""
        files = [path for path in paths if path.suffix.lower() in _EXTENSIONS]
        if not files:
            self.refused.emit(NO_SOUND_FILE)
        for path in files:
            self.add(AudioPrompt(path))

    def tell_unreadable(self, path: Path, sentence: str) -> None:
        """Marks the examples of a file that cannot be read."""
        for row in self._rows:
            if isinstance(row, ExampleRow) and row.is_of(path):
                row.set_problem(sentence)

    def set_has_selection(self, present: bool, reason: str = "Select a part first.") -> None:
        """Offers the selection as an example where there is one."""
        self.selection_button.setEnabled(present)
        tip = f"Take the selected part as an example of a sound to {self.side}."
        self.selection_button.setToolTip(tip if present else f"{tip}\n{reason}")

    def focus(self, *, last: bool = False) -> None:
        """Puts the keyboard on the first line, or on the place to type."""
        self._rows[-1 if last else 0].focus()

    # Files that are dropped.

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            set_kind(self, "drop", self.side)
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        set_kind(self, "drop", "")
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        set_kind(self, "drop", "")
        self.add_files(Path(url.toLocalFile()) for url in event.mimeData().urls())
        event.acceptProposedAction()

    # Lines.

    def _row_of(self, prompt: Prompt) -> PromptRow:
        if not isinstance(prompt, TextPrompt):
            return ExampleRow(self.side, prompt)
        row = TextRow(self.side, self._suggestions)
        row.set_text(prompt.text)
        row.set_weight(prompt.weight)
        return row

    def _insert(self, index: int, row: PromptRow) -> None:
        row.changed.connect(self._on_change)
        row.removed.connect(self._on_removed)
        row.stepped.connect(self._on_step)
        row.history.connect(self.history)
        row.submitted.connect(self._on_submit)
        if isinstance(row, TextRow):
            row.saved_chosen.connect(self._on_saved)
        self._rows.insert(index, row)
        self._lines.insertWidget(index, row)
        row.show()  # now, so that it can take the keyboard at once
        if isinstance(row, ExampleRow) and isinstance(row.prompt, AudioPrompt):
            self.example_added.emit(row.prompt.path)

    def _discard(self, row: PromptRow) -> None:
        row.blockSignals(True)
        self._lines.removeWidget(row)
        row.setParent(None)
        row.deleteLater()

    def _arrange(self) -> None:
        """Sees to the empty line at the end, the names and the weights."""
        while len(self._rows) > 1 and self._rows[-1].is_empty and self._rows[-2].is_empty:
            self._discard(self._rows.pop())
        if not self._rows or not self._rows[-1].is_empty:
            self._insert(len(self._rows), TextRow(self.side, self._suggestions))
        weighable = len(self._rows) > 2  # one prompt has nothing to weigh against
        for number, row in enumerate(self._rows):
            row.name(number)
            row.set_weighable(weighable and not row.is_empty)
            if isinstance(row, TextRow):
                row.set_first(len(self._rows) == 1)
        self._order_tabs()

    def _order_tabs(self) -> None:
        stops = [
            stop
            for row in self._rows
            for stop in (row.focusProxy() or row, row.weight_field, row.weight_button)
        ]
        for before, after in zip([self.selection_button, *stops], stops, strict=False):
            self.setTabOrder(before, after)

    def _on_change(self) -> None:
        self._arrange()
        self.changed.emit()

    def _sending_row(self) -> int:
        sender = self.sender()
        return next(number for number, row in enumerate(self._rows) if row is sender)

    def _on_removed(self) -> None:
        number = self._sending_row()
        if number == len(self._rows) - 1:  # the place to type stays
            self._rows[max(number - 1, 0)].focus()
            return
        self._discard(self._rows.pop(number))
        self._arrange()
        self._rows[max(number - 1, 0)].focus()
        self.changed.emit()

    def _on_step(self, step: int) -> None:
        number = self._sending_row() + step
        if 0 <= number < len(self._rows):
            self._rows[number].focus()
        else:
            self.left.emit(step)

    def _on_submit(self, with_control: bool) -> None:
        if with_control:
            self.submitted.emit()
        else:
            self._rows[min(self._sending_row() + 1, len(self._rows) - 1)].focus()

    def _on_saved(self, name: str) -> None:
        number = self._sending_row()
        try:
            prompt = self._suggestions.prompt(name)
        except ClapSepError as error:
            self.refused.emit(str(error))
            return
        self._discard(self._rows.pop(number))
        self._insert(number, ExampleRow(self.side, prompt))
        self._arrange()
        self._rows[-1].focus()
        self.changed.emit()

    def _draw(self, _: object = None) -> None:
        self._mark.setPixmap(theme.icon(self.side, self.side).pixmap(QSize(20, 20)))
