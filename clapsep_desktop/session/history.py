"""Every state that undo and redo can reach, as one value that can be saved."""

from __future__ import annotations

from dataclasses import dataclass, replace

from clapsep_desktop.session.session import Recording, Session


@dataclass(frozen=True)
class History:
    """The states of a session, oldest first, and the one that is shown.

    Attributes:
        states: at least one; all of one recording.
        titles: of the steps between them, one fewer, as menu words.
        index: of the state that is shown.

    >>> from pathlib import Path
    >>> from clapsep_desktop.session.session import Marker
    >>> session = Session(Recording(Path("field.wav"), 48_000, 2, 96_000))
    >>> history = History.of(session).applied("Add Marker", session.marked(Marker(10)))
    >>> history.index, history.titles, history.at(0).current == session
    (1, ('Add Marker',), True)
    """

    states: tuple[Session, ...]
    titles: tuple[str, ...] = ()
    index: int = 0

    def __post_init__(self) -> None:
        if len(self.states) != len(self.titles) + 1:
            raise ValueError("a history has one title between each two states")
        if not 0 <= self.index < len(self.states):
            raise ValueError("a history shows one of its states")
        if any(state.recording != self.recording for state in self.states):
            raise ValueError("a history is of one recording")

    @classmethod
    def of(cls, session: Session) -> History:
        """The history of a session in which nothing was done yet."""
        return cls((session,))

    @property
    def current(self) -> Session:
        """The state that is shown."""
        return self.states[self.index]

    @property
    def recording(self) -> Recording:
        """What all states are about."""
        return self.states[0].recording

    @property
    def buffers(self) -> frozenset[str]:
        """The ids of every buffer that any state needs."""
        return frozenset().union(*(state.buffers for state in self.states))

    def applied(self, title: str, session: Session) -> History:
        """With a step done in the state that is shown; what could be redone is forgotten."""
        kept = self.index + 1
        return History(
            (*self.states[:kept], session), (*self.titles[: kept - 1], title), index=kept
        )

    def at(self, index: int) -> History:
        """With another state shown."""
        return replace(self, index=index)

    def of_recording(self, recording: Recording) -> History:
        """With the recording found elsewhere, or known better, in every state."""
        return replace(
            self, states=tuple(replace(state, recording=recording) for state in self.states)
        )

    def without_oldest(self) -> History:
        """Without the oldest state; raises ValueError where it is the one that is shown."""
        return History(self.states[1:], self.titles[1:], self.index - 1)

    def without_newest(self) -> History:
        """Without the newest state; raises ValueError where it is the one that is shown."""
        return History(self.states[:-1], self.titles[:-1], self.index)

    def without_buffers(self, lost: frozenset[str]) -> History:
        """With the extractions whose buffers are lost as ones to be rendered again."""
        return replace(self, states=tuple(_without(state, lost) for state in self.states))


def _without(session: Session, lost: frozenset[str]) -> Session:
    extractions = tuple(
        replace(one, buffer="") if one.buffer in lost else one for one in session.extractions
    )
    return replace(session, extractions=extractions)
