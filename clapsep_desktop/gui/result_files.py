"""Results as temporary files, to be dragged or copied to other programs."""

from __future__ import annotations

import itertools
import shutil
import threading
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

    Args:
        document: whose results.
        runner: writes what takes longer.
    """

    noted = Signal(str)

    def __init__(self, document: Document, runner: JobRunner) -> None:
        super().__init__(document)
        self._document, self._runner = document, runner
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
        """Begin to write, and wait for it if that is quick."""
        material, settings = self._order(*key)
        writing = _Writing(export_steps(material, settings))
        writing.start()
        writing.join(AT_ONCE)
        if writing.is_alive():
            self._go_on(key, writing, f"{settings.name}{settings.extension}")
            return None
        self._files[key] = path = writing.report.files[0].path
        return path

    def _go_on(self, key: tuple[Session, Wanted], writing: _Writing, name: str) -> None:
        """Have a job write the rest."""
        self._files[key] = None
        held = self._document.needed()
        self._document.hold(held)

        def ready(report: ExportReport) -> None:
            self._document.release(held)
            self._files[key] = report.files[0].path
            self.noted.emit(f"“{name}” is ready: drag or copy it now.")

        def abandon() -> None:
            writing.close()
            self._document.release(held)
            self._files.pop(key, None)

        writing.pause()
        self._runner.submit(
            Job(f"Writing “{name}”", writing.rest, on_result=ready, on_abandoned=abandon)
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


class _Writing(threading.Thread):
    """The writing of a file, begun on a thread of its own; what is long goes on on another.

    Args:
        steps: write the file.
    """

    def __init__(self, steps: Steps[ExportReport]) -> None:
        super().__init__(name="writing")
        self._steps = steps
        self._pause_wanted = threading.Event()
        self._report: ExportReport | None = None
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            while not self._pause_wanted.is_set():
                next(self._steps)
        except StopIteration as end:
            self._report = end.value
        except Exception as error:  # for who waits for the file
            self._error = error

    @property
    def report(self) -> ExportReport:
        """What was written, once the thread has come to the end; raises what hindered it."""
        if self._error is not None:
            raise self._error
        assert self._report is not None
        return self._report

    def pause(self) -> None:
        """Let the thread end after its next step."""
        self._pause_wanted.set()

    def rest(self) -> Steps[ExportReport]:
        """What the thread left to be done when it paused."""
        self.join()
        if self._report is None and self._error is None:
            return (yield from self._steps)
        return self.report

    def close(self) -> None:
        """Write no more; what is not finished is deleted."""
        self.pause()
        self.join()
        self._steps.close()
