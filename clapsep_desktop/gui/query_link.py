"""Between the query panel and the document: what is asked, of which part, and the answer."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot

from clapsep_desktop.errors import ClapSepError, QueryError
from clapsep_desktop.gui.editor import Editor
from clapsep_desktop.gui.example_check import ExampleCheck
from clapsep_desktop.gui.model_choices import model_choices
from clapsep_desktop.gui.prompt_rows import Side
from clapsep_desktop.gui.query_panel import BUSY, QueryPanel
from clapsep_desktop.gui.requests import ExtractionRequest, preview_span
from clapsep_desktop.model import registry
from clapsep_desktop.query import AudioPrompt
from clapsep_desktop.timebase import Span

NOTHING_OPEN = "Open a recording first."


class QueryLink(QObject):
    """Makes requests of what the panel and the timeline say, and tells the panel what happens.

    Signals:
        asked(): something is being made of the query, or previewed.

    Args:
        panel: where the query is written.
        editor: what is asked of.
    """

    asked = Signal()

    def __init__(self, panel: QueryPanel, editor: Editor) -> None:
        super().__init__(panel)
        self._panel, self._timeline, self._document = panel, editor.timeline, editor.document
        self._operations, self._runner = editor.operations, editor.runner
        self._settings = settings = editor.settings
        self._shown: Span | None = None  # what was selected as an example
        self._check = ExampleCheck(self)
        self.refresh_models()
        self._show_choices()  # before the panel's own are kept
        panel.extract_requested.connect(self.extract)
        panel.preview_requested.connect(self.preview)
        panel.use_selection_as_example.connect(self.use_selection)
        panel.query_changed.connect(self._keep_choices)
        panel.voice_hint_dismissed.connect(self._end_voice_hint)
        panel.example_added.connect(self._check.look_at)
        self._check.failed.connect(panel.tell_unreadable)
        editor.timeline.selection_changed.connect(self._on_selection)
        editor.document.opened.connect(self._on_document)
        editor.document.closed.connect(self._on_document)
        editor.operations.planned.connect(panel.show_plan)
        editor.runner.started.connect(self._on_started)
        editor.runner.idle.connect(self._on_idle)
        settings.changed.connect(self._on_settings)
        panel.set_recent(settings.recent_queries)
        panel.allow_voice_hint(settings.values.voice_hint)
        self._on_document()

    def close(self) -> None:
        """Look at no more examples."""
        self._check.close()

    def refresh_models(self) -> None:
        """Look which models are installed."""
        names = [model.name for model in registry.installed()]
        self._panel.set_models(model_choices(names))

    @Slot()
    def extract(self) -> None:
        """Ask for the extraction that the panel describes."""
        request = self._request(self.scope)
        if request is None:
            return
        self._operations.extract(request, first=self._timeline.playhead)
        self.asked.emit()

    @Slot()
    def preview(self) -> None:
        """Ask for some seconds of it, from the cursor on."""
        span = preview_span(self._timeline.cursor, self._timeline.rate, self._timeline.frames)
        request = self._request(span)
        if request is not None:
            self._operations.preview(request)
            self.asked.emit()

    @Slot()
    def repeat(self) -> None:
        """Ask the last query again, of what is selected now."""
        span = self.scope
        if self._runner.current is not None:
            self._panel.show_error(BUSY)
        elif span is not None:
            self._operations.repeat_last(span, self._band)

    @Slot(str)
    def on_extracted(self, identity: str) -> None:
        """Remember a query that worked."""
        assert self._document.session is not None
        self._settings.remember_query(self._document.session.find(identity).query)
        self._panel.set_recent(self._settings.recent_queries)

    @Slot(str)
    def use_selection(self, side: Side) -> None:
        """Put the selection on a side of the query as an example of what is in all the file."""
        selection, session = self._timeline.selection, self._document.session
        if selection is None or session is None:
            return
        rate = session.recording.rate
        example = AudioPrompt(session.recording.path, selection.start / rate, selection.stop / rate)
        self._panel.add_prompt(side, example)
        self._panel.options.scope = "file"  # who shows one bark means the others
        self._shown = selection

    @property
    def scope(self) -> Span | None:
        """The part that the query is about; None without a recording."""
        selection = self._timeline.selection
        if self._panel.options.scope == "selection" and selection is not None:
            return selection
        return Span(0, self._timeline.frames) if self._timeline.frames else None

    @property
    def _band(self) -> tuple[float, float] | None:
        """The frequencies that the query is about, Hz; None for all."""
        return self._timeline.band if self._panel.options.scope == "selection" else None

    def _request(self, span: Span | None) -> ExtractionRequest | None:
        panel = self._panel
        try:
            if span is None:
                raise QueryError(NOTHING_OPEN)
            if self._runner.current is not None:
                raise QueryError(BUSY)
            return ExtractionRequest(
                query=panel.query(),
                span=span,
                band=self._band,
                channels=panel.options.channels,
                model=panel.options.model,
                specialists=panel.options.specialists,
            )
        except ClapSepError as error:
            panel.show_error(str(error))
            return None

    @Slot()
    def _keep_choices(self) -> None:
        self._settings.update(
            model=self._panel.options.model, specialists=self._panel.options.specialists
        )

    @Slot(object)
    def _on_settings(self, changed: frozenset[str]) -> None:
        if changed & {"model", "specialists"}:
            self._show_choices()
        if "voice_hint" in changed:
            self._panel.allow_voice_hint(self._settings.values.voice_hint)

    @Slot()
    def _end_voice_hint(self) -> None:
        self._settings.update(voice_hint=False)

    def _show_choices(self) -> None:
        values, options = self._settings.values, self._panel.options
        options.model = values.model
        options.specialists = values.specialists

    @Slot()
    def _on_selection(self) -> None:
        selection = self._timeline.selection
        self._panel.set_has_selection(selection is not None)
        if self._shown is not None and selection not in (None, self._shown):
            self._panel.options.scope = "selection"  # a new one is meant as the scope again
            self._shown = None

    @Slot()
    def _on_document(self) -> None:
        self._panel.set_obstacle("" if self._document.is_open else NOTHING_OPEN)

    @Slot()
    def _on_started(self) -> None:
        self._panel.set_busy(True)
        self._panel.show_error("")

    @Slot()
    def _on_idle(self) -> None:
        self._panel.set_busy(False)
        self._panel.show_plan("")
