"""What every test of the GUI runs under: nothing it starts may outlive it; and a main window."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject, QThread, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from clapsep_desktop.gui.query_panel import QueryPanel
from tests.support.desks import Desk
from tests.support.sessions import make_recording
from tests.support.sounds import noisy_tone, write_sound
from tests.support.windows import Studio

_known: set[int] = set()
"""Ids of what an earlier test left behind, and was blamed for."""


def _leftovers() -> dict[str, list[QObject]]:
    """The Qt objects that still do something; one walk over all of Python's objects."""
    found: dict[str, list[QObject]] = {"threads": [], "timers": []}
    for one in gc.get_objects():
        kind = type(one)
        if issubclass(kind, QThread) and isValid(one) and one.isRunning():
            found["threads"].append(one)
        elif issubclass(kind, QTimer) and isValid(one) and one.isActive():
            found["timers"].append(one)
    found["windows"] = [one for one in QApplication.topLevelWidgets() if one.isVisible()]
    return found


@pytest.fixture(autouse=True)
def nothing_left_behind(qapp: QApplication) -> Iterator[None]:
    """Fail a test that leaves a running thread, an active timer or a visible window.

    Set up before a test's other fixtures, so that it looks once they are torn down.
    """
    python_threads = set(threading.enumerate())
    yield
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    qapp.processEvents()
    found = _leftovers()
    left = {
        kind: [repr(one) for one in objects if id(one) not in _known]
        for kind, objects in found.items()
    }
    _known.update(id(one) for objects in found.values() for one in objects)
    left["Python threads"] = [
        thread.name
        for thread in threading.enumerate()
        if thread not in python_threads and thread.is_alive() and "Dummy" not in thread.name
    ]
    left = {kind: names for kind, names in left.items() if names}
    assert not left, f"left behind: {left}"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Four seconds in stereo."""
    return write_sound(tmp_path / "rain.wav", noisy_tone(64_000, 2, 16_000), 16_000)


@pytest.fixture
def panel(qtbot) -> QueryPanel:
    """A query panel that has the keyboard."""
    panel = QueryPanel()
    qtbot.addWidget(panel)
    panel.resize(320, 700)
    panel.show()
    panel.activateWindow()
    panel.focus_query()
    return panel


@pytest.fixture
def studio(qtbot, tmp_path: Path) -> Iterator[Studio]:
    """A main window without a recording."""
    studio = Studio(tmp_path)
    studio.window.show()
    qtbot.waitExposed(studio.window)
    yield studio
    studio.close()


@pytest.fixture
def opened(studio: Studio, qtbot, recording: Path) -> Studio:
    """A main window with the recording."""
    with qtbot.waitSignal(studio.editor.document.opened):
        studio.window.open_file(recording)
    return studio


@pytest.fixture
def desk(qtbot, tmp_path: Path) -> Iterator[Desk]:
    """A document with projects, and a recording for it."""
    make_recording(tmp_path / "field.wav")
    desk = Desk(tmp_path)
    yield desk
    desk.close()


@pytest.fixture
def second(qtbot, tmp_path: Path, desk: Desk) -> Iterator[Desk]:
    """Another window, or the next start."""
    desk = Desk(tmp_path, "second")
    yield desk
    desk.close()
