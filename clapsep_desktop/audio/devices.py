"""Sound cards, through PortAudio.

PortAudio takes its list of devices once, when it starts, and may not be installed at all. Both
are met here: nothing of sounddevice is imported before the first use, and looking anew restarts
PortAudio, which is only allowed while no stream is open. All calls may take long (a server to
wake, a card to open); `Player` makes them on a thread of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from clapsep_desktop.errors import DeviceError

FillBlock = Callable[[np.ndarray, float], None]
"""Fills a float32 array (n, outputs), given the seconds until its first frame is heard."""

_LATENCY = 0.1
"""Seconds asked of a device: a busy interpreter is late by more than the 35 ms that PortAudio calls
high. Positions are corrected by what the device says it became."""

_SWITCH = 0.0005
"""Seconds after which a thread gives way to a waiting one while a device is open. With Python's own
5 ms, a callback beside two threads that compute without a pause missed a third of its calls."""

_LONGEST_DELAY = 2.0  # seconds; some hosts answer with times from another clock
_UNWANTED_HOSTS = frozenset({"Windows WDM-KS"})  # takes the card away from everything else


@dataclass(frozen=True)
class OutputDevice:
    """A sound card, or a server's way to one.

    Attributes:
        name: unique, and the same the next time.
        outputs: how many channels it takes.
        rate: Hz, its own.
        is_default: whether the system prefers it.
    """

    name: str
    outputs: int
    rate: int
    is_default: bool = False


class OutputStream(Protocol):
    """An open device."""

    device: str  # its name, for sentences
    rate: int  # Hz
    outputs: int

    def start(self, fill: FillBlock) -> None:
        """Call ``fill`` for every block from now on; raises DeviceError."""
        ...

    @property
    def active(self) -> bool:
        """Whether the device still asks for sound."""
        ...

    def close(self) -> None:
        """Let go of the device; raises nothing."""
        ...


class Backend(Protocol):
    """What plays sound. The methods are called by one thread at a time."""

    def devices(self, *, rescan: bool = False) -> Sequence[OutputDevice]:
        """The outputs there are; ``rescan`` looks anew, while no stream is open.

        Raises:
            DeviceError: sound cannot be played on this machine at all.
        """
        ...

    def open(self, device: str | None, rate: int, outputs: int) -> OutputStream:
        """Open a device, or the preferred one.

        The stream has the rate asked for where the device takes it, else the device's own, and
        no more outputs than the device.

        Raises:
            DeviceError: it is not there, or refuses.
        """
        ...


class PortAudio:
    """The sound cards of this machine."""

    def __init__(self) -> None:
        self._module: ModuleType | None = None

    def devices(self, *, rescan: bool = False) -> Sequence[OutputDevice]:
        """See `Backend.devices`."""
        return [device for device, _ in self._outputs(rescan=rescan)]

    def open(self, device: str | None, rate: int, outputs: int) -> OutputStream:
        """See `Backend.open`."""
        found, index = self._find(device)
        outputs = min(outputs, found.outputs)
        failure: Exception | None = None
        sounddevice = self._library()
        for attempt in dict.fromkeys((rate, found.rate)):
            try:
                return _PortAudioStream(sounddevice, found.name, index, attempt, outputs)
            except (sounddevice.PortAudioError, ValueError) as error:
                failure = error
        raise DeviceError(
            f"The output device “{found.name}” cannot be used ({_reason(failure)}). Another "
            "program may hold it; close that, or choose another device."
        ) from failure

    def _find(self, name: str | None) -> tuple[OutputDevice, int]:
        outputs = self._outputs()
        if not outputs:
            raise DeviceError(
                "No output device was found. Connect headphones or loudspeakers, then play again."
            )
        if name is None:
            return next((pair for pair in outputs if pair[0].is_default), outputs[0])
        for device, index in outputs:
            if device.name == name:
                return device, index
        raise DeviceError(
            f"The output device “{name}” is not connected. Connect it and play again, or choose "
            "another device."
        )

    def _outputs(self, *, rescan: bool = False) -> list[tuple[OutputDevice, int]]:
        sounddevice = self._library()
        try:
            if rescan:
                sounddevice._terminate()
                sounddevice._initialize()
            hosts = sounddevice.query_hostapis()
            devices = sounddevice.query_devices()
        except sounddevice.PortAudioError as error:
            raise DeviceError(
                f"Sound cannot be played: PortAudio does not start ({_reason(error)}). Restart the "
                "system's sound service, then play again."
            ) from error
        preferred = _preferred_output(hosts, sounddevice.default.device[1])
        return [
            (_described(device, hosts, index == preferred), index)
            for index, device in enumerate(devices)
            if device["max_output_channels"] > 0
            and hosts[device["hostapi"]]["name"] not in _UNWANTED_HOSTS
        ]

    def _library(self) -> ModuleType:
        if self._module is None:
            self._module = sounddevice_library()
        return self._module


def sounddevice_library() -> ModuleType:
    """The package sounddevice, which brings PortAudio; raises DeviceError where it cannot start."""
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise DeviceError(
            "Sound cannot be played: the PortAudio library is missing or does not start. "
            "Install it (Debian, Ubuntu: sudo apt install libportaudio2), then play again."
        ) from error
    library: ModuleType = sounddevice
    return library


def _preferred_output(hosts: Sequence[dict[str, Any]], index: int) -> int:
    """The system's default output; the first host's that has one where PortAudio names none."""
    candidates = [index, *(host["default_output_device"] for host in hosts)]
    return next((candidate for candidate in candidates if candidate >= 0), -1)


def _described(
    device: dict[str, Any], hosts: Sequence[dict[str, Any]], first: bool
) -> OutputDevice:
    name = device["name"]
    if len([host for host in hosts if host["devices"]]) > 1:
        name = f"{name}, {hosts[device['hostapi']]['name']}"
    return OutputDevice(
        name, device["max_output_channels"], round(device["default_samplerate"]), first
    )


def _reason(error: Exception | None) -> str:
    """PortAudio's own words, without its numbers."""
    text = str(error.args[0]) if error and error.args else str(error)
    return text.split(" [")[0].removeprefix("Error opening OutputStream: ").rstrip(".")


