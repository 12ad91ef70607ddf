from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QMainWindow, QWidget
from pytestqt.qtbot import QtBot

from clapsep_desktop.audio.devices import OutputDevice
from clapsep_desktop.audio.source import ArraySource, AudioSource
from clapsep_desktop.gui.actions import Actions, Needs
from clapsep_desktop.gui.time_field import TimeField
from clapsep_desktop.gui.transport_bar import TransportBar
from clapsep_desktop.timebase import Span
from tests.support.signals import noise
from tests.support.transport import Transport

RATE = 48_000
FRAMES = 100 * RATE


class Rig(Transport):
    """A window with nothing but the bar."""

    def __init__(self) -> None:
        super().__init__()
        self.window = QMainWindow()
        self.actions = Actions(self.window)
        self.actions.allow(~Needs.NOTHING)
        self.link.bind(self.actions)
        self.bar = TransportBar(self.link, self.actions)
        self.window.setCentralWidget(self.bar)
        sound = ArraySource(noise(RATE, 2), RATE)
        roles: dict[str, AudioSource] = {"original": sound, "kept": sound}
        self.player.set_sources(roles)
        self.timeline.set_recording(RATE, FRAMES)


@pytest.fixture
def rig(qtbot: QtBot) -> Iterator[Rig]:
    rig = Rig()
    qtbot.addWidget(rig.window)
    rig.window.resize(1_400, 60)
    rig.window.show()
    yield rig
    rig.link.close()


def write(field: TimeField, qtbot: QtBot, text: str) -> None:
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


def button(rig: Rig, name: str) -> QAbstractButton:
    found = rig.bar.findChild(QAbstractButton, name)
    assert isinstance(found, QAbstractButton)
    return found


def test_buttons_are_the_windows_commands(rig: Rig, qtbot: QtBot) -> None:
    qtbot.mouseClick(button(rig, "transport_play"), Qt.MouseButton.LeftButton)
    assert rig.link.is_playing
    assert rig.bar.accessibleDescription() == "Playing"
    qtbot.mouseClick(button(rig, "transport_pause"), Qt.MouseButton.LeftButton)
    assert rig.link.is_paused
    assert rig.bar.accessibleDescription() == "Paused"
    qtbot.mouseClick(button(rig, "transport_loop"), Qt.MouseButton.LeftButton)
    assert rig.link.loop
    assert rig.actions["loop"].isChecked()
    rig.timeline.set_cursor(5_000)
    qtbot.mouseClick(button(rig, "transport_to_start"), Qt.MouseButton.LeftButton)
    assert rig.timeline.cursor == 0


def test_the_role_switch_and_the_commands_are_one(rig: Rig, qtbot: QtBot) -> None:
    heard: list[str] = []
    for role in ("original", "kept", "removed"):
        rig.actions[f"hear_{role}"].triggered.connect(lambda _, role=role: heard.append(role))
    qtbot.mouseClick(button(rig, "hearRemoved"), Qt.MouseButton.LeftButton)
    assert heard == ["removed"]
    assert rig.actions["hear_removed"].isChecked()
    rig.actions["hear_kept"].setChecked(True)
    assert rig.bar.roles.choice == "kept"
    rig.actions.allow(Needs.NOTHING)
    assert not button(rig, "hearKept").isEnabled()


def test_the_speed_reaches_the_player(rig: Rig) -> None:
    rig.bar.speed.setValue(1.5)
    assert rig.link.speed == 1.5
    rig.link.set_speed(0.75)
    assert rig.bar.speed.value() == 0.75


def test_times_are_shown(rig: Rig) -> None:
    assert rig.bar.position.text() == "00:00:00.000"
    assert rig.bar.start.text() == rig.bar.end.text() == rig.bar.length.text() == ""
    rig.timeline.select(Span(RATE, 3 * RATE + 48))
    assert rig.bar.start.text() == "00:00:01.000"
    assert rig.bar.end.text() == "00:00:03.001"
    assert rig.bar.length.text() == "00:00:02.001"
    rig.timeline.set_cursor(RATE // 2)
    assert rig.bar.position.text() == "00:00:00.500"
    rig.timeline.set_recording(RATE, 0)
    assert rig.bar.position.text() == ""
    assert not rig.bar.position.isEnabled()


def test_the_position_is_the_playheads_while_playing(rig: Rig, qtbot: QtBot) -> None:
    rig.link.play_or_stop()
    assert rig.player.settle()
    rig.card.streams[-1].pull(4_800)
    qtbot.waitUntil(lambda: rig.bar.position.text() == "00:00:00.100")
    rig.link.stop()
    assert rig.bar.position.text() == "00:00:00.000"


def test_a_selection_is_made_in_figures(rig: Rig, qtbot: QtBot) -> None:
    write(rig.bar.position, qtbot, "10")
    assert rig.timeline.cursor == 10 * RATE
    write(rig.bar.length, qtbot, "5")
    assert rig.timeline.selection == Span(10 * RATE, 15 * RATE)
    write(rig.bar.end, qtbot, "0:20")
    assert rig.timeline.selection == Span(10 * RATE, 20 * RATE)
    write(rig.bar.start, qtbot, "12.5")
    assert rig.timeline.selection == Span(12 * RATE + RATE // 2, 20 * RATE)
    assert rig.bar.length.text() == "00:00:07.500"


def test_the_band_of_a_selection_stays(rig: Rig, qtbot: QtBot) -> None:
    rig.timeline.select(Span(RATE, 2 * RATE), (100.0, 1_000.0))
    write(rig.bar.end, qtbot, "3")
    assert rig.timeline.band == (100.0, 1_000.0)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("start", "30", "must lie after its start"),
        ("end", "5", "must lie after its start"),
        ("end", "1000", "ends before that"),
        ("length", "0", "must lie after its start"),
        ("position", "1000", "ends before that"),
        ("length", "a while", "is not a time"),
    ],
)
def test_times_that_cannot_be_are_refused_with_a_reason(
    rig: Rig, qtbot: QtBot, name: str, text: str, reason: str
) -> None:
    rig.timeline.select(Span(10 * RATE, 20 * RATE))
    field: TimeField = getattr(rig.bar, name)
    write(field, qtbot, text)
    assert reason in field.toolTip()
    assert rig.timeline.selection == Span(10 * RATE, 20 * RATE)
    assert rig.timeline.cursor == 0
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    assert not field.property("invalid")


