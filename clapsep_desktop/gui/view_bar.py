"""The slim bar under the plots: how they are drawn, with immediate effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QToolBar,
    QToolButton,
    QWidget,
)

from clapsep_desktop.gui import theme
from clapsep_desktop.gui.amplitude_scale import AMPLITUDES
from clapsep_desktop.gui.colour_maps import COLOUR_MAPS
from clapsep_desktop.gui.controls import GRID, guard_wheel, muted_label
from clapsep_desktop.gui.frequency_scale import SCALES
from clapsep_desktop.gui.preferences import FFT_SIZES
from clapsep_desktop.gui.view_settings import LOWEST, NARROWEST, ViewSettings
from clapsep_desktop.gui.wording import rounded


class ViewBar(QToolBar):
    """Choices for waveform and spectrogram.

    Signals:
        changed(ViewSettings): the user chose something else.
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("viewBar")
        self.setAccessibleName("View settings")
        self._settings = ViewSettings()
        self.amplitude = self._choice(
            "viewAmplitude",
            "Amplitude scale",
            "How the waveform's height shows its level.",
            AMPLITUDES,
        )
        self.blend = self._slider(
            "viewBlend",
            "Waveform over the spectrogram",
            "How strongly the waveform is drawn over the spectrogram; at the left not at all.",
            0,
            100,
        )
        self.scale = self._choice(
            "viewFrequencyScale",
            "Frequency scale",
            "How frequencies are laid out over the spectrogram's height.",
            SCALES,
        )
        self.fft = self._choice(
            "viewFft",
            "FFT size",
            "Samples of one spectrum: more show finer frequencies, fewer show finer times.",
            {size: str(size) for size in FFT_SIZES},
        )
        self.colours = self._choice(
            "viewColours", "Colour map", "Colours from quiet to loud.", COLOUR_MAPS
        )
        self.floor = self._slider(
            "viewFloor",
            "Floor",
            "The level in dBFS that gets the darkest colour.",
            LOWEST,
            -NARROWEST,
        )
        self.ceiling = self._slider(
            "viewCeiling",
            "Ceiling",
            "The level in dBFS that gets the brightest colour.",
            LOWEST + NARROWEST,
            0,
        )
        self._range = QLabel()
        self._range.setObjectName("viewRange")
        self._range.setProperty("kind", "muted")
        widest = _range_text(LOWEST, LOWEST + NARROWEST)
        self._range.setMinimumWidth(self._range.fontMetrics().horizontalAdvance(widest))
        self._lay_out()
        self.show_settings(self._settings)

    def show_settings(self, settings: ViewSettings) -> None:
        """Show settings that were chosen elsewhere."""
        self._settings = settings
        chosen: Mapping[QComboBox, Any] = {
            self.amplitude: settings.amplitude_scale,
            self.scale: settings.frequency_scale,
            self.fft: settings.fft,
            self.colours: settings.colours,
        }
        levels = {
            self.blend: settings.blend * 100,
            self.floor: settings.floor,
            self.ceiling: settings.ceiling,
        }
        for control in (*chosen, *levels):
            control.blockSignals(True)  # Qt's
        for choice, value in chosen.items():
            choice.setCurrentIndex(choice.findData(value))
        for slider, level in levels.items():
            slider.setValue(round(level))
        for control in (*chosen, *levels):
            control.blockSignals(False)  # Qt's
        self._range.setText(_range_text(settings.floor, settings.ceiling))

    def _choice(self, name: str, title: str, tip: str, items: Mapping[Any, str]) -> QComboBox:
        choice = QComboBox()
        choice.setObjectName(name)
        choice.setAccessibleName(title)
        choice.setToolTip(tip)
        for data, text in items.items():
            choice.addItem(text, data)
        choice.currentIndexChanged.connect(self._read)
        guard_wheel(choice)
        return choice

    def _slider(self, name: str, title: str, tip: str, low: int, high: int) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setObjectName(name)
        slider.setAccessibleName(title)
        slider.setToolTip(tip)
        slider.setRange(low, high)
        slider.setFixedWidth(56)
        slider.valueChanged.connect(self._read)
        guard_wheel(slider)
        return slider

    def _lay_out(self) -> None:
        """A tool bar, so that what does not fit moves into its menu."""
        groups: list[tuple[str, list[QWidget]]] = [
            ("Waveform", [self.amplitude]),
            ("Blend", [self.blend]),
            ("Spectrogram", [self.scale, self.fft, self.colours]),
            ("Range", [self.floor, self.ceiling, self._range]),
        ]
        for title, controls in groups:
            group = QWidget()
            group.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
            row = QHBoxLayout(group)
            row.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
            row.setSpacing(2 * GRID)
            label = muted_label(title)
            label.setBuddy(controls[0])
            row.addWidget(label)
            for control in controls:
                row.addWidget(control)
            self.addWidget(group)
        more = self.findChild(QToolButton, "qt_toolbar_ext_button")
        if more is not None:  # Qt's own arrow is hardly seen
            theme.dress(more, "chevron-right")
            more.setIconSize(QSize(12, 12))
            more.setAccessibleName("More view settings")
            more.setToolTip("More settings of the view, for which there is no room.")

    def _read(self) -> None:
        """Take over what the controls say; floor and ceiling push each other."""
        floor, ceiling = float(self.floor.value()), float(self.ceiling.value())
        if ceiling - floor < NARROWEST:
            if self.sender() is self.floor:
                ceiling = min(floor + NARROWEST, 0.0)
            else:
                floor = ceiling - NARROWEST
        settings = replace(
            self._settings,
            amplitude_scale=self.amplitude.currentData(),
            frequency_scale=self.scale.currentData(),
            fft=self.fft.currentData(),
            colours=self.colours.currentData(),
            floor=floor,
            ceiling=ceiling,
            blend=self.blend.value() / 100,
        )
        self.show_settings(settings)
        self.changed.emit(settings)


def _range_text(floor: float, ceiling: float) -> str:
    return f"{rounded(floor)} to {rounded(ceiling)} dB"
