"""Text that gives way to an ellipsis where it does not fit, and is told whole by a tool tip."""

from __future__ import annotations

import html

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionFrame,
    QStyleOptionViewItem,
    QToolTip,
)

_WIDE = 80  # characters from which on a tool tip is broken into lines
_MARGIN = 2  # pixels that Qt leaves at both sides of a field's text


def tip_of(text: str) -> str:
    """A tool tip that tells a text as it is: broken into lines if it is long, tags and all.

    >>> tip_of("rain"), tip_of("<b>")
    ('rain', '<p>&lt;b&gt;</p>')
    """
    if len(text) < _WIDE and "<" not in text:
        return text
    return f"<p>{html.escape(text, quote=False)}</p>"


class ElidedLabel(QLabel):
    """One line of plain text; what does not fit gives way to an ellipsis and a tool tip.

    Args:
        text: at first.
        mode: where the ellipsis stands.
    """

    def __init__(
        self, text: str = "", mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight
    ) -> None:
        super().__init__(text)
        self._mode = mode
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def minimumSizeHint(self) -> QSize:
        return QSize(self.fontMetrics().averageCharWidth() * 4, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tell()

    def setText(self, text: str) -> None:
        super().setText(text)
        self._tell()

    def shown_text(self) -> str:
        """What is to be read of the text."""
        return self.fontMetrics().elidedText(self.text(), self._mode, self.contentsRect().width())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        painter = QPainter(self)
        self.style().drawItemText(
            painter,
            self.contentsRect(),
            self.alignment() | Qt.TextFlag.TextSingleLine,
            self.palette(),
            self.isEnabled(),
            self.shown_text(),
            self.foregroundRole(),
        )
        painter.end()

    def _tell(self) -> None:
        whole = self.shown_text() == self.text()
        self.setToolTip("" if whole else tip_of(self.text()))


class ElidedField(QLineEdit):
    """A line to type in; while it has not the keyboard, what does not fit is elided."""

    def __init__(self) -> None:
        super().__init__()
        self._tip = ""
        self.textChanged.connect(self._tell)

    def set_tip(self, tip: str) -> None:
        """Gives it the tool tip of the time in which all of the text is seen."""
        self._tip = tip
        self._tell()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tell()

    def shown_text(self) -> str:
        """What is to be read of the text while nobody types."""
        room = self._text_area().width()
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room)

    def paintEvent(self, event: QPaintEvent) -> None:
        shown = self.shown_text()
        if self.hasFocus() or shown == self.text():
            super().paintEvent(event)
            return
        painter = QPainter(self)
        option = QStyleOptionFrame()
        self.initStyleOption(option)
        self.style().drawPrimitive(QStyle.PrimitiveElement.PE_PanelLineEdit, option, painter, self)
        self.style().drawItemText(
            painter,
            self._text_area(),
            Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine,
            self.palette(),
            self.isEnabled(),
            shown,
            self.foregroundRole(),
        )
        painter.end()

    def _text_area(self) -> QRect:
        option = QStyleOptionFrame()
        self.initStyleOption(option)
        area = self.style().subElementRect(QStyle.SubElement.SE_LineEditContents, option, self)
        return area.marginsRemoved(self.textMargins()).adjusted(_MARGIN, 0, -_MARGIN, 0)

    def _tell(self) -> None:
        whole = self.shown_text() == self.text()
        self.setToolTip(self._tip if whole else tip_of(self.text()))


class ElidedItems(QStyledItemDelegate):
    """Keeps a list's items within its width."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(0, super().sizeHint(option, index).height())

    def helpEvent(
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> bool:
        if event.type() != QEvent.Type.ToolTip or not index.isValid():
            return super().helpEvent(event, view, option, index)
        wide = super().sizeHint(option, index).width() > view.visualRect(index).width()
        tip = tip_of(str(index.data())) if wide else ""
        QToolTip.showText(event.globalPos(), tip, view)
        return True
