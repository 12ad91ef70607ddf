"""The bar above the picture: transport, what is heard, times in figures, levels."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QResizeEvent
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QHBoxLayout,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from clapsep_desktop.audio.channelmap import Layout
from clapsep_desktop.audio.playback import MAX_SPEED, MIN_SPEED
from clapsep_desktop.gui import theme
from clapsep_desktop.gui.actions import Actions
from clapsep_desktop.gui.controls import GRID, Segments, guard_wheel, muted_label, tool_button
from clapsep_desktop.gui.meters import LevelMeter
from clapsep_desktop.gui.player_link import PlayerLink
from clapsep_desktop.gui.time_field import TimeField
from clapsep_desktop.timebase import Span

_ROLES = (("original", "Original"), ("kept", "Kept"), ("removed", "Removed"))
_LAYOUTS: tuple[tuple[Layout, str], ...] = (
    ("mix", "Mix to Stereo"),
    ("first", "First Two Only"),
    ("direct", "One Output for Each"),
)
_ICON = 20  # pixels


class TransportBar(QWidget):
    """Transport buttons, roles, speed, times, meters and the device menu.

    Buttons are the window's own commands, so that menu, key and button are always one. What does
    not fit into a narrow window gives way: first the selection's length, then the speed, then the
    button that matches loudness, which stands in the menu too.

    Signals:
        device_chosen(str): the user chose an output by name; empty for the system's own.

    Args:
        link: the transport.
        actions: the window's commands.
    """

    device_chosen = Signal(str)

    def __init__(self, link: PlayerLink, actions: Actions) -> None:
        super().__init__()
        self._link, self._timeline, self._actions = link, link.timeline, actions
        self.setObjectName("transportBar")
        self.setAccessibleName("Transport")
        self.buttons = [self._button(name) for name in ("to_start", "play", "pause", "loop")]
        self.roles = self._role_switch()
        self.match = self._button("match_loudness")
        self.speed = self._speed_field()
        self.position, self.start, self.end, self.length = self._time_fields()
        self.meter = LevelMeter(link.meter)
        self.device = self._device_button()
        self._length_box = self._titled("Length", self.length)
        self._speed_box = self._titled("Speed", self.speed)
        self._optional = (
            self._length_box,
            self._speed_box,
            self.match,
        )  # the first gives way first
        self._lay_out()
        self._connect()
        self._show_state()
        self._show_times()

    # -- Parts ---------------------------------------------------------------------------------

    def _button(self, name: str) -> QToolButton:
        action = self._actions[name]
        button = QToolButton()
        button.setDefaultAction(action)
        button.setObjectName(f"transport_{name}")
        button.setAccessibleName(action.text().replace("&", ""))
        button.setAccessibleDescription(action.statusTip())
        button.setIconSize(QSize(_ICON, _ICON))
        button.setAutoRaise(True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _role_switch(self) -> Segments:
        choices = [(role, text, self._actions[f"hear_{role}"].toolTip()) for role, text in _ROLES]
        roles = Segments("hear", "Hear", choices)
        for role, _ in _ROLES:
            roles.button(role).setFocusPolicy(Qt.FocusPolicy.TabFocus)
            action = self._actions[f"hear_{role}"]
            action.toggled.connect(partial(self._on_role, role))
            action.changed.connect(self._show_roles)
        roles.chosen.connect(self._choose_role)
        return roles

    def _speed_field(self) -> QDoubleSpinBox:
        field = QDoubleSpinBox()
        field.setObjectName("speedField")
        field.setAccessibleName("Speed")
        field.setToolTip(
            f"Play at {MIN_SPEED} to {MAX_SPEED:g} times the speed (arrow keys). As on a tape, "
            "the pitch goes along."
        )
        field.setRange(MIN_SPEED, MAX_SPEED)
        field.setSingleStep(0.05)
        field.setDecimals(2)
        field.setSuffix(" ×")
        field.setValue(self._link.speed)
        field.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        field.setKeyboardTracking(False)
        field.setFixedWidth(field.fontMetrics().horizontalAdvance("0.00 ×") + 10 * GRID)
        guard_wheel(field)
        return field

    def _time_fields(self) -> list[TimeField]:
        keys = "Write hh:mm:ss.mmm or seconds; the arrow keys count a digit up or down."
        return [
            TimeField("positionField", "Position", f"Where playing starts, or is now. {keys}"),
            TimeField("selectionStartField", "Selection start", f"Selection's start ([). {keys}"),
            TimeField("selectionEndField", "Selection end", f"Selection's end (]). {keys}"),
            TimeField("selectionLengthField", "Selection length", f"Selection's length. {keys}"),
        ]

    def _device_button(self) -> QToolButton:
        button = tool_button(
            "deviceButton",
            "speaker",
            "Output device",
            "Choose where sound is played, and how more than two channels are heard.",
            size=_ICON,
        )
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        menu.setObjectName("deviceMenu")
        menu.setAccessibleName("Output device")
        menu.aboutToShow.connect(self._open_devices)
        button.setMenu(menu)
        self._menu = menu
        return button

    @staticmethod
    def _titled(title: str, field: QWidget) -> QWidget:
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        label = muted_label(title)
        label.setBuddy(field)
        column.addWidget(label)
        column.addWidget(field)
        return box

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        row.setSpacing(2 * GRID)
        buttons = QHBoxLayout()
        buttons.setSpacing(0)
        for button in self.buttons:
            buttons.addWidget(button)
        row.addLayout(buttons)
        row.addWidget(self.roles)
        row.addWidget(self.match)
        row.addWidget(self._titled("Position", self.position))
        row.addWidget(self._titled("Selection Start", self.start))
        row.addWidget(self._titled("End", self.end))
        row.addWidget(self._length_box)
        row.addWidget(self._speed_box)
        row.addWidget(self.meter, 1)
        row.addWidget(self.device)

    def _connect(self) -> None:
        link, timeline = self._link, self._timeline
        link.state_changed.connect(self._show_state)
        link.metered.connect(self.meter.update)
        link.devices_changed.connect(self._fill_devices)
        link.speed_changed.connect(self.speed.setValue)
        self.speed.valueChanged.connect(link.set_speed)
        self.meter.reset.connect(link.reset_clip)
        for changed in (
            timeline.recording_changed,
            timeline.cursor_changed,
            timeline.playhead_changed,
            timeline.selection_changed,
        ):
            changed.connect(self._show_times)
        self.position.entered.connect(self._enter_position)
        self.start.entered.connect(self._enter_start)
        self.end.entered.connect(self._enter_end)
        self.length.entered.connect(self._enter_length)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._give_way()

    def minimumSizeHint(self) -> QSize:
        hint = super().minimumSizeHint()
        shown = [box for box in self._optional if not box.isHidden()]
        return QSize(hint.width() - sum(map(self._width_of, shown)), hint.height())

    def _give_way(self) -> None:
        """Show as many of the parts that can be done without as there is room for."""
        room = self.width() - self.minimumSizeHint().width()
        for box in reversed(self._optional):
            room -= self._width_of(box)
            box.setVisible(room >= 0)

    def _width_of(self, box: QWidget) -> int:
        return box.minimumSizeHint().width() + 2 * GRID

    # -- Showing -------------------------------------------------------------------------------

    @Slot()
    def _show_state(self) -> None:
        playing, paused = self._link.is_playing, self._link.is_paused
        theme.dress(self._actions["play"], "stop" if playing else "play")
        theme.dress(self._actions["pause"], "pause", "accent" if paused else "text")
        self.setAccessibleDescription("Playing" if playing else "Paused" if paused else "Stopped")
        self._show_times()

    @Slot()
    def _show_roles(self) -> None:
        for role, _ in _ROLES:
            action = self._actions[f"hear_{role}"]
            self.roles.button(role).setEnabled(action.isEnabled())

    def _on_role(self, role: str, heard: bool) -> None:
        if heard:
            self.roles.choose(role)

    @Slot(str)
    def _choose_role(self, role: str) -> None:
        self._actions[f"hear_{role}"].trigger()

    @Slot()
    def _show_times(self) -> None:
        timeline, rate = self._timeline, self._timeline.rate
        there = timeline.frames > 0
        moving = self._link.is_playing or self._link.is_paused
        position = timeline.playhead if moving else timeline.cursor
        selection = timeline.selection
        self.position.show_frame(position if there else None, rate)
        self.start.show_frame(selection.start if selection else None, rate)
        self.end.show_frame(selection.stop if selection else None, rate)
        self.length.show_frame(selection.length if selection else None, rate)
        for field in (self.position, self.start, self.end, self.length):
            field.setEnabled(there)

    # -- Typed times ---------------------------------------------------------------------------

    @Slot(int)
    def _enter_position(self, frame: int) -> None:
        if frame > self._timeline.frames:
            self.position.refuse("The recording ends before that. Write an earlier time.")
            return
        self._link.seek(frame)
        self._timeline.reveal(frame)
        self._show_times()

    @Slot(int)
    def _enter_start(self, frame: int) -> None:
        selection = self._timeline.selection
        stop = self._timeline.frames if selection is None else selection.stop
        self._select(self.start, frame, stop)

    @Slot(int)
    def _enter_end(self, frame: int) -> None:
        selection = self._timeline.selection
        start = self._timeline.cursor if selection is None else selection.start
        self._select(self.end, start, frame)

    @Slot(int)
    def _enter_length(self, frames: int) -> None:
        selection = self._timeline.selection
        start = self._timeline.cursor if selection is None else selection.start
        self._select(self.length, start, start + frames)

    def _select(self, field: TimeField, start: int, stop: int) -> None:
        if start >= stop:
            field.refuse("The selection's end must lie after its start.")
        elif stop > self._timeline.frames:
            field.refuse("The recording ends before that. Write an earlier time.")
        else:
            self._timeline.select(Span(start, stop), self._timeline.band)
            self._show_times()

    # -- Devices -------------------------------------------------------------------------------

    @Slot()
    def _open_devices(self) -> None:
        self._fill_devices()
        self._link.player.look_for_devices()

    @Slot()
    def _fill_devices(self) -> None:
        player = self._link.player
        self._menu.clear()
        names: list[str | None] = [None, *(device.name for device in player.devices())]
        if player.device not in names:  # not connected now
            names.append(player.device)
        outputs = QActionGroup(self._menu)
        for number, name in enumerate(names):
            action = self._choice(outputs, f"device_{number}", name or "System's Own Choice")
            action.setChecked(name == player.device)
            action.triggered.connect(lambda _, name=name: self._choose_device(name))
        self._menu.addSection("More Than Two Channels").setObjectName("device_channels")
        layouts = QActionGroup(self._menu)
        for layout, text in _LAYOUTS:
            action = self._choice(layouts, f"device_layout_{layout}", text)
            action.setChecked(layout == player.layout)
            action.triggered.connect(lambda _, layout=layout: self._link.set_layout(layout))

    def _choice(self, group: QActionGroup, name: str, text: str) -> QAction:
        action = QAction(text.replace("&", "&&"), group)
        action.setObjectName(name)
        action.setCheckable(True)
        self._menu.addAction(action)
        return action

    def _choose_device(self, name: str | None) -> None:
        self._link.set_device(name)
        self.device_chosen.emit(name or "")
