"""How much of the disk results may take, and which old undo steps go to make room for new ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from clapsep_desktop.session.history import History

SHARE = 0.5
"""Of what is free, by default; the rest is left to everything else on the disk."""

SMALLEST = 256 << 20  # bytes; less would refuse the first extraction


def default_budget(folder: Path) -> int:
    """Bytes that results may take in a folder if the user says nothing else."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return max(SMALLEST, int(SHARE * shutil.disk_usage(folder).free))


def bytes_used(root: Path) -> int:
    """Bytes that the sessions in a folder take, those of other windows and dead ones included."""
    return sum(_size(file) for file in root.glob("*/*"))


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


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # deleted meanwhile
        return 0
