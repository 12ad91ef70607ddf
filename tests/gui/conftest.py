"""What every test of the GUI runs under: nothing it starts may outlive it."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QObject, QThread, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid


def _alive(kind: type[QObject]) -> list[QObject]:
    """The Qt objects of a kind that Python knows of and Qt has not deleted."""
    return [one for one in gc.get_objects() if issubclass(type(one), kind) and isValid(one)]


def _leftovers() -> dict[str, list[object]]:
    return {
        "threads": [thread for thread in _alive(QThread) if thread.isRunning()],
        "timers": [timer for timer in _alive(QTimer) if timer.isActive()],
        "windows": [one for one in QApplication.topLevelWidgets() if one.isVisible()],
    }


@pytest.fixture(autouse=True)
def nothing_left_behind(qapp: QApplication) -> Iterator[None]:
    """Fail a test that leaves a running thread, an active timer or a visible window.

    Set up before a test's other fixtures, so that it looks once they are torn down.
    """
    python_threads = set(threading.enumerate())
    before = {kind: set(map(id, objects)) for kind, objects in _leftovers().items()}
    yield
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    qapp.processEvents()
    left = {
        kind: [repr(one) for one in objects if id(one) not in before[kind]]
        for kind, objects in _leftovers().items()
    }
    left["Python threads"] = [
        thread.name
        for thread in threading.enumerate()
        if thread not in python_threads and thread.is_alive() and "Dummy" not in thread.name
    ]
    left = {kind: names for kind, names in left.items() if names}
    assert not left, f"left behind: {left}"
