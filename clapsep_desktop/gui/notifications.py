"""Telling that long work has ended, to someone who looks elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QApplication, QWidget

from clapsep_desktop.gui.jobs import Job, JobRunner
from clapsep_desktop.gui.preferences import Settings

LONG = 10.0
"""s that work must have taken to be told of."""


class Notifications(QObject):
    """Marks the window in the task bar, and sounds if wished, when a long job has ended.

    Signals:
        told(str): that, with what ended.

    Args:
        window: what is to be looked at again.
        runner: whose jobs are told of.
        settings: whether to tell, and whether by sound too.
        clock: s, of a clock that never goes back.
    """

    told = Signal(str)

    def __init__(
        self,
        window: QWidget,
        runner: JobRunner,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(window)
        self._window = window
        self._settings = settings
        self._clock = clock
        self._began = 0.0
        runner.started.connect(self._on_started)
        runner.finished.connect(self._on_finished)
        runner.failed.connect(self._on_failed)

    @Slot(object)
    def _on_started(self, _: Job[Any]) -> None:
        self._began = self._clock()

    @Slot(object, object)
    def _on_finished(self, job: Job[Any], _: object) -> None:
        self._tell(f"{job.title}: done.")

    @Slot(object, object)
    def _on_failed(self, job: Job[Any], _: Exception) -> None:
        self._tell(f"{job.title}: did not work.")

    def _tell(self, sentence: str) -> None:
        if self._clock() - self._began < LONG or not self._settings.values.notify:
            return
        if not self._window.isActiveWindow():
            QApplication.alert(self._window)
        if self._settings.values.sound:
            QApplication.beep()
        self.told.emit(sentence)
