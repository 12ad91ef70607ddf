"""Long work off the GUI thread: one job at a time, each a generator that is drained there.

A job's generator yields `Progress` at every point where it may be stopped, and returns its
result. Stopping it closes the generator, so that its own ``finally`` cleans up.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QThread, Signal, Slot

from clapsep_desktop.steps import retold

__all__ = ["Job", "JobRunner", "Progress", "ProgressModel", "Steps", "retold"]

T = TypeVar("T")

REPORT_INTERVAL = 0.05
"""s between two reports of progress within a phase; more would only flood the event queue."""


@dataclass(frozen=True)
class Progress:
    """How far a job has come.

    Attributes:
        phase: what it does now: "loading the model", "listening", "separating", "writing".
        done: seconds of sound, or any other unit, finished in this phase.
        total: the phase's whole, in the same unit; None where it cannot be known.
        of_sound: whether the unit is seconds of sound, so that its speed is one of hearing.
    """

    phase: str
    done: float = 0.0
    total: float | None = None
    of_sound: bool = True


Steps = Generator[Progress, None, T]


@dataclass(eq=False)
class Job(Generic[T]):
    """Work to be done off the GUI thread.

    Its callbacks are called on the GUI thread, once it has ended: exactly one of ``on_result``
    and ``on_abandoned``, and one of ``on_result``, ``on_error`` and ``discard`` at the most.

    Attributes:
        title: what it does, in a few words: "Opening “rain.wav”".
        steps: makes the generator, on the job thread.
        on_result: gets what the generator returned.
        on_abandoned: called when the job was stopped or failed.
        on_error: gets what made it fail, after ``on_abandoned``; a job without it leaves that to
            who listens to `JobRunner.failed`.
        discard: gets a result that came too late, because the job was stopped meanwhile.
        unasked: whether the program does it of itself, so that what was told the user stays.
        cancelled: set when the job is to stop; a long step may look at it.
    """

    title: str
    steps: Callable[[], Steps[T]]
    on_result: Callable[[T], None] | None = None
    on_abandoned: Callable[[], None] | None = None
    on_error: Callable[[Exception], None] | None = None
    discard: Callable[[T], None] | None = None
    unasked: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event)


class JobRunner(QObject):
    """Runs jobs on a thread of its own, in the order of their submission.

    Signals, all delivered on the GUI thread:
        started(Job): it begins.
        progressed(Job, Progress): at most every `REPORT_INTERVAL`, and whenever a phase begins.
        cancelling(Job): it is asked to stop; nothing it does counts from now on.
        finished(Job, object): with the generator's result.
        stopped(Job): cancelled, and its generator is closed.
        failed(Job, Exception): its generator raised.
        idle(): the last job has ended.
    """

    started = Signal(object)
    progressed = Signal(object, object)
    cancelling = Signal(object)
    finished = Signal(object, object)
    stopped = Signal(object)
    failed = Signal(object, object)
    idle = Signal()

    _requested = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: deque[Job[Any]] = deque()
        self._current: Job[Any] | None = None
        self._closed = False
        self._thread = QThread(self)
        self._thread.setObjectName("jobs")
        self._worker = _Worker()
        self._worker.moveToThread(self._thread)
        self._requested.connect(self._worker.run, Qt.ConnectionType.QueuedConnection)
        self._worker.progressed.connect(self._on_progressed)
        self._worker.ended.connect(self._on_ended)
        self._thread.start()

    @property
    def current(self) -> Job[Any] | None:
        """The job that runs, or is being stopped; None when idle."""
        return self._current

    @property
    def waiting(self) -> int:
        """Jobs that have not begun."""
        return len(self._waiting)

    def submit(self, job: Job[Any]) -> None:
        """Start a job, or let it wait for its turn."""
        if self._closed:
            raise RuntimeError("the runner is closed")
        self._waiting.append(job)
        if self._current is None:
            self._start_next()

    def cancel(self, job: Job[Any] | None = None) -> None:
        """Stop a job, by default the one that runs; nothing happens to one that has ended."""
        job = job or self._current
        if job is None or job.cancelled.is_set():
            return
        if job in self._waiting:
            self._waiting.remove(job)
            job.cancelled.set()
            self._abandon(job)
        elif job is self._current:
            job.cancelled.set()  # at once: a queued slot would wait for the job's end
            self.cancelling.emit(job)

    def cancel_all(self) -> None:
        """Stop the job that runs and those that wait."""
        while self._waiting:
            self.cancel(self._waiting[-1])
        self.cancel()

    def close(self) -> None:
        """Stop everything and wait until the thread has ended; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self.cancel_all()
        self._thread.quit()
        self._thread.wait()
        # What the worker said last is still queued, and may hold a result to be discarded.
        QCoreApplication.sendPostedEvents(self, QEvent.Type.MetaCall.value)
        self._worker.deleteLater()

    def _start_next(self) -> None:
        if not self._waiting:
            self.idle.emit()
            return
        self._current = self._waiting.popleft()
        self.started.emit(self._current)
        self._requested.emit(self._current)

    @Slot(object, object)
    def _on_progressed(self, job: Job[Any], progress: Progress) -> None:
        if not job.cancelled.is_set():
            self.progressed.emit(job, progress)

    @Slot(object, object)
    def _on_ended(self, job: Job[Any], outcome: _Outcome) -> None:
        self._current = None
        try:
            self._deliver(job, outcome)
        finally:
            if not self._closed and self._current is None:
                self._start_next()

    def _deliver(self, job: Job[Any], outcome: _Outcome) -> None:
        if job.cancelled.is_set():
            if outcome.complete and job.discard:
                job.discard(outcome.result)
            self._abandon(job)
        elif outcome.error is not None:
            if job.on_abandoned:
                job.on_abandoned()
            if job.on_error:
                job.on_error(outcome.error)
            self.failed.emit(job, outcome.error)
        else:
            if job.on_result:
                job.on_result(outcome.result)
            self.finished.emit(job, outcome.result)

    def _abandon(self, job: Job[Any]) -> None:
        if job.on_abandoned:
            job.on_abandoned()
        self.stopped.emit(job)


