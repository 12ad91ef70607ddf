"""Playback through the real PortAudio, into a PulseAudio server that plays into nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from clapsep_desktop.audio.playback import Player
from tests.support.play_to_sink import LOOP, RATE, sounds

TOOLS = ("pulseaudio", "parec", "pactl")
FADE = RATE // 100

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(shutil.which, TOOLS)), reason="needs " + ", ".join(TOOLS) + " installed"
    ),
]


class Sink:
    """A PulseAudio server of its own, with one sink whose monitor can be recorded."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "native"
        self.environment = {
            **{key: value for key, value in os.environ.items() if key != "DISPLAY"},
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_RUNTIME_PATH": str(folder),
            "PULSE_SERVER": f"unix:{self.socket}",
        }
        self.start()

    def start(self) -> None:
        self.server = subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
             "--disable-shm=yes",
             "-L", f"module-native-protocol-unix auth-anonymous=1 socket={self.socket}",
             "-L", f"module-null-sink sink_name=nothing rate={RATE} format=float32le channels=2"],
            env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(200):
            if self.run("pactl", "list", "short", "sinks").stdout:
                return
            time.sleep(0.05)
        self.stop()
        pytest.skip("PulseAudio does not start here")

    def stop(self) -> None:
        self.server.terminate()
        self.server.wait()
        self.socket.unlink(missing_ok=True)

    def run(self, *command: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(command, env=self.environment, capture_output=True, timeout=60)

    def play(self, scene: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.support.play_to_sink", scene],
            env=self.environment, cwd=Path(__file__).parents[2], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    @contextmanager
    def recorded(self) -> Iterator[Path]:
        """A growing file of float32 stereo; it has begun to grow."""
        path = self.socket.with_name("recording")
        with path.open("wb") as file:
            recorder = subprocess.Popen(
                ["parec", "--device=nothing.monitor", "--format=float32le", f"--rate={RATE}",
                 "--channels=2", "--latency-msec=20", "--raw"],
                env=self.environment, stdout=file,
            )  # fmt: skip
            try:
                for _ in range(200):
                    if path.stat().st_size:
                        break
                    time.sleep(0.05)
                yield path
            finally:
                recorder.terminate()
                recorder.wait()


@pytest.fixture
def sink() -> Iterator[Sink]:
    with tempfile.TemporaryDirectory(prefix="pulse") as folder:  # a socket's path must be short
        sink = Sink(Path(folder))
        yield sink
        sink.stop()


def stretches(heard: np.ndarray) -> list[tuple[str, int]]:
    """What was heard, frame by frame: which role, for how long.

    The monitor of a sink that was just made may miss the first few milliseconds.
    """
    original, kept = sounds()
    (missed,) = np.flatnonzero((original[LOOP.start : LOOP.stop] == heard[0]).all(axis=1))
    assert missed < RATE // 50
    frames = LOOP.start + (missed + np.arange(len(heard))) % LOOP.length
    state = np.full(len(heard), "fade", object)
    for role, samples in (("kept", kept), ("original", original)):
        state[(heard == samples[frames]).all(axis=1)] = role
    borders = np.flatnonzero(state[1:] != state[:-1]) + 1
    edges = [0, *borders.tolist(), len(heard)]
    return [(state[a], b - a) for a, b in pairwise(edges)]


def test_a_loop_and_switches_arrive_at_the_device_to_the_sample(sink: Sink) -> None:
    with sink.recorded() as path:
        report, _ = sink.play("switches").communicate(timeout=60)
        samples = np.fromfile(path, np.float32)
    samples = samples[: len(samples) // 2 * 2].reshape(-1, 2)
    sounding = np.flatnonzero(samples.any(axis=1))
    found = stretches(samples[sounding[0] : sounding[-1] + 1])
    assert report.split() == ["underruns", "0"]
    assert [role for role, _ in found] == [
        "original", "fade", "kept", "fade", "original", "fade",
    ]  # fmt: skip
    assert [length for role, length in found if role == "fade"] == [FADE] * 3


def test_a_server_that_goes_and_comes_back(sink: Sink) -> None:
    player = sink.play("loss")
    assert player.stdout is not None
    assert player.stdin is not None
    assert player.stdout.readline() == "playing\n"
    sink.stop()
    assert "stopped, and playback with it" in player.stdout.readline()
    player.stdin.write("resume\n")
    player.stdin.flush()
    assert player.stdout.readline().startswith("trouble ")  # there is nothing to play on
    sink.start()
    player.stdin.write("resume\n")
    player.stdin.flush()
    assert player.stdout.readline() == "playing\n"
    player.stdin.close()
    assert player.wait(20) == 0
    player.stdout.close()


def test_this_machines_own_devices_can_be_asked_for() -> None:
    player = Player()
    player.look_for_devices()
    assert player.settle()
    for device in player.devices():
        assert device.name
        assert device.outputs > 0
    player.close()