def test_what_does_not_fit_gives_way(rig: Rig) -> None:
    assert rig.bar.length.isVisible()
    assert rig.bar.speed.isVisible()
    needed = rig.bar.minimumSizeHint().width()
    rig.window.resize(needed + 150, 60)
    assert rig.bar.match.isVisible()
    assert rig.bar.speed.isVisible()
    assert not rig.bar.length.isVisible()
    rig.window.resize(needed + 50, 60)
    assert rig.bar.match.isVisible()
    assert not rig.bar.speed.isVisible()
    rig.window.resize(needed, 60)
    assert not rig.bar.match.isVisible()
    assert rig.bar.minimumSizeHint().width() == needed
    assert rig.bar.width() == needed
    assert needed < 850  # 800 in the window's style
    rig.window.resize(1_400, 60)
    assert rig.bar.length.isVisible()


def menu_texts(rig: Rig) -> list[str]:
    return [action.text() for action in rig.bar.device.menu().actions() if action.isCheckable()]


def test_the_device_menu_is_read_anew_when_it_opens(rig: Rig, qtbot: QtBot) -> None:
    rig.card.cards.append(OutputDevice("Drums & Bass", 2, RATE))
    with qtbot.waitSignal(rig.link.devices_changed):
        rig.bar.device.menu().aboutToShow.emit()
    assert menu_texts(rig)[:3] == ["System's Own Choice", "Loudspeakers", "Drums && Bass"]
    with qtbot.waitSignal(rig.bar.device_chosen) as chosen:
        rig.bar.device.menu().actions()[2].trigger()
    assert chosen.args == ["Drums & Bass"]
    assert rig.player.device == "Drums & Bass"
    rig.card.cards.pop()
    with qtbot.waitSignal(rig.link.devices_changed):
        rig.bar.device.menu().aboutToShow.emit()
    assert menu_texts(rig)[2] == "Drums && Bass"  # though it is not connected now
    assert rig.bar.device.menu().actions()[2].isChecked()


def test_more_than_two_channels_can_be_heard_in_other_ways(rig: Rig) -> None:
    rig.bar.device.menu().aboutToShow.emit()
    menu = {action.objectName(): action for action in rig.bar.device.menu().actions()}
    assert menu["device_layout_mix"].isChecked()
    menu["device_layout_first"].trigger()
    assert rig.player.layout == "first"


def test_everything_has_a_name_a_hint_and_can_be_reached(rig: Rig) -> None:
    parts: list[QWidget] = [
        *rig.bar.findChildren(QAbstractButton),
        *rig.bar.findChildren(TimeField),
        rig.bar.speed,
        rig.bar.meter,
    ]
    names = [part.objectName() for part in parts]
    assert len(set(names)) == len(names) >= 15
    for part in parts:
        assert part.objectName()
        assert part.accessibleName()
        assert part.toolTip()
        assert part.focusPolicy() & Qt.FocusPolicy.TabFocus


def test_the_meter_can_be_read_and_reset(rig: Rig, qtbot: QtBot) -> None:
    rig.player.role = "kept"
    rig.link.play_or_stop()
    assert rig.player.settle()
    rig.card.streams[-1].pull(4_096)
    qtbot.waitUntil(lambda: "Left: peak −" in rig.bar.meter.description())
    rig.link.meter.channels[1].clipped = True
    assert rig.bar.meter.description().endswith("clipped: channel 2")
    qtbot.mouseClick(rig.bar.meter, Qt.MouseButton.LeftButton)
    assert not rig.link.meter.channels[1].clipped
    rig.link.meter.channels[0].clipped = True
    qtbot.keyClick(rig.bar.meter, Qt.Key.Key_Delete)
    assert not rig.link.meter.channels[0].clipped
    rig.link.stop()
    assert rig.bar.meter.description() == "silent"


def test_the_meter_shows_level_and_lamp(rig: Rig) -> None:
    meter = rig.bar.meter
    dark = meter.grab().toImage()
    rig.link.meter.update(None, 0.0)
    rig.link.play_or_stop()
    assert rig.player.settle()
    rig.card.streams[-1].pull(4_096)
    rig.link.meter.update(rig.player.levels(), 0.1)
    lit = meter.grab().toImage()
    assert lit.size() == dark.size()
    left, lamp = 6, lit.width() - 6
    assert lit.pixelColor(left, 6).green() > dark.pixelColor(left, 6).green() + 50
    assert lit.pixelColor(lamp, 6) == dark.pixelColor(lamp, 6)
    rig.link.meter.channels[0].clipped = True
    assert meter.grab().toImage().pixelColor(lamp, 6).red() > 200


def test_keys_that_no_time_is_written_with_are_the_windows(rig: Rig, qtbot: QtBot) -> None:
    rig.bar.position.setFocus()
    qtbot.keyClick(rig.bar.position, Qt.Key.Key_Space)
    assert rig.link.is_playing
    assert rig.bar.position.text() == "00:00:00.000"
    qtbot.keyClick(rig.bar.position, Qt.Key.Key_L)
    assert rig.link.loop
