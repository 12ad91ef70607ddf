"""A line of a list of prompts that asks in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QEvent, QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QCompleter, QListView

from clapsep_desktop.gui import theme
from clapsep_desktop.gui.elided import ElidedField
from clapsep_desktop.gui.prompt_rows import PromptRow, Side, take_key
from clapsep_desktop.gui.suggestions import Suggestions, is_name
from clapsep_desktop.query import MAX_TEXT, EmbeddedPrompt, TextPrompt

_TIP = (
    "Say in a few words what to hear, such as “a dog barking”.\n"
    "Enter: the next sound. Ctrl+Enter: extract. Alt+Up and Alt+Down: earlier queries."
)
_MARKS = {"saved": "star", "recent": "clock", "known": "text"}
_KIND = Qt.ItemDataRole.UserRole


class TextField(ElidedField):
    """Passes the keys on that its line knows, and no dropped files."""

    def __init__(self, row: TextRow) -> None:
        super().__init__()
        self._owner = row
        self.setAcceptDrops(False)  # the list takes them

    def event(self, event: QEvent) -> bool:
        return take_key(self._owner, event) or super().event(event)


class TextRow(PromptRow):
    """A text.

    Args:
        side: the list it stands in.
        suggestions: what is proposed while it is typed.

    Signals:
        saved_chosen(str): the saved sound of this name was picked instead.
    """

    saved_chosen = Signal(str)

    def __init__(self, side: Side, suggestions: Suggestions) -> None:
        super().__init__(side)
        self._suggestions = suggestions
        self.field = TextField(self)
        self.field.setMaxLength(MAX_TEXT)
        self.field.set_tip(_TIP)
        self.field.setProperty("kind", "bare")
        self._row.insertWidget(0, self.field, 1)
        self.setFocusProxy(self.field)
        self._proposals = QStandardItemModel(self)
        self._completer = QCompleter(self._proposals, self)
        self._completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self._completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._popup = QListView()
        self._popup.setObjectName("suggestionList")
        self._popup.setAccessibleName("Suggestions")
        self._popup.setProperty("kind", "popup")
        self._completer.setPopup(self._popup)
        self._completer.activated[QModelIndex].connect(self._pick)  # type: ignore[index]
        self.field.setCompleter(self._completer)
        self.field.textEdited.connect(self._propose)
        self.submitted.connect(self._popup.hide)
        self.field.textChanged.connect(self._on_text)
        self._on_text()

    @property
    def is_empty(self) -> bool:
        return not self.field.text().strip()

    @property
    def is_example(self) -> bool:
        return is_name(self.field.text())

    @property
    def prompt(self) -> TextPrompt | EmbeddedPrompt:
        saved = self._suggestions.named(self.field.text())
        if saved is not None:
            return replace(saved, weight=self.weight)
        return TextPrompt(self.field.text(), self.weight)

    def set_text(self, text: str) -> None:
        """Puts a text in."""
        self.field.setText(text)
        self.field.setCursorPosition(0)

    def set_first(self, first: bool) -> None:
        """Whether it is the only line, which says how to begin."""
        verb = "keep" if self.side == "keep" else "remove"
        example = "a man speaking" if self.side == "keep" else "wind noise"
        self.field.setPlaceholderText(
            f"Sound to {verb}, such as “{example}”" if first else f"Another sound to {verb}"
        )

    def name(self, number: int) -> None:
        super().name(number)
        self.field.setObjectName(f"{self.side}{number}Text")
        self.field.setAccessibleName(f"Sound to {self.side} {number + 1}")

    @property
    def is_proposing(self) -> bool:
        """Whether the list of proposals is open."""
        return self._popup.isVisible()

    def takes(self, event: QKeyEvent) -> Callable[[], None] | None:
        if event.key() == Qt.Key.Key_Backspace and not self.field.text():
            return self.removed.emit
        if self.is_proposing and self._popup.currentIndex().isValid() and not event.modifiers():
            return None  # Enter takes the proposal that is chosen
        return super().takes(event)

    def _on_text(self) -> None:
        self.remove_button.setVisible(not self.is_empty)
        self.changed.emit()

    def _propose(self, typed: str) -> None:
        self._proposals.clear()
        for suggestion in self._suggestions.matching(typed):
            item = QStandardItem(
                theme.icon(_MARKS[suggestion.kind], "muted"),
                suggestion.text,
            )
            item.setData(suggestion.kind, _KIND)
            if suggestion.kind == "saved":
                item.setToolTip("A sound you saved")
            self._proposals.appendRow(item)

    def _pick(self, index: QModelIndex) -> None:
        if index.data(_KIND) == "saved":
            self.saved_chosen.emit(index.data())
