"""Small controls that several panels share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QSlider,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from clapsep_desktop.gui import theme

GRID = 4
"""Pixels; every space between things is a multiple of it."""

SETTLE_MS = 500
"""A value set by keys or wheel counts as final once it has been left alone for this long."""

Tone = Literal["muted", "warning", "error"]


def set_kind(widget: QWidget, name: str, value: object) -> None:
    """Sets a property that the style sheet looks at, and shows the difference."""
    if widget.property(name) == value:
        return
    widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def push_button(window: str, text: str, do: Callable[[], object], tip: str) -> QPushButton:
    """A window's button, named after the window and its own words."""
    button = QPushButton(text)
    plain = text.replace("&", "").replace("…", "")
    button.setObjectName(window + plain.replace(" ", ""))
    button.setAccessibleName(plain)
    button.setToolTip(tip)
    button.setAutoDefault(False)
    button.clicked.connect(do)
    return button


def plain_scroll(name: str, inside: QWidget) -> QScrollArea:
    """A panel's contents, which scroll up and down only and have no frame of their own."""
    scroll = QScrollArea()
    scroll.setObjectName(name)
    scroll.setProperty("kind", "plain")
    scroll.setWidgetResizable(True)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    scroll.setWidget(inside)
    return scroll


def fill_above_foot(panel: QWidget, body: QWidget, foot: QLayout) -> QVBoxLayout:
    """Fills a panel with a body and, below a line, a foot that keeps its height.

    Returns:
        The panel's column: body, line and foot.
    """
    line = QFrame()
    line.setProperty("kind", "line")
    column = QVBoxLayout(panel)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(body, 1)
    column.addWidget(line)
    column.addLayout(foot)
    return column


def tool_button(
    name: str, drawing: str, text: str, tip: str = "", *, role: str = "text", size: int = 16
) -> QToolButton:
    """A flat button that shows a drawing only.

    Args:
        name: its objectName.
        drawing: see `theme.icon`.
        text: what it does, for screen readers.
        tip: what the tool tip says; the text if left out.
        role: the drawing's colour.
        size: of the drawing, in pixels.
    """
    button = QToolButton()
    button.setObjectName(name)
    button.setIconSize(QSize(size, size))
    button.setAutoRaise(True)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setAccessibleName(text)
    button.setToolTip(tip or text)
    theme.dress(button, drawing, role)
    return button


def muted_label(text: str, name: str = "") -> QLabel:
    """A label for secondary text, which stays plain text."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("kind", "muted")
    label.setObjectName(name)
    return label


class WheelGuard(QObject):
    """Lets the wheel scroll the panel, and turn a control only once that has the focus."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        over = isinstance(watched, QWidget) and not watched.hasFocus()
        if over and isinstance(event, QWheelEvent):
            event.ignore()
            return True
        return super().eventFilter(watched, event)


def guard_wheel(*controls: QWidget) -> None:
    """Keeps the wheel from changing controls that it only passes over."""
    for control in controls:
        control.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        control.installEventFilter(WheelGuard(control))


def pad(field: QAbstractSpinBox) -> None:
    """Gives a number some air to its border; the style sheet cannot."""
    field.lineEdit().setTextMargins(GRID, 0, GRID, 0)


class ValueSlider(QWidget):
    """A share from 0 to 100 % as a slider and a field.

    Args:
        name: prefix of the objectNames of slider and field.
        title: for screen readers.
        tip: the tool tip.

    Signals:
        moved(float, bool): the new share, 0 to 1, and whether it is final. One drag, or one run
            of keys or of the wheel, has one final value, which comes last.
    """

    moved = Signal(float, bool)

    def __init__(self, name: str, title: str, tip: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setPageStep(10)
        self.field = QSpinBox()
        self.field.setRange(0, 100)
        self.field.setSuffix(" %")
        self.field.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.field.setProperty("kind", "plain")
        pad(self.field)
        self.field.setFixedWidth(self.field.fontMetrics().horizontalAdvance("100 %") + 7 * GRID)
        for part, control in (("Slider", self.slider), ("Field", self.field)):
            control.setObjectName(name + part)
            control.setAccessibleName(title)
            control.setToolTip(tip)
        self._value = 0.0
        self._pending = False
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self.finish)
        guard_wheel(self.slider, self.field)
        self.slider.installEventFilter(self)
        self.field.installEventFilter(self)
        self.slider.valueChanged.connect(self._move)
        self.slider.sliderReleased.connect(self.finish)
        self.field.valueChanged.connect(self._move)
        self.field.editingFinished.connect(self.finish)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * GRID)
        row.addWidget(self.slider, 1)
        row.addWidget(self.field)
        self.setFocusProxy(self.slider)

    @property
    def value(self) -> float:
        """0 to 1; as it was set, whatever the slider rounds it to, until the user moves it."""
        return self._value

    @property
    def is_moving(self) -> bool:
        """Whether a final value is still to come."""
        return self._pending or self.slider.isSliderDown()

    def set_value(self, value: float) -> None:
        """Shows a value without telling; does nothing while the user moves it."""
        if not self.is_moving:
            self._value = value
            self._show(round(value * 100))

    def finish(self) -> None:
        """Tells the final value, if one is still to come."""
        self._settle.stop()
        if self._pending:
            self._pending = False
            self.moved.emit(self.value, True)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.FocusOut, QEvent.Type.Hide):
            self.finish()
        return super().eventFilter(watched, event)

    def _show(self, percent: int) -> None:
        for control in (self.slider, self.field):
            control.blockSignals(True)
            control.setValue(percent)
            control.blockSignals(False)

    def _move(self, percent: int) -> None:
        self._show(percent)
        self._value = percent / 100
        self._pending = True
        self.moved.emit(self.value, False)
        if not self.slider.isSliderDown():
            self._settle.start()


