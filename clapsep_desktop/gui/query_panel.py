"""The panel that asks: what to keep, what to remove, how strongly, where and by which model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from clapsep_desktop.errors import QueryError
from clapsep_desktop.gui import theme
from clapsep_desktop.gui.controls import (
    GRID,
    Notice,
    Segments,
    ValueSlider,
    guard_wheel,
    tool_button,
)
from clapsep_desktop.gui.model_choices import ModelChoice, model_choices
from clapsep_desktop.gui.prompt_list import PromptList
from clapsep_desktop.gui.prompt_rows import Side
from clapsep_desktop.gui.query_history import QueryHistory
from clapsep_desktop.gui.suggestions import Suggestions
from clapsep_desktop.query import Prompt, Query
from clapsep_desktop.session.session import ChannelMode

Scope = Literal["selection", "file"]

EMPTY = "Name a sound to keep or a sound to remove."
BUSY = "Something is being worked on. Wait for it, or cancel it with Esc."
NO_SELECTION = "Nothing is selected: drag over the recording to select a part."

_SHOWN_QUERIES = 20  # in the menu of recent ones


class QueryPanel(QWidget):
    """Builds a query and asks for its extraction; knows no audio and no model.

    Signals:
        extract_requested(): Extract was pressed, and the query is sound.
        preview_requested(): the same for Preview.
        use_selection_as_example(str): on the side "keep" or "remove".
        query_changed(): the query, or what else an extraction depends on, may be another.
        get_model_requested(str): the user wants a model that is not installed.
    """

    extract_requested = Signal()
    preview_requested = Signal()
    use_selection_as_example = Signal(str)
    query_changed = Signal()
    get_model_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("queryPanel")
        self.setAccessibleName("Query")
        self.suggestions = Suggestions()
        self._history = QueryHistory()
        self._obstacle = ""
        self._busy = False
        self._has_selection = False
        self._choices: list[ModelChoice] = []
        self._quiet = False
        self._error = ""
        self._recent_queries: tuple[Query, ...] = ()
        self.keep = PromptList("keep", self.suggestions)
        self.remove = PromptList("remove", self.suggestions)
        self._make_options()
        self._make_buttons()
        self._lay_out()
        for prompts in (self.keep, self.remove):
            prompts.changed.connect(self._on_change)
            prompts.submitted.connect(self._extract)
            prompts.history.connect(self.step_history)
            prompts.refused.connect(self.show_error)
        self.keep.selection_wanted.connect(self._use_selection_to_keep)
        self.remove.selection_wanted.connect(self._use_selection_to_remove)
        self.keep.left.connect(self._leave_keep)
        self.remove.left.connect(self._leave_remove)
        self.set_models(model_choices(("mini", "speech")))
        self.set_has_selection(False)

    # What is asked.

    def query(self) -> Query:
        """The query as it stands; raises QueryError."""
        return Query(
            self.keep.prompts(), self.remove.prompts(), self._blend.value, self._strength.value
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

    @property
    def scope(self) -> Scope:
        """Where the query applies: the "selection" or the whole "file"."""
        return "selection" if self._scope.choice == "selection" else "file"

    @scope.setter
    def scope(self, scope: Scope) -> None:
        if scope == "file" or self._has_selection:
            self._scope.choose(scope)

    @property
    def model(self) -> str:
        """What answers the query: "auto", a model's name or a folder."""
        return str(self._model.currentData())

    @model.setter
    def model(self, name: str) -> None:
        index = self._model.findData(name)
        if index >= 0 and self._choices[index].installed:
            self._model.setCurrentIndex(index)

    @property
    def specialists(self) -> bool:
        """Whether "auto" may choose a specialist."""
        return self._specialists.isChecked()

    @specialists.setter
    def specialists(self, allowed: bool) -> None:
        self._specialists.setChecked(allowed)

    @property
    def channels(self) -> ChannelMode:
        """One filter for all channels or one for each."""
        return "independent" if self._independent.isChecked() else "linked"

    @channels.setter
    def channels(self, mode: ChannelMode) -> None:
        self._independent.setChecked(mode == "independent")

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
        if present != self._has_selection:
            self._scope.choose("selection" if present else "file")
        elif not present:
            self._scope.choose("file")
        self._has_selection = present
        self._scope.allow("selection", present, NO_SELECTION)
        for prompts in (self.keep, self.remove):
            prompts.set_has_selection(present, NO_SELECTION)

    def set_models(self, choices: Sequence[ModelChoice]) -> None:
        """Which models there are; the one that was chosen stays chosen if it can."""
        chosen = self.model if self._choices else "auto"
        self._choices = list(choices)
        items = self._model.model()
        assert isinstance(items, QStandardItemModel)
        self._model.blockSignals(True)
        items.clear()
        for choice in choices:
            item = QStandardItem(
                choice.title if choice.installed else f"{choice.title} (not installed)"
            )
            item.setData(choice.name, Qt.ItemDataRole.UserRole)
            item.setToolTip(choice.about)
            item.setEnabled(choice.installed)
            items.appendRow(item)
        self._model.setCurrentIndex(0)
        self.model = chosen
        self._model.blockSignals(False)
        missing = next((choice for choice in choices if not choice.installed), None)
        self._get_model.setVisible(missing is not None)
        if missing is not None:
            self._get_model.setText(f"Get {missing.title}…")
            self._get_model.setToolTip(missing.about)
        self._on_model()

    def set_recent(self, queries: Sequence[Query]) -> None:
        """Earlier queries, newest first: for the arrow keys, the menu and the suggestions."""
        self._history.set_queries(queries)
        self.suggestions.set_recent(queries)
        self._recent_queries = tuple(queries[:_SHOWN_QUERIES])
        self._recent_menu.clear()
        for number, query in enumerate(self._recent_queries):
            words = str(query)
            action = self._recent_menu.addAction(words[:1].upper() + words[1:])
            action.setObjectName(f"recentQuery{number}")
            action.setData(number)
        self._recent.setEnabled(bool(queries))

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

    def _make_options(self) -> None:
        self._blend = ValueSlider(
            "blend",
            "Share of the examples",
            "How much the examples count beside the texts: 0 % hears the texts only, 100 % the "
            "examples only.",
        )
        self._strength = ValueSlider(
            "strength",
            "Strength",
            "How much is taken away: 0 % changes nothing, 100 % removes all the model would.\n"
            "It can be changed afterwards, without waiting.",
        )
        self._scope = Segments(
            "scope",
            "Where",
            (
                ("selection", "Selection", "Change the selected part only."),
                ("file", "Whole File", "Change the whole recording."),
            ),
        )
        self._model = QComboBox()
        self._model.setObjectName("modelChoice")
        self._model.setAccessibleName("Model")
        self._model.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._model.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._model.setMinimumContentsLength(6)
        guard_wheel(self._model)
        self._get_model = QPushButton()
        self._get_model.setObjectName("getModelButton")
        self._get_model.setProperty("kind", "link")
        self._get_model.setAutoDefault(False)
        self._specialists = QCheckBox("Speech by its specialist")
        self._specialists.setObjectName("specialistsSwitch")
        self._specialists.setChecked(True)
        self._independent = QCheckBox("Channels independently")
        self._independent.setObjectName("independentSwitch")
        self._independent.setToolTip(
            "Off: one filter for all channels, so that the stereo image stays.\n"
            "On: one filter for each channel, for channels that hold different things."
        )
        self._blend.set_value(0.5)
        self._strength.set_value(1.0)
        self._blend.moved.connect(self._on_change)
        self._strength.moved.connect(self._on_change)
        self._scope.chosen.connect(self._on_change)
        self._specialists.toggled.connect(self._on_change)
        self._independent.toggled.connect(self._on_change)
        self._model.currentIndexChanged.connect(self._on_model)
        self._get_model.clicked.connect(self._want_model)

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

    def _lay_out(self) -> None:
        options = QGridLayout()
        options.setContentsMargins(0, 0, 0, 0)
        options.setHorizontalSpacing(3 * GRID)
        options.setVerticalSpacing(GRID)
        options.setColumnStretch(1, 1)
        self._blend_label = QLabel("Examples")
        models = QWidget()
        models.setFocusProxy(self._model)
        beside = QHBoxLayout(models)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(2 * GRID)
        beside.addWidget(self._model, 1)
        beside.addWidget(self._get_model)
        for row, (label, control) in enumerate(
            (
                (self._blend_label, self._blend),
                (QLabel("Strength"), self._strength),
                (QLabel("Where"), self._scope),
                (QLabel("Model"), models),
            )
        ):
            label.setBuddy(control.focusProxy() or control)
            options.addWidget(label, row, 0, Qt.AlignmentFlag.AlignVCenter)
            options.addWidget(control, row, 1)
        switches = QVBoxLayout()
        switches.setSpacing(0)
        switches.addWidget(self._specialists)
        switches.addWidget(self._independent)
        options.addLayout(switches, 4, 1)

        inside = QWidget()
        inside.setProperty("kind", "plain")
        column = QVBoxLayout(inside)
        column.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        column.setSpacing(2 * GRID)
        column.addWidget(self.keep)
        column.addWidget(self.remove)
        column.addLayout(options)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setObjectName("queryScroll")
        scroll.setProperty("kind", "plain")
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(inside)

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
        foot.addLayout(buttons)
        line = QFrame()
        line.setProperty("kind", "line")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(scroll, 1)
        whole.addWidget(line)
        whole.addLayout(foot)
        self.setMinimumWidth(292)

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
        self._blend.set_value(query.blend if query else 0.5)
        self._strength.set_value(query.strength if query else 1.0)
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

    def _on_model(self) -> None:
        auto = self.model == "auto"
        self._specialists.setEnabled(auto)
        self._specialists.setToolTip(
            "What is about speech goes to a model that knows nothing else and does that well."
            if auto
            else "Only “Auto” chooses among models."
        )
        self._model.setToolTip(self._choices[self._model.currentIndex()].about)
        self._on_change()

    def _recall(self, action: QAction) -> None:
        self.set_query(self._recent_queries[action.data()])

    def _want_model(self) -> None:
        missing = next(choice for choice in self._choices if not choice.installed)
        self.get_model_requested.emit(missing.name)

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
        return ""

    def _refresh(self) -> None:
        mixed = self.keep.is_mixed or self.remove.is_mixed
        self._blend.setVisible(mixed)
        self._blend_label.setVisible(mixed)
        problem = self._query_problem()
        self._clear.setEnabled(not self._is_empty)
        if self._error or (problem and problem != EMPTY):
            self._problem.say(self._error or problem, "error", "error")
        else:
            self._problem.say(self._obstacle or problem, "muted", "info")
        reason = self.reason
        for button, what, key in (
            (self._preview, "Hear ten seconds of it at the cursor.", "Ctrl+Shift+Enter"),
            (self._extract_button, "Do it, as a step that can be undone.", "Ctrl+Enter"),
        ):
            button.setEnabled(not reason)
            button.setToolTip(reason or f"{what} Key: {key}.")
            button.setAccessibleDescription(reason or what)

    def _extract(self) -> None:
        if not self.reason:
            self.extract_requested.emit()

    def _ask_preview(self) -> None:
        if not self.reason:
            self.preview_requested.emit()
