"""What someone who cannot see or point needs of every control."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QScrollBar,
    QWidget,
)

CONTROLS = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit)


def controls(root: QWidget) -> Iterator[QWidget]:
    """Every control of a window that the user can work, hidden ones included."""
    for widget in root.findChildren(QWidget):
        inside = isinstance(widget.parent(), QAbstractSpinBox | QComboBox | QLineEdit)
        if isinstance(widget, CONTROLS) and not isinstance(widget, QScrollBar) and not inside:
            yield widget


def shortcomings(root: QWidget) -> list[str]:
    """A line for each control without a name, an object name, a tool tip or a way by keyboard."""
    found = []
    for widget in controls(root):
        text = widget.text() if isinstance(widget, QAbstractButton) else ""
        kind = f"{type(widget).__name__} {widget.objectName()!r}"
        if not widget.objectName():
            found.append(f"{kind}, “{widget.accessibleName() or text}”: no object name")
        if not (widget.accessibleName() or text):
            found.append(f"{kind}: no accessible name")
        if not widget.toolTip():
            found.append(f"{kind}: no tool tip")
        if not (widget.focusPolicy() & Qt.FocusPolicy.TabFocus or _by_arrows(widget)):
            found.append(f"{kind}: not reached by Tab")
    return found


def _by_arrows(widget: QWidget) -> bool:
    """Whether it is one of several choices, which the arrow keys reach from the one chosen."""
    group = widget.group() if isinstance(widget, QAbstractButton) else None
    return group is not None and group.exclusive() and not widget.isChecked()


def tab_order(first: QWidget, root: QWidget) -> list[QWidget]:
    """The visible widgets inside a root that Tab visits from a first one on."""
    visited: list[QWidget] = []
    widget = first
    while widget not in visited:
        stops = widget.isVisible() and widget.isEnabled() and widget.focusProxy() is None
        tabbed = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
        if widget is first or (root.isAncestorOf(widget) and stops and tabbed):
            visited.append(widget)
        widget = widget.nextInFocusChain()
    return visited
