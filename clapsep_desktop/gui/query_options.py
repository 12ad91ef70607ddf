"""How a query is carried out: how strongly, where, by which model and how for each channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from clapsep_desktop.gui.controls import GRID, Segments, ValueSlider, guard_wheel
from clapsep_desktop.gui.model_choices import ModelChoice, model_choices
from clapsep_desktop.session.session import ChannelMode

Scope = Literal["selection", "file"]

NO_SELECTION = "Nothing is selected: drag over the recording to select a part."


class QueryOptions(QWidget):
    """The options below the two lists of a query.

    Signals:
        changed(): one of them is another.
        get_model_requested(str): the user wants a model that is not installed.
    """

    changed = Signal()
    get_model_requested = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("queryOptions")
        self.setAccessibleName("Options")
        self.setProperty("kind", "plain")
        self._has_selection = False
        self._choices: list[ModelChoice] = []
        self.blend = ValueSlider(
            "blend",
            "Share of the examples",
            "How much the examples count beside the texts: 0 % hears the texts only, 100 % the "
            "examples only.",
        )
        self.strength = ValueSlider(
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
        self._make_models()
        self._make_switches()
        self.blend.set_value(0.5)
        self.strength.set_value(1.0)
        self.blend.moved.connect(self.changed)
        self.strength.moved.connect(self.changed)
        self._scope.chosen.connect(self.changed)
        self._lay_out()
        self.set_models(model_choices(("mini", "speech")))
        self.set_has_selection(False)
        self.show_blend(False)

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
    def is_answered_by_mini(self) -> bool:
        """Whether a query that is not about speech goes to the small model."""
        better = any(choice.name == "base" and choice.installed for choice in self._choices)
        return self.model == "mini" or (self.model == "auto" and not better)

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

    def set_has_selection(self, present: bool) -> None:
        """Whether a part is selected; a new selection becomes the scope."""
        if present != self._has_selection:
            self._scope.choose("selection" if present else "file")
        elif not present:
            self._scope.choose("file")
        self._has_selection = present
        self._scope.allow("selection", present, NO_SELECTION)

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
            self._get_model.setAccessibleName(f"Get the model “{missing.title}”")
            self._get_model.setToolTip(missing.about)
        self._on_model()

    def show_blend(self, shown: bool) -> None:
        """Offers the share of the examples only where it makes a difference."""
        self.blend.setVisible(shown)
        self._blend_label.setVisible(shown)

    # Building.

    def _make_models(self) -> None:
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
        self._model.currentIndexChanged.connect(self._on_model)
        self._get_model.clicked.connect(self._want_model)

    def _make_switches(self) -> None:
        self._specialists = QCheckBox("Speech by its specialist")
        self._specialists.setObjectName("specialistsSwitch")
        self._specialists.setAccessibleName("Speech by its specialist")
        self._specialists.setChecked(True)
        self._independent = QCheckBox("Channels independently")
        self._independent.setObjectName("independentSwitch")
        self._independent.setAccessibleName("Channels independently")
        self._independent.setToolTip(
            "Off: one filter for all channels, so that the stereo image stays.\n"
            "On: one filter for each channel, for channels that hold different things."
        )
        self._specialists.toggled.connect(self.changed)
        self._independent.toggled.connect(self.changed)

    def _lay_out(self) -> None:
        options = QGridLayout(self)
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
                (self._blend_label, self.blend),
                (QLabel("Strength"), self.strength),
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

    # What happens.

    def _on_model(self) -> None:
        auto = self.model == "auto"
        self._specialists.setEnabled(auto)
        self._specialists.setToolTip(
            "What is about speech goes to a model that knows nothing else and does that well."
            if auto
            else "Only “Auto” chooses among models."
        )
        self._model.setToolTip(self._choices[self._model.currentIndex()].about)
        self.changed.emit()

    def _want_model(self) -> None:
        missing = next(choice for choice in self._choices if not choice.installed)
        self.get_model_requested.emit(missing.name)