class Segments(QWidget):
    """A few choices side by side, of which one is taken.

    Args:
        name: prefix of the objectNames: each button adds its choice.
        title: for screen readers.
        choices: key, text and tool tip of each.

    Signals:
        chosen(str): the user took another one.
    """

    chosen = Signal(str)

    def __init__(self, name: str, title: str, choices: Sequence[tuple[str, str, str]]) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(title)
        self._buttons: dict[str, QPushButton] = {}
        self._tips: dict[str, str] = {}
        group = QButtonGroup(self)
        group.buttonClicked.connect(self._tell)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for number, (key, text, tip) in enumerate(choices):
            button = QPushButton(text)
            button.setObjectName(name + key.capitalize())
            button.setAccessibleName(f"{title}: {text}")
            button.setToolTip(tip)
            button.setCheckable(True)
            button.setAutoDefault(False)
            button.setProperty("kind", "segment")
            place = "first" if number == 0 else "last" if number == len(choices) - 1 else "middle"
            button.setProperty("place", place)
            group.addButton(button)
            row.addWidget(button, 1)
            self._buttons[key] = button
            self._tips[key] = tip
        self.choose(choices[0][0])

    @property
    def choice(self) -> str:
        """Key of the one that is taken."""
        return next(key for key, button in self._buttons.items() if button.isChecked())

    def choose(self, key: str) -> None:
        """Takes one without telling; raises KeyError."""
        self._buttons[key].setChecked(True)

    def button(self, key: str) -> QPushButton:
        """The button of a choice."""
        return self._buttons[key]

    def _tell(self) -> None:
        self.chosen.emit(self.choice)

    def allow(self, key: str, allowed: bool, reason: str = "") -> None:
        """Makes a choice possible or not; the reason stands in its tool tip."""
        button = self._buttons[key]
        button.setEnabled(allowed)
        button.setToolTip(self._tips[key] if allowed else reason)
        button.setAccessibleDescription("" if allowed else reason)


class Notice(QFrame):
    """A sentence with a small drawing before it; hidden while there is nothing to say.

    Args:
        name: its objectName.
        drawing: see `theme.icon`.
        tone: colour of drawing and text.
    """

    def __init__(self, name: str, drawing: str, tone: Tone = "muted") -> None:
        super().__init__()
        self.setObjectName(name)
        self._mark = QLabel()
        self._drawing = drawing
        self._tone: Tone = tone
        self._text = QLabel()
        self._text.setObjectName(f"{name}Text")
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * GRID)
        row.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._text, 1)
        theme.notifier().changed.connect(self._draw)
        self._draw()
        self.say("")

    @property
    def text(self) -> str:
        """What it says; empty while it is hidden."""
        return self._text.text()

    def say(self, text: str, tone: Tone | None = None, drawing: str | None = None) -> None:
        """Shows a sentence, or nothing."""
        self._tone = tone or self._tone
        self._drawing = drawing or self._drawing
        self._draw()
        self._text.setText(text)
        self._text.setAccessibleName(text)
        self.setVisible(bool(text))

    def _draw(self, _: object = None) -> None:
        self._mark.setPixmap(theme.icon(self._drawing, self._tone).pixmap(16, 16))
        set_kind(self._text, "kind", self._tone)
