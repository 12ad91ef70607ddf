"""Installing models: what `clapsep models` does, as steps of jobs.

Loading and converting a model, and waiting for a connection, cannot be stopped at every moment. So
each runs on a thread of its own, and its job lets go of it when it is stopped: it ends at its next
report, and what must not be half done is not.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from clapsep_desktop.gui.jobs import Progress, Steps
from clapsep_desktop.model import registry
from clapsep_desktop.model.folder import Progress as Step
from clapsep_desktop.model.folder import Report
from clapsep_desktop.model.registry import InstalledModel

if TYPE_CHECKING:
    from clapsep_desktop.model.download import Offer

T = TypeVar("T")

LOOKED_AT_EVERY = 0.05
"""s between two looks at how far the work is."""

PATIENCE = 1.0
"""s that a stopped job waits for its work's end, so that closing the window does not take longer
than that where a connection hangs."""

_at_work = threading.Lock()  # two at once would write to the same files


@dataclass(frozen=True)
class Survey:
    """What a download would be.

    Attributes:
        offers: the files.
        missing: bytes that are not here yet.
        folder: where the model goes.
        free: bytes that are free there.
    """

    offers: Sequence[Offer]
    missing: int
    folder: Path
    free: int

    @property
    def size(self) -> int:
        """Bytes of all the files."""
        return sum(offer.size for offer in self.offers)


def survey_steps() -> Steps[Survey]:
    """Ask how large "base" is; nothing is transferred.

    Raises:
        DownloadError: the hub cannot be reached; says what to fetch by hand.
    """

    def work(_: Report) -> Survey:
        from clapsep_desktop.model import download

        offers = download.survey()
        missing = download.missing_bytes(offers, registry.arriving_folder())
        folder = registry.models_folder()
        return Survey(offers, missing, folder, _free(folder))

    return _on_a_thread(work, "asking for the sizes")


def download_steps(offers: Sequence[Offer], *, half: bool = False) -> Steps[InstalledModel]:
    """Download and install "base"; when it is stopped, what has arrived is kept.

    Raises:
        ModelError: see `registry.download`.
    """
    total, before = sum(offer.size for offer in offers), 0
    places = {}
    for offer in offers:
        places[offer.file.name] = before
        before += offer.size

    def work(report: Report) -> InstalledModel:
        def report_whole(step: Step) -> None:
            """Tell of all files together."""
            if step.phase == "downloading":
                step = Step(step.phase, step.item, places[step.item] + step.done, total)
            report(step)

        stored_as = "fp16" if half else "fp32"
        return registry.download(offers, stored_as=stored_as, report=report_whole)

    return _on_a_thread(work, "connecting")


def import_steps(files: Sequence[Path], *, half: bool = False) -> Steps[InstalledModel]:
    """Install "base" from the files its authors publish.

    Raises:
        ModelError: see `registry.import_files`.
    """

    def work(report: Report) -> InstalledModel:
        stored_as = "fp16" if half else "fp32"
        return registry.import_files(files, stored_as=stored_as, report=report)

    return _on_a_thread(work, "reading")


def verify_steps(name: str) -> Steps[InstalledModel]:
    """Compare a model with what it was when it was installed.

    Raises:
        ModelError: see `registry.verify`.
    """
    return _on_a_thread(lambda report: registry.verify(name, report), "checking")


def remove_steps(name: str) -> Steps[None]:
    """Delete a model of the user's own.

    Raises:
        ModelError: see `registry.remove`.
    """
    return _on_a_thread(lambda _: registry.remove(name), "deleting")


class _Stopped(Exception):  # noqa: N818  # a signal, no error
    """Nobody waits for the work any more."""


class _Work(threading.Thread, Generic[T]):
    """Does something that reports.

    It is no daemon: where the program ends before it does, it still cleans up.
    """

    def __init__(self, do: Callable[[Report], T], phase: str) -> None:
        super().__init__(name="installing")
        self._do = do
        self._stop_wanted = threading.Event()
        self.progress = Progress(phase)
        self.result: T | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            with _at_work:
                if not self._stop_wanted.is_set():
                    self.result = self._do(self._report)
        except _Stopped:
            pass
        except Exception as error:  # told on the job's thread
            self.error = error

    def end(self) -> None:
        """Stop at the next report, and wait for it a little."""
        self._stop_wanted.set()
        self.join(PATIENCE)

    def _report(self, step: Step) -> None:
        if self._stop_wanted.is_set():
            raise _Stopped
        self.progress = Progress(f"{step.phase} {step.item}", step.done, step.total, of_sound=False)


def _on_a_thread(do: Callable[[Report], T], phase: str) -> Steps[T]:
    work = _Work(do, phase)
    work.start()
    try:
        while work.is_alive():
            yield work.progress
            work.join(LOOKED_AT_EVERY)
    finally:
        work.end()
    if work.error is not None:
        raise work.error
    return work.result  # type: ignore[return-value]  # there, as no error is


def _free(folder: Path) -> int:
    """Bytes that are free on the disk of a folder that may not be there yet."""
    there = next(place for place in (folder, *folder.parents) if place.is_dir())
    return shutil.disk_usage(there).free
