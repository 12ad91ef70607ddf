"""The batch dialog: a recipe over many recordings, in processes of its own.

The window lives on while it runs, and so does the editor: the workers share neither its models
nor its job thread. Closing the dialog stops the batch; the next run of it goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QProgressBar,
    QSpinBox,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from clapsep_desktop.audio.formats import CONTAINERS
from clapsep_desktop.batch import places
from clapsep_desktop.batch.devices import shares
from clapsep_desktop.batch.jobs import Advanced, Event, Finished, Job, Pool
from clapsep_desktop.batch.names import DEFAULT, FIELDS, Template
from clapsep_desktop.batch.pool import LocalPool
from clapsep_desktop.batch.run import Batch, Options, Order, gathered
from clapsep_desktop.errors import ClapSepError, TargetExistsError
from clapsep_desktop.gui.controls import GRID, Notice, Segments, muted_label, pad, push_button
from clapsep_desktop.gui.jobs import Job as BackgroundJob
from clapsep_desktop.gui.jobs import JobRunner, Progress, Steps
from clapsep_desktop.gui.questions import (
    REPLACE,
    SOUND_FILES,
    Ask,
    Dialogs,
    open_folder,
    replace_question,
)
from clapsep_desktop.session.recipe import SUFFIX, Recipe

RECIPES = f"Recipes (*{SUFFIX} *.json)"
_COLUMNS = ("Recording", "State", "Result")


@dataclass(frozen=True)
class _News(Progress):
    """What a batch's thread tells the dialog."""

    event: Event | None = None


