"""Problems, previews and notes as messages over the recording, with what can be done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Slot

from clapsep_desktop.gui.editor import Editor
from clapsep_desktop.gui.jobs import Job
from clapsep_desktop.gui.message_bar import Choice, MessageBar
from clapsep_desktop.gui.operations import trouble
from clapsep_desktop.gui.requests import ExtractionRequest, Trouble, WayOut
from clapsep_desktop.gui.wording import size_text
from clapsep_desktop.timebase import Span


class Troubles(QObject):
    """Says in the message bar what the operations tell.

    Args:
        bar: where it is said.
        editor: whose operations tell.
        ways: what the ways out do that are the window's own, by their action.
    """

    def __init__(
        self, bar: MessageBar, editor: Editor, ways: dict[str, Callable[[], None]]
    ) -> None:
        super().__init__(bar)
        self._bar, self._editor = bar, editor
        self._ways = ways | {"forget_undo": self._forget_undo}
        operations = editor.operations
        operations.troubled.connect(self.show)
        operations.noted.connect(self.note)
        operations.warned.connect(self.warn)
        operations.previewed.connect(self._on_preview)
        operations.preview_changed.connect(self._on_preview_changed)
        editor.runner.started.connect(self._on_started)
        editor.runner.failed.connect(self._on_failed)
        editor.playback.trouble.connect(self._on_silence)
        editor.playback.state_changed.connect(self._on_playback)
        self._silence = ""  # why nothing was heard
        bar.dismissed.connect(operations.discard_preview)

    @Slot(object)
    def show(self, told: Trouble) -> None:
        """Say what did not work and offer the ways out."""
        choices = [
            Choice(way.label, self._way(way), primary=number == 0)
            for number, way in enumerate(told.ways)
        ]
        self._bar.say(told.sentence, title=told.title, tone="error", choices=choices)

    @Slot(object, object)
    def _on_failed(self, job: Job[Any], error: Exception) -> None:
        """Say what hindered a job, unless it explains that itself."""
        if job.on_error is None:
            self.show(trouble.of_job(error, job.title))

    @Slot(str)
    def note(self, sentence: str) -> None:
        """Say a sentence, unless something more important is said."""
        if not self._bar.choices:
            self._bar.say(sentence)

    @Slot(str)
    def warn(self, sentence: str) -> None:
        """Say what the user should beware of."""
        self._bar.say(sentence, tone="warning")

    @Slot(str)
    def _on_silence(self, sentence: str) -> None:
        self._silence = sentence
        self.note(sentence)

    @Slot()
    def _on_playback(self) -> None:
        """What hindered playback is past once it works."""
        if self._silence and self._editor.playback.is_playing:
            if self._bar.text == self._silence:
                self._bar.clear()
            self._silence = ""

    def _way(self, way: WayOut) -> Callable[[], None]:
        if way.action == "retry":
            request = way.request
            assert request is not None
            return lambda: self._retry(request)
        return self._ways[way.action]

    def _retry(self, request: ExtractionRequest) -> None:
        if self._editor.document.is_open:
            self._editor.operations.extract(request, first=self._editor.timeline.playhead)

    def _forget_undo(self) -> None:
        freed = self._editor.document.forget_undo()
        self._bar.say(
            f"{size_text(freed)} are free again. Ask once more."
            if freed
            else "No undo step held any space. Delete steps in the history, or allow more space "
            "in the preferences."
        )

    @Slot(object)
    def _on_preview(self, _: Span) -> None:
        self._bar.say(
            "This is a preview: it is heard here and nowhere else, and no step was made.",
            choices=[Choice("Extract", self._ways["extract"], primary=True)],
        )

    @Slot(bool)
    def _on_preview_changed(self, heard: bool) -> None:
        if not heard:
            self._bar.clear()

    @Slot(object)
    def _on_started(self, job: Job[Any]) -> None:
        """What was told is settled once the user goes on."""
        if not job.unasked:
            self._bar.clear()
