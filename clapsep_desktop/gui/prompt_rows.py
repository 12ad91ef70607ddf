"""One line of a list of prompts: a text that can be typed, or an example."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QEvent, QModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QCompleter,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from clapsep_desktop.errors import ClapSepError
from clapsep_desktop.gui import theme
from clapsep_desktop.gui.controls import (
    GRID,
    ElidedLabel,
    guard_wheel,
    pad,
    set_kind,
    tool_button,
)
from clapsep_desktop.gui.suggestions import Suggestions
from clapsep_desktop.gui.wording import short_time
from clapsep_desktop.query import (
    MAX_TEXT,
    MAX_WEIGHT,
    AudioPrompt,
    EmbeddedPrompt,
    Prompt,
    TextPrompt,
)

Side = Literal["keep", "remove"]

LEAST_WEIGHT = 0.05

_TAKE_OUT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier

_MARKS = {"saved": "star", "recent": "clock", "known": "text"}
_KIND = Qt.ItemDataRole.UserRole


class PromptRow(QWidget):
    """A line with a weight, which shows once it is wanted, and a button that takes it away.

    Args:
        side: the list it stands in.

    Signals:
        changed(): the prompt is another one.
        removed(): the user takes the line away.
        stepped(int): the keyboard moves to the line before (-1) or after (+1).
        history(int): an older (-1) or newer (+1) query is wanted.
        submitted(bool): Enter (False), or Enter with Ctrl (True).
    """

    changed = Signal()
    removed = Signal()
    stepped = Signal(int)
    history = Signal(int)
    submitted = Signal(bool)

    def __init__(self, side: Side) -> None:
        super().__init__()
        self.side = side
        self._weight = 1.0
        self.weight_field = QDoubleSpinBox()
        self.weight_field.setRange(LEAST_WEIGHT, MAX_WEIGHT)
        self.weight_field.setSingleStep(0.25)
        self.weight_field.setDecimals(2)
        self.weight_field.setPrefix("× ")
        self.weight_field.setValue(1.0)
        self.weight_field.setAccessibleName("Weight")
        self.weight_field.setToolTip(
            "How much this counts beside the others of its kind in the list; 1 is usual."
        )
        self.weight_field.valueChanged.connect(self._set_weight)
        self.weight_field.setMaximumWidth(
            self.weight_field.fontMetrics().horizontalAdvance("× 00.00") + 8 * GRID
        )
        guard_wheel(self.weight_field)
        pad(self.weight_field)
        self.weight_button = tool_button(
            "", "weight", "Set the Weight", "Let this count more or less than the others."
        )
        self.weight_button.clicked.connect(self._want_weight)
        self.remove_button = tool_button(
            "", "close", "Take This Out", "Take this out of the list. Key: Backspace when empty."
        )
        self.remove_button.clicked.connect(self.removed)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(GRID)
        for widget in (self.weight_field, self.weight_button, self.remove_button):
            self._row.addWidget(widget)
        self._weighable = False
        self._weight_wanted = False
        self._show_weight()

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands in the line."""
        return False

    @property
    @abstractmethod
    def prompt(self) -> Prompt:
        """What the line asks for; raises QueryError."""

    @property
    def weight(self) -> float:
        """Its share beside the others."""
        return self._weight

    def set_weight(self, weight: float) -> None:
        """Gives the prompt a weight; the exact one, whatever the field rounds it to."""
        self.weight_field.blockSignals(True)
        self.weight_field.setValue(weight)
        self.weight_field.blockSignals(False)
        self._weight = weight
        self._show_weight()

    def set_weighable(self, weighable: bool) -> None:
        """Offers the weight only where there is something to weigh against."""
        self._weighable = weighable
        self._show_weight()

    def name(self, number: int) -> None:
        """Takes the object names of a place in the list, from 0."""
        prefix = f"{self.side}{number}"
        self.setObjectName(f"{prefix}Row")
        self.weight_field.setObjectName(f"{prefix}Weight")
        self.weight_button.setObjectName(f"{prefix}WeightButton")
        self.remove_button.setObjectName(f"{prefix}RemoveButton")

    def focus(self) -> None:
        """Puts the keyboard here."""
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _want_weight(self) -> None:
        self._weight_wanted = True
        self._show_weight()
        self.weight_field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.weight_field.selectAll()

    def _set_weight(self, weight: float) -> None:
        self._weight = weight
        self.changed.emit()

    def _show_weight(self) -> None:
        shown = self._weight != 1.0 or (self._weight_wanted and self._weighable)
        self.weight_field.setVisible(shown)
        self.weight_button.setVisible(self._weighable and not shown)

    def takes(self, event: QKeyEvent) -> Callable[[], None] | None:
        """What a key does to the line; None for nothing of its own."""
        key, modifiers = event.key(), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        alt = modifiers == Qt.KeyboardModifier.AltModifier
        control = modifiers == Qt.KeyboardModifier.ControlModifier
        plain = modifiers == Qt.KeyboardModifier.NoModifier
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and (alt or plain):
            move = self.history if alt else self.stepped
            return partial(move.emit, -1 if key == Qt.Key.Key_Up else 1)
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and (control or plain):
            return partial(self.submitted.emit, control)
        if key == Qt.Key.Key_Backspace and modifiers == _TAKE_OUT:
            return self.removed.emit
        return None


def take_key(row: PromptRow, event: QEvent) -> bool:
    """Lets a line act on a key before anything else does; says whether it did.

    A key that a line knows is also kept from the window's shortcuts.
    """
    if not isinstance(event, QKeyEvent):
        return False
    act = row.takes(event)
    if act is None:
        return False
    event.accept()
    if event.type() == QEvent.Type.KeyPress:
        act()
    return event.type() in (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride)


class TextField(QLineEdit):
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
        self.field.setProperty("kind", "bare")
        self.field.setToolTip(
            "Say in a few words what to hear, such as “a dog barking”.\n"
            "Enter: the next sound. Ctrl+Enter: extract. Alt+Up and Alt+Down: earlier queries."
        )
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
    def prompt(self) -> TextPrompt:
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


class ExampleRow(PromptRow):
    """An example: a sound file or a part of it, or a saved sound."""

    def __init__(self, side: Side, prompt: AudioPrompt | EmbeddedPrompt) -> None:
        super().__init__(side)
        self._prompt = prompt
        title, detail, tip = _told(prompt)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"Example to {side}: {title}, {detail}")
        self.setToolTip(f"{tip}\nDelete takes it out.")
        self._mark = QLabel()
        self._drawing = "star" if isinstance(prompt, EmbeddedPrompt) else "example"
        self._title = ElidedLabel(title, Qt.TextElideMode.ElideMiddle)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self._title)
        detail_label = ElidedLabel(detail)
        detail_label.setProperty("kind", "muted")
        words.addWidget(detail_label)
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
        if isinstance(self._prompt, AudioPrompt):
            return AudioPrompt(self._prompt.path, self._prompt.start, self._prompt.end, self.weight)
        return EmbeddedPrompt(
            self._prompt.name, self._prompt.model, self._prompt.vector, self.weight
        )

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
        self._mark.setPixmap(theme.icon(self._drawing, self.side).pixmap(QSize(16, 16)))


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


def sound_files(paths: list[Path], extensions: frozenset[str]) -> list[Path]:
    """Those of some paths that look like sound files.

    Raises:
        ClapSepError: none of them does.
    """
    found = [path for path in paths if path.suffix.lower() in extensions and path.is_file()]
    if not found:
        raise ClapSepError("Only sound files can be examples. Drop a WAV, FLAC, Ogg or MP3 file.")
    return found
