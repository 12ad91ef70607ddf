"""F6: the keyboard moves from one part of the window to the next."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDockWidget, QWidget
from shiboken6 import isValid


class Panes:
    """The parts of a window in the order in which F6 visits them.

    Args:
        panes: each part; the first widget in it that takes the keyboard gets it, or the one that
            had it last.
    """

    def __init__(self, panes: Sequence[QWidget]) -> None:
        self._panes = list(panes)
        self._last: dict[QWidget, QWidget] = {}

    def step(self, direction: int) -> QWidget | None:
        """Move on by 1 or back by -1; the pane that has the keyboard now."""
        current = self.current
        if current is not None:
            self._last[current] = _focus()
        count = len(self._panes)
        here = -1 if current is None else self._panes.index(current)
        start = here if here >= 0 or direction > 0 else 0
        for distance in range(1, count + 1):
            pane = self._panes[(start + direction * distance) % count]
            if self._enter(pane):
                return pane
        return None

    @property
    def current(self) -> QWidget | None:
        """The pane that has the keyboard."""
        focus = QApplication.focusWidget()
        for pane in self._panes:
            if focus is not None and (pane is focus or pane.isAncestorOf(focus)):
                return pane
        return None

    def _enter(self, pane: QWidget) -> bool:
        if not pane.isVisible() or not pane.isEnabled():
            return False
        if isinstance(pane, QDockWidget):
            pane.raise_()
        target = self._last.get(pane)
        if target is None or not isValid(target) or not _takes(target):
            target = next((one for one in (pane, *pane.findChildren(QWidget)) if _takes(one)), None)
        if target is None:
            return False
        target.setFocus(Qt.FocusReason.TabFocusReason)
        return True


def _focus() -> QWidget:
    focus = QApplication.focusWidget()
    assert focus is not None
    return focus


def _takes(widget: QWidget) -> bool:
    """Whether the keyboard can go to a widget by Tab."""
    by_tab = widget.focusPolicy() & Qt.FocusPolicy.TabFocus
    return bool(by_tab) and widget.isVisible() and widget.isEnabled()
