"""The processes that `kill_test` kills: they work like a user and say what they have finished.

python packaging/benchmarks/kill_drivers.py core|app FOLDER NUMBER
"""

from __future__ import annotations

import json
import os
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from clapsep_desktop.audio.export import PairWriter  # noqa: E402
from clapsep_desktop.audio.files import AudioFile  # noqa: E402
from clapsep_desktop.audio.mix import Layer, MixSource  # noqa: E402
from clapsep_desktop.audio.store import AudioStore  # noqa: E402
from clapsep_desktop.query import Query  # noqa: E402
from clapsep_desktop.session import project as projects  # noqa: E402
from clapsep_desktop.session import recovery  # noqa: E402
from clapsep_desktop.session.autosave import Autosave, FinishedStep, note_finished  # noqa: E402
from clapsep_desktop.session.history import History  # noqa: E402
from clapsep_desktop.session.locks import ProjectLock  # noqa: E402
from clapsep_desktop.session.project import Opened, Project, data_folder, load  # noqa: E402
from clapsep_desktop.session.serial import history_to_dict  # noqa: E402
from clapsep_desktop.session.session import (  # noqa: E402
    Extraction,
    Recording,
    Session,
    new_id,
)
from clapsep_desktop.session.source import check, hash_of  # noqa: E402
from clapsep_desktop.steps import carried_out  # noqa: E402
from clapsep_desktop.timebase import Span  # noqa: E402

if TYPE_CHECKING:
    from clapsep_desktop.gui.main_window import MainWindow

RECORDING, PROJECT, SESSIONS = "field.wav", "field.clapsep", "sessions"
EXPORTED = ("field.kept.wav", "field.removed.wav")

RATE, CHANNELS, SECONDS = 48_000, 2, 30
STEPS = 2  # extractions in a process's life
MOST_STEPS = 12  # of a history; then it begins anew, so that rounds stay short
BLOCK = RATE // 4
CORE_SECONDS, APP_SECONDS = 10, 2  # length of an extraction
MODEL_PAUSE = 0.002  # s for each block; stands for the model's work


def main() -> None:
    """Work until the end."""
    what, folder, number = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    drive = {"core": drive_core, "app": drive_app}[what]
    drive(folder, number)


def say(**words: Any) -> None:
    """Tell the parent, at once."""
    os.write(1, (json.dumps(words) + "\n").encode())


def fingerprint(history: History) -> int:
    """The same for equal histories, whether or not the recording's hash is known."""
    bare = history.of_recording(replace(history.recording, digest=""))
    return zlib.crc32(json.dumps(history_to_dict(bare), sort_keys=True).encode())


def sound_of(path: Path) -> int:
    """The same for sound files of equal samples."""
    with soundfile.SoundFile(os.fsencode(path)) as file:
        return zlib.crc32(file.read(dtype="float64", always_2d=True).tobytes())


# -- Without a window --------------------------------------------------------------------------


def drive_core(folder: Path, number: int) -> None:
    """The parts below the window, with noise in place of a model's result."""
    CoreDriver(folder, number).run()


