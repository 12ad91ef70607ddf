"""Measuring what is about to be exported while the dialog is open."""

from __future__ import annotations

import threading
from contextlib import closing

from PySide6.QtCore import QObject, Qt, Signal, Slot

from clapsep_desktop.audio.loudness import Loudness, measure
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.errors import ClapSepError
from clapsep_desktop.timebase import Span

_REPORTS = 100  # of progress, at most


class LoudnessReader(QObject):
    """Measures one thing at a time on a thread of its own.

    Signals, delivered on the GUI thread:
        progressed(float): share that is done, 0 to 1.
        measured(Loudness): the result.
        failed(str): why there is none, in a sentence.
    """

    progressed = Signal(float)
    measured = Signal(object)
    failed = Signal(str)

    _told = Signal(int, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._number = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._told.connect(self._on_told, Qt.ConnectionType.QueuedConnection)

    def start(self, source: AudioSource, span: Span) -> None:
        """Measure a part of a source, instead of what is being measured."""
        self.stop()
        self._stop = threading.Event()
        arguments = (self._number, self._stop, source, span)
        self._thread = threading.Thread(
            target=self._run, args=arguments, name="loudness", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Measure no more, and wait for the thread; what it still said is not heard."""
        self._number += 1
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self, number: int, stop: threading.Event, source: AudioSource, span: Span) -> None:
        told = 0
        try:
            with closing(measure(source, span)) as steps:
                while not stop.is_set():
                    done = next(steps)
                    reached = (done.stop - span.start) * _REPORTS // span.length
                    if reached > told:
                        told = reached
                        self._told.emit(number, reached / _REPORTS)
        except StopIteration as result:
            self._told.emit(number, result.value)
        except ClapSepError as error:
            self._told.emit(number, str(error))

    @Slot(int, object)
    def _on_told(self, number: int, news: float | Loudness | str) -> None:
        if number != self._number:
            return
        if isinstance(news, Loudness):
            self.measured.emit(news)
        elif isinstance(news, str):
            self.failed.emit(news)
        else:
            self.progressed.emit(news)
