"""The application around the window."""

from __future__ import annotations

import sys
import threading

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QMessageBox

from clapsep_desktop.gui.app import faults_told
from clapsep_desktop.gui.questions import Question
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


def test_the_end_of_the_session_waits_for_no_answer(
    opened: Studio, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: list[bool] = []

    def ask(question: Question) -> str:
        box = QMessageBox(opened.window)
        late = QTimer(box)
        late.timeout.connect(lambda: answered.append(True) or box.close())
        late.start(10_000)
        QTimer.singleShot(0, opened.window.close_now)
        box.exec()
        late.stop()
        box.deleteLater()
        return question.cancel

    monkeypatch.setattr(opened.window.projects, "_ask", ask)
    opened.editor.operations.toggle_marker(100)
    opened.window.close()
    assert answered == []
    assert not opened.window.isVisible()
    assert (opened.sessions / "one" / "session.json").exists(), "it can be recovered"
