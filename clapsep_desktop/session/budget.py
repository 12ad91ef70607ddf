"""Which undo steps go, so that results take no more of the disk than they may."""

from __future__ import annotations

from collections.abc import Callable

from clapsep_desktop.session.history import History


def fitted(history: History, size: Callable[[str], int], allowed: int) -> History:
    """A history whose results take no more than some bytes, as far as undo steps can be spared.

    The oldest steps go first, then those that could be redone, the farthest first. The state that
    is shown always stays.

    Args:
        history: what there is.
        size: bytes of a result.
        allowed: bytes that all may take.
    """
    while sum(map(size, history.buffers)) > allowed:
        if history.index > 0:
            history = history.without_oldest()
        elif len(history.states) > 1:
            history = history.without_newest()
        else:
            break
    return history
