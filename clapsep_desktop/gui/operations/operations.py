"""Every operation of the editor as one short method; the long ones become jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from clapsep_desktop.audio.export_plan import ExportMaterial, ExportSettings
from clapsep_desktop.audio.export_sources import ExportReport
from clapsep_desktop.audio.mix import MixSource
from clapsep_desktop.errors import ClapSepError
from clapsep_desktop.gui.document import Document, Material
from clapsep_desktop.gui.jobs import Job, JobRunner
from clapsep_desktop.gui.operations import trouble
from clapsep_desktop.gui.operations.comparing import Comparison, compare_steps
from clapsep_desktop.gui.operations.exporting import export_steps
from clapsep_desktop.gui.operations.extracting import ModelCache, Notify, load_models
from clapsep_desktop.gui.operations.opening import open_steps, recording_of
from clapsep_desktop.gui.operations.rendering import Rendering, rendered
from clapsep_desktop.gui.requests import ExtractionRequest
from clapsep_desktop.gui.wording import short_time
from clapsep_desktop.session.history import History
from clapsep_desktop.session.session import Extraction, Marker, Session
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
        self._models = ModelCache(self.noted.emit, models)
        self._last: ExtractionRequest | None = None
        self._drag = 0  # number of the slider's movement, so that one is one undo step
        self._rendering = Rendering(document, runner, self._models, device, self)
        self._rendering.planned.connect(self.planned)
        self._rendering.computes_on.connect(self.computes_on)
        self._rendering.preview_changed.connect(self.preview_changed)
        self._rendering.noted.connect(self.noted)
        self._rendering.troubled.connect(self.troubled)

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
        self._document.close(wait=False)

    # -- Extracting ----------------------------------------------------------------------------

    def extract(self, request: ExtractionRequest, first: int | None = None) -> None:
        """Put an extraction on top of the stack.

        Args:
            request: what is asked.
            first: frame to begin with, such as the playhead's, where it lies in the span.
        """
        self._last = request

        def add(extraction: Extraction) -> None:
            session = self._session.added(extraction)
            self._document.apply(extraction.title, session)
            self.extracted.emit(extraction.id)

        title = request.extraction.title
        self._rendering.run(request, f"{title} in {self._place(request.span)}", add, first=first)

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
        title = f"{request.extraction.title} (preview)"
        self._rendering.preview(request, title, lambda: self.previewed.emit(request.span))

    @Slot()
    def discard_preview(self) -> None:
        """Hear the session alone again."""
        self._rendering.discard_preview()

    @property
    def is_extracting(self) -> bool:
        """Whether a result is being computed, or will be when its turn comes."""
        return self._rendering.is_running

    @property
    def has_preview(self) -> bool:
        """Whether a preview is heard."""
        return self._rendering.has_preview

    def rerender(self, identity: str) -> None:
        """Make an extraction again from what those below it leave now."""
        old = self._session.find(identity)
        title = f"Re-render {_called(old)}"

        def renew(new: Extraction) -> None:
            session = self._session
            if identity in session:  # else it was deleted meanwhile
                renewed = rendered(session.find(identity), new)
                self._document.apply(title, session.replaced(renewed))

        self._rendering.run_again(old, title, renew)

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
        title = f"Strength of {_called(extraction)}"
        self._document.apply(title, session, merge=f"{identity} {self._drag}")
        if final:
            self._drag += 1

    def toggle(self, identity: str, enabled: bool) -> None:
        """Let an extraction count, or not."""
        extraction = self._session.find(identity)
        verb = "Turn On" if enabled else "Turn Off"
        session = self._session.edited(identity, enabled=enabled)
        self._document.apply(f"{verb} {_called(extraction)}", session)

    def rename(self, identity: str, name: str) -> None:
        """Give an extraction a name of the user's own; an empty one brings its query back."""
        extraction = self._session.find(identity)
        session = self._session.edited(identity, name=name.strip())
        self._document.apply(f"Rename {_called(extraction)}", session)

    def move(self, identity: str, index: int) -> None:
        """Put an extraction at another place in the stack."""
        extraction = self._session.find(identity)
        self._document.apply(f"Move {_called(extraction)}", self._session.moved(identity, index))

    def delete(self, identity: str) -> None:
        """Take an extraction out of the stack."""
        extraction = self._session.find(identity)
        self._document.apply(f"Delete {_called(extraction)}", self._session.without(identity))

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

        self._runner.submit(
            Job(
                f"Comparing {_called(extraction)}",
                lambda: compare_steps(before, after, original, removed, extraction.span),
                on_result=show,
                on_abandoned=lambda: document.release(held),
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

    def cancel_all(self) -> None:
        """Stop what runs and what waits."""
        self._runner.cancel_all()

    def models(self) -> Models:
        """The models that extractions use; only for what runs on the job thread."""
        return self._models.models(self._device())

    def forget_models(self) -> None:
        """Let go of the loaded models, so that the next job loads them anew."""
        self._models.forget()

    @property
    def _session(self) -> Session:
        session = self._document.session
        if session is None:
            raise ClapSepError("Open a recording first.")
        return session


def _called(extraction: Extraction) -> str:
    """An extraction within a menu's words; a name of the user's own stands in quotation marks."""
    return f"“{extraction.name}”" if extraction.name else extraction.title
