"""Level meters of what is heard: peak and RMS of each channel, and lamps for clipping."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QHelpEvent,
    QKeyEvent,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QStyle, QStyleOptionFocusRect, QToolTip, QWidget

from clapsep_desktop.audio.meter import FLOOR, ChannelMeter, Meter
from clapsep_desktop.gui import theme
from clapsep_desktop.gui.theme_colours import Theme
from clapsep_desktop.gui.wording import rounded

TICKS: Final = (-48, -36, -24, -12, -6, 0)  # dBFS
LOUD: Final = -12.0  # dBFS; from here on a bar warns
_LAMP: Final = 8  # pixels
_SCALE: Final = 13  # pixels under the bars for the numbers
_FRAMED: Final = 6  # pixels of a bar's height from which on it has a frame
_GAP: Final = 2  # pixels between bars, while there is room for them
_TIP: Final = "Peak and RMS level of what is heard, in dBFS. Click to put out the clip lamps."


class LevelMeter(QWidget):
    """One bar for each channel: its body is the RMS, its end the peak, a line the highest peak.

    A lamp at a bar's end lights when full scale was reached, and stays lit until it is clicked.

    Signals:
        reset(): the lamps are to be put out.
    """

    reset = Signal()

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self._meter = meter
        self.setObjectName("levelMeter")
        self.setAccessibleName("Level")
        self.setToolTip(_TIP)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        theme.notifier().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(220, 40)

    def minimumSizeHint(self) -> QSize:
        return QSize(64, 32)

    def description(self) -> str:
        """The levels in words."""
        channels = self._meter.channels
        if all(channel.held <= FLOOR for channel in channels):
            words = "silent"
        elif len(channels) > 2:
            words = f"loudest of {len(channels)} channels: {_words(max(channels, key=_peak))}"
        else:
            names = ("Left", "Right") if len(channels) == 2 else ("Mono",)
            words = "; ".join(f"{n}: {_words(c)}" for n, c in zip(names, channels, strict=True))
        clipped = [str(n) for n, channel in enumerate(channels, 1) if channel.clipped]
        return words + (f"; clipped: channel {', '.join(clipped)}" if clipped else "")

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), f"{_TIP}\n{self.description()}", self)
            return True
        if event.type() == QEvent.Type.FocusIn:
            self.setAccessibleDescription(self.description())
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.reset.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.reset.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        colors = theme.current()
        bars = QRectF(self.rect()).adjusted(1, 2, -_LAMP - 4, -_SCALE)
        self._paint_scale(painter, bars, colors)
        channels = self._meter.channels or [ChannelMeter()]
        pitch = bars.height() / len(channels)
        height = max(pitch - _GAP, pitch * 0.7)
        for number, channel in enumerate(channels):
            bar = QRectF(bars.left(), bars.top() + number * pitch, bars.width(), height)
            _paint_bar(painter, bar, channel, colors)
            if height >= _FRAMED:
                painter.setPen(QPen(colors.color("border"), 1))
                painter.drawRect(bar.adjusted(0.5, 0.5, -0.5, -0.5))
            lamp = QRectF(bar.right() + 3, bar.top(), _LAMP, height)
            painter.fillRect(lamp, colors.color("clip" if channel.clipped else "base"))
            painter.setPen(QPen(colors.color("clip" if channel.clipped else "border"), 1))
            painter.drawRect(lamp.adjusted(0.5, 0.5, -0.5, -0.5))
        if self.hasFocus():
            option = QStyleOptionFocusRect()
            option.initFrom(self)
            self.style().drawPrimitive(
                QStyle.PrimitiveElement.PE_FrameFocusRect, option, painter, self
            )
        painter.end()

    def _paint_scale(self, painter: QPainter, bars: QRectF, colors: Theme) -> None:
        font = QFont(self.font())
        font.setPixelSize(9)
        painter.setFont(font)
        painter.setPen(colors.color("muted"))
        metrics = painter.fontMetrics()
        width = metrics.horizontalAdvance(rounded(TICKS[0])) + 10
        last = float("inf")
        for tick in reversed(TICKS):
            x = _x(bars, tick)
            if last - x < width:  # no room
                continue
            last = x
            box = QRectF(x - width / 2, bars.bottom(), width, _SCALE - 1)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, rounded(tick))


def _paint_bar(painter: QPainter, bar: QRectF, channel: ChannelMeter, colors: Theme) -> None:
    painter.fillRect(bar, colors.color("base"))
    zones = QLinearGradient(QPointF(bar.left(), 0), QPointF(bar.right(), 0))
    edge = (LOUD - FLOOR) / -FLOOR
    for place, role in ((0.0, "keep"), (edge, "keep"), (edge + 1e-3, "warning"), (1.0, "warning")):
        zones.setColorAt(place, colors.color(role))
    peak = _x(bar, channel.peak)
    painter.setOpacity(0.45)
    painter.fillRect(QRectF(bar.left(), bar.top(), peak - bar.left(), bar.height()), zones)
    painter.setOpacity(1.0)
    rms = _x(bar, channel.rms)
    painter.fillRect(QRectF(bar.left(), bar.top(), rms - bar.left(), bar.height()), zones)
    if channel.held > FLOOR:
        color = QColor(colors.color("clip" if channel.held >= 0 else "text"))
        painter.fillRect(QRectF(_x(bar, channel.held) - 1, bar.top(), 2, bar.height()), color)


def _x(bar: QRectF, level: float) -> float:
    """Where a level lies along a bar; what is above full scale lies at its end."""
    return bar.left() + bar.width() * (min(level, 0.0) - FLOOR) / -FLOOR


def _peak(channel: ChannelMeter) -> float:
    return channel.peak


def _words(channel: ChannelMeter) -> str:
    return f"peak {rounded(channel.held, 1)} dB, RMS {rounded(channel.rms, 1)} dB"
