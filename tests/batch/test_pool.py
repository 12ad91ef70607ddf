"""Worker processes: each job once, whoever dies; stopped without a trace."""

from __future__ import annotations

import multiprocessing
import os
from contextlib import closing
from pathlib import Path

import pytest

from clapsep_desktop.batch.devices import Share
from clapsep_desktop.batch.jobs import Advanced, Event, Finished, Job, Outcome
from clapsep_desktop.batch.pool import LocalPool
from tests.support.batches import Copier, job

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the workers end themselves by a signal")


def _run(jobs: list[Job], workers: int = 2) -> tuple[dict[int, Outcome], list[Event]]:
    pool = LocalPool([Share("cpu", 1, {"CUDA_VISIBLE_DEVICES": "7"})] * workers, Copier)
    events = list(pool.run(jobs))
    found = {each.job.number: each.outcome for each in events if isinstance(each, Finished)}
    assert len(found) == sum(isinstance(each, Finished) for each in events)
    assert not multiprocessing.active_children()
    return found, events


def test_every_job_is_done_once_and_news_comes(tmp_path: Path) -> None:
    jobs = [job(tmp_path, number) for number in range(1, 6)]
    found, events = _run(jobs)
    assert all(outcome.is_done for outcome in found.values())
    assert set(found) == {1, 2, 3, 4, 5}
    assert found[1].notes == ("7",)
    assert Advanced(jobs[0], "separating", 0.0, 1.0) in events
    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) == 5
    assert len({line.split()[1] for line in lines}) == 2


def test_a_worker_that_dies_is_replaced_and_its_job_done(tmp_path: Path) -> None:
    words = ["fine", "dies", "fine", "dies", "fine"]
    jobs = [job(tmp_path, number, word) for number, word in enumerate(words, 1)]
    left = tmp_path / ".clapsep-key2-0.part"
    left.mkdir()
    found, _ = _run(jobs)
    assert [found[number].attempts for number in range(1, 6)] == [1, 2, 1, 2, 1]
    assert all((tmp_path / f"{number}.out").exists() for number in found)
    assert not left.exists()


def test_a_job_that_always_kills_fails_and_the_others_go_on(tmp_path: Path) -> None:
    jobs = [job(tmp_path, 1, "always dies"), job(tmp_path, 2, "fails"), job(tmp_path, 3)]
    found, _ = _run(jobs, workers=1)
    assert [found[number].state for number in (1, 2, 3)] == ["failed", "failed", "done"]
    assert "ended 2 times" in found[1].error
    assert "SIGKILL" in found[1].error
    assert found[2].error == "It cannot be read."


def test_stopping_lets_workers_clean_up(tmp_path: Path) -> None:
    pool = LocalPool([Share("cpu", 1)], Copier)
    with closing(pool.run([job(tmp_path, 1, "waits"), job(tmp_path, 2)])) as events:
        for event in events:
            if isinstance(event, Advanced) and event.done == 0.5:
                break
    assert (tmp_path / "cleaned").read_text() == "1.txt"
    assert not (tmp_path / "2.out").exists()
    assert not multiprocessing.active_children()
