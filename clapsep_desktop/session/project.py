"""Project files: a history on disk, with the sound of every result beside it.

    field.clapsep         JSON: the recording, every state that undo reaches, the view
    field.clapsep-data/   <id>.wav, 32-bit float (RF64 past 4 GB): what each extraction takes away

A folder and not a container, because a result never changes once it is there: saving again adds
the new ones, by a link where the disk allows it, instead of copying gigabytes; other programs can
open them; and a file that is cut off loses one result and not the project.

Saving adds results under names that nothing uses yet, then puts the JSON in place by a rename,
then deletes the results that it no longer names. Wherever that stops, the old project or the new
one is whole.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Collection, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from clapsep_desktop import __version__
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.audio.staging import (
    StagedFile,
    check_room,
    flush_folder,
    put_in_place,
    real_target,
    remove_left_behind,
    writing,
)
from clapsep_desktop.errors import (
    AudioReadError,
    ProjectDamagedError,
    ProjectError,
    ProjectVersionError,
)
from clapsep_desktop.session import serial
from clapsep_desktop.session.history import History

SUFFIX = ".clapsep"
FORMAT = 1
"""Version of the project's JSON."""

_KIND = "clapsep-project"
_BLOCK = 4 << 20  # bytes copied between two chances to stop


class Results(Protocol):
    """Where the sound of results lies; an `AudioStore` is one."""

    def path(self, identity: str) -> Path:
        """The WAV file of a result; raises KeyError."""
        ...

    def adopt(self, identity: str, path: Path) -> None:
        """Take in a WAV file as a result; raises AudioReadError or AudioWriteError."""
        ...

    def open(self, identity: str) -> AudioSource:
        """The sound of a result; raises KeyError."""
        ...


@dataclass(frozen=True)
class Project:
    """What a project file says.

    Attributes:
        history: every state that undo and redo reach.
        view: where the user was looking: names and values as JSON has them.
    """

    history: History
    view: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self, folder: Path | None = None) -> dict[str, Any]:
        """As JSON holds it; paths as seen from a folder, or in full."""
        return {
            "format": _KIND,
            "version": FORMAT,
            "program": __version__,
            "history": serial.history_to_dict(self.history, folder),
            "view": dict(self.view),
        }

    @classmethod
    def from_dict(cls, value: object, folder: Path | None = None) -> Project:
        """What `to_dict` gave.

        Raises:
            ProjectVersionError: it is of a newer version.
            ProjectDamagedError: it is anything else.
        """
        with serial.reading():
            if serial.field(value, "format", str) != _KIND:
                raise ValueError("another kind of file")
            version = serial.field(value, "version", int)
            if version > FORMAT:
                raise ProjectVersionError(
                    f"The project was saved by a newer version of CLAPSep Desktop (its format is "
                    f"{version}, and this program reads up to {FORMAT}). Update the program to "
                    "open it."
                )
            history = serial.field(value, "history", dict)
            return cls(serial.history_from_dict(history, folder), serial.field(value, "view", dict))


@dataclass(frozen=True)
class Progress:
    """How far saving (in bytes) or opening (in results) has come."""

    done: int
    total: int


@dataclass(frozen=True)
class Opened:
    """A project whose results are ready.

    Attributes:
        project: what the file says; extractions whose result is lost are ones to be rendered.
        lost: ids of results that are missing or damaged.
    """

    project: Project
    lost: frozenset[str] = frozenset()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know, in sentences."""
        titles = {one.title for one in self.project.history.current if not one.is_rendered}
        if not self.lost:
            return ()
        which = f": {'; '.join(sorted(titles))}" if titles else ""
        sentence = (
            f"The sound of {len(self.lost)} of the project's results is missing or damaged{which}. "
            "Render these steps again; everything else is there."
        )
        return (sentence,)


def data_folder(project: Path) -> Path:
    """The folder of a project's results; links to the project are followed."""
    real = Path(os.path.realpath(project))
    return real.with_name(f"{real.name}-data")


# -- Saving ------------------------------------------------------------------------------------


def save(path: Path, project: Project, results: Results) -> None:
    """Save at once; see `saving`."""
    for _ in saving(path, project, results):
        pass


def saving(path: Path, project: Project, results: Results) -> Generator[Progress, None, None]:
    """Save a project step by step; to stop between two steps leaves the former save as it was.

    Args:
        path: the project file; replaced if it is there.
        project: what to save.
        results: holds every buffer of the history.

    Raises:
        AudioWriteError: no room or no rights; the former save is as it was.
        ProjectError: a result that the project needs is gone.
    """
    target = real_target(path, project.history.recording.path)
    folder = data_folder(target)
    needed = project.history.buffers
    added: list[Path] = []
    try:
        yield from _add_results(target, folder, needed, results, added)
        staged = _written(target, project)
    except BaseException:
        _take_back(folder, added)
        raise
    try:
        put_in_place([staged])
    finally:
        staged.discard()
    remove_left_behind(target)
    _remove_unused(folder, needed)


