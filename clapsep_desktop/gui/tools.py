"""The tools beside the editor: where is it, checklist, saved sounds, recipes, batches.

The window gives each a command and the checklist a dock; everything else stands here.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from clapsep_desktop.audio.playback import Player
from clapsep_desktop.errors import ClapSepError
from clapsep_desktop.gui.batch_dialog import RECIPES, BatchDialog
from clapsep_desktop.gui.checklist_panel import ChecklistPanel
from clapsep_desktop.gui.editor import Editor
from clapsep_desktop.gui.jobs import Job, JobRunner, Progress, Steps
from clapsep_desktop.gui.lane_view import LaneView
from clapsep_desktop.gui.library_dialog import LibraryDialog
from clapsep_desktop.gui.locate_controller import LocateController
from clapsep_desktop.gui.operations import trouble
from clapsep_desktop.gui.query_panel import QueryPanel
from clapsep_desktop.gui.requests import Trouble
from clapsep_desktop.query import AudioPrompt, EmbeddedPrompt, TextPrompt
from clapsep_desktop.session.library import Library
from clapsep_desktop.session.recipe import SUFFIX, Recipe
from clapsep_desktop.timebase import Span

if TYPE_CHECKING:
    from clapsep_desktop.separation.tags import Tag


class Tools(QObject):
    """The tools of a window.

    Signals:
        troubled(Trouble): something did not work.
        noted(str): a sentence on what was done.

    Args:
        editor: what is edited.
        query: where queries are written.
        lane: shows where a sound is.
        library: saved sounds; by default the user's.
        parent: the window.

    Attributes:
        checklist: the panel, to be put into a dock.
        locator: finds sounds.
    """

    troubled = Signal(object)
    noted = Signal(str)

    def __init__(
        self,
        editor: Editor,
        query: QueryPanel,
        lane: LaneView,
        parent: QWidget,
        *,
        library: Library | None = None,
    ) -> None:
        super().__init__(parent)
        self._editor, self._query, self._window = editor, query, parent
        self._library = library or Library()
        self._dialogs: list[BatchDialog] = []
        self._reader = JobRunner(self)  # of saved sounds; the editor's may be at long work
        self.locator = LocateController(
            editor.document, editor.runner, editor.operations.models, lane, self
        )
        self.checklist = ChecklistPanel()
        self.locator.failed.connect(self._tell)
        self.locator.tagged.connect(self._on_tagged)
        self.locator.busy_changed.connect(self.checklist.set_busy)
        self.checklist.listen_requested.connect(self.tag)
        self.checklist.chosen.connect(self.locator.show)
        self.checklist.span_requested.connect(self._select)
        self.checklist.keep_requested.connect(self._keep)
        self.checklist.remove_requested.connect(self._remove)
        editor.document.closed.connect(self.checklist.clear)
        editor.document.opened.connect(self.checklist.clear)
        self.refresh_sounds()

    # -- What the commands do ------------------------------------------------------------------

    @Slot()
    def locate(self) -> None:
        """Show in the lane where what the query names is heard."""
        try:
            query = self._query.query()
        except ClapSepError as error:
            self._tell(str(error))
            return
        self.locator.locate(query)

    @Slot()
    def tag(self) -> None:
        """List what is in the recording."""
        self.locator.tag()

    @Slot()
    def sounds(self) -> None:
        """Show the saved sounds."""
        dialog = self.library_dialog()
        dialog.exec()
        dialog.deleteLater()

    def library_dialog(self) -> LibraryDialog:
        """The dialog of saved sounds, not yet shown."""
        editor = self._editor
        player = Player()
        player.set_device(editor.player.device)
        dialog = LibraryDialog(
            self._library,
            editor.runner,
            editor.operations.models,
            selection=self._selected,
            player=player,
            parent=self._window,
        )
        dialog.changed.connect(self.refresh_sounds)
        return dialog

    @Slot()
    def batch(self) -> None:
        """Show the batch dialog, with the recipe of the open session."""
        dialog = self.batch_dialog()
        dialog.show()

    def batch_dialog(self) -> BatchDialog:
        """The batch dialog, not yet shown; it is deleted when it is closed."""
        session = self._editor.document.session
        recipe = None
        if session is not None:
            with suppress(ClapSepError):  # nothing extracted yet: the dialog asks for a file
                recipe = Recipe.of(session, session.recording.path.stem, whole=True)
        device = self._editor.settings.values.device
        dialog = BatchDialog(recipe, device=device, parent=self._window)
        dialog.finished.connect(self._forget_dialog)
        self._dialogs.append(dialog)
        return dialog

    @property
    def is_batch_running(self) -> bool:
        """Whether closing would stop a batch."""
        return any(dialog.is_running for dialog in self._dialogs)

    def close(self) -> None:
        """Stop every batch and close its dialog; nothing is read any more."""
        for dialog in [*self._dialogs]:
            dialog.done(0)
        self._reader.close()

    @Slot()
    def _forget_dialog(self) -> None:
        dialog = self.sender()
        assert isinstance(dialog, BatchDialog)
        self._dialogs.remove(dialog)
        dialog.deleteLater()

    @Slot()
    def export_recipe(self) -> None:
        """Ask for a file, and write the session's recipe."""
        session = self._editor.document.session
        if session is None:
            self._tell("Open a recording first.")
            return
        proposal = session.recording.path.with_suffix(SUFFIX)
        name, _ = QFileDialog.getSaveFileName(self._window, "Export Recipe", str(proposal), RECIPES)
        if name:
            self.save_recipe(Path(name))

    def save_recipe(self, path: Path, *, with_audio: bool = True) -> None:
        """Write the session's recipe, its examples embedded, as a job."""
        session = self._editor.document.session
        if session is None:
            self._tell("Open a recording first.")
            return
        models, library = self._editor.operations.models, self._library
        try:
            recipe = Recipe.of(session, path.name.split(".")[0])
        except ClapSepError as error:
            self._tell(str(error))
            return

        def steps() -> Steps[Recipe]:
            yield Progress("listening")
            made = recipe
            if any(not isinstance(prompt, TextPrompt) for prompt in recipe.prompts):
                from clapsep_desktop.batch.prepare import portable

                made = portable(recipe, models(), with_audio=with_audio, saved=library.sounds())
            made.save(path)
            return made

        def tell(_: Recipe) -> None:
            self.noted.emit(f"The recipe is in “{path}”.")

        self._editor.runner.submit(
            Job(f"Exporting “{path.name}”", steps, on_result=tell, on_error=self._explain)
        )

    @Slot(str)
    def _tell(self, sentence: str) -> None:
        self.troubled.emit(Trouble("That did not work", sentence))

    # -- Saved sounds --------------------------------------------------------------------------

    @Slot()
    def refresh_sounds(self) -> None:
        """Offer the saved sounds where queries are written, once their files are read."""
        library = self._library

        def steps() -> Steps[dict[str, EmbeddedPrompt]]:
            yield Progress("reading")
            return {sound.name: sound.prompt() for sound in library.sounds() if sound.vectors}

        self._reader.submit(
            Job("Reading saved sounds", steps, on_result=self._offer, on_error=self._explain)
        )

    def _offer(self, prompts: dict[str, EmbeddedPrompt]) -> None:
        self._query.suggestions.set_saved(list(prompts), prompts.__getitem__)

    def _selected(self) -> AudioPrompt | None:
        document, selection = self._editor.document, self._editor.timeline.selection
        if document.material is None or selection is None:
            return None
        info = document.material.info
        return AudioPrompt(info.path, selection.start / info.rate, selection.stop / info.rate)

    # -- The checklist -------------------------------------------------------------------------

    @Slot(object)
    def _on_tagged(self, tags: list[Tag]) -> None:
        material = self._editor.document.material
        if material is not None:
            self.checklist.show_tags(tags, material.source.rate)

    @Slot(object)
    def _select(self, span: Span) -> None:
        self._editor.timeline.select(span)
        self._editor.timeline.centre((span.start + span.stop) // 2)

    @Slot(str)
    def _keep(self, text: str) -> None:
        self._query.add_prompt("keep", TextPrompt(text))

    @Slot(str)
    def _remove(self, text: str) -> None:
        self._query.add_prompt("remove", TextPrompt(text))

    def _explain(self, error: Exception) -> None:
        self._tell(trouble.sentence(error))
