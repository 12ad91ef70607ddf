"""The models: what is installed, and how it comes and goes, without a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QProgressBar,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from clapsep_desktop.errors import DownloadError
from clapsep_desktop.gui.controls import GRID, Notice, muted_label, push_button
from clapsep_desktop.gui.jobs import Job, JobRunner, Progress, ProgressModel, Steps
from clapsep_desktop.gui.model_rows import ModelRow, model_rows, transfer_text
from clapsep_desktop.gui.operations import installing
from clapsep_desktop.gui.operations.installing import Survey
from clapsep_desktop.gui.operations.trouble import sentence
from clapsep_desktop.gui.questions import Ask, Dialogs, Question
from clapsep_desktop.model.folder import size_text
from clapsep_desktop.model.registry import InstalledModel

T = TypeVar("T")

INTRODUCTION = (
    "A model decides what in a recording answers a query. Everything runs on this machine; only "
    "Get Base… uses the network, and only once."
)
PUBLISHED_FILES = "Files of CLAPSep (*.pt *.ckpt *.json *.txt);;All Files (*)"
SHOWN_EVERY = 100
"""ms between two looks at the progress."""

STOP, DOWNLOAD, REMOVE = "Stop and Close", "Download", "Remove"
_COLUMNS = ("Model", "What It Is", "Size", "Licence")
_STEPS = 1_000  # of the progress bar


class ModelsDialog(QDialog):
    """Lists, downloads, imports, checks and removes models.

    Its work has a job runner of its own, so that the editor can be used meanwhile.

    Signals:
        changed(): other models are installed than before.

    Args:
        ask: asks a question; by default in a box.
        clock: s, of a clock that never goes back.
        parent: see QDialog.
    """

    changed = Signal()

    def __init__(
        self,
        *,
        ask: Ask | None = None,
        clock: Callable[[], float] = time.monotonic,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("modelsDialog")
        self.setWindowTitle("Models")
        self._ask = ask or Dialogs(self).ask
        self._clock = clock
        self._closed = False
        self._rows: list[ModelRow] = []
        self._progress = ProgressModel()
        self._runner = JobRunner(self)
        self._runner.progressed.connect(self._on_progress)
        self._runner.cancelling.connect(self._on_cancelling)
        self._runner.idle.connect(self._on_idle)
        self._ticking = QTimer(self)
        self._ticking.setInterval(SHOWN_EVERY)
        self._ticking.timeout.connect(self._show_progress)
        self._make_parts()
        self._lay_out()
        self.refresh()

    # -- Building ------------------------------------------------------------------------------

    def _make_parts(self) -> None:
        self.table = QTreeWidget()
        self.table.setObjectName("modelsTable")
        self.table.setAccessibleName("Models")
        self.table.setToolTip("Choose a model to see where it is.")
        self.table.setHeaderLabels(_COLUMNS)
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        header = self.table.header()
        header.setStretchLastSection(False)
        for column in range(len(_COLUMNS)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Interactive)
        header.resizeSection(3, 45 * GRID)  # a licence can be a long story
        header.setMinimumSectionSize(15 * GRID)
        self.table.currentItemChanged.connect(self._on_chosen)
        self.place = muted_label("", "modelsPlace")
        self.place.setWordWrap(True)
        self.place.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.notice = Notice("modelsNotice", "error", "error")
        self.bar = QProgressBar()
        self.bar.setObjectName("modelsProgress")
        self.bar.setAccessibleName("Progress")
        self.bar.setToolTip("How far the step at hand is.")
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(2 * GRID)
        self.doing = muted_label("", "modelsDoing")
        self.get_base = push_button(
            "models", "&Get Base…", self.ask_for_base, "See how large Base is, and download it."
        )
        self.import_files = push_button(
            "models",
            "&Import Files…",
            self.ask_for_files,
            "Install Base from files that you already have.",
        )
        self.half = QCheckBox("&Half precision")
        self.half.setObjectName("modelsHalf")
        self.half.setAccessibleName("Half precision")
        self.half.setToolTip("Store Base in half the space, a little less exactly.")
        self.verify_button = push_button(
            "models", "&Verify", self.verify, "Compare the model's files with what was installed."
        )
        self.remove_button = push_button("models", "&Remove…", self.remove, "Delete the model.")
        self.look_again = push_button(
            "models", "&Look Again", self.look, "Look for models that were installed elsewhere."
        )
        self.cancel_button = push_button(
            "models", "&Cancel", self.cancel, "Stop; what was downloaded is kept for the next time."
        )
        self.close_button = push_button("models", "Close", self.close, "Close (Esc).")

    def _lay_out(self) -> None:
        introduction = muted_label(INTRODUCTION, "modelsIntroduction")
        introduction.setWordWrap(True)
        side = QVBoxLayout()
        side.setSpacing(2 * GRID)
        for widget in (self.get_base, self.import_files, self.half):
            side.addWidget(widget)
        side.addSpacing(3 * GRID)
        for widget in (self.verify_button, self.remove_button):
            side.addWidget(widget)
        side.addStretch(1)
        side.addWidget(self.look_again)
        row = QHBoxLayout()
        row.setSpacing(3 * GRID)
        row.addWidget(self.table, 1)
        row.addLayout(side)
        foot = QHBoxLayout()
        foot.setSpacing(2 * GRID)
        foot.addWidget(self.doing, 1)
        foot.addWidget(self.cancel_button)
        foot.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(4 * GRID, 4 * GRID, 4 * GRID, 4 * GRID)
        column.setSpacing(3 * GRID)
        column.addWidget(introduction)
        column.addLayout(row, 1)
        column.addWidget(self.place)
        column.addWidget(self.notice)
        column.addWidget(self.bar)
        column.addLayout(foot)

    def sizeHint(self) -> QSize:
        return QSize(220 * GRID, 90 * GRID)

    # -- What is shown -------------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        """Whether something is being downloaded, installed or checked."""
        return self._runner.current is not None

    @property
    def rows(self) -> tuple[ModelRow, ...]:
        """The models, as they are listed."""
        return tuple(self._rows)

    @property
    def chosen(self) -> ModelRow | None:
        """The model that is chosen in the list."""
        item = self.table.currentItem()
        return None if item is None else self._rows[self.table.indexOfTopLevelItem(item)]

    def choose(self, name: str) -> None:
        """Choose a model in the list, if it is there."""
        for number, row in enumerate(self._rows):
            item = self.table.topLevelItem(number)
            if item is not None and row.name == name:
                self.table.setCurrentItem(item)

    def refresh(self) -> None:
        """Look which models are installed."""
        before = self.chosen.name if self.chosen else "base"
        self.table.clear()  # before the rows: it tells that another item is chosen
        self._rows = model_rows()
        for row in self._rows:
            item = QTreeWidgetItem([row.title, row.about, row.state, row.licence])
            item.setSizeHint(1, QSize(0, 6 * GRID))
            for column, text in ((1, row.about), (3, row.licence)):
                item.setToolTip(column, text)
            self.table.addTopLevelItem(item)
        self.choose(before if before in [row.name for row in self._rows] else "mini")
        self._refresh_buttons()

    @Slot()
    def _on_chosen(self) -> None:
        row = self.chosen
        self.place.setText(f"{row.about}. {row.place}" if row else "")
        self._refresh_buttons()

    def _refresh_buttons(self) -> None:
        row, busy = self.chosen, self.is_running
        for button in (self.get_base, self.import_files, self.half, self.look_again):
            button.setEnabled(not busy)
        self.verify_button.setEnabled(bool(row and row.is_installed and not busy))
        self.remove_button.setEnabled(bool(row and row.removable and not busy))
        for widget in (self.cancel_button, self.bar):
            widget.setVisible(busy)

    @Slot()
    def look(self) -> None:
        """Look again, and let others do so."""
        self.notice.say("")
        self.refresh()
        self.changed.emit()

    # -- Getting Base --------------------------------------------------------------------------

    @Slot()
    def ask_for_base(self) -> None:
        """Ask the hub for the sizes, then the user, then download and install Base."""
        self._run("Getting Base", installing.survey_steps, self._offer)

    def _offer(self, survey: Survey) -> None:
        files = ", ".join(f"{one.file.name} ({size_text(one.size)})" for one in survey.offers)
        here = survey.size - survey.missing
        rest = f" {size_text(here)} of it are here already." if here else ""
        question = Question(
            f"Download {size_text(survey.missing)}?",
            f"From where its authors put it: {files}.{rest} It goes to “{survey.folder}”, where "
            f"{size_text(survey.free)} are free. It can be stopped, and goes on where it stopped.",
            (DOWNLOAD,),
        )
        if self._ask(question) == DOWNLOAD:
            half = self.half.isChecked()
            offers = survey.offers
            self._run(
                "Downloading Base",
                lambda: installing.download_steps(offers, half=half),
                self._installed,
            )

    @Slot()
    def ask_for_files(self) -> None:
        """Ask for the published files."""
        names, _ = QFileDialog.getOpenFileNames(self, "All Files of CLAPSep", "", PUBLISHED_FILES)
        if names:
            self.take_in([Path(name) for name in names])

    def take_in(self, files: Sequence[Path]) -> None:
        """Install Base from the published files."""
        half = self.half.isChecked()
        self._run(
            "Installing Base",
            lambda: installing.import_steps(files, half=half),
            self._installed,
        )

    def _installed(self, model: InstalledModel) -> None:
        self.refresh()
        self.choose(model.name)
        self.notice.say(f"“{model.name}” is installed: {size_text(model.size)}.", "muted", "check")
        self.changed.emit()

    # -- What is installed ---------------------------------------------------------------------

    @Slot()
    def verify(self) -> None:
        """Compare the chosen model with what it was when it was installed."""
        row = self.chosen
        if row is None:
            return

        def tell(_: InstalledModel) -> None:
            self.notice.say(f"“{row.title}” is intact.", "muted", "check")

        self._run(f"Verifying {row.title}", lambda: installing.verify_steps(row.name), tell)

    @Slot()
    def remove(self) -> None:
        """Delete the chosen model, after a question."""
        row = self.chosen
        if row is None or not row.removable:
            return
        question = Question(
            f"Remove {row.title}?",
            f"“{row.folder}” is deleted, which frees {size_text(row.size)}. Results that it made "
            "stay as they are.",
            (REMOVE,),
        )
        if self._ask(question) != REMOVE:
            return

        def tell(_: None) -> None:
            self.look()
            self.notice.say(f"“{row.title}” was removed.", "muted", "check")

        self._run(f"Removing {row.title}", lambda: installing.remove_steps(row.name), tell)

    # -- Work ----------------------------------------------------------------------------------

    def _run(self, title: str, steps: Callable[[], Steps[T]], use: Callable[[T], None]) -> None:
        if self.is_running or self._closed:
            return
        self.notice.say("")
        self._progress = ProgressModel()
        self.doing.setText(f"{title}…")
        self._runner.submit(
            Job(title, steps, on_result=use, on_abandoned=self.refresh, on_error=self._explain)
        )
        self.bar.setMaximum(0)
        self._ticking.start()
        self._refresh_buttons()

    def _explain(self, error: Exception) -> None:
        if isinstance(error, DownloadError):
            self.import_files.setFocus()
        self.notice.say(sentence(error), "error", "error")

    @Slot()
    def cancel(self) -> None:
        """Stop what runs."""
        self._runner.cancel()

    @Slot(object, object)
    def _on_progress(self, _: object, progress: Progress) -> None:
        self._progress.update(progress, self._clock())

    @Slot()
    def _show_progress(self) -> None:
        if self._progress.phase and self.cancel_button.isEnabled():
            self.doing.setText(transfer_text(self._progress, self._clock()))
            fraction = self._progress.fraction
            self.bar.setMaximum(0 if fraction is None else _STEPS)
            self.bar.setValue(round((fraction or 0) * _STEPS))

    @Slot()
    def _on_cancelling(self) -> None:
        self.cancel_button.setEnabled(False)
        self.doing.setText("Stopping…")
        self.bar.setMaximum(0)

    @Slot()
    def _on_idle(self) -> None:
        self._ticking.stop()
        self.doing.setText("")
        self.cancel_button.setEnabled(True)
        self._refresh_buttons()

    # -- Closing -------------------------------------------------------------------------------

    def reject(self) -> None:
        """Close, once the user agrees that what runs is stopped."""
        question = Question(
            "Something is still being installed",
            "Closing stops it. What was downloaded is kept, and the next time goes on from there.",
            (STOP,),
        )
        if not self.is_running or self._ask(question) == STOP:
            super().reject()

    def done(self, result: int) -> None:
        """Close at once; what runs is stopped."""
        self._closed = True
        self._ticking.stop()
        self._runner.close()
        super().done(result)