@dataclass(frozen=True)
class _Outcome:
    """How a generator ended: complete with a result, with an error, or neither when stopped."""

    complete: bool = False
    result: Any = None
    error: Exception | None = None


class _Worker(QObject):
    """Lives on the job thread."""

    progressed = Signal(object, object)  # Job, Progress
    ended = Signal(object, object)  # Job, _Outcome

    @Slot(object)
    def run(self, job: Job[Any]) -> None:
        try:
            outcome = self._drain(job)
        except Exception as error:  # the thread's boundary: every failure becomes a signal
            outcome = _Outcome(error=error)
        self.ended.emit(job, outcome)

    def _drain(self, job: Job[Any]) -> _Outcome:
        if job.cancelled.is_set():
            return _Outcome()
        steps = job.steps()
        phase, reported = "", 0.0
        try:
            while not job.cancelled.is_set():
                try:
                    progress = next(steps)
                except StopIteration as end:
                    return _Outcome(complete=True, result=end.value)
                now = time.monotonic()
                if progress.phase != phase or now - reported >= REPORT_INTERVAL:
                    phase, reported = progress.phase, now
                    self.progressed.emit(job, progress)
            return _Outcome()
        finally:
            steps.close()


class ProgressModel:
    """The arithmetic of a progress bar, without the bar.

    Attributes:
        phase: what is being done; empty before the first report.
        done: units finished in this phase.
        total: the phase's whole, or None.
        of_sound: whether the units are seconds of sound.
    """

    def __init__(self) -> None:
        self.phase = ""
        self.done = 0.0
        self.total: float | None = None
        self.of_sound = True
        self._began = 0.0
        self._first: tuple[float, float] | None = None  # when something was first done, how much
        self._latest = 0.0

    def update(self, progress: Progress, now: float) -> None:
        """Take in a report.

        Args:
            progress: the report.
            now: s, of a clock that never goes back.
        """
        if progress.phase != self.phase:
            self.phase, self._began, self._first = progress.phase, now, None
        self.done, self.total, self._latest = progress.done, progress.total, now
        self.of_sound = progress.of_sound
        if progress.done > 0 and self._first is None:
            self._first = (now, progress.done)

    @property
    def fraction(self) -> float | None:
        """Part of the phase that is finished, 0 to 1; None where its whole is not known."""
        if self.total is None or self.total <= 0:
            return None
        return min(max(self.done / self.total, 0.0), 1.0)

    @property
    def speed(self) -> float | None:
        """Units per second; None while there is nothing to tell it from.

        The first part of a phase is left out once there is more: it holds what is slow only
        once, such as a model's first run.
        """
        if self._first is None:
            return None
        since, done = self._first
        if not (self._latest > since and self.done > done):
            since, done = self._began, 0.0
        if not (self._latest > since and self.done > done):
            return None
        return (self.done - done) / (self._latest - since) or None  # it may underflow to zero

    def remaining(self, now: float) -> float | None:
        """Seconds that the phase will still take, or None.

        Counts down between two reports, and never below zero.
        """
        if self.speed is None or self.total is None:
            return None
        return max((self.total - self.done) / self.speed - (now - self._latest), 0.0)
