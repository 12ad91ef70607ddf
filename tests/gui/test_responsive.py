"""The window answers whatever else goes on, and leaves nothing behind whenever it is closed."""

from __future__ import annotations

import random
import struct
import tempfile
import threading
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QTimer, Slot

from clapsep_desktop.query import Query
from clapsep_desktop.timebase import Span
from tests.support.signals import noise
from tests.support.sounds import noisy_tone, write_sound
from tests.support.windows import Studio

LONGEST = 0.050
"""s between two chances to answer the user."""

RATE, HOUR = 48_000, 3_600


class Heartbeat(QObject):
    """Beats whenever the event loop comes round, and notes what the longest way took.

    In processor time of this thread, not by the clock: on a busy machine a thread that does
    nothing waits, too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.longest = 0.0
        self.beats = 0
        self._last = time.thread_time()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._beat)
        self._timer.start(0)

    @Slot()
    def _beat(self) -> None:
        now = time.thread_time()
        self.longest = max(self.longest, now - self._last)
        self.beats += 1
        self._last = time.thread_time()

    def stop(self) -> None:
        self._timer.stop()


def sparse_hour(path: Path) -> Path:
    """An hour of 48 kHz stereo in 16 bits: a minute of noise, then silence that takes no disk."""
    data = RATE * HOUR * 4
    form = struct.pack("<HHIIHH", 1, 2, RATE, RATE * 4, 4, 16)
    header = b"RIFF" + struct.pack("<I", 36 + data) + b"WAVEfmt " + struct.pack("<I", 16) + form
    sound = (noise(RATE * 60, 2) * 32_767).astype("<i2")
    with path.open("wb") as file:
        file.write(header + b"data" + struct.pack("<I", data) + sound.tobytes())
        file.truncate(44 + data)
    return path


@pytest.mark.alone
def test_the_gui_thread_is_never_blocked_for_long(studio, qtbot, tmp_path):
    path = sparse_hour(tmp_path / "hour.wav")
    timeline, operations = studio.editor.timeline, studio.editor.operations
    done: list[str] = []
    operations.extracted.connect(done.append)
    heartbeat = Heartbeat()
    with qtbot.waitSignal(studio.editor.document.opened, timeout=30_000):
        studio.window.open_file(path)
    for step in (  # a user does one after the other
        lambda: studio.window.query.set_query(Query.of(keep=["a dog"])),
        lambda: timeline.select(Span(0, 20 * RATE)),
        lambda: studio.trigger("extract"),
    ):
        qtbot.wait(20)
        step()
    qtbot.wait(20)
    places = random.Random(5)
    for _ in range(60):  # meanwhile the user looks around
        timeline.zoom_at(places.randrange(timeline.width), places.choice([0.2, 0.5, 2.0, 5.0]))
        timeline.scroll(places.uniform(-1, 1) * timeline.width * timeline.frames_per_pixel)
        qtbot.wait(20)
    qtbot.waitUntil(lambda: bool(done), timeout=120_000)
    timeline.fit()
    qtbot.waitUntil(lambda: not studio.editor.view.is_busy, timeout=120_000)
    for role in ("original", "removed", "kept"):
        studio.editor.sound.hear(role)
        qtbot.wait(20)
    studio.trigger("undo")
    qtbot.wait(50)
    heartbeat.stop()
    assert heartbeat.beats > 200
    assert heartbeat.longest < LONGEST


@pytest.mark.parametrize("seed", range(6))
def test_closing_at_any_moment_leaves_nothing(qtbot, tmp_path, monkeypatch, seed):
    moments = random.Random(seed)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    recording = write_sound(tmp_path / "rain.wav", noisy_tone(160_000, 2, 16_000), 16_000)
    threads = set(threading.enumerate())
    studio = Studio(tmp_path)
    studio.window.show()
    try:
        studio.window.open_file(recording)
        qtbot.wait(moments.randrange(300))
        if studio.editor.document.is_open:
            studio.window.query.set_query(Query.of(keep=["a dog"]))
            studio.trigger(moments.choice(["extract", "extract", "preview"]))
            qtbot.wait(moments.randrange(1_500))
            studio.editor.playback.play_or_stop()
        studio.dialogs.answers = ["Stop and Close", "Don’t Save"]
        if not studio.editor.operations.is_extracting:
            studio.dialogs.answers = ["Don’t Save"]
        with qtbot.waitSignal(studio.window.closed, timeout=30_000):
            studio.window.close()
    finally:
        studio.window.deleteLater()
    assert [thread.name for thread in set(threading.enumerate()) - threads] == []
    assert list(temporary.iterdir()) == []
    assert list(studio.sessions.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "rain.wav",
        "sessions",
        "settings.ini",
        "temporary",
    ]
