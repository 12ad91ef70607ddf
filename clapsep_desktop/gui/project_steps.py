"""Opening and saving projects: the parts that run on the job thread."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from clapsep_desktop.audio.files import probe
from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.errors import AudioReadError, ClapSepError, SourceChangedError
from clapsep_desktop.gui.document import Material
from clapsep_desktop.gui.jobs import Progress, Steps, retold
from clapsep_desktop.gui.operations.opening import open_steps
from clapsep_desktop.session import project as projects
from clapsep_desktop.session import recovery, source
from clapsep_desktop.session.autosave import Autosave
from clapsep_desktop.session.history import History
from clapsep_desktop.session.locks import ProjectLock
from clapsep_desktop.session.project import Opened, Project, data_folder, load, taking_in

T = TypeVar("T")

FLUSH_SECONDS = 30.0
"""s that an autosave may take before what was recovered is kept twice for safety."""


@dataclass(frozen=True)
class Candidate:
    """A project that was read, and what is known of its recording.

    Attributes:
        project: what its file says.
        folder: where its results lie.
        path: the project file, if there is one.
        digest: SHA-256 of the recording as it is now; empty where it cannot be read.
        problem: why it cannot be shown just so; None where it can.
        fits: whether the recording as it is now could stand in.
    """

    project: Project
    folder: Path
    path: Path | None
    digest: str = ""
    problem: ClapSepError | None = None
    fits: bool = False

    @property
    def recording(self) -> Path:
        """Where the recording is looked for."""
        return self.project.history.recording.path

    def with_recording(self, path: Path) -> Candidate:
        """With the recording to be looked for elsewhere."""
        recording = replace(self.project.history.recording, path=path)
        history = self.project.history.of_recording(recording)
        return replace(self, project=replace(self.project, history=history))


@dataclass(frozen=True)
class Ready:
    """A project with its results and its recording at hand."""

    candidate: Candidate
    opened: Opened
    material: Material


@dataclass(frozen=True)
class Saved:
    """A project that was saved: what its file says, and the lock that keeps others from it."""

    history: History
    lock: ProjectLock


def lock_steps(path: Path, own: ProjectLock | None, *, force: bool = False) -> Steps[ProjectLock]:
    """Keep others from a project.

    Args:
        path: the project file.
        own: the lock that is held, if any; it is returned where it is of this project.
        force: take the lock from whoever holds it.

    Raises:
        ProjectInUseError: another instance has the project open.
    """
    yield Progress("opening")
    return _locked(path, own, force=force)


def read_steps(path: Path) -> Steps[Candidate]:
    """Read a project file and look at its recording; raises ProjectError."""
    yield Progress("opening")
    return (yield from examine_steps(Candidate(load(path), data_folder(path), path)))


def examine_steps(candidate: Candidate) -> Steps[Candidate]:
    """Whether a project's recording is there and is the one that it was made of."""
    recording = candidate.project.history.recording
    try:
        info = probe(recording.path)
        digest = yield from _hash_steps(recording.path)
    except AudioReadError as error:
        return replace(candidate, digest="", problem=error, fits=False)
    fits = source.fits(recording, info)
    try:
        source.check(recording, info, digest)
    except SourceChangedError as error:
        return replace(candidate, digest=digest, problem=error, fits=fits)
    return replace(candidate, digest=digest, problem=None, fits=fits)


def ready_steps(candidate: Candidate, store: AudioStore) -> Steps[Ready]:
    """Take in a project's results and open its recording; raises AudioError."""
    opened = yield from _told("opening", taking_in(candidate.folder, candidate.project, store))
    material = yield from open_steps(candidate.recording)
    history = source.found_at(opened.project.history, candidate.recording, candidate.digest)
    opened = replace(opened, project=replace(opened.project, history=history))
    return Ready(candidate, opened, material)


def save_steps(
    path: Path, project: Project, store: AudioStore, own: ProjectLock | None
) -> Steps[Saved]:
    """Lock and save a project, and find out the recording's hash where that is not known yet.

    Raises:
        ProjectInUseError: another instance has that project open.
        AudioWriteError: no room or no rights; the former save is as it was.
        ProjectError: a result is gone.
    """
    yield Progress("saving")
    lock, saved = _locked(path, own), False
    try:
        history = yield from _with_digest(project.history)
        yield from _told("saving", projects.saving(path, replace(project, history=history), store))
        saved = True
    finally:
        if not saved and lock is not own:
            lock.release()
    return Saved(history, lock)


def _locked(path: Path, own: ProjectLock | None, *, force: bool = False) -> ProjectLock:
    return own if own is not None and own.is_of(path) else ProjectLock(path, force=force)


def _with_digest(history: History) -> Steps[History]:
    """A history whose recording can be known again by its hash."""
    recording = history.recording
    if recording.digest:
        return history
    try:
        digest = yield from _hash_steps(recording.path)
    except AudioReadError:  # it went away while it was open; the results are still worth saving
        digest = ""
    return history.of_recording(replace(recording, digest=digest))


def find_steps(roots: Iterable[Path]) -> Steps[list[recovery.Recoverable]]:
    """What a crash left, the latest first, after everything that nothing needs was removed.

    A folder that cannot be read, as on a disk that is not there now, is left for another time.
    """
    yield Progress("looking for unfinished work")
    found: list[recovery.Recoverable] = []
    for root in roots:
        with suppress(OSError):
            sessions = recovery.find(root)
            found += sessions
            recovery.clean(root, sessions)
    return sorted(found, key=lambda session: session.snapshot.saved_at, reverse=True)


def move_steps(old: AudioStore, needed: Collection[str], folder: Path) -> Steps[AudioStore]:
    """Bring results into a new store.

    Args:
        old: where they lie; it stays as it is.
        needed: which.
        folder: of the new store.

    Raises:
        AudioWriteError: the folder cannot be written, or has too little room; it is gone again.
    """
    new, moved = AudioStore(folder, budget=old.budget), False
    try:
        for done, identity in enumerate(sorted(needed)):
            yield Progress("moving results", done, len(needed), of_sound=False)
            if identity in old:  # else it is being made
                new.adopt(identity, old.path(identity))
        moved = True
    finally:
        if not moved:
            new.close()
    return new


def leave_steps(former: Autosave, store: AudioStore, autosave: Autosave) -> Steps[bool]:
    """Delete a store and end its autosave, once another one tells where its results are now.

    Returns:
        Whether it is deleted; not where the other autosave fails.
    """
    yield Progress("autosaving")
    former.close()
    is_told = autosave.flush(FLUSH_SECONDS)
    if is_told:
        store.close()
    return is_told


def settle_steps(autosave: Autosave, recovered: recovery.Recoverable) -> Steps[None]:
    """Delete what was recovered, once it lies in this session's own autosave."""
    yield Progress("autosaving")
    if autosave.flush(FLUSH_SECONDS):
        recovery.discard(recovered)


def discard_steps(sessions: list[recovery.Recoverable]) -> Steps[None]:
    """Delete sessions that the user does not want back."""
    for done, session in enumerate(sessions):
        yield Progress("deleting", done, len(sessions), of_sound=False)
        recovery.discard(session)


def _hash_steps(path: Path) -> Steps[str]:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise AudioReadError(f"There is no file “{path}”.") from error
    return retold(
        source.hashing(path),
        lambda done: Progress("checking the recording", done, size, of_sound=False),
    )


def _told(phase: str, steps: Generator[projects.Progress, None, T]) -> Steps[T]:
    """Steps of the session as a job tells them."""
    return retold(
        steps, lambda progress: Progress(phase, progress.done, progress.total, of_sound=False)
    )
