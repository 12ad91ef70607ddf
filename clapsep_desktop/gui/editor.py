"""Everything of the editor that is no widget, made together and closed together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from clapsep_desktop.audio.playback import Player
from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.gui.document import Document
from clapsep_desktop.gui.jobs import JobRunner
from clapsep_desktop.gui.loudness_match import LoudnessMatch
from clapsep_desktop.gui.operations.extracting import Notify, load_models
from clapsep_desktop.gui.operations.operations import Operations
from clapsep_desktop.gui.player_link import PlayerLink
from clapsep_desktop.gui.preferences import Settings
from clapsep_desktop.gui.sound_link import SoundLink
from clapsep_desktop.gui.timeline import Timeline
from clapsep_desktop.gui.viewdata import ViewData
from clapsep_desktop.timebase import Span

if TYPE_CHECKING:
    from clapsep_desktop.separation.models import Models


class Editor(QObject):
    """A document with what edits, shows and plays it.

    Args:
        settings: what the program remembers.
        folder: of this session, for results; deleted at the end.
        roots: other folders in which a crash may have left sessions.
        models: makes the models for a device; on the job thread.
        player: plays; by default on this machine's sound cards.

    Raises:
        AudioWriteError: the folder cannot be written.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        *,
        roots: Sequence[Path] = (),
        models: Callable[[str, Notify], Models] = load_models,
        player: Player | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.roots = (folder.parent, *roots)
        store = AudioStore(folder, budget=settings.values.disk_budget)
        self.document = Document(store, self, undo_limit=settings.values.undo_limit)
        self.runner = JobRunner(self)
        self.operations = Operations(
            self.document,
            self.runner,
            device=lambda: settings.values.device,
            models=models,
            parent=self,
        )
        self.timeline = Timeline(self)
        self.view = ViewData(self)
        self.player = player or Player()
        self.playback = PlayerLink(self.player, self.timeline, self)
        self.sound = SoundLink(self.document, self.timeline, self.view, self.playback)
        self.loudness = LoudnessMatch(self.document, self.runner, self.timeline, self.player)
        self._closed = False
        settings.changed.connect(self._on_settings)
        self._on_settings(frozenset({"output_device"}))
        self.operations.planned.connect(self._hear_it_happen)
        self.operations.previewed.connect(self._hear_preview)
        self.operations.preview_changed.connect(self._end_preview)

    def close(self, *, keep: bool = False) -> None:
        """Stop and join everything and delete what is temporary; a second call does nothing.

        Args:
            keep: leave the session's folder to be recovered at the next start.
        """
        if self._closed:
            return
        self._closed = True
        self.runner.close()
        if keep:
            self.document.leave()
        else:
            self.document.close()
        self.view.close()
        self.playback.close()
        if not keep:
            self.document.store.close()

    @Slot()
    def _hear_it_happen(self) -> None:
        """Whoever looks at the original sees a result only by looking at what is kept."""
        if self.sound.role == "original":
            self.sound.hear("kept")

    @Slot(object)
    def _hear_preview(self, span: Span) -> None:
        self.sound.listen("kept", span)

    @Slot(bool)
    def _end_preview(self, heard: bool) -> None:
        if not heard and self.playback.is_playing:
            self.playback.stop()

    @Slot(object)
    def _on_settings(self, changed: frozenset[str]) -> None:
        values = self.settings.values
        if "disk_budget" in changed:
            self.document.store.budget = values.disk_budget
        if "output_device" in changed:
            self.playback.set_device(values.output_device or None)
        self.timeline.follow = values.follow
        self.playback.return_on_stop = values.return_on_stop
