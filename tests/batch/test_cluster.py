"""The same jobs on a Dask cluster of this machine, a worker of which is killed midway."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from clapsep_desktop.batch.cluster import ClusterPool
from clapsep_desktop.batch.jobs import Advanced, Finished
from clapsep_desktop.errors import DataError
from tests.support.batches import Recorder, job

distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="the workers end themselves by a signal"),
    # Dask's own housekeeping: sockets and loops that it leaves to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with (
        warnings.catch_warnings(),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            host="127.0.0.1",
            silence_logs=50,
        ) as cluster,
    ):
        warnings.simplefilter("ignore")
        yield cluster.scheduler_address


def test_nothing_is_lost_or_done_twice_though_workers_die(address: str, tmp_path: Path) -> None:
    words = ["fine", "dies", "fine", "dies after", "fine", "fails", "fine", "fine"]
    jobs = [job(tmp_path, number, word) for number, word in enumerate(words, 1)]
    events = list(ClusterPool(address, "cpu", Recorder).run(jobs))
    found = {each.job.number: each.outcome for each in events if isinstance(each, Finished)}
    assert len(found) == sum(isinstance(each, Finished) for each in events)
    states = [found[number].state for number in range(1, 9)]
    assert states == ["done"] * 5 + ["failed"] + ["done"] * 2
    made = (tmp_path / "made").read_text().split()
    assert sorted(made) == ["1", "2", "3", "4", "5", "7", "8"]
    assert any(isinstance(each, Advanced) for each in events)


def test_workers_keep_what_they_have_loaded(address: str, tmp_path: Path) -> None:
    jobs = [job(tmp_path, number) for number in range(11, 17)]
    notes = {
        note
        for event in ClusterPool(address, "cpu", Recorder).run(jobs)
        if isinstance(event, Finished)
        for note in event.outcome.notes
    }
    assert 1 <= len(notes) <= 2
    assert all(note.split()[1] == "1" for note in notes)


def test_stopping_reaches_the_workers(address: str, tmp_path: Path) -> None:
    with closing(ClusterPool(address, "cpu", Recorder).run([job(tmp_path, 21, "waits")])) as events:
        for event in events:
            if isinstance(event, Advanced):
                break
    deadline = time.monotonic() + 15
    while not (tmp_path / "cleaned").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_cluster_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from clapsep_desktop.batch import cluster

    monkeypatch.setattr(cluster, "_PATIENCE", 0.3)
    with pytest.raises(DataError, match="no Dask scheduler at “tcp:"):
        ClusterPool("tcp://127.0.0.1:9")
