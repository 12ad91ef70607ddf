"""Every operation of the editor as one short method; the long ones become jobs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from clapsep_desktop.audio.export_plan import ExportMaterial, ExportSettings
from clapsep_desktop.audio.export_sources import ExportReport
from clapsep_desktop.audio.mix import MixSource
from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.errors import AudioWriteError, ClapSepError
from clapsep_desktop.gui.document import Document, Material
from clapsep_desktop.gui.jobs import Job, JobRunner, Steps
from clapsep_desktop.gui.operations import trouble
from clapsep_desktop.gui.operations.comparing import Comparison, compare_steps
from clapsep_desktop.gui.operations.exporting import export_steps
from clapsep_desktop.gui.operations.extracting import (
    Engine,
    Growth,
    Notify,
    Task,
    extract_steps,
    load_models,
)
from clapsep_desktop.gui.operations.opening import open_steps, recording_of
from clapsep_desktop.gui.requests import ExtractionRequest
from clapsep_desktop.gui.wording import short_time
from clapsep_desktop.session.autosave import FinishedStep, note_finished
from clapsep_desktop.session.history import History
from clapsep_desktop.session.session import Extraction, Marker, Session, new_id
from clapsep_desktop.timebase import Span

if TYPE_CHECKING:
    from clapsep_desktop.separation.models import Models


class Operations(QObject):
    """What the user can do to a document.

    Signals:
        opened(Path): a recording is shown.
        planned(str): which model does what in the running extraction.
        computes_on(tuple[str, ...]): the devices of its models.
        extracted(str): the id of an extraction that was finished and is in the stack.
        previewed(Span): a preview is ready to be heard there.
        preview_changed(bool): whether a preview is heard instead of the session alone.
        compared(str, Comparison): what a step of the stack changed.
        exported(ExportReport): files that were written.
        noted(str): a sentence that the user should know.
        warned(str): one to beware of, such as that the recording is cut off.
        troubled(Trouble): something did not work.

    Args:
        document: what is edited.
        runner: runs the long operations.
        device: answers where models are to compute.
        models: makes the models for a device; on the job thread.
        parent: see QObject.
    """

    opened = Signal(object)
    planned = Signal(str)
    computes_on = Signal(object)
    extracted = Signal(str)
    previewed = Signal(object)
    preview_changed = Signal(bool)
    compared = Signal(str, object)
    exported = Signal(object)
    noted = Signal(str)
    warned = Signal(str)
    troubled = Signal(object)

    _grew = Signal(object)

    def __init__(
        self,
        document: Document,
        runner: JobRunner,
        *,
        device: Callable[[], str] = lambda: "auto",
        models: Callable[[str, Notify], Models] = load_models,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._document = document
        self._runner = runner
        self._device = device
        self._engine = Engine(self.noted.emit, models)
        self._task: Task | None = None  # the extraction whose result grows
        self._running: Task | None = None  # the extraction that was submitted and has not ended
        self._preview: Task | None = None  # the preview that is heard
        self._last: ExtractionRequest | None = None
        self._drag = 0  # number of the slider's movement, so that one is one undo step
        self._grew.connect(self._on_growth)
        runner.cancelling.connect(self._on_cancelling)
        document.closed.connect(self.discard_preview)

    # -- Files ---------------------------------------------------------------------------------

    def open_file(self, path: Path) -> None:
        """Open a recording instead of the one that is shown; that one stays until it is there."""
        self._runner.submit(
            Job(
                f"Opening “{path.name}”",
                lambda: open_steps(path),
                on_result=self._show,
                on_error=lambda error: self.troubled.emit(trouble.of_opening(error)),
                discard=lambda material: material.close(),
            )
        )

    def _show(self, material: Material) -> None:
        self._document.open(History.of(Session(recording_of(material))), material)
        if material.info.warning:
            self.warned.emit(material.info.warning)
        self.opened.emit(material.info.path)

    def close_file(self) -> None:
        """Let go of the recording; what runs is stopped."""
        self.cancel_all()
        self.discard_preview()
        self._document.close()

    # -- Extracting ----------------------------------------------------------------------------

    def extract(self, request: ExtractionRequest, first: int | None = None) -> None:
        """Put an extraction on top of the stack.

        Args:
            request: what is asked.
            first: frame to begin with, such as the playhead's, where it lies in the span.
        """
        self.discard_preview()
        self._last = request

        def add(extraction: Extraction) -> None:
            session = self._session.added(extraction)
            self._document.apply(extraction.title, session)
            self.extracted.emit(extraction.id)

        title = request.extraction.title
        self._run(request, f"{title} in {self._place(request.span)}", add, first=first)

    def _place(self, span: Span) -> str:
        recording = self._session.recording
        if span == Span(0, recording.frames):
            return "the whole file"
        start, stop = (short_time(frame / recording.rate) for frame in (span.start, span.stop))
        return f"{start} – {stop}"

    def repeat_last(self, span: Span, band: tuple[float, float] | None = None) -> None:
        """Ask again what was asked last, of another part."""
        if self._last is None:
            self.noted.emit("There is no extraction to repeat yet.")
            return
        self.extract(replace(self._last, span=span, band=band))

    @property
    def can_repeat(self) -> bool:
        """Whether something was asked before."""
        return self._last is not None

    def preview(self, request: ExtractionRequest) -> None:
        """Let the result of a short part be heard, without a step in the stack."""
        self.discard_preview()

        def hear(_: Extraction) -> None:
            self._task, self._preview = None, self._task
            self.preview_changed.emit(True)
            self.previewed.emit(request.span)

        self._run(request, f"{request.extraction.title} (preview)", hear, stays=True)

    @Slot()
    def discard_preview(self) -> None:
        """Hear the session alone again."""
        if self._preview is None:
            return
        task, self._preview = self._preview, None
        self._document.stop_growing()
        self._document.release([task.buffer])
        self.preview_changed.emit(False)

    @property
    def is_extracting(self) -> bool:
        """Whether a result is being computed."""
        return self._running is not None

    @property
    def has_preview(self) -> bool:
        """Whether a preview is heard."""
        return self._preview is not None

    def rerender(self, identity: str) -> None:
        """Make an extraction again from what those below it leave now."""
        old = self._session.find(identity)

        def renew(new: Extraction) -> None:
            session = self._session
            if identity not in session:  # deleted meanwhile
                return
            rendered = _rendered(session.find(identity), new)
            self._document.apply(f"Re-render {old.title}", session.replaced(rendered))

        self.discard_preview()
        request = ExtractionRequest.of(old)
        self._run(request, f"Re-render {old.title}", renew, identity=identity)

    def _run(
        self,
        request: ExtractionRequest,
        title: str,
        use: Callable[[Extraction], None],
        *,
        identity: str | None = None,
        first: int | None = None,
        stays: bool = False,
    ) -> None:
        """Submit an extraction as a job.

        Args:
            request: what is asked.
            title: the job's.
            use: what happens with the result.
            identity: of the extraction that is made again; None for a new one on top.
            first: frame to begin with.
            stays: whether the result goes on being heard when it is finished.
        """
        document, span, recording = self._document, request.span, self._session.recording
        old = None if identity is None else self._session.find(identity)
        task = Task(
            request=request,
            source=document.heard_by(identity),
            heard=self._session.heard_by(span, identity),
            buffer=new_id(),
            device=self._device(),
            first=first if first is not None and span.start < first < span.stop else None,
        )
        held = [task.buffer, *(each.buffer for each in self._session.below(identity))]
        document.hold(held)
        self._running = task
        self._make_room(request)

        def steps() -> Steps[Extraction]:
            tell = self._grew.emit if identity is None else _ignore
            new = yield from extract_steps(task, self._engine, document.store, tell)
            if not stays:
                made = new if old is None else _rendered(old, new)
                step = FinishedStep(made.title if old is None else title, recording, made)
                _remember(document.store, step)
            return new

        def finish(extraction: Extraction) -> None:
            self._end(task)
            if not stays:
                self._task = None
                document.stop_growing(tell=False)
            use(extraction)
            document.release(held[1:] if stays else held)

        def abandon() -> None:
            self._end(task)
            self._stop_growing(task)
            document.release(held)

        def explain(error: Exception) -> None:
            self.troubled.emit(trouble.of_extraction(error, request))

        self._runner.submit(
            Job(title, steps, on_result=finish, on_abandoned=abandon, on_error=explain)
        )

    def _make_room(self, request: ExtractionRequest) -> None:
        """Keep within what results may take on the disk, at the cost of the oldest undo steps."""
        copies = 1 if request.band is None else 2  # the band is filtered from one to the other
        size = 4 * request.span.length * self._session.recording.channels * copies
        given_up = self._document.make_room(size)
        if given_up:
            steps = "The oldest undo step was" if given_up == 1 else f"{given_up} undo steps were"
            self.noted.emit(f"{steps} given up, so that the result has room on the disk.")

    @Slot(object)
    def _on_growth(self, growth: Growth) -> None:
        job = self._runner.current
        if job is None or job.cancelled.is_set():
            return
        if growth.layer is not None:
            self._task = growth.task
            self._document.grow(growth.layer)
            self.planned.emit(growth.plan)
            self.computes_on.emit(growth.devices)
        if growth.span is not None and growth.task is self._task:
            self._document.grown(growth.span)

    def _end(self, task: Task) -> None:
        if task is self._running:
            self._running = None

    def _stop_growing(self, task: Task | None) -> None:
        if task is not None and task is self._task:
            self._task = None
            self._document.stop_growing()

    @Slot(object)
    def _on_cancelling(self, _: Job[object]) -> None:
        self._stop_growing(self._task)  # at once, whatever the job still does

    # -- The stack -----------------------------------------------------------------------------

    def retune(self, identity: str, strength: float, *, final: bool = True) -> None:
        """Change how much an extraction takes away; the model does not run.

        Args:
            identity: the extraction's.
            strength: 0 to 1.
            final: False while a slider is moved, which makes one undo step of all its positions.
        """
        extraction = self._session.find(identity)
        session = self._session.edited(identity, strength=strength)
        title = f"Strength of {extraction.title}"
        self._document.apply(title, session, merge=f"{identity} {self._drag}")
        if final:
            self._drag += 1

    def toggle(self, identity: str, enabled: bool) -> None:
        """Let an extraction count, or not."""
        extraction = self._session.find(identity)
        verb = "Turn On" if enabled else "Turn Off"
        session = self._session.edited(identity, enabled=enabled)
        self._document.apply(f"{verb} {extraction.title}", session)

    def rename(self, identity: str, name: str) -> None:
        """Give an extraction a name of the user's own; an empty one brings its query back."""
        extraction = self._session.find(identity)
        session = self._session.edited(identity, name=name.strip())
        self._document.apply(f"Rename {extraction.title}", session)

    def move(self, identity: str, index: int) -> None:
        """Put an extraction at another place in the stack."""
        extraction = self._session.find(identity)
        self._document.apply(f"Move {extraction.title}", self._session.moved(identity, index))

    def delete(self, identity: str) -> None:
        """Take an extraction out of the stack."""
        extraction = self._session.find(identity)
        self._document.apply(f"Delete {extraction.title}", self._session.without(identity))

    # -- Markers -------------------------------------------------------------------------------

    def toggle_marker(self, frame: int) -> None:
        """Put a marker at a frame, or take away the one that is there."""
        if any(marker.frame == frame for marker in self._session.markers):
            self._document.apply("Remove Marker", self._session.unmarked(frame))
        else:
            name = f"Marker {len(self._session.markers) + 1}"
            self._document.apply("Add Marker", self._session.marked(Marker(frame, name)))

    # -- Comparing -----------------------------------------------------------------------------

    def compare(self, identity: str) -> None:
        """Measure what a step of the stack changed, and prove that it changed nothing else."""
        document = self._document
        assert document.material is not None
        extraction = self._session.find(identity)
        if not extraction.is_rendered:
            return
        held = [extraction.buffer, *(each.buffer for each in self._session.below(identity))]
        document.hold(held)
        original, before = document.material.source, document.heard_by(identity)
        layers = before.layers if isinstance(before, MixSource) else ()
        layers = (*layers, document.layer_of(identity))
        after = MixSource(original, layers, role="kept")
        removed = MixSource(original, layers, role="removed")

        def show(comparison: Comparison) -> None:
            document.release(held)
            self.compared.emit(identity, comparison)

        title = f"Comparing {extraction.title}"
        self._runner.submit(
            Job(
                title,
                lambda: compare_steps(before, after, original, removed, extraction.span),
                on_result=show,
                on_abandoned=lambda: document.release(held),
                on_error=lambda error: self.troubled.emit(trouble.of_job(error, title)),
            )
        )

    # -- Exporting -----------------------------------------------------------------------------

    def export(self, material: ExportMaterial, settings: ExportSettings) -> None:
        """Write what was made to files.

        Args:
            material: from `exporting.material_of`.
            settings: what is to be written, where and how.
        """
        document = self._document
        held = document.needed()
        document.hold(held)

        def tell(report: ExportReport) -> None:
            document.release(held)
            self.exported.emit(report)

        def explain(error: Exception) -> None:
            self.troubled.emit(trouble.of_export(error))

        self._runner.submit(
            Job(
                f"Exporting “{settings.name}”",
                lambda: export_steps(material, settings),
                on_result=tell,
                on_abandoned=lambda: document.release(held),
                on_error=explain,
            )
        )

    # -- Jobs ----------------------------------------------------------------------------------

    def cancel(self) -> None:
        """Stop what runs; the project is as it was before it."""
        self._runner.cancel()

    def cancel_all(self) -> None:
        """Stop what runs and what waits."""
        self._runner.cancel_all()

    def models(self) -> Models:
        """The models that extractions use; only for what runs on the job thread."""
        return self._engine.models(self._device())

    def forget_models(self) -> None:
        """Let go of the loaded models once nothing runs, so that the next job loads them anew."""
        if self._runner.current is None:
            self._engine.forget()

    @property
    def _session(self) -> Session:
        session = self._document.session
        if session is None:
            raise ClapSepError("Open a recording first.")
        return session


def _rendered(old: Extraction, new: Extraction) -> Extraction:
    """An extraction with the result of its rendering again."""
    return replace(
        old,
        buffer=new.buffer,
        heard=new.heard,
        plan=new.plan,
        vectors=new.vectors,
        seconds=new.seconds,
    )


def _remember(store: AudioStore, step: FinishedStep) -> None:
    """Note a result, so that a crash before the next autosave does not lose it."""
    with suppress(AudioWriteError):  # the disk is full: the step is done all the same
        note_finished(store.folder, step)


def _ignore(_: Growth) -> None:
    """The result replaces another one and is heard when it is finished."""