class BatchDialog(QDialog):
    """Asks for a recipe and recordings, does them, and shows how they come on.

    Signals:
        finished_all(int, int): how many recordings are done, and how many failed.

    Args:
        recipe: to begin with, such as that of the open session.
        make_pool: makes the workers: of a device, and how many, None for as many as suit.
        device: where to compute.
        ask: asks a question; by default in a box.
        parent: see QDialog.
    """

    finished_all = Signal(int, int)

    def __init__(
        self,
        recipe: Recipe | None = None,
        *,
        make_pool: Callable[[str, int | None], Pool] | None = None,
        device: str = "auto",
        ask: Ask | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("batchDialog")
        self.setWindowTitle("Batch")
        self.setAcceptDrops(True)
        self.recipe = recipe
        self.batch: Batch | None = None
        self._make_pool = make_pool or _local_pool
        self._device = device
        self._ask = ask or Dialogs(self).ask
        self._files: list[str] = []
        self._items: dict[str, QTreeWidgetItem] = {}  # by recording
        self._runner = JobRunner(self)
        self._runner.progressed.connect(self._on_progress)
        self._lay_out()
        self._refresh()

    # -- Building ------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self._make_fields()
        self._make_table()
        self.notice = Notice("batchNotice", "error", "error")
        self.bar = QProgressBar()
        self.bar.setObjectName("batchProgress")
        self.bar.setAccessibleName("Progress of the whole batch")
        self.bar.setToolTip("Recordings that are finished.")
        column = QVBoxLayout(self)
        column.setContentsMargins(4 * GRID, 4 * GRID, 4 * GRID, 4 * GRID)
        column.setSpacing(3 * GRID)
        column.addLayout(self._form())
        column.addWidget(self.table, 1)
        column.addLayout(self._row(self.add, self.add_folder, self.clear_button, None))
        column.addWidget(self.bar)
        column.addWidget(self.notice)
        column.addLayout(self._row(self.report, None, self.start, self.stop, self.close_button))

    def sizeHint(self) -> QSize:
        return QSize(190 * GRID, 150 * GRID)

    def _make_fields(self) -> None:
        self.recipe_text = QLabel()
        self.recipe_text.setObjectName("batchRecipe")
        self.recipe_text.setTextFormat(Qt.TextFormat.PlainText)
        self.recipe_text.setWordWrap(True)
        self.open_recipe = push_button(
            "batch", "Open &Recipe…", self.ask_for_recipe, "Choose a recipe from a file."
        )
        self.out = QLineEdit()
        self.out.setPlaceholderText("Beside each recording")
        self._name(self.out, "batchOut", "Folder for results", "Where the results go.")
        self.choose_out = push_button(
            "batch", "&Folder…", self.ask_for_folder, "Choose that folder."
        )
        self.template = QLineEdit(DEFAULT)
        fields = "; ".join(f"{{{name}}}: {about}" for name, about in FIELDS.items())
        self._name(self.template, "batchTemplate", "Names of the results", f"{fields}.")
        self.kinds = Segments(
            "batchKinds",
            "Write",
            [
                ("both", "Both", "Write what is kept and what is removed."),
                ("kept", "Kept", "Write what is kept."),
                ("removed", "Removed", "Write what is removed."),
            ],
        )
        self.format = QComboBox()
        self.format.addItem("As each recording", "")
        for one in CONTAINERS:
            self.format.addItem(f"{one.title} ({one.extensions[0]})", one.extensions[0])
        self._name(self.format, "batchFormat", "Format", "The kind of file of the results.")
        self.workers = QSpinBox()
        self.workers.setRange(0, 64)
        self.workers.setSpecialValueText("Automatic")
        pad(self.workers)
        tip = "How many recordings are done at once: one for each GPU, or as many as cores carry."
        self._name(self.workers, "batchWorkers", "Workers", tip)
        self.on_error = Segments(
            "batchOnError",
            "After a failure",
            [
                ("skip", "Go On", "Go on with the next recording."),
                ("stop", "Stop", "Stop at the first recording that fails."),
            ],
        )
        for field in (self.out, self.template):
            field.textChanged.connect(self._forget_result)
        self.kinds.chosen.connect(self._forget_result)
        self.format.currentIndexChanged.connect(self._forget_result)

    def _form(self) -> QFormLayout:
        form = QFormLayout()
        form.setSpacing(2 * GRID)
        form.addRow("Recipe", self._row(self.recipe_text, self.open_recipe))
        form.addRow("Results", self._row(self.out, self.choose_out))
        form.addRow("Names", self.template)
        form.addRow("", muted_label("Known are " + ", ".join(f"{{{name}}}" for name in FIELDS)))
        form.addRow("Write", self.kinds)
        form.addRow("Format", self.format)
        form.addRow("Workers", self.workers)
        form.addRow("After a failure", self.on_error)
        return form

    def _make_table(self) -> None:
        self.table = QTreeWidget()
        self._name(self.table, "batchQueue", "Recordings", "Drop recordings or folders here.")
        self.table.setHeaderLabels(_COLUMNS)
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        header = self.table.header()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        header.setStretchLastSection(False)
        self.add = push_button("batch", "&Add Files…", self.ask_for_files, "Choose recordings.")
        self.add_folder = push_button(
            "batch", "Add F&older…", self.ask_for_recordings, "Take every recording in a folder."
        )
        self.clear_button = push_button("batch", "&Clear", self.clear, "Empty the list.")
        self.start = push_button("batch", "&Start", self.begin, "Do what is not done yet.")
        self.stop = push_button(
            "batch", "S&top", self.halt, "Stop after cleaning up; Start goes on from there."
        )
        self.report = push_button(
            "batch",
            "Open &Results",
            self.show_results,
            "Show the folder of the report (CSV and JSON).",
        )
        self.close_button = push_button("batch", "Close", self.close, "Stop and close (Esc).")

    def _name(self, widget: QWidget, name: str, title: str, tip: str) -> None:
        widget.setObjectName(name)
        widget.setAccessibleName(title)
        widget.setToolTip(tip)

    def _row(self, *parts: QWidget | None) -> QHBoxLayout:
        """Widgets side by side; None is a gap, and fields take what room there is."""
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        for part in parts:
            if part is None:
                row.addStretch(1)
            else:
                row.addWidget(part, int(isinstance(part, QLineEdit | QLabel)))
        return row

    # -- What is to be done --------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        """Whether recordings are being done."""
        return self._runner.current is not None

    @property
    def files(self) -> tuple[str, ...]:
        """The recordings, in order."""
        return tuple(self._files)

    def set_recipe(self, recipe: Recipe) -> None:
        """Choose what is done."""
        self.recipe = recipe
        self._forget_result()

    def add_inputs(self, inputs: Sequence[str]) -> None:
        """Add recordings, and those in folders; one that is there already stays once."""
        try:
            found = gathered(inputs)
        except ClapSepError as error:
            self.notice.say(str(error), "error", "error")
            return
        for source in found:
            if source not in self._items:
                item = QTreeWidgetItem([places.name_of(source), "Waiting", ""])
                item.setToolTip(0, source)
                self.table.addTopLevelItem(item)
                self._items[source] = item
                self._files.append(source)
        self._forget_result()

    @Slot()
    def clear(self) -> None:
        """Empty the list."""
        self._files.clear()
        self._items.clear()
        self.table.clear()
        self._forget_result()

    @Slot()
    def ask_for_recipe(self) -> None:
        """Ask for a recipe's file."""
        name, _ = QFileDialog.getOpenFileName(self, "Open Recipe", "", RECIPES)
        if name:
            self.load_recipe(Path(name))

    def load_recipe(self, path: Path) -> None:
        """Choose the recipe in a file."""
        try:
            self.set_recipe(Recipe.load(path))
        except ClapSepError as error:
            self.notice.say(str(error), "error", "error")

    @Slot()
    def ask_for_folder(self) -> None:
        """Ask where the results go."""
        name = QFileDialog.getExistingDirectory(self, "Folder for Results", self.out.text())
        if name:
            self.out.setText(name)

    @Slot()
    def ask_for_files(self) -> None:
        """Ask for recordings."""
        names, _ = QFileDialog.getOpenFileNames(self, "Recordings", "", SOUND_FILES)
        if names:
            self.add_inputs(names)

    @Slot()
    def ask_for_recordings(self) -> None:
        """Ask for a folder of recordings."""
        name = QFileDialog.getExistingDirectory(self, "Folder of Recordings")
        if name:
            self.add_inputs([name])

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() and not self.is_running:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        recipes = [path for path in paths if path.name.endswith((SUFFIX, ".json"))]
        if recipes:
            self.load_recipe(recipes[0])
        others = [str(path) for path in paths if path not in recipes]
        if others:
            self.add_inputs(others)

    # -- Doing it ------------------------------------------------------------------------------

    @Slot()
    def begin(self) -> None:
        """Start, or go on."""
        self._begin(overwrite=False)

    def _begin(self, *, overwrite: bool) -> None:
        try:
            self._run(self._prepared(overwrite=overwrite))
        except TargetExistsError as error:
            if self._ask(replace_question([places.name_of(one) for one in error.names])) == REPLACE:
                self._begin(overwrite=True)
        except ClapSepError as error:
            self.notice.say(str(error), "error", "error")

    def _prepared(self, *, overwrite: bool) -> Batch:
        assert self.recipe is not None
        options = Options(
            out=self.out.text().strip(),
            template=Template(self.template.text().strip()),
            kinds=self.kinds.choice,  # type: ignore[arg-type]
            extension=self.format.currentData(),
            overwrite=overwrite,
            on_error=self.on_error.choice,  # type: ignore[arg-type]
        )
        orders = [Order(source, self.recipe) for source in self._files]
        return Batch(orders, options, options.out or places.parent(self._files[0]))

    def _run(self, batch: Batch) -> None:
        self.batch = batch
        self.notice.say("")
        for job, outcome in batch.rows:
            text = "Done before" if outcome is not None and outcome.is_done else "Waiting"
            self._show(job, text, _targets(job) if text != "Waiting" else "")
        count = self.workers.value() or None
        device, make = self._device, self._make_pool

        def steps() -> Steps[None]:
            yield Progress("starting")
            running = batch.run(make(device, count))
            try:
                for event in running:
                    yield _News(f"{event.job.number} {_phase(event)}", event=event)
            finally:
                running.close()

        self._runner.submit(
            BackgroundJob(
                "Batch",
                steps,
                on_result=lambda _: self._ended(),
                on_abandoned=self._ended,
                on_error=lambda error: self.notice.say(str(error), "error", "error"),
            )
        )
        self._refresh()

    @Slot()
    def halt(self) -> None:
        """Stop; what is done stays done."""
        self._runner.cancel()
        self.notice.say("Stopping: the workers clean up…", "muted", "info")

    @Slot(object, object)
    def _on_progress(self, _: object, progress: Progress) -> None:
        if not isinstance(progress, _News) or progress.event is None:
            return
        event = progress.event
        if isinstance(event, Finished):
            outcome = event.outcome
            self._show(
                event.job,
                "Done" if outcome.is_done else "Failed",
                _targets(event.job) if outcome.is_done else outcome.error,
            )
        else:
            self._show(event.job, _state(event), "")
        self._show_bar()

    def _ended(self) -> None:
        batch = self.batch
        assert batch is not None
        done = sum(outcome.is_done for outcome in batch.outcomes.values())
        failed, left = len(batch.failed), len(batch.jobs) - len(batch.outcomes)
        for job, outcome in batch.rows:
            if outcome is None:
                self._show(job, "Waiting", "")
        words = [f"{done} of {len(batch.jobs)} done"]
        words += [f"{failed} failed"] * bool(failed) + [f"{left} left"] * bool(left)
        tone = "warning" if failed or left else "muted"
        self.notice.say(f"{', '.join(words)}. Report: {batch.report_paths[0]}", tone, "info")  # type: ignore[arg-type]
        self._refresh()
        self.finished_all.emit(done, failed)

    @Slot()
    def show_results(self) -> None:
        """Show where the report lies."""
        if self.batch is not None:
            open_folder(Path(self.batch.home))

    def done(self, result: int) -> None:
        """Stop, wait for the workers' end, and close."""
        self._runner.close()
        super().done(result)

    # -- What is shown -------------------------------------------------------------------------

    def _show(self, job: Job, state: str, result: str) -> None:
        item = self._items.get(job.source)
        if item is not None:
            item.setText(1, state)
            item.setText(2, result)
            item.setToolTip(2, result)

    def _show_bar(self) -> None:
        if self.batch is not None:
            self.bar.setRange(0, len(self.batch.jobs))
            self.bar.setValue(len(self.batch.outcomes))

    @Slot()
    def _forget_result(self) -> None:
        """What was done belongs to other choices than those that are made now."""
        if not self.is_running:
            self.batch = None
            for item in self._items.values():
                item.setText(1, "Waiting")
                item.setText(2, "")
            self.notice.say("")
        self._refresh()

    def _refresh(self) -> None:
        running = self.is_running
        self.recipe_text.setText("None chosen" if self.recipe is None else str(self.recipe))
        ready = self.recipe is not None and bool(self._files) and not running
        self.start.setEnabled(ready)
        missing = "Choose a recipe." if self.recipe is None else "Add recordings."
        self.start.setToolTip("Do what is not done yet." if ready or running else missing)
        self.stop.setEnabled(running)
        self.report.setEnabled(self.batch is not None and not running)
        for widget in (
            self.open_recipe,
            self.out,
            self.choose_out,
            self.template,
            self.kinds,
            self.format,
            self.workers,
            self.on_error,
            self.add,
            self.add_folder,
            self.clear_button,
        ):
            widget.setEnabled(not running)
        self.bar.setVisible(self.batch is not None)
        self._show_bar()


def _local_pool(device: str, count: int | None) -> Pool:
    return LocalPool(shares(device, count))


def _phase(event: Event) -> str:
    return "finished" if isinstance(event, Finished) else event.phase


def _state(event: Advanced) -> str:
    phase = event.phase[:1].upper() + event.phase[1:]
    return f"{phase} {event.done / event.total:.0%}" if event.total else phase


def _targets(job: Job) -> str:
    return ", ".join(map(places.name_of, job.targets))
