"""Between the document and what shows and plays it: sources, roles, markers."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, Signal, Slot

from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.gui.document import Document
from clapsep_desktop.gui.player_link import PlayerLink
from clapsep_desktop.gui.session_sound import ROLES
from clapsep_desktop.gui.timeline import Timeline
from clapsep_desktop.gui.viewdata import ViewData
from clapsep_desktop.timebase import Span


class SoundLink(QObject):
    """Hands what can be heard to the views and the player, and keeps both on one role.

    Signals:
        role_changed(str): another role is heard and seen.

    Args:
        document: what there is to hear.
        timeline: what is seen of it.
        view: the pictures.
        playback: the sound.
    """

    role_changed = Signal(str)

    def __init__(
        self, document: Document, timeline: Timeline, view: ViewData, playback: PlayerLink
    ) -> None:
        super().__init__(document)
        self._document, self._timeline = document, timeline
        self._view, self._playback, self._player = view, playback, playback.player
        self._shown: Mapping[str, AudioSource] = {}
        document.opened.connect(self._on_opened)
        document.closed.connect(self._on_closed)
        document.session_changed.connect(self._on_session)
        document.audio_changed.connect(self._on_audio)

    @property
    def role(self) -> str:
        """What is heard and seen: one of `ROLES`."""
        return self._view.role

    def hear(self, role: str) -> None:
        """Hear and see another role, without a gap."""
        assert role in ROLES
        if role == self._view.role and role == self._player.role:
            return
        self._player.role = role
        self._view.set_role(role)
        self.role_changed.emit(role)

    def listen(self, role: str, span: Span) -> None:
        """Hear a span in a role, once, from its start."""
        self.hear(role)
        self._playback.play_span(span)

    @Slot()
    def _on_opened(self) -> None:
        assert self._document.session is not None
        recording = self._document.session.recording
        self.hear("kept" if self._document.session.below() else "original")
        self._timeline.set_recording(recording.rate, recording.frames)
        self._hand_on()

    @Slot()
    def _on_closed(self) -> None:
        self._hand_on()
        self._timeline.set_recording(48_000, 0)

    @Slot()
    def _on_session(self) -> None:
        session = self._document.session
        self._timeline.set_markers(() if session is None else session.markers)

    @Slot(object)
    def _on_audio(self, span: Span) -> None:
        """Other layers are seen as such; samples that changed in the same ones must be told."""
        if self._document.sources() is not self._shown:
            self._hand_on()
        else:
            self._view.changed(span)
            self._player.set_sources(self._shown)  # reads anew what it had read ahead

    def _hand_on(self) -> None:
        self._shown = self._document.sources()
        self._player.set_sources(self._shown)
        self._view.set_sources(self._shown)
