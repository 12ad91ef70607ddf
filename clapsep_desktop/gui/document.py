"""The open recording and its session, with undo, and the sound that can be heard of it.

Every change of the session goes through `Document.apply` and becomes one undo step that holds the
session before and after it. Zoom, cursor and playback live elsewhere, so that undo never moves
the view.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TypeGuard

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QUndoCommand, QUndoStack

from clapsep_desktop.audio.formats import AudioInfo
from clapsep_desktop.audio.mix import Layer
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.gui.session_sound import SessionSound, changed_span
from clapsep_desktop.gui.wording import menu_words
from clapsep_desktop.session.budget import fitted
from clapsep_desktop.session.history import History
from clapsep_desktop.session.session import Recording, Session
from clapsep_desktop.timebase import Span

UNDO_LIMIT = 200
"""Undo steps that are kept, if not told otherwise."""


def _nothing() -> None:
    """Nothing is to be closed."""


@dataclass(frozen=True)
class Material:
    """A recording's samples.

    Attributes:
        info: what its file says of itself.
        source: its samples; any thread may read them.
        close: lets go of the file; any thread may call it.
    """

    info: AudioInfo
    source: AudioSource
    close: Callable[[], None] = _nothing


class Document(QObject):
    """At most one open recording.

    Signals:
        opened(): a recording is there; `session`, `material` and `sources` are its.
        closed(): there is none any more; its samples are let go right after, on a thread.
        session_changed(): another session, by an edit, undo or redo.
        audio_changed(Span): what is kept and removed sounds different there.
        dirty_changed(bool): whether there is something to save.
        buffers_changed(): buffers that nothing needs were deleted, or all lie elsewhere now.
        history_changed(): `history` is another one, its last step included.

    Args:
        store: where the sound of extractions lies.
        parent: see QObject.
        undo_limit: steps that can be undone.

    Attributes:
        session: what is shown now; None without a recording.
        material: the recording's samples; None without a recording.
        project: the file that the session was saved to or opened from, if any.
        undo_stack: the steps that can be undone; clean when there is nothing to save.
    """

    opened = Signal()
    closed = Signal()
    session_changed = Signal()
    audio_changed = Signal(object)
    dirty_changed = Signal(bool)
    buffers_changed = Signal()
    history_changed = Signal()

    def __init__(
        self, store: AudioStore, parent: QObject | None = None, *, undo_limit: int = UNDO_LIMIT
    ) -> None:
        super().__init__(parent)
        self.store = store
        self.session: Session | None = None
        self.material: Material | None = None
        self.project: Path | None = None
        self.undo_stack = QUndoStack(self)
        self.undo_stack.setUndoLimit(undo_limit)  # works on an empty stack only
        self.undo_stack.cleanChanged.connect(self._on_clean_changed)
        self.undo_stack.indexChanged.connect(self._on_index_changed)
        self._held: dict[str, int] = {}  # buffers that a job needs, and how many jobs do
        self._sound = SessionSound(store)
        self._silent = False  # while a history is replayed
        self._closing: list[threading.Thread] = []  # that let go of files

    # -- Opening and closing -------------------------------------------------------------------

    def open(self, history: History, material: Material, project: Path | None = None) -> None:
        """Show a recording, with the steps that were done to it, instead of the one before.

        Args:
            history: its states; what is not rendered any more is shown so.
            material: its samples.
            project: the file that the history comes from, if any.

        Raises:
            KeyError: a buffer of the history is not in the store; the recording before is open
                still.
        """
        for state in history.states:
            for buffer in state.buffers:
                self.store.open(buffer)
        self.hold(history.buffers)
        self.close(wait=False)
        self.material, self.project = material, project
        self._replay(history)
        self.release(history.buffers)
        self._mix()
        self.opened.emit()
        self.session_changed.emit()
        self.history_changed.emit()

    def _replay(self, history: History) -> None:
        """Fill the undo stack without telling anyone."""
        self._silent = True
        try:
            self.undo_stack.clear()
            self.session = history.states[0]
            for title, (before, after) in zip(
                history.titles, pairwise(history.states), strict=True
            ):
                self.undo_stack.push(_Edit(self, title, before, after, ""))
            forgotten = len(history.titles) - self.undo_stack.count()  # beyond the limit
            self.undo_stack.setIndex(max(history.index - forgotten, 0))
            self.undo_stack.setClean()
        finally:
            self._silent = False

    def close(self, *, wait: bool = True) -> None:
        """Let go of the recording and of everything made of it.

        Args:
            wait: until its file is closed, and those of recordings before it.
        """
        material = self._end_session()
        if material is not None:
            self.undo_stack.clear()
            self._sweep()
            self._let_go(material)
        if wait:
            self._wait_for_files()

    def leave(self) -> None:
        """Let go of the recording and delete nothing, for a recovery to find it all."""
        material = self._end_session()
        if material is not None:
            self._let_go(material)
        self._wait_for_files()
        self.store.leave()

    def _let_go(self, material: Material) -> None:
        """Close a file on a thread: its last read ends first, and a decoded copy is deleted."""
        closing = threading.Thread(target=material.close, name="closing a recording")
        closing.start()
        self._closing = [one for one in self._closing if one.is_alive()] + [closing]

    def _wait_for_files(self) -> None:
        for closing in self._closing:
            closing.join()
        self._closing.clear()

    def _end_session(self) -> Material | None:
        """Show nothing; what was shown, to be let go of."""
        material, self.material = self.material, None
        if material is not None:
            self.session = self.project = None
            self._sound.silence()
            self.closed.emit()
            self.session_changed.emit()
        return material

    @property
    def history(self) -> History:
        """Every state that undo and redo reach, to be saved."""
        assert self.session is not None
        stack = self.undo_stack
        edits = [edit for index in range(stack.count()) if _is_edit(edit := stack.command(index))]
        first = edits[0].before if edits else self.session
        titles = tuple(edit.text() for edit in edits)
        return History((first, *(edit.after for edit in edits)), titles, stack.index())

    @property
    def is_open(self) -> bool:
        """Whether there is a recording."""
        return self.session is not None

    @property
    def is_dirty(self) -> bool:
        """Whether there is something that is not saved."""
        return not self.undo_stack.isClean()

    # -- Editing -------------------------------------------------------------------------------

    def apply(self, title: str, session: Session, merge: str = "") -> None:
        """Make an undo step of a new session.

        Args:
            title: the menu's words for it: "Keep “dog bark”".
            session: the session from now on.
            merge: steps of the same words here that follow one another become one, as the
                positions of a slider do.

        Raises:
            KeyError: a buffer of the session is not in the store; nothing has changed then.
        """
        assert self.session is not None
        if session == self.session:
            return
        self._sound.layers(session.below())  # what can fail does so before the push
        self.undo_stack.push(_Edit(self, title, self.session, session, merge))

    def know_recording(self, recording: Recording) -> None:
        """Know the recording better in every state, such as by its hash; nothing else changes."""
        assert self.session is not None
        self.session = replace(self.session, recording=recording)
        for index in range(self.undo_stack.count()):
            edit = self.undo_stack.command(index)
            if _is_edit(edit):
                edit.before = replace(edit.before, recording=recording)
                edit.after = replace(edit.after, recording=recording)

    def forget_undo(self) -> int:
        """Give up all undo steps, and with them the disk space that only they need.

        Returns:
            Bytes freed.
        """
        dirty, used = self.is_dirty, self.store.used
        self.undo_stack.clear()
        if dirty:
            self.undo_stack.resetClean()
        self._sweep()
        return used - self.store.used

    def make_room(self, size: int) -> int:
        """Give up undo steps until the store's budget has room for a result.

        What is shown and heard stays. Where even all undo steps would not be enough, none goes.

        Args:
            size: bytes of the result.

        Returns:
            How many steps were given up.
        """
        budget, used = self.store.budget, self.store.used
        if budget is None or self.session is None or used + size <= budget:
            return 0
        history = self.history
        others = used - sum(map(self.store.size, history.buffers))
        shorter = fitted(history, self.store.size, budget - size - others)
        if sum(map(self.store.size, shorter.buffers)) + others + size > budget:
            return 0
        self._replace(shorter)
        return len(history.states) - len(shorter.states)

    def _replace(self, history: History) -> None:
        """Have another history that shows the same."""
        dirty = self.is_dirty
        self.hold(history.buffers)
        self._replay(history)
        if dirty:
            self.undo_stack.resetClean()
        self.release(history.buffers)
        self.history_changed.emit()

    def use_store(self, store: AudioStore) -> None:
        """Have the results lie in another store, which holds all that `needed` names."""
        self.store, self._sound = store, SessionSound(store)
        if self.session is not None:
            self._mix()
            self.audio_changed.emit(Span(0, self.session.recording.frames))
        self.buffers_changed.emit()

    def show(self, session: Session) -> None:
        """Show a session; only undo steps call this."""
        before, self.session = self.session, session
        if self._silent:
            return
        self._mix()
        self.session_changed.emit()
        changed = None if before is None else changed_span(before, session)
        if changed is not None:
            self.audio_changed.emit(changed)

    @Slot(bool)
    def _on_clean_changed(self, clean: bool) -> None:
        self.dirty_changed.emit(not clean)

    # -- Sound ---------------------------------------------------------------------------------

    def sources(self) -> Mapping[str, AudioSource]:
        """What can be heard now, by `ROLES`; empty without a recording.

        The same mapping is returned until something else is to be heard.
        """
        return self._sound.sources

    def heard_by(self, identity: str | None = None) -> AudioSource:
        """What an extraction hears: what those below it in the stack left; None: one on top."""
        assert self.session is not None
        assert self.material is not None
        return self._sound.left(self.material.source, self.session.below(identity))

    def layer_of(self, identity: str) -> Layer:
        """What an extraction takes away, where it lies; raises KeyError without a result."""
        assert self.session is not None
        return self._sound.layers([self.session.find(identity)])[0]

    def grow(self, layer: Layer) -> None:
        """Let the result of an extraction be heard while it is still computed."""
        self._sound.growing = layer
        self._mix()

    def grown(self, span: Span) -> None:
        """Tell that the growing result sounds different in a span of the recording."""
        self.audio_changed.emit(span)

    def stop_growing(self, *, tell: bool = True) -> None:
        """Let the growing result be heard no more.

        Args:
            tell: whether what is heard changes; not if the finished result takes its place.
        """
        layer, self._sound.growing = self._sound.growing, None
        if layer is None:
            return
        self._mix()
        if tell:
            self.audio_changed.emit(Span(layer.start, layer.stop))

    def _mix(self) -> None:
        assert self.session is not None
        assert self.material is not None
        self._sound.mix(self.material.source, self.session)

    # -- Buffers -------------------------------------------------------------------------------

    def hold(self, buffers: Iterable[str]) -> None:
        """Keep buffers whatever the undo stack does, because a job reads or makes them."""
        for buffer in buffers:
            self._held[buffer] = self._held.get(buffer, 0) + 1

    def release(self, buffers: Iterable[str]) -> None:
        """Take back one `hold` of each buffer; what nothing else needs is deleted."""
        for buffer in buffers:
            self._held[buffer] -= 1
            if not self._held[buffer]:
                del self._held[buffer]
        self._sweep()

    def needed(self) -> frozenset[str]:
        """The buffers that the session, an undo step or a job needs."""
        needed = set(self._held)
        if self.session is not None:
            needed |= self.session.buffers
        for index in range(self.undo_stack.count()):
            edit = self.undo_stack.command(index)
            if _is_edit(edit):
                needed |= edit.before.buffers | edit.after.buffers
        return frozenset(needed)

    @Slot()
    def _on_index_changed(self) -> None:
        """A command is on the stack only now: `show` is called before."""
        self._sweep()
        if self.session is not None and not self._silent:
            self.history_changed.emit()

    def _sweep(self) -> None:
        needed = self.needed()
        self._sound.keep_only(needed)
        if self.store.sweep(needed):
            self.buffers_changed.emit()


class _Edit(QUndoCommand):
    """A step from one session to another."""

    def __init__(
        self, document: Document, title: str, before: Session, after: Session, merge: str
    ) -> None:
        super().__init__(f"{title}\n{menu_words(title)}")  # in the list of steps, and the menu
        self.before = before
        self.after = after
        self._document = document
        self._merge = merge

    def redo(self) -> None:
        """See QUndoCommand."""
        self._document.show(self.after)

    def undo(self) -> None:
        """See QUndoCommand."""
        self._document.show(self.before)

    def id(self) -> int:
        """See QUndoCommand: -1 never merges."""
        return zlib.crc32(self._merge.encode()) & 0x7FFFFFFF if self._merge else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        """See QUndoCommand."""
        if not isinstance(other, _Edit) or other._merge != self._merge:
            return False
        self.after = other.after
        self.setObsolete(self.after == self.before)  # the slider is where it was
        return True


def _is_edit(command: QUndoCommand) -> TypeGuard[_Edit]:
    """Tells the type checker what the stack holds; nothing else is ever pushed."""
    return isinstance(command, _Edit)
