"""What the strips over and under the plots have in common."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from clapsep_desktop.gui import navigation
from clapsep_desktop.gui.plot import AXIS_WIDTH
from clapsep_desktop.gui.timeline import Timeline


class Strip(QWidget):
    """As wide as the plots, of one height, and with its time right of where their axis is.

    Subclasses paint every pixel.

    Args:
        timeline: what the wheel zooms and scrolls.
        height: in pixels.
        parent: see QWidget.
    """

    def __init__(self, timeline: Timeline, height: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._timeline = timeline
        self._height = height
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)

    def sizeHint(self) -> QSize:
        return QSize(400, self._height)

    def wheelEvent(self, event: QWheelEvent) -> None:
        navigation.wheel(self._timeline, event, self._point(event).x())
        event.accept()

    def _point(self, event: QMouseEvent | QWheelEvent) -> QPointF:
        """Where the pointer is, from the left edge of the plots' pictures."""
        return event.position() - QPointF(AXIS_WIDTH, 0)
