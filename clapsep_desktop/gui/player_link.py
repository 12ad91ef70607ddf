"""Between the player and the timeline: the transport's commands, and the moving playhead."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from clapsep_desktop.audio.channelmap import Layout
from clapsep_desktop.audio.meter import Meter
from clapsep_desktop.audio.playback import Player
from clapsep_desktop.gui.actions import Actions
from clapsep_desktop.gui.timeline import Timeline
from clapsep_desktop.timebase import Span

TICK_MS = 33
"""Between two looks at the player while something is played: 30 a second."""


class PlayerLink(QObject):
    """The transport. Lives in the GUI thread; the player calls back from its own.

    Signals:
        state_changed(): playing, paused or stopped.
        loop_changed(bool), speed_changed(float).
        metered(): `meter` has moved.
        devices_changed(): the outputs were read anew.
        trouble(str): a sentence about why playback stopped.

    Args:
        player: the sound.
        timeline: cursor, playhead and selection.
        parent: see QObject.

    Attributes:
        meter: the levels of what is heard.
        return_on_stop: whether stop goes back to where playback began; otherwise it stays.
    """

    state_changed = Signal()
    loop_changed = Signal(bool)
    speed_changed = Signal(float)
    metered = Signal()
    devices_changed = Signal()
    trouble = Signal(str)

    _called = Signal()  # from the player's thread to this one

    def __init__(self, player: Player, timeline: Timeline, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.player, self.timeline = player, timeline
        self.meter = Meter()
        self.return_on_stop = True
        self._loop = False
        self._speed = 1.0
        self._plays_selection = False
        self._devices = player.devices()
        self._state = (False, False)
        self._ticked = 0.0  # seconds, when the meter last moved
        self._timer = QTimer(self)
        self._timer.setObjectName("playheadTimer")
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._called.connect(self._look)
        player.on_change = self._called.emit
        player.on_trouble = self.trouble.emit
        timeline.cursor_changed.connect(self._on_cursor)
        timeline.selection_changed.connect(self._on_selection)

    def bind(self, actions: Actions) -> None:
        """Let the transport's commands do their work."""
        for name, act in (
            ("play", self.play_or_stop),
            ("play_past", self.play_past),
            ("pause", self.pause_or_resume),
            ("stop_here", self.stop_here),
            ("to_start", self.to_start),
            ("to_end", self.to_end),
        ):
            actions[name].triggered.connect(act)
        actions["loop"].toggled.connect(self.set_loop)
        self.loop_changed.connect(actions["loop"].setChecked)

    def close(self) -> None:
        """Stop, and end the player's thread."""
        self._timer.stop()
        self.player.close()

    # -- Commands ------------------------------------------------------------------------------

    @Slot()
    def play_or_stop(self) -> None:
        """Play the selection, or from the cursor on; or stop, there or where that began."""
        if self.player.is_playing and self.return_on_stop:
            self.stop()
        elif self.player.is_playing:
            self.stop_here()
        elif self.player.is_paused:
            self.pause_or_resume()
        elif self.timeline.selection is not None:
            self._start(self.timeline.selection, None)
        else:
            self._start(None, self.timeline.cursor)

    @Slot()
    def play_past(self) -> None:
        """Play from the cursor on, whatever is selected."""
        self._start(None, self.timeline.cursor)

    def play_span(self, span: Span) -> None:
        """Play a stretch once."""
        self._plays_selection = False
        self.player.play(span, speed=self._speed)
        self._look()

    @Slot()
    def pause_or_resume(self) -> None:
        """Stay here, and go on from here the next time."""
        if self.player.is_playing:
            self.player.pause()
        elif self.player.is_paused:
            self.player.resume()
        self._look()

    @Slot()
    def stop(self) -> None:
        """Go back to where playback began."""
        self.player.stop()
        self._look()

    @Slot()
    def stop_here(self) -> None:
        """Stop, and put the cursor here."""
        here = self.player.position
        self.player.stop()
        self._look()
        self.seek(here)

    @Slot()
    def to_start(self) -> None:
        """Put the cursor at the start."""
        self.seek(0)
        self.timeline.reveal(0)

    @Slot()
    def to_end(self) -> None:
        """Put the cursor at the end; playback stops there."""
        self.stop()
        self.seek(self.timeline.frames)
        self.timeline.reveal(self.timeline.frames)

    @Slot(int)
    def seek(self, frame: int) -> None:
        """Put the cursor at a frame; what is played goes on there."""
        if frame == self.timeline.cursor:
            self._on_cursor(frame)
        self.timeline.set_cursor(frame)

    def _start(self, span: Span | None, start: int | None) -> None:
        self._plays_selection = span is not None
        self.player.play(span, start=start, loop=self._loop, speed=self._speed)
        self._look()

    # -- Ways of playing -----------------------------------------------------------------------

    @property
    def is_playing(self) -> bool:
        """Whether something is played."""
        return self.player.is_playing

    @property
    def is_paused(self) -> bool:
        """Whether playback can go on where it is."""
        return self.player.is_paused

    @property
    def loop(self) -> bool:
        """Whether the selection, or else the recording, is played again and again."""
        return self._loop

    @Slot(bool)
    def set_loop(self, loop: bool) -> None:
        """Loop or not, also what is being played."""
        if loop != self._loop:
            self._loop = loop
            self.player.loop = loop
            self.loop_changed.emit(loop)

    @property
    def speed(self) -> float:
        """Times the normal speed."""
        return self._speed

    @Slot(float)
    def set_speed(self, speed: float) -> None:
        """Play faster or slower, `playback.MIN_SPEED` to `MAX_SPEED`; the pitch goes along."""
        if speed != self._speed:
            self.player.speed = speed
            self._speed = speed
            self.speed_changed.emit(speed)

    def set_device(self, name: str | None) -> None:
        """Play on another output; None for the one that the system prefers."""
        self.player.set_device(name)
        self.devices_changed.emit()

    def set_layout(self, layout: Layout) -> None:
        """Hear more than two channels in another way."""
        self.player.set_layout(layout)
        self.devices_changed.emit()

    @Slot()
    def reset_clip(self) -> None:
        """Put the clip lamps out."""
        self.meter.reset_clip()
        self.metered.emit()

    # -- What happens --------------------------------------------------------------------------

    @Slot(int)
    def _on_cursor(self, frame: int) -> None:
        self.player.seek(frame)
        if not self.player.is_playing:
            self.timeline.set_playhead(frame)

    @Slot()
    def _on_selection(self) -> None:
        selection = self.timeline.selection
        if self.player.is_paused:
            self.player.stop()
            self._look()
        elif self.player.is_playing and self._plays_selection and self._loop and selection:
            self.player.set_span(selection)

    @Slot()
    def _look(self) -> None:
        """Take up what the player does now."""
        state = (self.player.is_playing, self.player.is_paused)
        if state[0] and not self._timer.isActive():
            self._ticked = time.monotonic()
            self._timer.start()
        elif not state[0]:
            self._timer.stop()
            self.meter.rest()
            self.metered.emit()
        self._show_playhead()
        if state != self._state:
            self._state = state
            self.state_changed.emit()
        if self._devices is not self.player.devices():
            self._devices = self.player.devices()
            self.devices_changed.emit()

    @Slot()
    def _tick(self) -> None:
        if not self.player.is_playing:  # by someone else
            self._look()
            return
        now = time.monotonic()
        self.meter.update(self.player.levels(), now - self._ticked)
        self._ticked = now
        self.metered.emit()
        self._show_playhead()

    def _show_playhead(self) -> None:
        moving = self.player.is_playing or self.player.is_paused
        self.timeline.set_playhead(self.player.position if moving else self.timeline.cursor)