def _written(target: Path, project: Project) -> StagedFile:
    """The project's JSON under a temporary name."""
    text = json.dumps(project.to_dict(target.parent), allow_nan=False, indent=1)
    staged = StagedFile(target)
    try:
        with writing(target):
            staged.part.write_text(text, encoding="ascii")
    except BaseException:
        staged.discard()
        raise
    return staged


def _add_results(
    target: Path, folder: Path, needed: Collection[str], results: Results, added: list[Path]
) -> Generator[Progress, None, None]:
    """Bring every needed result that is not there yet into the folder, and list it."""
    copies: list[tuple[Path, Path]] = []
    with writing(target):
        if needed:
            folder.mkdir(exist_ok=True)
    for identity in sorted(needed):
        source, file = _result(results, identity), folder / f"{identity}.wav"
        with writing(target):
            if file.exists() and file.stat().st_size == source.stat().st_size:
                continue
            if _linked(source, file):
                added.append(file)
            else:
                copies.append((source, file))
    total = sum(source.stat().st_size for source, _ in copies)
    if copies:
        check_room([target], [total])
    done = 0
    for source, file in copies:
        for size in _copy(target, source, file):
            done += size
            yield Progress(done, total)
        added.append(file)
    if added:
        flush_folder(folder)  # the project may name them only once they cannot be lost


def _take_back(folder: Path, added: list[Path]) -> None:
    """Delete what a save that came to nothing brought; no project names it yet."""
    with suppress(OSError):
        for file in added:
            file.unlink(missing_ok=True)
        folder.rmdir()  # unless it holds the former save's results


def _result(results: Results, identity: str) -> Path:
    try:
        return results.path(identity)
    except KeyError:
        raise ProjectError(
            "The project cannot be saved: the sound of one of its results is gone. "
            "Undo the step that made it, or render it again."
        ) from None


def _linked(source: Path, file: Path) -> bool:
    """Give a file a second name; False where the disk cannot."""
    part = _part(file)
    try:
        os.link(source, part)
        part.replace(file)
    except OSError:
        return False
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return True


def _copy(target: Path, source: Path, file: Path) -> Generator[int, None, None]:
    """Copy a file under a temporary name, then rename it; yields the bytes of each block."""
    part = _part(file)
    try:
        with writing(target), source.open("rb") as reader, part.open("xb") as writer:
            while block := reader.read(_BLOCK):
                writer.write(block)
                yield len(block)
            writer.flush()
            os.fsync(writer.fileno())
        with writing(target):
            part.replace(file)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _part(file: Path) -> Path:
    return file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")


def _remove_unused(folder: Path, needed: Collection[str]) -> None:
    """Delete the results that the saved project does not name; what is not ours stays."""
    with suppress(OSError):
        for file in folder.iterdir():
            unused = file.suffix == ".wav" and _is_identity(file.stem) and file.stem not in needed
            left_behind = file.name.startswith(".") and file.suffix == ".part"
            if unused or left_behind:
                with suppress(OSError):
                    file.unlink()
        if not needed:
            folder.rmdir()


def _is_identity(name: str) -> bool:
    return len(name) == 32 and set(name) <= set("0123456789abcdef")


# -- Opening -----------------------------------------------------------------------------------


def load(path: Path) -> Project:
    """Read a project file; its results stay where they are.

    Raises:
        ProjectVersionError: it was saved by a newer version of the program.
        ProjectDamagedError: it is cut off, altered or no project.
        ProjectError: it cannot be read.
    """
    real = Path(os.path.realpath(path))
    try:
        text = real.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ProjectError(f"There is no project “{path}”.") from None
    except IsADirectoryError:
        raise ProjectError(f"“{path}” is a folder. Choose a file ending in {SUFFIX}.") from None
    except UnicodeDecodeError as error:
        raise ProjectDamagedError(_no_project(path)) from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise ProjectError(f"“{path.name}” could not be read: {reason}.") from error
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProjectDamagedError(_no_project(path)) from error
    try:
        return Project.from_dict(value, real.parent)
    except ProjectDamagedError as error:
        raise ProjectDamagedError(_no_project(path)) from error


def _no_project(path: Path) -> str:
    return (
        f"“{path.name}” is damaged, cut off, or no project of CLAPSep Desktop. Open another copy "
        "of it, or open the recording itself."
    )


def taking_in(
    folder: Path, project: Project, results: Results
) -> Generator[Progress, None, Opened]:
    """Take a project's results in, by links where the disk allows it.

    Args:
        folder: where they lie: the `data_folder` of a project, or what a crash left behind.
        project: what the file says.
        results: where the results go; one that is there already stays as it is.

    Raises:
        AudioWriteError: there is no room for them.
    """
    history = project.history
    lengths = {one.buffer: one.span.length for state in history.states for one in state}
    lost = set()
    for done, identity in enumerate(sorted(history.buffers)):
        yield Progress(done, len(history.buffers))
        try:
            results.adopt(identity, folder / f"{identity}.wav")
            sound = results.open(identity)
        except AudioReadError:
            lost.add(identity)
            continue
        shape = sound.rate, sound.channels, sound.frames
        recording = history.recording
        if shape != (recording.rate, recording.channels, lengths[identity]):
            lost.add(identity)
    gone = frozenset(lost)
    return Opened(replace(project, history=history.without_buffers(gone)), gone)
