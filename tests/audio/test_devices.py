"""`PortAudio` against a sounddevice that is made of nothing."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from clapsep_desktop.audio.devices import PortAudio
from clapsep_desktop.errors import DeviceError


class PortAudioError(Exception):
    pass


class Stream:
    """An OutputStream that calls back when it is told to."""

    def __init__(self, library: Library, **asked: Any) -> None:
        if library.rates and asked["samplerate"] not in library.rates:
            raise PortAudioError("Error opening OutputStream: Invalid sample rate [-9997]", -9997)
        self.asked = asked
        self.latency = 0.05
        self.active = False
        self.closed = False
        self.starts = library.starts

    def start(self) -> None:
        if not self.starts:
            raise PortAudioError("Device unavailable [-9985]", -9985)
        self.active = True

    def abort(self) -> None:
        self.active = False

    def close(self) -> None:
        self.closed = True
        raise PortAudioError("Unanticipated host error [-9999]", -9999)

    def call_back(self, frames: int, now: float, heard: float) -> np.ndarray:
        out = np.full((frames, self.asked["channels"]), np.nan, np.float32)
        time = SimpleNamespace(currentTime=now, outputBufferDacTime=heard)
        self.asked["callback"](out, frames, time, None)
        return out


def device(name: str, outputs: int = 2, host: int = 0) -> dict[str, Any]:
    return {
        "name": name,
        "max_output_channels": outputs,
        "default_samplerate": 44_100.0,
        "hostapi": host,
    }


@dataclass(eq=False)
class Library:
    """What is used of the module."""

    devices: list[dict[str, Any]] = field(default_factory=lambda: [device("Loudspeakers")])
    hosts: list[str] = field(default_factory=lambda: ["ALSA"])
    preferred: int = 0
    rates: set[int] = field(default_factory=set)
    starts: bool = True
    broken: bool = False
    restarts: int = 0
    streams: list[Stream] = field(default_factory=list)
    PortAudioError = PortAudioError

    def _terminate(self) -> None:
        pass

    def _initialize(self) -> None:
        self.restarts += 1
        if self.broken:
            raise PortAudioError("Internal PortAudio error [-9986]", -9986)

    @property
    def default(self) -> SimpleNamespace:
        return SimpleNamespace(device=[-1, self.preferred])

    def query_devices(self) -> list[dict[str, Any]]:
        return self.devices

    def query_hostapis(self) -> list[dict[str, Any]]:
        hosts = []
        for number, name in enumerate(self.hosts):
            own = [i for i, each in enumerate(self.devices) if each["hostapi"] == number]
            first = own[0] if own else -1
            hosts.append({"name": name, "devices": own, "default_output_device": first})
        return hosts

    def OutputStream(self, **asked: Any) -> Stream:  # noqa: N802  # sounddevice's name
        stream = Stream(self, **asked)
        self.streams.append(stream)
        return stream


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    library = Library()
    monkeypatch.setitem(sys.modules, "sounddevice", library)  # type: ignore[arg-type]
    return library


def test_outputs_are_described_and_inputs_left_out(library: Library) -> None:
    library.devices = [device("Microphone", 0), device("Loudspeakers"), device("Interface", 8)]
    library.preferred = 2
    found = PortAudio().devices()
    assert [(each.name, each.outputs, each.rate, each.is_default) for each in found] == [
        ("Loudspeakers", 2, 44_100, False),
        ("Interface", 8, 44_100, True),
    ]
    assert library.restarts == 0


def test_names_are_unique_where_a_card_is_reached_in_several_ways(library: Library) -> None:
    library.hosts = ["MME", "Windows WASAPI", "Windows WDM-KS"]
    library.devices = [device("Card", host=host) for host in (0, 1, 2)]
    assert [each.name for each in PortAudio().devices()] == ["Card, MME", "Card, Windows WASAPI"]


def test_looking_anew_restarts_portaudio(library: Library) -> None:
    PortAudio().devices(rescan=True)
    assert library.restarts == 1
    library.broken = True
    with pytest.raises(DeviceError, match=r"PortAudio does not start \(Internal"):
        PortAudio().devices(rescan=True)


def test_a_missing_library_is_said_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(DeviceError, match="apt install libportaudio2"):
        PortAudio().devices()


def test_no_device_and_a_wrong_one_are_said(library: Library) -> None:
    with pytest.raises(DeviceError, match="“Headphones” is not connected"):
        PortAudio().open("Headphones", 48_000, 2)
    library.devices = []
    library.preferred = -1
    with pytest.raises(DeviceError, match="No output device was found"):
        PortAudio().open(None, 48_000, 2)


def test_the_preferred_device_is_opened_at_the_recordings_rate(library: Library) -> None:
    library.devices.append(device("Interface", 8))
    library.preferred = 1
    stream = PortAudio().open(None, 96_000, 6)
    assert (stream.device, stream.rate, stream.outputs) == ("Interface", 96_000, 6)
    library.preferred = -1
    assert PortAudio().open(None, 96_000, 6).outputs == 2  # the first there is


def test_a_rate_that_is_refused_gives_way_to_the_devices_own(library: Library) -> None:
    library.rates = {44_100}
    assert PortAudio().open(None, 96_000, 2).rate == 44_100
    library.rates = {22_050}
    with pytest.raises(DeviceError, match=r"cannot be used \(Invalid sample rate\)"):
        PortAudio().open(None, 96_000, 2)


@pytest.mark.parametrize(
    ("now", "heard", "delay"), [(5.0, 5.02, 0.02), (5.0, 0.0, 0.05), (5.0, 900.0, 0.05)]
)
def test_the_delay_is_the_devices_word_where_it_can_be_true(
    library: Library, now: float, heard: float, delay: float
) -> None:
    stream = PortAudio().open(None, 48_000, 2)
    delays: list[float] = []

    def fill(out: np.ndarray, seconds: float) -> None:
        out[:] = 0.25
        delays.append(seconds)

    stream.start(fill)
    assert stream.active
    assert (library.streams[-1].call_back(64, now, heard) == 0.25).all()
    assert delays == pytest.approx([delay])
    stream.close()


def test_the_interpreter_is_quicker_only_while_a_device_is_open(library: Library) -> None:
    usual = sys.getswitchinterval()
    stream = PortAudio().open(None, 48_000, 2)
    stream.start(lambda out, delay: None)
    assert sys.getswitchinterval() < usual
    stream.close()  # though the device makes trouble even then
    assert library.streams[-1].closed
    assert sys.getswitchinterval() == pytest.approx(usual)


def test_a_device_that_does_not_start_is_said(library: Library) -> None:
    library.starts = False
    stream = PortAudio().open(None, 48_000, 2)
    with pytest.raises(DeviceError, match=r"does not start \(Device unavailable\)"):
        stream.start(lambda out, delay: None)
    stream.close()
    assert not stream.active
