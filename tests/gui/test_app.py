"""The application around the window."""

from __future__ import annotations

import sys
import threading

import pytest

from clapsep_desktop.gui.app import faults_told
from tests.support.windows import Studio


@pytest.mark.parametrize("thread", ["of Python", "of Qt"])
def test_a_fault_on_another_thread_is_told_on_that_of_the_window(
    studio: Studio, qtbot, monkeypatch: pytest.MonkeyPatch, thread: str
) -> None:
    told: list[threading.Thread] = []
    tell = studio.window.messages.say

    def say(sentence: str, **kinds: object) -> None:
        told.append(threading.current_thread())
        tell(sentence, **kinds)

    monkeypatch.setattr(studio.window.messages, "say", say)

    def fail() -> None:
        try:
            raise ZeroDivisionError("oops")
        except ZeroDivisionError:
            if thread == "of Python":
                raise
            sys.excepthook(*sys.exc_info())  # as PySide does with what a slot raises

    with faults_told(studio.window):
        failing = threading.Thread(target=fail)
        failing.start()
        failing.join()
        qtbot.waitUntil(lambda: bool(told))
    assert told == [threading.main_thread()]
    assert "ZeroDivisionError: oops" in studio.window.messages.text
