"""Between the history panel and the document: the stack as a list, and what is done to it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from clapsep_desktop.gui.editor import Editor
from clapsep_desktop.gui.history_panel import HistoryPanel
from clapsep_desktop.gui.operations.comparing import Comparison
from clapsep_desktop.session.session import Extraction


class HistoryLink(QObject):
    """Shows the session in the panel and hands on what the user does there.

    Args:
        panel: the list.
        editor: what is shown.
    """

    def __init__(self, panel: HistoryPanel, editor: Editor) -> None:
        super().__init__(panel)
        self._panel, self._editor = panel, editor
        document, operations = editor.document, editor.operations
        panel.toggled.connect(operations.toggle)
        panel.strength_changed.connect(self._retune)
        panel.renamed.connect(operations.rename)
        panel.deleted.connect(operations.delete)
        panel.rerender_requested.connect(operations.rerender)
        panel.moved.connect(operations.move)
        panel.activated.connect(self._jump)
        panel.heard.connect(self._hear)
        document.session_changed.connect(self._show)
        document.buffers_changed.connect(self._show)
        operations.compared.connect(self._on_compared)
        editor.settings.changed.connect(self._show_budget)
        panel.set_undo_stack(document.undo_stack)
        self._show_budget()
        self._show()

    @Slot()
    def _show(self) -> None:
        session, store = self._editor.document.session, self._editor.document.store
        if session is None:
            self._panel.show_session(None)
            return
        outdated = {one.id for one in session if session.is_outdated(one.id)}
        sizes = {one.id: store.size(one.buffer) for one in session if one.is_rendered}
        self._panel.show_session(session, outdated, sizes, store.used)

    @Slot(str, float, bool)
    def _retune(self, identity: str, strength: float, final: bool) -> None:
        self._editor.operations.retune(identity, strength, final=final)

    @Slot(str)
    def _jump(self, identity: str) -> None:
        timeline = self._editor.timeline
        if not identity:  # the recording itself
            timeline.select_all()
            return
        extraction = self._extraction(identity)
        timeline.select(extraction.span, extraction.band)
        timeline.set_cursor(extraction.span.start)
        timeline.reveal(extraction.span.start)

    @Slot(str, str)
    def _hear(self, identity: str, role: str) -> None:
        self._jump(identity)
        self._editor.sound.listen(role, self._extraction(identity).span)

    def _extraction(self, identity: str) -> Extraction:
        assert self._editor.document.session is not None
        return self._editor.document.session.find(identity)

    @Slot(str, object)
    def _on_compared(self, identity: str, comparison: Comparison) -> None:
        self._panel.set_change(identity, " ".join(comparison.sentences))

    @Slot()
    def _show_budget(self) -> None:
        self._panel.set_budget(self._editor.settings.values.disk_budget)
