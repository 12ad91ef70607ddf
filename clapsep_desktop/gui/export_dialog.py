"""The dialog that asks what to export, and how."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QVBoxLayout,
    QWidget,
)

from clapsep_desktop.audio.export_plan import (
    Clipping,
    ExportMaterial,
    ExportSettings,
    PlannedFile,
    Range,
    What,
    plan_export,
    planned_files,
)
from clapsep_desktop.audio.formats import Container
from clapsep_desktop.audio.loudness import Loudness
from clapsep_desktop.errors import ClapSepError
from clapsep_desktop.gui import export_choices as choices
from clapsep_desktop.gui.controls import GRID, Notice, muted_label
from clapsep_desktop.gui.export_form import ExportForm
from clapsep_desktop.gui.loudness_reader import LoudnessReader
from clapsep_desktop.gui.questions import REPLACE, Ask, Dialogs, replace_question
from clapsep_desktop.gui.wording import short_time, size_text
from clapsep_desktop.timebase import Span

NO_SELECTION = "Nothing is selected: drag over the recording to select a part."
NO_MARKERS = "There are no markers: press M to set one at the cursor."
NO_STEPS = "Nothing has been extracted yet."
PAIR_STAYS_EXACT = "Two files that add up to the recording cannot have their peaks softened."


class ExportDialog(QDialog):
    """Asks what to export; `settings` are what was chosen.

    It never allows a file to be replaced without having asked.

    Args:
        material: what there is to export; it is read on another thread to measure the loudness.
        folder: to begin with; None for the recording's own.
        last: settings of the last export, whose format and levels are proposed again.
        ask: asks a question; by default in a box.
        parent: see QDialog.

    Attributes:
        settings: what was chosen, once the dialog was accepted.
        form: the fields.
    """

    def __init__(
        self,
        material: ExportMaterial,
        *,
        folder: Path | None = None,
        last: ExportSettings | None = None,
        ask: Ask | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("exportDialog")
        self.setWindowTitle("Export")
        self.settings: ExportSettings | None = None
        self.form = ExportForm()
        self._material = material
        self._ask = ask or Dialogs(self).ask
        self._proposed = ""  # the name that was not the user's
        self._reader = LoudnessReader(self)
        self._measures: dict[tuple[str, Span], Loudness] = {}
        self._measuring: tuple[str, Span] | None = None
        self._lay_out()
        self._propose(folder or material.info.path.absolute().parent, last)
        self._allow()
        self._connect()
        self._on_what()

    def _lay_out(self) -> None:
        self.summary = muted_label("", "exportSummary")
        self.summary.setWordWrap(True)
        self.problem = Notice("exportProblem", "error", "error")
        buttons = QDialogButtonBox()
        self.ok = buttons.addButton("Export", QDialogButtonBox.ButtonRole.AcceptRole)
        self.ok.setObjectName("exportOk")
        self.ok.setAccessibleName("Export")
        self.ok.setToolTip("Write the files (Enter).")
        self.ok.setDefault(True)
        cancel = buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        cancel.setObjectName("exportCancel")
        cancel.setAccessibleName("Cancel")
        cancel.setToolTip("Close without exporting (Esc).")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(4 * GRID, 4 * GRID, 4 * GRID, 4 * GRID)
        column.setSpacing(3 * GRID)
        for widget in (self.form, self.problem, self.summary, buttons):
            column.addWidget(widget)
        self.setMinimumWidth(120 * GRID)

    # -- What is offered -----------------------------------------------------------------------

    def _propose(self, folder: Path, last: ExportSettings | None) -> None:
        """Fill the fields: as the recording, or as the last export was."""
        form, info = self.form, self._material.info
        form.folder.setText(str(folder))
        for one in choices.containers(info):
            form.format.addItem(f"{one.title} ({one.extensions[0]})", one)
        for words, target in choices.loudness_targets():
            form.loudness.addItem(words, target)
        own = choices.own_container(info)
        if last is not None:
            own = next((o for o in choices.containers(info) if last.extension in o.extensions), own)
        form.format.setCurrentIndex(_index(form.format, own))
        self._offer_rates()
        last = last or ExportSettings(folder, "export")
        _choose(form.sample_rate, last.rate)
        _choose(form.sample_depth, last.depth)
        _choose(form.loudness, last.loudness)
        form.what.choose(last.what)
        form.clipping.choose(last.clipping)
        form.ceiling.setValue(last.ceiling)
        form.dither.setChecked(last.dither)
        form.metadata.setChecked(last.metadata)
        form.range.choose("selection" if self._material.selection else "all")

    def _offer_rates(self) -> None:
        """Offer the rates and depths of the chosen kind of file, the same ones if it has them."""
        form, info, container = self.form, self._material.info, self._container
        rate, depth = form.sample_rate.currentData(), form.sample_depth.currentData()
        with QSignalBlocker(form.sample_rate), QSignalBlocker(form.sample_depth):
            _fill(form.sample_rate, choices.rates(container, info))
            _fill(form.sample_depth, choices.depths(container, info))
            if not _choose(form.sample_rate, rate):
                _choose(form.sample_rate, choices.nearest_rate(container, info))
            _choose(form.sample_depth, depth)
        form.sample_depth.setEnabled(form.sample_depth.count() > 0)

    def _allow(self) -> None:
        """Make impossible what cannot be asked for now, with the reason."""
        form, material = self.form, self._material
        form.range.allow("selection", material.selection is not None, NO_SELECTION)
        form.range.allow("regions", bool(material.markers), NO_MARKERS)
        form.what.allow("stems", bool(material.stems), NO_STEPS)
        if form.what.choice == "stems" and not material.stems:
            form.what.choose("kept")
        pair = form.what.choice == "both"
        form.clipping.allow("soft", not pair, PAIR_STAYS_EXACT)
        if pair and form.clipping.choice == "soft":
            form.clipping.choose("leave")
        form.dither.setEnabled(not pair and form.sample_depth.count() > 0)
        levelled = form.loudness.currentData() is not None or form.clipping.choice == "soft"
        form.ceiling.setEnabled(levelled)

    @property
    def _container(self) -> Container:
        return cast(Container, self.form.format.currentData())

    # -- What was chosen -----------------------------------------------------------------------

    def choice(self) -> ExportSettings:
        """The settings as the fields are; raises ClapSepError where they are none."""
        form = self.form
        return ExportSettings(
            folder=Path(form.folder.text().strip()).expanduser(),
            name=form.name.text().strip(),
            extension=self._container.extensions[0],
            what=cast(What, form.what.choice),
            range=cast(Range, form.range.choice),
            rate=form.sample_rate.currentData(),
            depth=form.sample_depth.currentData(),
            dither=form.dither.isChecked(),
            clipping=cast(Clipping, form.clipping.choice),
            loudness=form.loudness.currentData(),
            ceiling=form.ceiling.value(),
            metadata=form.metadata.isChecked(),
        )

    def accept(self) -> None:
        """Take the settings, unless a file would be replaced that shall not be."""
        try:
            settings = self.choice()
            files = planned_files(plan_export(self._material, settings))
        except ClapSepError:
            self._check()
            return
        there = [file.target.name for file in files if file.target.exists()]
        if there:
            if self._ask(replace_question(there)) != REPLACE:
                return
            settings = replace(settings, overwrite=True)
        self.settings = settings
        super().accept()

    def done(self, result: int) -> None:
        """Close, and measure no more."""
        self._reader.stop()
        super().done(result)

    # -- Changes -------------------------------------------------------------------------------

    def _connect(self) -> None:
        form = self.form
        form.what.chosen.connect(self._on_what)
        form.range.chosen.connect(self._on_part)
        form.clipping.chosen.connect(self._on_change)
        form.format.currentIndexChanged.connect(self._on_format)
        for box in (form.sample_rate, form.sample_depth, form.loudness):
            box.currentIndexChanged.connect(self._on_change)
        for line in (form.name, form.folder):
            line.textChanged.connect(self._on_change)
        form.browse.clicked.connect(self._on_browse)
        self._reader.progressed.connect(self._on_measuring)
        self._reader.measured.connect(self._on_measured)
        self._reader.failed.connect(self.form.measured.setText)

    @Slot()
    def _on_what(self) -> None:
        form = self.form
        if form.name.text() == self._proposed:
            part = {"kept": ".kept", "removed": ".removed"}.get(form.what.choice, "")
            self._proposed = f"{self._material.info.path.stem}{part}"
            form.name.setText(self._proposed)
        self._on_part()

    @Slot()
    def _on_part(self) -> None:
        self._on_change()
        self._measure()

    @Slot()
    def _on_format(self) -> None:
        self._offer_rates()
        self._on_change()

    @Slot()
    def _on_change(self) -> None:
        self._allow()
        self._check()

    @Slot()
    def _on_browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Export To", self.form.folder.text())
        if folder:
            self.form.folder.setText(folder)

    def _check(self) -> None:
        """Show what would be written, or why nothing can be."""
        try:
            settings = self.choice()
            files = planned_files(plan_export(self._material, settings))
            text = self._part_in_words() + _summary(files, settings.folder)
        except ClapSepError as error:
            self.problem.say(str(error))
            self.summary.setText("")
            self.ok.setEnabled(False)
            return
        self.problem.say("")
        self.summary.setText(text)
        self.ok.setEnabled(True)

    def _part_in_words(self) -> str:
        """Says that not all is written, which nobody should find out from the file."""
        part, source = self._material.selection, self._material.original
        if self.form.range.choice != "selection" or part is None or part.length >= source.frames:
            return ""
        selected, all_of_it = (short_time(n / source.rate) for n in (part.length, source.frames))
        return f"Only the selected {selected} of {all_of_it}. "

    # -- Loudness ------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._measure()

    def _measure(self) -> None:
        """Show the loudness of what is chosen, once it is known."""
        if not self.isVisible():
            return
        material = self._material
        role = "removed" if self.form.what.choice == "removed" else "kept"
        part = material.selection if self.form.range.choice == "selection" else None
        asked = role, part or Span(0, material.original.frames)
        if asked in self._measures:
            self._reader.stop()
            self._measuring = None
            self._show_measure(self._measures[asked])
        elif asked != self._measuring:
            self._measuring = asked
            self._on_measuring(0.0)
            source = material.removed if role == "removed" else material.kept
            self._reader.start(source, asked[1])

    @Slot(float)
    def _on_measuring(self, share: float) -> None:
        self.form.measured.setText(f"Measuring the loudness… {share:.0%}")

    @Slot(object)
    def _on_measured(self, loudness: Loudness) -> None:
        assert self._measuring is not None
        self._measures[self._measuring] = loudness
        self._measuring = None
        self._show_measure(loudness)

    def _show_measure(self, loudness: Loudness) -> None:
        self.form.measured.setText(choices.loudness_text(loudness))
        self.form.measured.setAccessibleName(self.form.measured.text())


def _summary(files: list[PlannedFile], folder: Path) -> str:
    """Names, size and free room in words."""
    names = ", ".join(f"“{file.target.name}”" for file in files[:3])
    more = f" and {len(files) - 3} more" if len(files) > 3 else ""
    free = shutil.disk_usage(files[0].target.parent).free
    size = size_text(sum(file.size for file in files))
    about = "about " if any(file.format.lossy for file in files) else ""
    return f"{names}{more}: {about}{size}. “{folder}” has {size_text(free)} free."


def _fill(box: QComboBox, items: list[tuple[str, Any]]) -> None:
    box.clear()
    for words, data in items:
        box.addItem(words, data)


def _index(box: QComboBox, data: object) -> int:
    """Which item holds some data; -1 for none. Qt's own search takes None for nothing."""
    return next((index for index in range(box.count()) if box.itemData(index) == data), -1)


def _choose(box: QComboBox, data: object) -> bool:
    """Take the item that holds some data; whether there is one."""
    index = _index(box, data)
    if index >= 0:
        box.setCurrentIndex(index)
    return index >= 0
