"""Between the history panel and the document: the stack as a list, and what is done to it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Slot

from clapsep_desktop.gui.document import Document
from clapsep_desktop.gui.history_panel import HistoryPanel
from clapsep_desktop.gui.operations.comparing import Comparison
from clapsep_desktop.gui.operations.operations import Operations
from clapsep_desktop.gui.timeline import Timeline
from clapsep_desktop.timebase import Span


class HistoryLink(QObject):
    """Shows the session in the panel and hands on what the user does there.

    Args:
        panel: the list.
        document: what is shown.
        operations: what can be done.
        timeline: moves to a step when it is chosen.
        listen: switches to a role and plays a span.
    """

    def __init__(
        self,
        panel: HistoryPanel,
        document: Document,
        operations: Operations,
        timeline: Timeline,
        listen: Callable[[str, Span], None],
    ) -> None:
        super().__init__(panel)
        self._panel, self._document = panel, document
        self._operations, self._timeline, self._listen = operations, timeline, listen
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
        self._show()

    @Slot()
    def _show(self) -> None:
        session, store = self._document.session, self._document.store
        if session is None:
            self._panel.clear()
            return
        outdated = {one.id for one in session if session.is_outdated(one.id)}
        sizes = {one.id: store.size(one.buffer) for one in session if one.is_rendered}
        self._panel.show_session(session, outdated, sizes, store.used)

    @Slot(str, float, bool)
    def _retune(self, identity: str, strength: float, final: bool) -> None:
        self._operations.retune(identity, strength, final=final)

    @Slot(str)
    def _jump(self, identity: str) -> None:
        extraction = self._extraction(identity)
        self._timeline.select(extraction.span, extraction.band)
        self._timeline.set_cursor(extraction.span.start)
        self._timeline.reveal(extraction.span.start)

    @Slot(str, str)
    def _hear(self, identity: str, role: str) -> None:
        self._jump(identity)
        self._listen(role, self._extraction(identity).span)

    def _extraction(self, identity: str):
        assert self._document.session is not None
        return self._document.session.find(identity)

    @Slot(str, object)
    def _on_compared(self, identity: str, comparison: Comparison) -> None:
        self._panel.show_comparison(identity, " ".join(comparison.sentences))
