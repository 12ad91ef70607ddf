"""The preferences as a window: pages of choices that work at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from clapsep_desktop.gui import theme
from clapsep_desktop.gui.amplitude_scale import AMPLITUDES
from clapsep_desktop.gui.colour_maps import COLOUR_MAPS
from clapsep_desktop.gui.controls import GRID, fill_above_foot, guard_wheel, muted_label, pad
from clapsep_desktop.gui.frequency_scale import SCALES
from clapsep_desktop.gui.level_field import LevelField
from clapsep_desktop.gui.model_choices import ModelChoice, model_choices
from clapsep_desktop.gui.preferences import FFT_SIZES, GB, ComputeDevice, Settings
from clapsep_desktop.gui.view_settings import LOWEST, NARROWEST, WINDOWS

Control = QComboBox | QCheckBox | QSpinBox | QDoubleSpinBox

_DEVICES: dict[ComputeDevice, str] = {
    "auto": "Automatic",
    "cpu": "Processor (CPU)",
    "cuda": "NVIDIA graphics (CUDA)",
    "mps": "Apple graphics (MPS)",
}


class PreferencesDialog(QDialog):
    """Shows the settings and changes them as soon as the user does.

    Signals:
        results_folder_wanted(): another folder for results is to be chosen.

    Args:
        settings: what is shown and changed.
        outputs: names of the devices that can play sound.
        models: what can answer queries.
        parent: the window it belongs to.
    """

    results_folder_wanted = Signal()

    def __init__(
        self,
        settings: Settings,
        outputs: Sequence[str] = (),
        models: Sequence[ModelChoice] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("preferencesDialog")
        self.setWindowTitle("Preferences")
        self._settings = settings
        self._outputs = outputs
        self._models = models if models is not None else model_choices(("mini", "speech"))
        self._controls: dict[str, Control] = {}
        self._pages = QStackedWidget()
        self._list = QListWidget()
        self._list.setObjectName("preferencesPages")
        self._list.setAccessibleName("Pages")
        self._list.setProperty("kind", "side")
        self._list.setIconSize(QSize(16, 16))
        self._list.setFixedWidth(150)
        self._list.currentRowChanged.connect(self._pages.setCurrentIndex)
        self._add_page("General", "settings", self._general())
        self._add_page("Playback", "speaker", self._playback())
        self._add_page("Models", "model", self._model_page())
        self._add_page("Views", "spectrogram", self._views())
        self._add_page("Storage", "disk", self._storage())
        self._lay_out()
        self._list.setCurrentRow(0)
        self._show()
        settings.changed.connect(self._show)
        theme.notifier().changed.connect(self._draw)
        self._draw()

    # Pages.

    def _general(self) -> QGridLayout:
        page = _page()
        self._row(page, "Colours", self._choice("theme", theme.THEME_NAMES))
        self._row(
            page,
            "When Long Work Ends",
            self._switch("notify", "Tell me if I look elsewhere"),
            self._switch("sound", "Also play a sound"),
        )
        self._row(
            page,
            "Editing",
            self._switch("snap", "Snap selections to zero crossings"),
        )
        self._row(
            page,
            "Queries",
            self._switch("voice_hint", "Propose to keep the voice"),
            hint="Where a query names only what disturbs, and Mini answers it.",
        )
        return page

    def _playback(self) -> QGridLayout:
        page = _page()
        outputs = {"": "The system's choice"} | {name: name for name in self._outputs}
        chosen = self._settings.values.output_device
        outputs.setdefault(chosen, f"{chosen} (not connected)")
        self._row(page, "Play On", self._choice("output_device", outputs))
        self._row(
            page,
            "Compare",
            self._switch("loudness_match", "Original, kept and removed equally loud"),
        )
        self._row(
            page,
            "Playhead",
            self._switch("follow", "The view follows it"),
            self._switch("return_on_stop", "Stop returns to where playing began"),
        )
        return page

    def _model_page(self) -> QGridLayout:
        page = _page()
        models = {
            one.name: one.title if one.installed else f"{one.title} (not installed)"
            for one in self._models
        }
        box = self._choice("model", models)
        items = box.model()
        for row, one in enumerate(self._models):
            box.setItemData(row, one.about, Qt.ItemDataRole.ToolTipRole)
            if not one.installed:
                items.setData(items.index(row, 0), 0, Qt.ItemDataRole.UserRole - 1)  # disabled
        self._row(
            page,
            "Answers Queries",
            box,
            self._switch("specialists", "“Auto” gives speech to its specialist"),
        )
        self._row(
            page,
            "Compute On",
            self._choice("device", _DEVICES),
            hint="Where the chosen one is missing or fails, the processor takes over.",
        )
        return page

    def _views(self) -> QGridLayout:
        page = _page()
        self._row(page, "Waveform", self._choice("amplitude_scale", AMPLITUDES))
        self._row(
            page,
            "FFT Size",
            self._choice("spectrogram_fft", {size: f"{size:,}" for size in FFT_SIZES}),
            hint="Larger tells pitches apart, smaller tells moments apart.",
        )
        self._row(page, "Window", self._choice("spectrogram_window", WINDOWS))
        self._row(page, "Frequencies", self._choice("spectrogram_scale", SCALES))
        self._row(page, "Colours", self._choice("spectrogram_colors", COLOUR_MAPS))
        for title, name, low, high in (
            ("Darkest", "spectrogram_floor", LOWEST, -NARROWEST),
            ("Brightest", "spectrogram_ceiling", LOWEST + NARROWEST, 0),
        ):
            level = self._number(name, LevelField(), low, high, "dB", f"{title} level")
            self._row(page, title, level)
        return page

    def _storage(self) -> QGridLayout:
        page = _page()
        budget = self._number("disk_budget", QSpinBox(), 1, 10_000, "GB", "Disk space for results")
        self._row(
            page,
            "Results",
            budget,
            hint="Results lie on disk until their recording is closed.",
        )
        self._row(page, "Results Folder", self._folder_button())
        self._row(
            page,
            "Undo",
            self._number("undo_limit", QSpinBox(), 1, 10_000, "steps", "Steps that can be undone"),
            hint="From the next recording on.",
        )
        self._row(
            page,
            "Autosave Every",
            self._number(
                "autosave_minutes", QDoubleSpinBox(), 0, 60, "minutes", "Minutes between two saves"
            ),
            hint="Besides after every step; 0 for after steps only.",
        )
        return page

    # Controls.

    def _choice(self, name: str, choices: Mapping[Any, str]) -> QComboBox:
        box = QComboBox()
        for value, text in choices.items():
            box.addItem(text, value)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(18)
        box.currentIndexChanged.connect(self._take)
        self._know(name, box)
        return box

    def _switch(self, name: str, text: str) -> QCheckBox:
        box = QCheckBox(text)
        box.toggled.connect(self._take)
        self._know(name, box)
        box.setAccessibleName(text)
        return box

    def _number(
        self,
        name: str,
        field: QSpinBox | QDoubleSpinBox,
        low: int,
        high: int,
        unit: str,
        title: str,
    ) -> QSpinBox | QDoubleSpinBox:
        if isinstance(field, QDoubleSpinBox):
            field.setDecimals(1 if unit == "minutes" else 0)
        field.setRange(low, high)
        field.setSuffix(f" {unit}")
        pad(field)
        field.setMinimumWidth(120)
        field.setKeyboardTracking(False)
        field.valueChanged.connect(self._take)
        self._know(name, field)
        field.setAccessibleName(title)
        return field

    def _folder_button(self) -> QPushButton:
        button = QPushButton("Choose Folder…")
        button.setObjectName("preference_results_folder")
        button.setAccessibleName("Choose a folder for results")
        button.setAutoDefault(False)
        button.clicked.connect(self.results_folder_wanted)
        return button

    def _know(self, name: str, control: Control) -> None:
        control.setObjectName(f"preference_{name}")
        control.setProperty("field", name)
        guard_wheel(control)
        self._controls[name] = control

    def _row(
        self, page: QGridLayout, title: str, *controls: Control | QPushButton, hint: str = ""
    ) -> None:
        column = QVBoxLayout()
        column.setSpacing(GRID)
        for control in controls:
            column.addWidget(control, 0, Qt.AlignmentFlag.AlignLeft)
            if not control.accessibleName():
                control.setAccessibleName(title)
            control.setToolTip(hint or control.accessibleName())
        if hint:
            label = muted_label(hint)
            label.setWordWrap(True)
            column.addWidget(label)
        heading = QLabel(title)
        heading.setBuddy(controls[0])
        heading.setMinimumHeight(controls[0].sizeHint().height())
        row = page.rowCount()
        page.addWidget(heading, row, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        page.addLayout(column, row, 1)

    # What happens.

    def _take(self, _: object) -> None:
        control = self.sender()
        assert isinstance(control, Control)
        name = str(control.property("field"))
        try:
            self._settings.update(**{name: self._value(name, control)})
        except ValueError:  # a floor over the ceiling
            self._show()
            return

    @staticmethod
    def _value(name: str, control: Control) -> Any:
        if isinstance(control, QComboBox):
            return control.currentData()
        if isinstance(control, QCheckBox):
            return control.isChecked()
        return control.value() * GB if name == "disk_budget" else control.value()

    def _show(self, _: object = None) -> None:
        values = self._settings.values
        for name, control in self._controls.items():
            value = getattr(values, name)
            control.blockSignals(True)
            if isinstance(control, QComboBox):
                control.setCurrentIndex(control.findData(value))
            elif isinstance(control, QCheckBox):
                control.setChecked(value)
            elif isinstance(control, QSpinBox):
                control.setValue(round(value / GB) if name == "disk_budget" else value)
            else:
                control.setValue(value)
            control.blockSignals(False)
        self._controls["sound"].setEnabled(values.notify)

    # Building.

    def _add_page(self, title: str, drawing: str, page: QGridLayout) -> None:
        sheet = QWidget()
        column = QVBoxLayout(sheet)
        column.setContentsMargins(6 * GRID, 5 * GRID, 6 * GRID, 5 * GRID)
        column.addLayout(page)
        column.addStretch(1)
        self._pages.addWidget(sheet)
        item = QListWidgetItem(title)
        item.setData(Qt.ItemDataRole.UserRole, drawing)
        self._list.addItem(item)

    def _lay_out(self) -> None:
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.RestoreDefaults | QDialogButtonBox.StandardButton.Close
        )
        buttons.setObjectName("preferencesButtons")
        restore = buttons.button(QDialogButtonBox.StandardButton.RestoreDefaults)
        restore.setObjectName("restoreDefaultsButton")
        restore.setAutoDefault(False)
        restore.setToolTip("Every choice on every page as it was at first.")
        restore.clicked.connect(self._settings.reset)
        close = buttons.button(QDialogButtonBox.StandardButton.Close)
        close.setObjectName("closePreferencesButton")
        close.setToolTip("Close (Esc).")
        close.setDefault(True)
        buttons.rejected.connect(self.reject)
        for button in (restore, close):
            button.setIcon(QIcon())
        body = QWidget()
        beside = QHBoxLayout(body)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(0)
        beside.addWidget(self._list)
        beside.addWidget(self._pages, 1)
        foot = QHBoxLayout()
        foot.setContentsMargins(4 * GRID, 3 * GRID, 4 * GRID, 3 * GRID)
        foot.addWidget(buttons)
        fill_above_foot(self, body, foot)
        self.resize(620, 440)

    def _draw(self, _: object = None) -> None:
        for row in range(self._list.count()):
            item = self._list.item(row)
            item.setIcon(theme.icon(item.data(Qt.ItemDataRole.UserRole)))


def _page() -> QGridLayout:
    page = QGridLayout()
    page.setHorizontalSpacing(5 * GRID)
    page.setVerticalSpacing(4 * GRID)
    page.setColumnMinimumWidth(0, 120)
    page.setColumnStretch(1, 1)
    return page
