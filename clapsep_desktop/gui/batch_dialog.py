"""The batch dialog: a recipe over many recordings, in processes of its own.

The window lives on while it runs, and so does the editor: the workers share neither its models
nor its job thread. Closing the dialog stops the batch; the next run of it goes on from there.
Recordings and results may lie on slow disks or far away, so they are looked for, read and checked
on the dialog's job thread only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QSize, Signal, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from clapsep_desktop.batch import places
from clapsep_desktop.batch.devices import shares
from clapsep_desktop.batch.jobs import Event, Finished, Pool
from clapsep_desktop.batch.pool import LocalPool
from clapsep_desktop.batch.run import Batch, Order, gathered
from clapsep_desktop.errors import ClapSepError, TargetExistsError
from clapsep_desktop.gui.batch_form import BatchForm
from clapsep_desktop.gui.batch_queue import BatchQueue
from clapsep_desktop.gui.controls import GRID, Notice, Tone, push_button
from clapsep_desktop.gui.jobs import Job, JobRunner, Progress, Steps, retold
from clapsep_desktop.gui.operations.trouble import sentence
from clapsep_desktop.gui.questions import (
    REPLACE,
    SOUND_FILES,
    Ask,
    Dialogs,
    open_folder,
    replace_question,
)
from clapsep_desktop.session.recipe import SUFFIX, Recipe

T = TypeVar("T")

RECIPES = f"Recipes (*{SUFFIX} *.json)"


@dataclass(frozen=True)
class _News(Progress):
    """What a batch's thread tells the dialog."""

    event: Event = field(kw_only=True)


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

    Attributes:
        form: the fields.
        queue: the recordings.
        recipe: what is done, None while none is chosen.
        batch: what was run last with the choices that are made now, None before.
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
        self._running = False
        self._closing = False  # as soon as nothing is done any more
        self._runner = JobRunner(self)
        self._runner.progressed.connect(self._on_progress)
        self._runner.idle.connect(self._on_idle)
        self._make_parts()
        self._lay_out()
        self._refresh()

    # -- Building ------------------------------------------------------------------------------

    def _make_parts(self) -> None:
        self.form = BatchForm()
        self.form.show_recipe(self.recipe)
        self.form.changed.connect(self._forget_result)
        self.form.recipe_wanted.connect(self.ask_for_recipe)
        self.queue = BatchQueue()
        self.add = push_button("batch", "&Add Files…", self.ask_for_files, "Choose recordings.")
        self.add_folder = push_button(
            "batch", "Add F&older…", self.ask_for_recordings, "Take every recording in a folder."
        )
        self.clear_button = push_button("batch", "&Clear", self.clear, "Empty the list.")
        self.bar = QProgressBar()
        self.bar.setObjectName("batchProgress")
        self.bar.setAccessibleName("Progress of the whole batch")
        self.bar.setToolTip("Recordings that are finished.")
        self.notice = Notice("batchNotice", "error", "error")
        self.report = push_button(
            "batch",
            "Open &Results",
            self.show_results,
            "Show the folder of the report (CSV and JSON).",
        )
        self.start = push_button("batch", "&Start", self.begin, "Do what is not done yet.")
        self.stop = push_button(
            "batch", "S&top", self.halt, "Stop after cleaning up; Start goes on from there."
        )
        self.close_button = push_button("batch", "Close", self.close, "Stop and close (Esc).")

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(4 * GRID, 4 * GRID, 4 * GRID, 4 * GRID)
        column.setSpacing(3 * GRID)
        column.addWidget(self.form)
        column.addWidget(self.queue, 1)
        column.addLayout(_row(self.add, self.add_folder, self.clear_button, None))
        column.addWidget(self.bar)
        column.addWidget(self.notice)
        column.addLayout(_row(self.report, None, self.start, self.stop, self.close_button))

    def sizeHint(self) -> QSize:
        return QSize(190 * GRID, 150 * GRID)

    # -- What is to be done --------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        """Whether recordings are being done, or about to be."""
        return self._running

    @property
    def is_busy(self) -> bool:
        """Whether that, or recordings are being looked for."""
        return self._runner.current is not None

    def set_recipe(self, recipe: Recipe) -> None:
        """Choose what is done."""
        self.recipe = recipe
        self.form.show_recipe(recipe)
        self._forget_result()

    def add_inputs(self, inputs: Sequence[str]) -> None:
        """Look for recordings and for those in folders, and add what is found."""
        self._work("Looking for recordings…", lambda: gathered(inputs), self._take)

    def _take(self, sources: list[str]) -> None:
        self.queue.add(sources)
        self._forget_result()

    @Slot()
    def clear(self) -> None:
        """Empty the list."""
        self.queue.remove_all()
        self._forget_result()

    @Slot()
    def ask_for_recipe(self) -> None:
        """Ask for a recipe's file."""
        name, _ = QFileDialog.getOpenFileName(self, "Open Recipe", "", RECIPES)
        if name:
            self.load_recipe(Path(name))

    def load_recipe(self, path: Path) -> None:
        """Choose the recipe in a file."""
        self._work("Reading the recipe…", lambda: Recipe.load(path), self.set_recipe)

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
        event.acceptProposedAction()
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
        """Check whether all can be done, then do it."""
        assert self.recipe is not None
        try:
            options = self.form.options(overwrite=overwrite)
        except ClapSepError as error:
            self._explain(error)
            return
        orders = [Order(source, self.recipe) for source in self.queue.sources]
        home = options.out or places.parent(orders[0].source)
        self._running = True
        self._work(
            "Checking the recordings…",
            lambda: Batch(orders, options, home),
            self._run,
            on_abandoned=self._give_up,
            on_error=self._refuse,
        )

    def _give_up(self) -> None:
        self._running = False
        self.notice.say("")

    def _refuse(self, error: Exception) -> None:
        """Say why it cannot be done, or ask whether files may be replaced."""
        if not isinstance(error, TargetExistsError):
            self._explain(error)
        elif self._ask(replace_question([places.name_of(one) for one in error.names])) == REPLACE:
            self._begin(overwrite=True)

    def _run(self, batch: Batch) -> None:
        self.batch = batch
        self.notice.say("")
        for job, outcome in batch.rows:
            self.queue.show_outcome(job, outcome)
        count = self.form.workers.value() or None
        device, make = self._device, self._make_pool

        def steps() -> Steps[None]:
            yield Progress("starting")
            yield from retold(batch.run(make(device, count)), _told)

        self._runner.submit(
            Job(
                "Batch",
                steps,
                on_result=lambda _: self._conclude(batch),
                on_abandoned=lambda: self._conclude(batch),
                on_error=self._explain,
            )
        )
        self._refresh()

    @Slot()
    def halt(self) -> None:
        """Stop; what is done stays done."""
        self._runner.cancel_all()
        self.notice.say("Stopping: the workers clean up…", "muted", "info")

    @Slot(object, object)
    def _on_progress(self, _: object, progress: Progress) -> None:
        if isinstance(progress, _News):
            self.queue.show_event(progress.event)
            self._show_bar()

    def _conclude(self, batch: Batch) -> None:
        """Say what came of a batch, whether it ended by itself or was stopped."""
        self._running = False
        for job, outcome in batch.rows:
            self.queue.show_outcome(job, outcome)
        count, failed = len(batch.jobs), len(batch.failed)
        done, left = len(batch.outcomes) - failed, count - len(batch.outcomes)
        words = [f"{done} of {count} done"]
        words += [f"{failed} failed"] * bool(failed) + [f"{left} left"] * bool(left)
        tone: Tone = "warning" if failed or left else "muted"
        self.notice.say(f"{', '.join(words)}. Report: {batch.report_paths[0]}", tone, "info")
        self.finished_all.emit(done, failed)

    @Slot()
    def show_results(self) -> None:
        """Show where the report lies."""
        if self.batch is not None:
            open_folder(Path(self.batch.home))

    def _work(
        self,
        words: str,
        do: Callable[[], T],
        use: Callable[[T], None],
        *,
        on_abandoned: Callable[[], None] | None = None,
        on_error: Callable[[Exception], None] | None = None,
    ) -> None:
        """Do something that reads from disks, and say so meanwhile."""

        def steps() -> Steps[T]:
            yield Progress(words)
            return do()

        self.notice.say(words, "muted", "info")
        on_error = on_error or self._explain
        self._runner.submit(
            Job(words, steps, on_result=use, on_abandoned=on_abandoned, on_error=on_error)
        )
        self._refresh()

    def _explain(self, error: Exception) -> None:
        self.notice.say(sentence(error), "error", "error")

    # -- Closing -------------------------------------------------------------------------------

    def reject(self) -> None:
        """Stop, and close once the workers have cleaned up; nobody has to watch that."""
        if not self.is_busy:
            super().reject()
            return
        self._closing = True
        self.halt()
        self.hide()

    @Slot()
    def _on_idle(self) -> None:
        self._refresh()
        if self._closing:
            super().reject()

    def done(self, result: int) -> None:
        """Stop, wait for the workers' end, and close."""
        self._runner.close()
        super().done(result)

    # -- What is shown -------------------------------------------------------------------------

    def _show_bar(self) -> None:
        self.bar.setVisible(self.batch is not None)
        if self.batch is not None:
            self.bar.setRange(0, len(self.batch.jobs))
            self.bar.setValue(len(self.batch.outcomes))

    @Slot()
    def _forget_result(self) -> None:
        """What was done belongs to other choices than those that are made now."""
        if not self.is_running:
            self.batch = None
            self.queue.wait()
            self.notice.say("")
        self._refresh()

    def _refresh(self) -> None:
        running = self.is_running
        missing = "Add recordings." if not self.queue.sources else ""
        missing = "Choose a recipe." if self.recipe is None else missing
        self.start.setEnabled(not missing and not self.is_busy)
        self.start.setToolTip(missing or "Do what is not done yet.")
        self.stop.setEnabled(running)
        self.report.setEnabled(self.batch is not None and not running)
        for widget in (self.form, self.add, self.add_folder, self.clear_button):
            widget.setEnabled(not running)
        self._show_bar()


def _local_pool(device: str, count: int | None) -> Pool:
    return LocalPool(shares(device, count))


def _told(event: Event) -> _News:
    """An event as progress; each phase of each recording is told at once."""
    phase = "finished" if isinstance(event, Finished) else event.phase
    return _News(f"{event.job.number} {phase}", event=event)


def _row(*parts: QWidget | None) -> QHBoxLayout:
    """Widgets side by side; None is a gap."""
    row = QHBoxLayout()
    row.setSpacing(2 * GRID)
    for part in parts:
        if part is None:
            row.addStretch(1)
        else:
            row.addWidget(part)
    return row
