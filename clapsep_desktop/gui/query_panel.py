"""The panel that asks: what to keep, what to remove, how strongly, where and by which model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from clapsep_desktop.errors import QueryError
from clapsep_desktop.gui import theme
from clapsep_desktop.gui.controls import (
    GRID,
    Notice,
    fill_above_foot,
    plain_scroll,
    tool_button,
)
from clapsep_desktop.gui.elided import tip_of
from clapsep_desktop.gui.model_choices import ModelChoice
from clapsep_desktop.gui.prompt_list import PromptList
from clapsep_desktop.gui.prompt_rows import Side
from clapsep_desktop.gui.query_history import QueryHistory
from clapsep_desktop.gui.query_options import NO_SELECTION, QueryOptions
from clapsep_desktop.gui.suggestions import Suggestions
from clapsep_desktop.gui.voice_hint import VOICE, VoiceHint, names_only_what_disturbs
from clapsep_desktop.gui.wording import menu_words
from clapsep_desktop.query import Prompt, Query

EMPTY = "Name a sound to keep or a sound to remove."
BUSY = "Something is being worked on. Wait for it, or cancel it with Esc."

_SHOWN_QUERIES = 20  # in the menu of recent ones


class QueryPanel(QWidget):
    """Builds a query and asks for its extraction; knows no audio and no model.

    Signals:
        extract_requested(): Extract was pressed, and the query is sound.
        preview_requested(): the same for Preview.
        use_selection_as_example(str): on the side "keep" or "remove".
        query_changed(): the query, or what else an extraction depends on, may be another.
        get_model_requested(str): the user wants a model that is not installed.
        example_added(Path): an example of this file stands in the query now.
        voice_hint_dismissed(): the user does not want to be told to keep the voice.

    Attributes:
        keep, remove: the two lists.
        options: how the query is carried out.
        suggestions: what is proposed while a text is typed.
    """

    extract_requested = Signal()
    preview_requested = Signal()
    use_selection_as_example = Signal(str)
    query_changed = Signal()
    get_model_requested = Signal(str)
    example_added = Signal(object)
    voice_hint_dismissed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("queryPanel")
        self.setAccessibleName("Query")
        self.suggestions = Suggestions()
        self._history = QueryHistory()
        self._obstacle = ""
        self._busy = False
        self._quiet = False
        self._may_hint = True
        self._error = ""
        self.keep = PromptList("keep", self.suggestions)
        self.remove = PromptList("remove", self.suggestions)
        self.options = QueryOptions()
        self.options.changed.connect(self._on_change)
        self.options.get_model_requested.connect(self.get_model_requested)
        self._make_buttons()
        self._lay_out()
        for prompts in (self.keep, self.remove):
            prompts.changed.connect(self._on_change)
            prompts.submitted.connect(self._extract)
            prompts.history.connect(self.step_history)
            prompts.refused.connect(self.show_error)
            prompts.example_added.connect(self.example_added)
        self.keep.selection_wanted.connect(self._use_selection_to_keep)
        self.remove.selection_wanted.connect(self._use_selection_to_remove)
        self.keep.left.connect(self._leave_keep)
        self.remove.left.connect(self._leave_remove)
        self.set_has_selection(False)
        self._refresh()

    # What is asked.

    def query(self) -> Query:
        """The query as it stands; raises QueryError."""
        return Query(
            self.keep.prompts(),
            self.remove.prompts(),
            self.options.blend.value,
            self.options.strength.value,
        )

    def set_query(self, query: Query) -> None:
        """Shows a query instead of the one that is there."""
        self._fill(query)
        self._history.leave()

    def clear(self) -> None:
        """Asks for nothing; strength and blend go back to their usual values."""
        self._fill(None)
        self._history.leave()

    def add_prompt(self, side: Side, prompt: Prompt) -> None:
        """Puts one more prompt on a side."""
        self._list(side).add(prompt)

    # What the panel is told.

    def set_busy(self, busy: bool) -> None:
        """While a job runs nothing else can be asked for; the query can be changed."""
        self._busy = busy
        self._refresh()

    def set_obstacle(self, reason: str) -> None:
        """Why nothing can be extracted at all, such as no open recording; empty for no reason."""
        self._obstacle = reason
        self._refresh()

    def set_has_selection(self, present: bool) -> None:
        """Whether a part is selected; a new selection becomes the scope."""
        self.options.set_has_selection(present)
        for prompts in (self.keep, self.remove):
            prompts.set_has_selection(present, NO_SELECTION)

    def set_models(self, choices: Sequence[ModelChoice]) -> None:
        """Which models there are; the one that was chosen stays chosen if it can."""
        self.options.set_models(choices)

    def set_recent(self, queries: Sequence[Query]) -> None:
        """Earlier queries, newest first: for the arrow keys, the menu and the suggestions."""
        self._history.set_queries(queries)
        self.suggestions.set_recent(queries)
        self._recent_menu.clear()
        for number, query in enumerate(queries[:_SHOWN_QUERIES]):
            words = str(query)
            words = words[:1].upper() + words[1:]
            action = self._recent_menu.addAction(menu_words(words))
            action.setObjectName(f"recentQuery{number}")
            action.setToolTip(tip_of(words))
            action.setData(query)
        self._recent.setEnabled(bool(queries))

    def allow_voice_hint(self, allowed: bool) -> None:
        """Whether the panel may propose to keep the voice, where only what disturbs it is named."""
        self._may_hint = allowed
        self._refresh()

    def tell_unreadable(self, path: Path, sentence: str) -> None:
        """Marks the examples of a file that cannot be read; the query cannot be asked with them."""
        for prompts in (self.keep, self.remove):
            prompts.tell_unreadable(path, sentence)
        self._refresh()

    def show_plan(self, text: str) -> None:
        """Says which model will do what; empty for nothing to say."""
        self._plan.say(text)

    def show_error(self, text: str) -> None:
        """Shows a sentence about what is wrong until the query changes; empty for none."""
        self._error = text
        self._refresh()

    @property
    def reason(self) -> str:
        """Why Extract is not possible now; empty if it is."""
        return self._obstacle or self._query_problem() or (BUSY if self._busy else "")

    def focus_query(self) -> None:
        """Puts the keyboard where the next sound to keep is typed."""
        self.keep.focus(last=True)

    def step_history(self, step: int) -> None:
        """Shows an older (-1) or newer (+1) query; the draft comes back after the newest."""
        if step < 0:
            older = self._history.older(self._draft())
            if older is not None:
                self._fill(older)
            return
        moved, newer = self._history.newer()
        if moved:
            self._fill(newer)

    # Building.

    def _make_buttons(self) -> None:
        self._preview = QPushButton("Preview")
        self._preview.setObjectName("previewButton")
        self._extract_button = QPushButton("Extract")
        self._extract_button.setObjectName("extractButton")
        self._extract_button.setProperty("kind", "primary")
        for button, drawing, role in (
            (self._preview, "preview", "text"),
            (self._extract_button, "extract", "accent_text"),
        ):
            button.setAccessibleName(button.text())
            button.setAutoDefault(False)
            button.setIconSize(QSize(16, 16))
            theme.dress(button, drawing, role)
        self._preview.clicked.connect(self._ask_preview)
        self._extract_button.clicked.connect(self._extract)
        self._recent = tool_button(
            "recentQueriesButton",
            "history",
            "Recent Queries",
            "Recent queries. In a text: Alt+Up and Alt+Down.",
        )
        self._recent_menu = QMenu(self._recent)
        self._recent_menu.setObjectName("recentQueriesMenu")
        self._recent_menu.setToolTipsVisible(True)
        self._recent_menu.triggered.connect(self._recall)
        self._recent.setMenu(self._recent_menu)
        self._recent.setPopupMode(self._recent.ToolButtonPopupMode.InstantPopup)
        self._recent.setEnabled(False)
        self._clear = tool_button(
            "clearQueryButton", "trash", "Clear the Query", "Empty both lists."
        )
        self._clear.clicked.connect(self.clear)
        self._plan = Notice("planLine", "model")
        self._problem = Notice("queryProblem", "info")
        self._hint = VoiceHint()
        self._hint.taken.connect(self._keep_voice)
        self._hint.dismissed.connect(self.voice_hint_dismissed)

    def _lay_out(self) -> None:
        inside = QWidget()
        inside.setProperty("kind", "plain")
        column = QVBoxLayout(inside)
        column.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        column.setSpacing(2 * GRID)
        column.addWidget(self.keep)
        column.addWidget(self.remove)
        column.addWidget(self.options)
        column.addStretch(1)
        scroll = plain_scroll("queryScroll", inside)
        self._inside = inside

        buttons = QHBoxLayout()
        buttons.setSpacing(2 * GRID)
        buttons.addWidget(self._recent)
        buttons.addWidget(self._clear)
        buttons.addStretch(1)
        buttons.addWidget(self._preview)
        buttons.addWidget(self._extract_button)
        foot = QVBoxLayout()
        foot.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        foot.setSpacing(2 * GRID)
        foot.addWidget(self._plan)
        foot.addWidget(self._problem)
        foot.addWidget(self._hint)
        foot.addLayout(buttons)
        fill_above_foot(self, scroll, foot)
        self._foot = foot
        self.setMinimumWidth(292)

    def sizeHint(self) -> QSize:
        """Room for all of it and a sound on each side; a scroll area would be content with less."""
        row = self.keep.rows[-1].sizeHint().height()
        height = self._inside.sizeHint().height() + 2 * row + self._foot.sizeHint().height()
        return QSize(super().sizeHint().width(), height)

    # What happens.

    def keyPressEvent(self, event: QKeyEvent) -> None:
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if control and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            (self._ask_preview if shift else self._extract)()
        else:
            super().keyPressEvent(event)

    def _list(self, side: Side) -> PromptList:
        return self.keep if side == "keep" else self.remove

    def _fill(self, query: Query | None) -> None:
        self._quiet = True
        self.keep.set_prompts(query.keep if query else ())
        self.remove.set_prompts(query.remove if query else ())
        self.options.blend.set_value(query.blend if query else 0.5)
        self.options.strength.set_value(query.strength if query else 1.0)
        self._quiet = False
        self._error = ""
        self._refresh()
        self.query_changed.emit()

    def _draft(self) -> Query | None:
        try:
            return self.query()
        except QueryError:
            return None

    def _on_change(self) -> None:
        if self._quiet:
            return
        self._history.leave()
        self._error = ""
        self._refresh()
        self.query_changed.emit()

    def _recall(self, action: QAction) -> None:
        self.set_query(action.data())

    def _use_selection_to_keep(self) -> None:
        self.use_selection_as_example.emit("keep")

    def _use_selection_to_remove(self) -> None:
        self.use_selection_as_example.emit("remove")

    def _leave_keep(self, step: int) -> None:
        if step > 0:
            self.remove.focus()
        elif self._history.is_browsing or self._is_empty:
            self.step_history(step)
            self.keep.focus()

    def _leave_remove(self, step: int) -> None:
        if step < 0:
            self.keep.focus(last=True)
        elif self._history.is_browsing:
            self.step_history(step)
            self.remove.focus(last=True)

    @property
    def _is_empty(self) -> bool:
        return self.keep.is_empty and self.remove.is_empty

    def _query_problem(self) -> str:
        if self._is_empty:
            return EMPTY
        try:
            self.query()
        except QueryError as error:
            return str(error)
        return self.keep.problem or self.remove.problem

    def _refresh(self) -> None:
        mixed = self.keep.is_mixed or self.remove.is_mixed
        self.options.show_blend(mixed)
        problem = self._query_problem()
        self._clear.setEnabled(not self._is_empty)
        if self._error or (problem and problem != EMPTY):
            self._problem.say(self._error or problem, "error", "error")
        else:
            self._problem.say(self._obstacle or problem, "muted", "info")
        self._hint.setVisible(self._wants_hint())
        reason = self.reason
        for button, what, key in (
            (self._preview, "Hear ten seconds of it at the cursor.", "Ctrl+Shift+Enter"),
            (self._extract_button, "Do it, as a step that can be undone.", "Ctrl+Enter"),
        ):
            button.setEnabled(not reason)
            button.setToolTip(reason or f"{what} Key: {key}.")
            button.setAccessibleDescription(reason or what)

    def _wants_hint(self) -> bool:
        if not self._may_hint or self._busy or not self.options.is_answered_by_mini:
            return False
        query = self._draft()
        return query is not None and names_only_what_disturbs(query)

    def _keep_voice(self) -> None:
        self.add_prompt("keep", VOICE)
        self.keep.focus(last=True)

    def _extract(self) -> None:
        if not self.reason:
            self.extract_requested.emit()

    def _ask_preview(self) -> None:
        if not self.reason:
            self.preview_requested.emit()
