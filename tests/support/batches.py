"""Batches without models: workers that copy, and some that die on purpose.

They run in processes of their own, so they are found by their names here.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

from clapsep_desktop.batch.jobs import Job, Outcome
from clapsep_desktop.batch.work import Report
from clapsep_desktop.query import Query
from clapsep_desktop.session.recipe import Recipe, Step

CALM = Recipe((Step(Query.of(remove=["low"])),), "Calm")


class Copier:
    """Copies the recording to where the kept sound goes, and notes that it did.

    What is in the recording decides what else happens: ``dies`` ends the process the first time,
    ``always dies`` each time, ``fails`` fails, ``waits`` goes on until it is stopped.
    """

    def __init__(self, device: str) -> None:
        self.device = device

    def do(self, job: Job, report: Report) -> Outcome:
        source = Path(job.source)
        word = source.read_text()
        log = source.parent / "log"
        with log.open("a") as file:
            file.write(f"{source.name} {os.getpid()}\n")
        report("separating", 0.0, 1.0)
        first = log.read_text().count(f"{source.name} ") == 1
        if word == "always dies" or (word == "dies" and first):
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "fails":
            return Outcome("failed", "It cannot be read.")
        try:
            while word == "waits":
                report("separating", 0.5, 1.0)
                time.sleep(0.01)
        except BaseException:
            (source.parent / "cleaned").write_text(source.name)
            raise
        assert job.kept is not None
        shutil.copy(source, job.kept)
        return Outcome("done", length=1.0, notes=(os.environ.get("CUDA_VISIBLE_DEVICES", ""),))


def job(folder: Path, number: int, word: str = "fine") -> Job:
    """A job for a `Copier`."""
    source = folder / f"{number}.txt"
    source.write_text(word)
    return Job(number, str(source), CALM, str(folder / f"{number}.out"), None, key=f"key{number}")


class Recorder:
    """Does as `Copier`, and keeps a record, as workers do; ``dies after`` ends after it is done.

    The file ``made`` names every job that was not done before. Outcomes note the process and how
    many of these there have been in it.
    """

    count = 0

    def __init__(self, device: str) -> None:
        self._copier = Copier(device)
        Recorder.count += 1

    def do(self, job: Job, report: Report) -> Outcome:
        folder = Path(job.source).parent
        note = f"{os.getpid()} {self.count}"
        record = folder / f"{job.number}.record"
        if record.exists():
            return Outcome("done", notes=(note,))
        outcome = self._copier.do(job, report)
        if outcome.is_done:
            record.write_text("done")
            with (folder / "made").open("a") as file:
                file.write(f"{job.number}\n")
            if Path(job.source).read_text() == "dies after":
                os.kill(os.getpid(), signal.SIGKILL)
        return replace(outcome, notes=(note,))