class _PortAudioStream:
    """An `OutputStream` of PortAudio."""

    def __init__(
        self, sounddevice: ModuleType, name: str, index: int, rate: int, outputs: int
    ) -> None:
        self.device = name
        self.rate = rate
        self.outputs = outputs
        self._fill: FillBlock | None = None
        self._error: type[Exception] = sounddevice.PortAudioError
        self._stream = sounddevice.OutputStream(
            samplerate=rate,
            device=index,
            channels=outputs,
            dtype="float32",
            latency=_LATENCY,
            callback=self._callback,
        )
        self._usual_delay = float(self._stream.latency)
        self._switch = sys.getswitchinterval()

    def start(self, fill: FillBlock) -> None:
        """See `OutputStream.start`."""
        self._fill = fill
        sys.setswitchinterval(min(_SWITCH, self._switch))
        try:
            self._stream.start()
        except self._error as error:
            raise DeviceError(
                f"The output device “{self.device}” does not start ({_reason(error)}). Choose "
                "another device, or connect it again."
            ) from error

    def _callback(self, out: np.ndarray, _frames: int, time: Any, _status: object) -> None:
        delay = time.outputBufferDacTime - time.currentTime
        if not 0 < delay < _LONGEST_DELAY:
            delay = self._usual_delay
        assert self._fill is not None
        self._fill(out, delay)

    @property
    def active(self) -> bool:
        """See `OutputStream.active`."""
        try:
            return bool(self._stream.active)
        except self._error:
            return False

    def close(self) -> None:
        """See `OutputStream.close`."""
        sys.setswitchinterval(self._switch)
        with suppress(self._error):
            self._stream.abort()
        with suppress(self._error):
            self._stream.close()
