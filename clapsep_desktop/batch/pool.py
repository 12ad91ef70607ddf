"""Local workers: processes of their own, each with its models loaded once.

A worker that dies is replaced, and its job begun once more. Workers watch the pipe to their
parent between two blocks: a word to stop, or the parent's death, ends them with everything
cleaned up. They are spawned, not forked, for torch's threads do not survive a fork.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from clapsep_desktop.batch import places
from clapsep_desktop.batch.devices import Share
from clapsep_desktop.batch.jobs import Advanced, Event, Finished, Job, Outcome
from clapsep_desktop.batch.work import Report, Stopped, Worker

ATTEMPTS = 2
"""How often a job is begun whose workers die."""

PATIENCE = 20.0
"""s that a worker gets to clean up before it is ended."""

_EVERY = 0.1  # s between two pieces of news of a job


class DoesJobs(Protocol):
    """Does one job after the other; see `Worker`."""

    def do(self, job: Job, report: Report) -> Outcome:
        """See `Worker.do`."""
        ...


class LocalPool:
    """Worker processes on this machine.

    Args:
        shares: what each worker gets.
        make: makes what does the jobs, for a device, in the worker's process; it is sent there.
    """

    def __init__(self, shares: Sequence[Share], make: Callable[[str], DoesJobs] = Worker) -> None:
        self._shares = list(shares)
        self._make = make
        self._context = multiprocessing.get_context("spawn")

    def run(self, jobs: list[Job]) -> Generator[Event, None, None]:
        """See `clapsep_desktop.batch.jobs.Pool`."""
        waiting = deque(_Attempt(job) for job in jobs)
        crew = [_Crew(self._context, share, self._make) for share in self._shares[: len(jobs)]]
        try:
            for member in crew:
                member.take(waiting)
            while any(member.attempt for member in crew):
                ready = wait([member.channel for member in crew if member.attempt])
                for member in crew:
                    if member.channel in ready:
                        yield from member.news(waiting)
                        member.take(waiting)
        finally:
            _dismiss(crew)


@dataclass
class _Attempt:
    job: Job
    number: int = 1


@dataclass
class _Crew:
    """A place in the pool: its present worker process and the job that it does."""

    context: Any
    share: Share
    make: Callable[[str], DoesJobs]
    attempt: _Attempt | None = None
    process: Any = field(init=False, default=None)
    channel: Connection = field(init=False)

    def take(self, waiting: deque[_Attempt]) -> None:
        """Begin the next job, if this place is free and there is one."""
        if self.attempt is None and waiting:
            if self.process is None:
                self._hire()
            self.attempt = waiting.popleft()
            with suppress(OSError):  # a worker that is dead already is met by `news`
                self.channel.send(self.attempt.job)

    def news(self, waiting: deque[_Attempt]) -> Iterator[Event]:
        """What the worker says."""
        assert self.attempt is not None
        job, number = self.attempt.job, self.attempt.number
        try:
            message = self.channel.recv()
        except (EOFError, OSError):
            yield from self._lost(waiting)
            return
        if isinstance(message, Outcome):
            self.attempt = None
            yield Finished(job, replace(message, attempts=number))
        else:
            yield Advanced(job, *message)

    def _lost(self, waiting: deque[_Attempt]) -> Iterator[Event]:
        """The worker died: its job is begun again, or has failed."""
        assert self.attempt is not None
        attempt, self.attempt = self.attempt, None
        self.process.join()
        code = self.process.exitcode
        self.discharge()
        places.sweep(attempt.job.key, attempt.job.targets)
        if attempt.number < ATTEMPTS:
            waiting.appendleft(_Attempt(attempt.job, attempt.number + 1))
            yield Advanced(attempt.job, "starting again")
            return
        error = (
            f"The program ended {attempt.number} times while it worked on this recording "
            f"({_ending(code)}). There may be too little memory: use fewer workers."
        )
        yield Finished(attempt.job, Outcome("failed", error, attempts=attempt.number))

    def _hire(self) -> None:
        self.channel, theirs = self.context.Pipe()
        self.process = self.context.Process(
            target=_work, args=(theirs, self.share, self.make), name="clapsep-worker", daemon=True
        )
        self.process.start()
        theirs.close()

    def discharge(self) -> None:
        """Let go of the process, which has ended."""
        self.channel.close()
        self.process.close()
        self.process = None


def _dismiss(crew: list[_Crew]) -> None:
    """End all workers: at once those that are idle, between two blocks those that work."""
    hired = [member for member in crew if member.process is not None]
    for member in hired:
        with suppress(OSError):
            member.channel.send(None)
    deadline = time.monotonic() + PATIENCE
    for member in hired:
        member.process.join(max(deadline - time.monotonic(), 0.0))
        if member.process.is_alive():
            member.process.kill()
            member.process.join()
        if member.attempt is not None:
            places.sweep(member.attempt.job.key, member.attempt.job.targets)
        member.discharge()


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"


# -- In the worker's process -------------------------------------------------------------------


def _work(channel: Connection, share: Share, make: Callable[[str], DoesJobs]) -> None:
    """Do jobs until the parent says to stop, or is gone."""
    for name in ("SIGINT", "SIGHUP", "SIGBREAK"):  # the parent's to answer
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    os.environ.update(share.environment)
    os.environ["OMP_NUM_THREADS"] = str(share.threads)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    worker = make(share.device)
    with suppress(EOFError, OSError, Stopped):
        while (job := channel.recv()) is not None:
            channel.send(worker.do(job, _Reporter(channel)))


class _Reporter:
    """Tells the parent how a job comes on, and stops it where the parent says so or is gone."""

    def __init__(self, channel: Connection) -> None:
        self._channel = channel
        self._latest = ("", 0.0)  # phase and time of the latest news

    def __call__(self, phase: str, done: float, total: float | None) -> None:
        if self._channel.poll():  # nothing else comes while a job is done
            raise Stopped
        now = time.monotonic()
        if phase != self._latest[0] or now - self._latest[1] >= _EVERY:
            self._latest = (phase, now)
            self._channel.send((phase, done, total))
