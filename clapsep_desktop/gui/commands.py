"""What each command of `actions` does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QKeySequence

from clapsep_desktop.gui.actions import Needs
from clapsep_desktop.gui.prompt_rows import Side
from clapsep_desktop.gui.session_sound import ROLES

if TYPE_CHECKING:
    from clapsep_desktop.gui.main_window import MainWindow

ZOOM = 1.6
"""Factor of one press of Zoom In."""


class Commands(QObject):
    """Connects the window's actions with what they do, and allows those that make sense.

    Args:
        window: whose actions.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._editor = window.editor
        for name, act in self._plain().items():
            window.actions_[name].triggered.connect(_without_arguments(act))
        self._connect_switches()
        self._connect_undo()
        self._editor.playback.bind(window.actions_)
        self._follow_state()
        self.allow()

    def _plain(self) -> dict[str, Callable[[], object]]:
        """The commands that are one call."""
        window, editor = self._window, self._editor
        timeline = editor.timeline
        return {
            "open": window.recordings.ask,
            "open_demo": window.recordings.open_demo,
            "recover": partial(window.keeping.look_for_crashes, told=True),
            "save": window.projects.save,
            "save_as": window.projects.save_as,
            "close": window.recordings.close,
            "export": window.windows.export,
            "export_recipe": window.tools.export_recipe,
            "batch": window.tools.batch,
            "locate": window.tools.locate,
            "tag": self._tag,
            "sounds": window.tools.sounds,
            "models": window.windows.show_models,
            "preferences": window.windows.show_preferences,
            "quit": window.close,
            "copy": window.result_link.copy_heard,
            "select_all": timeline.select_all,
            "select_none": timeline.clear_selection,
            "extend_start": partial(self._extend, "start"),
            "extend_end": partial(self._extend, "stop"),
            "edge_start": partial(self._set_edge, "start"),
            "edge_end": partial(self._set_edge, "stop"),
            "marker": lambda: editor.operations.toggle_marker(timeline.cursor),
            "zoom_in": lambda: timeline.zoom(ZOOM),
            "zoom_out": lambda: timeline.zoom(1 / ZOOM),
            "zoom_selection": timeline.zoom_to_selection,
            "zoom_fit": window.track.fit,
            "extract": window.query_link.extract,
            "preview": window.query_link.preview,
            "repeat": window.query_link.repeat,
            "focus_query": window.focus_query,
            "example_keep": partial(self._use_as_example, "keep"),
            "example_remove": partial(self._use_as_example, "remove"),
            "compare": self._compare,
            "cancel": self._cancel,
            "next_pane": lambda: window.panes.step(1),
            "previous_pane": lambda: window.panes.step(-1),
            "reset_layout": window.layout_.reset,
            "keys": window.windows.show_keys,
            "hint": window.show_hint,
            "about": window.windows.show_about,
        }

    def _connect_switches(self) -> None:
        """The commands that are on or off."""
        actions, editor = self._window.actions_, self._editor
        values = editor.settings.values
        for name, on, act in (
            ("snap", values.snap, self._snap),
            ("spectral", False, self._window.track.set_spectral),
            ("follow", values.follow, lambda on: editor.settings.update(follow=on)),
            ("match_loudness", values.loudness_match, self._match),
            ("full_screen", False, self._window.show_full_screen),
        ):
            actions[name].toggled.connect(act)
            actions[name].setChecked(on)
        editor.settings.changed.connect(self._show_switches)
        for role in ROLES:
            actions[f"hear_{role}"].triggered.connect(
                _without_arguments(partial(editor.sound.hear, role))
            )
        editor.sound.role_changed.connect(self._show_role)
        self._show_role(editor.sound.role)

    def _connect_undo(self) -> None:
        stack, actions = self._editor.document.undo_stack, self._window.actions_
        undo = stack.createUndoAction(self._window, "&Undo")
        redo = stack.createRedoAction(self._window, "&Redo")
        undo.setShortcut(QKeySequence("Ctrl+Z"))
        redo.setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])
        actions.add("undo", undo, "undo")
        actions.add("redo", redo, "redo")

    def _follow_state(self) -> None:
        editor = self._editor
        for signal in (
            editor.document.session_changed,
            editor.timeline.selection_changed,
            editor.runner.started,  # the first extraction can be repeated
        ):
            signal.connect(self.allow)

    @Slot()
    def allow(self) -> None:
        """Allow the commands that make sense now."""
        editor = self._editor
        session = editor.document.session
        there = Needs.NOTHING
        for need, is_there in (
            (Needs.RECORDING, session is not None),
            (Needs.SELECTION, editor.timeline.selection is not None),
            (Needs.RESULT, session is not None and any(one.is_rendered for one in session)),
            (Needs.REPEATABLE, editor.operations.can_repeat),
        ):
            if is_there:
                there |= need
        self._window.actions_.allow(there)

    @Slot()
    def _show_switches(self) -> None:
        """Show what was switched in the preferences."""
        values = self._editor.settings.values
        self._window.actions_["snap"].setChecked(values.snap)
        self._window.actions_["follow"].setChecked(values.follow)
        self._window.actions_["match_loudness"].setChecked(values.loudness_match)

    @Slot(str)
    def _show_role(self, role: str) -> None:
        self._window.actions_[f"hear_{role}"].setChecked(True)

    # -- Commands of more than one call --------------------------------------------------------

    def _snap(self, on: bool) -> None:
        self._editor.settings.update(snap=on)
        self._editor.timeline.snap = self._editor.view.zero_crossing if on else None

    def _match(self, on: bool) -> None:
        self._editor.settings.update(loudness_match=on)
        self._editor.loudness.set_matched(on)

    def _extend(self, side: str) -> None:
        timeline = self._editor.timeline
        timeline.set_edge(0 if side == "start" else timeline.frames, side)

    def _set_edge(self, side: str) -> None:
        timeline = self._editor.timeline
        is_playing = self._editor.playback.is_playing
        timeline.set_edge(timeline.playhead if is_playing else timeline.cursor, side)

    def _use_as_example(self, side: Side) -> None:
        self._window.show_dock(self._window.query_dock)
        self._window.query_link.use_selection(side)

    def _tag(self) -> None:
        self._window.show_dock(self._window.checklist_dock)
        self._window.tools.tag()

    def _compare(self) -> None:
        session = self._editor.document.session
        assert session is not None
        self._window.show_dock(self._window.history_dock)
        for extraction in session:
            self._editor.operations.compare(extraction.id)

    def _cancel(self) -> None:
        """Esc: the nearest thing that can be called off."""
        editor, window = self._editor, self._window
        if editor.runner.current is not None and not editor.runner.current.cancelled.is_set():
            editor.operations.cancel_all()
        elif editor.operations.has_preview:
            editor.operations.discard_preview()
        elif not window.messages.isHidden():
            window.messages.clear()
        elif not window.return_to_track():
            editor.timeline.clear_selection()


def _without_arguments(act: Callable[[], object]) -> Callable[..., None]:
    """A slot for `triggered`, which says whether the action is checked."""

    def slot(_: bool = False) -> None:
        act()

    return slot