class CoreDriver:
    """Does what a user would: recovers or opens, extracts, saves, exports.

    Args:
        folder: holds the recording, the project, the exports and the sessions.
        seed: of the noise; odd ones save as on a disk without links.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = np.random.default_rng(seed)
        self.project = folder / PROJECT
        if seed % 2:
            projects._linked = lambda *_: False
        self.store = AudioStore(recovery.new_folder(folder / SESSIONS))
        self.autosave = Autosave(self.store.folder)
        self.history: History

    def run(self) -> None:
        """Everything once, then wait for the end."""
        found = recovery.find(self.folder / SESSIONS)
        recovery.clean(self.folder / SESSIONS, found)
        self.lock = ProjectLock(self.project)
        if found:
            self.moment("recover", lambda: self.recover(found))
        else:
            self.moment("open", self.open)
        self.moment("extract", self.extract)
        self.moment("save", self.save)
        self.moment("export", self.export)
        say(event="idle")
        sys.stdin.read()

    def moment(self, name: str, work: Any) -> None:
        """Do something, telling when it begins and ends."""
        say(event="begin", moment=name)
        work()
        say(event="end", moment=name)

    def recover(self, found: list[recovery.Recoverable]) -> None:
        """Take the latest session over; others are what a killed recovery had taken it from."""
        opened = carried_out(recovery.recovering(found[0], self.store))
        self.begin(opened)
        for one in found:
            recovery.discard(one)

    def open(self) -> None:
        """Open the project, or the recording where there is none yet."""
        if self.project.exists():
            project = load(self.project)
            recording = project.history.recording
            with AudioFile(recording.path) as file:
                check(recording, file.info, hash_of(recording.path))
            opened = carried_out(projects.taking_in(data_folder(self.project), project, self.store))
        else:
            path = self.folder / RECORDING
            with AudioFile(path) as file:
                recording = Recording(path, file.rate, file.channels, file.frames, hash_of(path))
            opened = Opened(Project(History.of(Session(recording))))
        self.begin(opened)

    def begin(self, opened: Opened) -> None:
        """Have an opened session in the autosave before it is worked on."""
        if opened.lost:
            say(event="lost", buffers=sorted(opened.lost))
        self.history = opened.project.history
        if self.history.index >= MOST_STEPS:
            self.history = History.of(Session(self.history.recording))
        self.put()
        self.autosave.flush()
        say(event="opened", buffers=sorted(self.history.buffers))

    def put(self) -> None:
        """Have the session autosaved."""
        self.autosave.put(Project(self.history, {"steps": self.history.index}), self.project)

    def extract(self) -> None:
        """Extractions whose result is noise, block by block as a model's would come."""
        for _ in range(STEPS):
            start = int(self.random.integers((SECONDS - CORE_SECONDS) * RATE))
            span = Span(start, start + CORE_SECONDS * RATE)
            sound = self.random.uniform(-0.1, 0.1, (span.length, CHANNELS)).astype(np.float32)
            with self.store.create(RATE, CHANNELS, span.length, new_id()) as writer:
                for at in range(0, span.length, BLOCK):
                    writer.write(at, sound[at : at + BLOCK])
                    time.sleep(MODEL_PAUSE)
                buffer = writer.seal()
            session = self.history.current
            extraction = Extraction(
                Query.of(keep=[f"noise {start}"]),
                span,
                buffer=buffer,
                heard=session.heard_by(span),
                vectors=(tuple(self.random.uniform(-1, 1, 1024)),),
            )
            step = FinishedStep(extraction.title, session.recording, extraction)
            note_finished(self.store.folder, step)
            say(event="step", buffer=buffer, sound=zlib.crc32(sound.astype("<f8").tobytes()))
            self.history = self.history.applied(extraction.title, session.added(extraction))
            self.put()

    def save(self) -> None:
        """Save the project."""
        mark = fingerprint(self.history)
        say(event="saving", history=mark)
        projects.save(self.project, Project(self.history), self.store)
        say(event="saved", history=mark)

    def export(self) -> None:
        """The kept and the removed side of all that was done."""
        layers = [
            Layer(self.store.open(one.buffer), one.span.start, one.strength)
            for one in self.history.current.below()
        ]
        with AudioFile(self.history.recording.path) as file:
            kept = MixSource(file, layers, role="kept")
            names = [self.folder / name for name in EXPORTED]
            with PairWriter(file, file.info, kept=names[0], removed=names[1]) as writer:
                for start in range(0, file.frames, BLOCK):
                    span = Span(start, min(start + BLOCK, file.frames))
                    source = file.read(span.start, span.stop)
                    writer.write(span, source, kept.read(span.start, span.stop))
                writer.finish()
        say(event="exported")


# -- The whole program -------------------------------------------------------------------------


