"""Extractions as jobs: what each holds on to, and what is heard of it meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from PySide6.QtCore import QObject, Signal, Slot

from clapsep_desktop.errors import AudioWriteError
from clapsep_desktop.gui.document import Document
from clapsep_desktop.gui.jobs import Job, JobRunner, Steps
from clapsep_desktop.gui.operations import trouble
from clapsep_desktop.gui.operations.extracting import Growth, ModelCache, Task, extract_steps
from clapsep_desktop.gui.requests import ExtractionRequest
from clapsep_desktop.session.autosave import FinishedStep, note_finished
from clapsep_desktop.session.session import Extraction, Session, new_id


class Rendering(QObject):
    """Has extractions computed; what becomes of their results is the caller's.

    A new one is heard while it grows. One that is made again is heard when it is finished: until
    then its former result is.

    Signals:
        planned(str): which model does what in the running extraction.
        computes_on(tuple[str, ...]): the devices of its models.
        preview_changed(bool): whether a preview is heard instead of the session alone.
        noted(str): a sentence that the user should know.
        troubled(Trouble): an extraction did not work.

    Args:
        document: what is extracted from.
        runner: runs the extractions.
        models: for all of them.
        device: answers where models are to compute.
        parent: see QObject.
    """

    planned = Signal(str)
    computes_on = Signal(object)
    preview_changed = Signal(bool)
    noted = Signal(str)
    troubled = Signal(object)

    _grew = Signal(object)  # from the job thread to this one

    def __init__(
        self,
        document: Document,
        runner: JobRunner,
        models: ModelCache,
        device: Callable[[], str],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._document = document
        self._runner = runner
        self._models = models
        self._device = device
        self._unfinished: set[str] = set()  # buffers of the tasks whose jobs have not ended
        self._growing: Task | None = None  # the one that is heard while it is computed
        self._preview: Task | None = None  # the one that is heard now
        self._grew.connect(self._on_growth)
        runner.cancelling.connect(self._on_cancelling)
        document.closed.connect(self.discard_preview)

    @property
    def is_running(self) -> bool:
        """Whether a result is being computed, or will be when its turn comes."""
        return bool(self._unfinished)

    # -- Making results ------------------------------------------------------------------------

    def run(
        self,
        request: ExtractionRequest,
        title: str,
        use: Callable[[Extraction], None],
        *,
        first: int | None = None,
    ) -> None:
        """Make a new extraction, to be put on top of the stack.

        Args:
            request: what is asked.
            title: the job's.
            use: makes a step of the result.
            first: frame to begin with, such as the playhead's, where it lies in the span.
        """
        self.discard_preview()
        recording = self._session.recording

        def note(new: Extraction) -> None:
            self._note(FinishedStep(new.title, recording, new))

        self._submit(self._task(request, first=first), title, use, note)

    def run_again(self, old: Extraction, title: str, use: Callable[[Extraction], None]) -> None:
        """Make an extraction of the stack again, from what those below it leave now.

        Args:
            old: the extraction.
            title: the job's and the step's.
            use: makes a step of the result.
        """
        self.discard_preview()
        recording = self._session.recording

        def note(new: Extraction) -> None:
            self._note(FinishedStep(title, recording, rendered(old, new)))

        task = self._task(ExtractionRequest.of(old), old.id)
        self._submit(task, title, use, note, grows=False)

    def preview(self, request: ExtractionRequest, title: str, ready: Callable[[], None]) -> None:
        """Make an extraction that is heard, and no more, until `discard_preview`.

        Args:
            request: what is asked.
            title: the job's.
            ready: called once all of it can be heard.
        """
        self.discard_preview()
        task = self._task(request)

        def hear(_: Extraction) -> None:
            self._document.hold(task.buffers)  # the job is about to give them back
            self._preview = task
            self.preview_changed.emit(True)
            ready()

        self._submit(task, title, hear, stays=True)

    def _task(
        self, request: ExtractionRequest, identity: str | None = None, first: int | None = None
    ) -> Task:
        """What a request needs as things are now; of an extraction that is there, or on top."""
        span, buffer = request.span, new_id()
        return Task(
            request=request,
            source=self._document.heard_by(identity),
            heard=self._session.heard_by(span, identity),
            below=tuple(one.buffer for one in self._session.below(identity)),
            buffer=buffer,
            raw=buffer if request.band is None else new_id(),
            device=self._device(),
            first=first if first is not None and span.start < first < span.stop else None,
        )

    def _submit(
        self,
        task: Task,
        title: str,
        use: Callable[[Extraction], None],
        note: Callable[[Extraction], None] | None = None,
        *,
        grows: bool = True,
        stays: bool = False,
    ) -> None:
        """Have a job carry a task out.

        Args:
            task: what to do.
            title: the job's.
            use: gets the result.
            note: writes it down before, on the job thread, lest a crash lose it.
            grows: whether it is heard while it is computed.
            stays: whether it goes on being heard like that when it is finished.
        """
        document, held = self._document, (*task.buffers, *task.below)
        document.hold(held)
        self._unfinished.add(task.buffer)
        self._make_room(task)

        def steps() -> Steps[Extraction]:
            tell = self._grew.emit if grows else _ignore
            new = yield from extract_steps(task, self._models, document.store, tell)
            if note is not None:
                note(new)
            return new

        def finish(new: Extraction) -> None:
            self._unfinished.discard(task.buffer)
            if task is self._growing:
                self._growing = None
                if not stays:
                    document.stop_growing(tell=False)  # what takes its place sounds the same
            use(new)
            document.release(held)

        def abandon() -> None:
            self._unfinished.discard(task.buffer)
            if task is self._growing:
                self._stop_growing()
            document.release(held)

        def explain(error: Exception) -> None:
            self.troubled.emit(trouble.of_extraction(error, task.request))

        self._runner.submit(
            Job(title, steps, on_result=finish, on_abandoned=abandon, on_error=explain)
        )

    def _note(self, step: FinishedStep) -> None:
        """Write a result down, so that a crash before the next autosave does not lose it."""
        with suppress(AudioWriteError):  # the disk is full: the step is done all the same
            note_finished(self._document.store.folder, step)

    def _make_room(self, task: Task) -> None:
        """Keep within what results may take on the disk, at the cost of the oldest undo steps."""
        size = 4 * task.request.span.length * task.source.channels * len(task.buffers)
        given_up = self._document.make_room(size)
        if given_up:
            steps = "The oldest undo step was" if given_up == 1 else f"{given_up} undo steps were"
            self.noted.emit(f"{steps} given up, so that the result has room on the disk.")

    # -- Hearing them grow ---------------------------------------------------------------------

    @Slot(object)
    def _on_growth(self, growth: Growth) -> None:
        job = self._runner.current
        if job is None or job.cancelled.is_set():
            return
        if growth.layer is not None:
            self._growing = growth.task
            self._document.grow(growth.layer)
            self.planned.emit(growth.plan)
            self.computes_on.emit(growth.devices)
        if growth.span is not None and growth.task is self._growing:
            self._document.grown(growth.span)

    @Slot(object)
    def _on_cancelling(self, _: Job[object]) -> None:
        if self._growing is not None:
            self._stop_growing()  # at once, whatever the job still does

    def _stop_growing(self) -> None:
        self._growing = None
        self._document.stop_growing()

    # -- Previews ------------------------------------------------------------------------------

    @property
    def has_preview(self) -> bool:
        """Whether a preview is heard."""
        return self._preview is not None

    @Slot()
    def discard_preview(self) -> None:
        """Hear the session alone again."""
        if self._preview is None:
            return
        task, self._preview = self._preview, None
        self._document.stop_growing()
        self._document.release(task.buffers)
        self.preview_changed.emit(False)

    @property
    def _session(self) -> Session:
        session = self._document.session
        assert session is not None
        return session


def rendered(old: Extraction, new: Extraction) -> Extraction:
    """An extraction with the result of its rendering again."""
    return replace(
        old,
        buffer=new.buffer,
        heard=new.heard,
        plan=new.plan,
        vectors=new.vectors,
        seconds=new.seconds,
    )


def _ignore(_: Growth) -> None:
    """The result replaces another one and is heard when it is finished."""
