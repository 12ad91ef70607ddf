"""Batches: two workers against one, a Dask cluster against one process, and replays.

    python packaging/benchmarks/batch.py [--recordings N] [--seconds S] [--model NAME] [--cluster]

Every run does the same recipe on the same recordings: parts of the demo, one after the other,
until they are ``S`` seconds long. Told are seconds from the first sound separated to the last file
written, and seconds with all of the start; and whether every run wrote the same bytes, by a
digest; another number of threads rounds otherwise. ``--cluster`` adds a Dask cluster of two
processes (``pip install 'clapsep-desktop[cluster]'``), one of which is killed midway in a second
run.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from clapsep_desktop.batch.devices import Share  # noqa: E402
from clapsep_desktop.batch.jobs import Finished, Pool  # noqa: E402
from clapsep_desktop.batch.pool import LocalPool  # noqa: E402
from clapsep_desktop.batch.run import Batch, Options, Order  # noqa: E402
from clapsep_desktop.query import Query  # noqa: E402
from clapsep_desktop.resources import resource  # noqa: E402
from clapsep_desktop.session.recipe import Recipe, Step  # noqa: E402


def main() -> None:
    """Run and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recordings", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--cluster", action="store_true")
    options = parser.parse_args()
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    print(f"{cores} cores, load {os.getloadavg()[0]:.1f} before the start")
    steps = (
        Step(Query.of(remove=["wind"]), model=options.model),
        Step(Query.of(keep=["birdsong"], strength=0.8), 2.0, 15.0, model=options.model),
    )
    recipe = Recipe(steps, "Benchmark")
    with tempfile.TemporaryDirectory(prefix="clapsep-") as name:
        folder = Path(name)
        sources = recordings(folder, options.recordings, options.seconds)
        half = Share("cpu", max(cores // 2, 1))
        table = _Table(folder, recipe, sources)
        table.add("1 worker, half the cores", LocalPool([half]))
        table.add("2 workers, half each", LocalPool([half] * 2))
        table.add("the same again", LocalPool([half] * 2))
        table.add("1 worker, all cores", LocalPool([Share("cpu", cores)]))
        if options.cluster:
            on_cluster(table)


class _Table:
    """Runs, each told as soon as it has ended."""

    def __init__(self, folder: Path, recipe: Recipe, sources: list[Path]) -> None:
        self._folder, self._recipe, self._sources = folder, recipe, sources
        self._hashes: list[str] = []

    def add(self, title: str, pool: Pool, midway: Callable[[], None] = lambda: None) -> None:
        """Run a batch and print its line."""
        out = self._folder / f"run{len(self._hashes)}"
        found = run(out, self._recipe, self._sources, pool, midway)
        self._hashes.append(found.digest)
        same = "same bytes" if found.digest == self._hashes[0] else "OTHER BYTES"
        print(
            f"{title:<26} {found.seconds:7.1f} s  {found.with_start:7.1f} s with the start  "
            f"{found.done}/{len(self._sources)} done, {same} ({found.digest})",
            flush=True,
        )


@dataclass(frozen=True)
class Run:
    """What came of one batch: seconds, recordings done, and a digest of all results."""

    seconds: float
    with_start: float
    done: int
    digest: str


def recordings(folder: Path, count: int, seconds: float) -> list[Path]:
    """Recordings of one length, the demo turned by another part each."""
    samples, rate = soundfile.read(resource("demo", "demo.flac"), always_2d=True)
    needed = round(seconds * rate)
    paths = []
    for number in range(count):
        turned = np.roll(samples, -number * len(samples) // count, axis=0)
        long = np.tile(turned, (needed // len(turned) + 1, 1))[:needed]
        paths.append(folder / f"r{number}.flac")
        soundfile.write(paths[-1], long, rate, subtype="PCM_24")
    return paths


def run(
    out: Path, recipe: Recipe, sources: list[Path], pool: Pool, midway: Callable[[], None]
) -> Run:
    """One batch; after a third of it something may happen."""
    orders = [Order(str(source), recipe) for source in sources]
    batch = Batch(orders, Options(out=str(out)), str(out))
    began, first, done = time.monotonic(), 0.0, 0
    for event in batch.run(pool):
        if not first and getattr(event, "phase", "") == "separating":
            first = time.monotonic()
        if isinstance(event, Finished):
            done += event.outcome.is_done
            if done == max(len(sources) // 3, 1):
                midway()
    ended = time.monotonic()
    digest = hashlib.sha256()
    for number in sorted(batch.outcomes):
        digest.update("".join(sorted(batch.outcomes[number].sha256.values())).encode())
    return Run(ended - (first or began), ended - began, done, digest.hexdigest()[:16])


def on_cluster(table: _Table) -> None:
    """Two worker processes of a Dask cluster; the second time one of them is killed."""
    from clapsep_desktop.batch.cluster import ClusterPool

    with cluster() as address:
        table.add("Dask, 2 workers", ClusterPool(address, "cpu"))
    with cluster() as address:
        pool = ClusterPool(address, "cpu")
        table.add("Dask, one killed midway", pool, lambda: kill_one(address))


@contextmanager
def cluster() -> Iterator[str]:
    """A scheduler and two worker processes of one thread each."""
    import distributed

    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=None,
        env={"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"},
        silence_logs=50,
    ) as made:
        yield made.scheduler_address


def kill_one(address: str) -> None:
    """Kill a worker of a cluster."""
    import distributed

    with distributed.Client(address, set_as_default=False) as client:
        workers = client.run(os.getpid)
    os.kill(next(iter(workers.values())), signal.SIGKILL)


if __name__ == "__main__":
    main()
