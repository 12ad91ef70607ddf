"""Results as temporary files, to be dragged or copied to other programs."""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from clapsep_desktop.audio.export_plan import ExportMaterial, ExportSettings
from clapsep_desktop.audio.export_sources import ExportReport
from clapsep_desktop.audio.mix import MixSource
from clapsep_desktop.errors import ClapSepError
from clapsep_desktop.gui import export_choices
from clapsep_desktop.gui.document import Document
from clapsep_desktop.gui.jobs import Job, JobRunner, Steps
from clapsep_desktop.gui.operations import trouble
from clapsep_desktop.gui.operations.exporting import export_steps, material_of
from clapsep_desktop.session.session import Session

AT_ONCE = 0.05
"""s that writing may take while the mouse waits; what takes longer goes on as a job."""

FOLDER = "dragged"  # in the session's own, so that it is found and deleted after a crash too


@dataclass(frozen=True)
class Wanted:
    """What is to be a file.

    Attributes:
        role: "original", "kept" or "removed".
        step: the id of the extraction whose own removal it is; empty for all of the recording.
    """

    role: str
    step: str = ""


class ResultFiles(QObject):
    """Writes results to temporary files in the recording's format.

    A file is written once for each state of the session, and stays until the window is closed:
    another program may read it where it lies.

    Signals:
        noted(str): a sentence on what is being written, or can be had now.
        troubled(Trouble): it could not be written.

    Args:
        document: whose results.
        runner: writes what takes longer.
        clock: s, of a clock that never goes back.
    """

    noted = Signal(str)
    troubled = Signal(object)

    def __init__(
        self, document: Document, runner: JobRunner, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(document)
        self._document, self._runner, self._clock = document, runner, clock
        self._files: dict[tuple[Session, Wanted], Path | None] = {}  # None: being written
        self._folders: set[Path] = set()
        self._numbers = itertools.count(1)

    def path_of(self, wanted: Wanted) -> Path | None:
        """The file of a result; None where it is not there yet, which is told.

        Raises:
            ClapSepError: nothing is open, or it cannot be written.
        """
        session = self._document.session
        if session is None:
            raise ClapSepError("Open a recording first.")
        if wanted.role == "original" and not wanted.step:
            return session.recording.path
        key = (session, wanted)
        path = self._files.get(key)
        if path is not None and path.is_file():
            return path
        if path is None and key in self._files:
            self.noted.emit("The file is still being written. Wait until it is ready.")
            return None
        return self._write(key)

    def close(self) -> None:
        """Delete every file."""
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)
        self._folders.clear()
        self._files.clear()

    def _write(self, key: tuple[Session, Wanted]) -> Path | None:
        """Begin to write, and finish it here if that is quick."""
        material, settings = self._order(*key)
        steps = export_steps(material, settings)
        until = self._clock() + AT_ONCE
        try:
            while self._clock() < until:
                next(steps)
        except StopIteration as end:
            path: Path = end.value.files[0].path
            self._files[key] = path
            return path
        self._files[key] = None
        self._go_on(key, steps, f"{settings.name}{settings.extension}")
        return None

    def _go_on(self, key: tuple[Session, Wanted], steps: Steps[ExportReport], name: str) -> None:
        held = self._document.needed()
        self._document.hold(held)

        def ready(report: ExportReport) -> None:
            self._document.release(held)
            self._files[key] = report.files[0].path
            self.noted.emit(f"“{name}” is ready: drag or copy it now.")

        def abandon() -> None:
            steps.close()
            self._document.release(held)
            self._files.pop(key, None)

        def explain(error: Exception) -> None:
            self.troubled.emit(trouble.of_job(error, f"Writing “{name}”"))

        self._runner.submit(
            Job(
                f"Writing “{name}”",
                lambda: steps,
                on_result=ready,
                on_abandoned=abandon,
                on_error=explain,
            )
        )

    def _order(self, session: Session, wanted: Wanted) -> tuple[ExportMaterial, ExportSettings]:
        """What is to be written, and how."""
        material = material_of(self._document, None)
        name = f"{session.recording.path.stem}.{wanted.role}"
        if wanted.step:
            extraction = session.find(wanted.step)
            if not extraction.is_rendered:
                raise ClapSepError("This step has no result yet. Render it again first.")
            layer = self._document.layer_of(wanted.step)
            alone = MixSource(material.original, [layer], role="removed")
            material = replace(material, removed=alone, selection=extraction.span)
            name = f"{name} {session.index(wanted.step) + 1}"
        container = export_choices.own_container(material.info)
        settings = ExportSettings(
            folder=self._new_folder(),
            name=name,
            extension=container.extensions[0],
            what="removed" if wanted.role == "removed" else "kept",
            range="selection" if wanted.step else "all",
            rate=export_choices.nearest_rate(container, material.info),
        )
        return material, settings

    def _new_folder(self) -> Path:
        """A folder for one file, so that it can have its name."""
        root = self._document.store.folder / FOLDER
        folder = root / str(next(self._numbers))
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise ClapSepError(
                f"No file can be written in “{root}” ({error.strerror or error}). Choose another "
                "folder for results in the preferences."
            ) from error
        self._folders.add(root)
        return folder
