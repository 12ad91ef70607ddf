"""The story once more, in a real window on a real X server, driven by real mouse and keys."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from clapsep_desktop.resources import resource
from tests.conftest import ROOT

TOOLS = ("Xvfb", "xdotool")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(shutil.which, TOOLS)),
        reason=f"needs {' and '.join(TOOLS)}: no real window here",
    ),
]

PATIENCE = 90.0  # s


@pytest.fixture
def display() -> Iterator[str]:
    """An X server with a screen of its own."""
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1280x1100x24", "-nolisten", "tcp"],
        pass_fds=[writer],
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    with os.fdopen(reader) as answer:
        number = answer.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait()


class RealWindow:
    """The editor's process, its display, and what it told."""

    def __init__(self, folder: Path, recording: Path, display: str) -> None:
        self._environment = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
        self._told: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.real_window", str(folder), str(recording)],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._told.put(json.loads(line))

    def until(self, told: str, **expected: object) -> dict[str, Any]:
        """Wait until something is told, with these values if any are given."""
        seen = []
        while True:
            try:
                message = self._told.get(timeout=PATIENCE)
            except queue.Empty:
                pytest.fail(f"“{told}” {expected} was not told, but {seen[-8:]}")
            if message["told"] == told and expected.items() <= message.items():
                return message
            seen.append(message)

    def do(self, *arguments: object) -> None:
        """Move the mouse or press keys, as xdotool says."""
        command = ["xdotool", *map(str, arguments)]
        subprocess.run(command, env=self._environment, check=True)

    def keys(self, *keys: str) -> None:
        self.do("key", "--delay", 60, *keys)

    def drag(self, area: list[int], start: float, stop: float) -> list[int]:
        """Drag over an area between two shares of its width; the frames that are selected."""
        left, top, width, height = area
        y = top + height // 3
        first, last = (left + round(share * width) for share in (start, stop))
        self.do("mousemove", first, y, "mousedown", 1)
        self.do("mousemove", (first + last) // 2, y, "mousemove", last, y, "mouseup", 1)
        while True:
            span = self.until("selection")["span"]
            if span is not None:
                return span

    def close(self) -> int:
        """Wait for the end; the exit code."""
        try:
            return self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            assert self._process.stdout is not None
            self._process.stdout.close()


@pytest.fixture
def window(tmp_path: Path, display: str) -> Iterator[RealWindow]:
    recording = tmp_path / "demo.flac"
    shutil.copy(resource("demo", "demo.flac"), recording)
    window = RealWindow(tmp_path, recording, display)
    yield window
    window._process.kill()
    window.close()


def test_the_story_in_a_real_window(window, tmp_path):
    shown = window.until("shown")
    area = window.until("session", steps=[])["waveform"]
    window.do("windowfocus", shown["window"])

    # Select, and keep a text.
    first, _ = window.drag(area, 0.25, 0.6)
    window.keys("slash")
    window.do("type", "--delay", 30, "a man speaking")
    window.keys("Return", "ctrl+Return")
    (step,) = window.until("session")["steps"]
    assert step == ["Keep “a man speaking”", 1.0]

    # Hear all three, away from the text.
    window.do("windowfocus", shown["window"])
    window.keys("F6")
    for key, role in (("a", "original"), ("s", "kept"), ("d", "removed")):
        window.keys(key)
        window.until("role", role=role)

    # Undo, redo.
    window.keys("ctrl+z")
    assert window.until("session")["steps"] == []
    window.keys("ctrl+shift+z")
    state = window.until("session")
    assert len(state["steps"]) == 1

    # Remove by example.
    window.drag(state["waveform"], 0.7, 0.76)
    window.keys("ctrl+shift+k", "ctrl+Return")
    state = window.until("session")
    assert len(state["steps"]) == 2

    # Cancel a running job.
    (tmp_path / "hold").touch()
    window.keys("ctrl+r")
    window.until("planned")
    window.keys("Escape")
    (tmp_path / "hold").unlink()
    window.until("stopped")

    # Re-tune the last step by its slider.
    left, top, width, height = state["sliders"][-1]
    window.do("mousemove", left + width * 2 // 5, top + height // 2, "click", 1)
    while (strength := window.until("session")["steps"][1][1]) == 1.0:
        pass
    assert 0.0 <= strength < 1.0

    # Export by the dialog's proposal, and compare sample by sample.
    window.do("windowfocus", shown["window"])
    window.keys("ctrl+shift+e")
    window.do("windowfocus", window.until("dialog")["window"])
    window.keys("Return")
    (file,) = window.until("exported")["files"]
    heard = np.load(tmp_path / "heard.npy")
    written, rate = soundfile.read(file, dtype="float32", always_2d=True)
    source, _ = soundfile.read(tmp_path / "demo.flac", dtype="float32", always_2d=True)
    assert rate == 48_000
    span = slice(len(heard) - len(written), None) if len(written) < len(heard) else slice(None)
    if len(written) < len(heard):  # the selection was proposed
        starts = [
            start
            for start in range(len(heard) - len(written) + 1)
            if np.abs(heard[start, 0] - written[0, 0]) <= 2**-15
            and np.abs(heard[start : start + len(written)] - written).max() <= 2**-15
        ]
        assert len(starts) == 1
        span = slice(starts[0], starts[0] + len(written))
    assert np.abs(written - heard[span]).max() <= 2**-15
    assert np.array_equal(heard[:first], source[:first])

    # Close.
    window.do("windowfocus", shown["window"])
    window.keys("ctrl+q")
    assert window.until("closed")["left"] == []
    assert window.close() == 0
