"""Dragging files out of the window."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, Qt, QUrl, Signal
from PySide6.QtGui import QDrag, QMouseEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

from clapsep_desktop.gui import theme


class DragOut(QObject):
    """Notices that a control is dragged; its clicks stay clicks.

    Signals:
        begun(): the mouse was moved far enough with the button held.

    Args:
        control: what is dragged.
    """

    begun = Signal()

    def __init__(self, control: QWidget) -> None:
        super().__init__(control)
        self._pressed: QPoint | None = None
        self._dragged = False  # since the last press
        control.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QMouseEvent):
            place = event.position().toPoint()
            if event.type() == QEvent.Type.MouseButtonPress:
                self._pressed = place if event.button() == Qt.MouseButton.LeftButton else None
                self._dragged = False
            elif self._dragged:
                return True  # what follows is no click
            elif event.type() == QEvent.Type.MouseMove and self._is_far(place):
                self._dragged = True
                if isinstance(watched, QAbstractButton):
                    watched.setDown(False)
                self.begun.emit()
                return True
            elif event.type() == QEvent.Type.MouseButtonRelease:
                self._pressed = None
        return super().eventFilter(watched, event)

    def _is_far(self, place: QPoint) -> bool:
        if self._pressed is None:
            return False
        return (place - self._pressed).manhattanLength() >= QApplication.startDragDistance()


def file_data(path: Path) -> QMimeData:
    """A file, as other programs take it by drop or paste."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(path)])
    return data


def carry(source: QWidget, path: Path) -> None:
    """Let the user drop a file somewhere; returns when it is dropped."""
    drag = QDrag(source)
    drag.setMimeData(file_data(path))
    drag.setPixmap(theme.icon("file-audio").pixmap(32, 32))
    drag.exec(Qt.DropAction.CopyAction)
