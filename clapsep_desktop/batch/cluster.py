"""Workers of a Dask cluster: for archives larger than one machine.

Jobs go out a few for each worker at a time, so that a scheduler never holds a whole archive. Each
worker process keeps its models between jobs. Where one dies Dask gives its jobs to another; the
records beside the results keep what was done from being done twice, even where a worker dies
after its last job and before anyone heard of it.

Every worker must have CLAPSep installed, and reach recordings, results and records by the paths
or URLs in the jobs. A process does one job at a time, with as many threads as Dask gave it. Dask's
own dashboard, usually at port 8787 of the scheduler, shows them work.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from clapsep_desktop.batch import places
from clapsep_desktop.batch.jobs import Advanced, Event, Finished, Job, Outcome
from clapsep_desktop.batch.pool import DoesJobs
from clapsep_desktop.batch.work import Stopped, Worker
from clapsep_desktop.errors import DataError

_AHEAD = 2  # jobs that are given to each worker at a time
_EVERY = 0.5  # s between two pieces of news of a job
_PATIENCE = 10  # s to find the scheduler


class ClusterPool:
    """The workers of a Dask cluster.

    Args:
        address: of its scheduler, such as ``tcp://10.0.0.5:8786``.
        device: where each worker computes.
        make: makes what does the jobs, for a device, once in each worker; it is sent there.

    Raises:
        DataError: Dask is not installed, or there is no such scheduler.
    """

    def __init__(
        self, address: str, device: str = "auto", make: Callable[[str], DoesJobs] = Worker
    ) -> None:
        try:
            import distributed
        except ImportError:
            raise DataError(
                "A cluster needs Dask. Install it with: pip install 'clapsep-desktop[cluster]'"
            ) from None
        self._device = device
        self._make = make
        try:
            self._client = distributed.Client(address, timeout=_PATIENCE, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise DataError(
                f"There is no Dask scheduler at “{address}”. Start one with “dask scheduler” and "
                "workers with “dask worker ADDRESS --nthreads 1”."
            ) from error

    def run(self, jobs: list[Job]) -> Generator[Event, None, None]:
        """See `clapsep_desktop.batch.jobs.Pool`."""
        run = f"clapsep-{secrets.token_hex(8)}"
        news: SimpleQueue[Any] = SimpleQueue()
        waiting = deque(jobs)
        running: dict[str, tuple[Job, Any]] = {}
        self._client.subscribe_topic(run, lambda event: news.put(event[1]))
        try:
            while waiting or running:
                while waiting and len(running) < _AHEAD * max(self._workers(), 1):
                    job = waiting.popleft()
                    future = self._submitted(job, run)
                    running[future.key] = job, future
                    future.add_done_callback(news.put)
                message = _next(news)
                if isinstance(message, tuple):
                    key, *where = message
                    if key in running:
                        yield Advanced(running[key][0], *where)
                elif message is not None:
                    job, future = running.pop(message.key)
                    places.sweep(job.key, job.targets)
                    yield Finished(job, _outcome(future))
        finally:
            self._dismiss(run, [future for _, future in running.values()])

    def _workers(self) -> int:
        return len(self._client.scheduler_info(n_workers=-1)["workers"])

    def _submitted(self, job: Job, run: str) -> Any:
        name = f"{run}-{job.number}"
        return self._client.submit(_do, job, self._device, self._make, run, key=name)

    def _dismiss(self, run: str, running: list[Any]) -> None:
        """Stop what still runs and let go of the cluster."""
        from distributed import Event

        with suppress(Exception):  # a cluster that is gone needs no goodbye
            if running:
                Event(run, client=self._client).set()
                self._client.cancel(running)
                time.sleep(2 * _EVERY)  # for the workers to hear of it before the event is gone
            self._client.unsubscribe_topic(run)
        self._client.close()


def _next(news: SimpleQueue[Any]) -> Any:
    """What comes next; None after a while, so that Ctrl-C is met on every system."""
    with suppress(Empty):
        return news.get(timeout=_EVERY)
    return None


def _outcome(future: Any) -> Outcome:
    """What came of a job; too many dead workers, or a fault, are a failure of the job."""
    if future.status == "finished":
        outcome: Outcome = future.result()
        return outcome
    if future.status == "cancelled":
        return Outcome("failed", "The cluster dropped this recording. Run the batch again.")
    error = future.exception()
    return Outcome(
        "failed",
        f"The worker failed on this recording ({type(error).__name__}). There may be too little "
        "memory: see the cluster's log.",
    )


# -- In a worker's process ---------------------------------------------------------------------

_made: dict[tuple[str, Any], DoesJobs] = {}  # of this process, by device and maker
_lock = threading.Lock()


def _do(job: Job, device: str, make: Callable[[str], DoesJobs], run: str) -> Outcome | None:
    """Do a job with models that stay loaded; one at a time in a process."""
    import distributed

    with _lock:
        if (device, make) not in _made:
            # Before torch is imported, and always the same: other threads round otherwise.
            threads = distributed.get_worker().state.nthreads
            os.environ["OMP_NUM_THREADS"] = str(threads)
            _made[device, make] = make(device)
        worker = _made[device, make]
        with suppress(Stopped):
            return worker.do(job, _Reporter(job, run))
    return None  # nobody waits for it any more


class _Reporter:
    """Tells the client how a job comes on, and stops it where the client says so."""

    def __init__(self, job: Job, run: str) -> None:
        import distributed

        self._run = run
        self._key = f"{run}-{job.number}"
        self._worker = distributed.get_worker()
        self._stop = distributed.Event(run, client=distributed.get_client())
        self._latest = 0.0  # time of the latest news

    def __call__(self, phase: str, done: float, total: float | None) -> None:
        now = time.monotonic()
        if now - self._latest < _EVERY:
            return
        self._latest = now
        if self._stop.is_set():
            raise Stopped
        self._worker.log_event(self._run, (self._key, phase, done, total))