def drive_app(folder: Path, number: int) -> None:
    """The program as it starts, on no screen, with its own model."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["CLAPSEP_SESSIONS"] = str(folder / SESSIONS)
    from PySide6.QtCore import QSettings

    from clapsep_desktop.gui import app
    from clapsep_desktop.gui.main_window import MainWindow
    from clapsep_desktop.gui.preferences import Settings

    application = app.make_application()
    store = QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat)
    window = MainWindow(app.make_editor(Settings(store)))
    window.show()
    driver = AppDriver(window, folder, number)  # Qt holds its methods weakly
    driver.start()
    sys.exit(application.exec())


class AppDriver:
    """Does through the window's parts what `CoreDriver` does, each when the one before is done.

    Args:
        window: the program's.
        folder: see `CoreDriver`.
        seed: of the places that are extracted from.
    """

    def __init__(self, window: MainWindow, folder: Path, seed: int) -> None:
        self.window = window
        self.editor = window.editor
        self.folder = folder
        self.random = np.random.default_rng(seed)
        self.left: list[tuple[str, Callable[[], None]]] = []
        self.moment = ""
        self.editor.operations.extracted.connect(self._on_extracted)
        self.editor.operations.exported.connect(lambda _: say(event="exported"))
        for part in (self.editor.operations, window.projects, window.keeping):
            part.troubled.connect(lambda trouble: say(event="trouble", sentence=trouble.sentence))

    def start(self) -> None:
        """Look for what a crash left; the rest follows."""
        self.found: list[recovery.Recoverable] = []
        self.window.keeping.found.connect(self._on_found)
        self.editor.runner.idle.connect(self._go_on)
        self.window.keeping.look_for_crashes()

    def _on_found(self, sessions: list[recovery.Recoverable]) -> None:
        self.found = sessions

    def _go_on(self) -> None:
        """Nothing runs any more: the moment is over, and the next one begins."""
        if not self.moment:
            first = self._recover if self.found else self._open
            self.left = [("recover" if self.found else "open", first)]
            self.left += [("extract", self._extract)] * STEPS
            self.left += [("save", self._save), ("export", self._export)]
        elif self.moment in ("open", "recover"):
            say(event="opened", buffers=sorted(self.editor.document.history.buffers))
        if self.moment and (not self.left or self.left[0][0] != self.moment):
            say(event="end", moment=self.moment)
        if not self.left:
            say(event="idle")
            return
        name, work = self.left.pop(0)
        if name != self.moment:
            say(event="begin", moment=name)
        self.moment = name
        work()

    def _recover(self) -> None:
        self.window.projects.recover(self.found[0])
        if self.found[1:]:
            self.window.keeping.forget(self.found[1:])

    def _open(self) -> None:
        project = self.folder / PROJECT
        self.window.open_file(project if project.exists() else self.folder / RECORDING)

    def _extract(self) -> None:
        from clapsep_desktop.gui.requests import ExtractionRequest

        start = int(self.random.integers((SECONDS - APP_SECONDS) * RATE))
        span = Span(start, start + APP_SECONDS * RATE)
        query = Query.of(keep=[f"sound {start}"])
        self.editor.operations.extract(ExtractionRequest(query, span, model="mini"))

    def _on_extracted(self, identity: str) -> None:
        document = self.editor.document
        assert document.session is not None
        buffer = document.session.find(identity).buffer
        say(event="step", buffer=buffer, sound=sound_of(document.store.path(buffer)))

    def _save(self) -> None:
        mark = fingerprint(self.editor.document.history)
        say(event="saving", history=mark)
        self.editor.document.project = self.folder / PROJECT
        self.window.projects.save(lambda: say(event="saved", history=mark))

    def _export(self) -> None:
        from clapsep_desktop.audio.export_plan import ExportSettings
        from clapsep_desktop.gui.operations.exporting import material_of

        material = material_of(self.editor.document, None)
        settings = ExportSettings(self.folder, "field", what="both", overwrite=True)
        self.editor.operations.export(material, settings)


if __name__ == "__main__":
    main()
