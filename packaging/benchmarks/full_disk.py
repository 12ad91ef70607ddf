"""What happens where a disk is full, fills up meanwhile, or may not be written.

    sudo python packaging/benchmarks/full_disk.py

Mounts small file systems in memory, which on Linux needs root, and prints for everything that
writes: the sentence that the user gets, whether everything that was there before and every
finished result is intact, and whether the same works in another place.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from clapsep_desktop.audio.export import PairWriter  # noqa: E402
from clapsep_desktop.audio.files import AudioFile  # noqa: E402
from clapsep_desktop.audio.mix import Layer, MixSource  # noqa: E402
from clapsep_desktop.audio.store import AudioStore  # noqa: E402
from clapsep_desktop.errors import ClapSepError  # noqa: E402
from clapsep_desktop.query import Query  # noqa: E402
from clapsep_desktop.session import project as projects  # noqa: E402
from clapsep_desktop.session.autosave import Autosave, read_snapshot  # noqa: E402
from clapsep_desktop.session.history import History  # noqa: E402
from clapsep_desktop.session.project import Project, load  # noqa: E402
from clapsep_desktop.session.session import Extraction, Marker, Recording, Session  # noqa: E402
from clapsep_desktop.timebase import Span  # noqa: E402

State = Literal["full", "fills up", "read-only"]
STATES: tuple[State, ...] = ("full", "fills up", "read-only")

RATE, CHANNELS, FRAMES = 48_000, 2, 480_000
DISK = 64 << 20  # bytes; room for all that is written, and for what must stay free
BLOCK = 48_000


@dataclass(frozen=True)
class Outcome:
    """What became of something that could not be written.

    Attributes:
        what: was to be written.
        state: of the disk.
        sentence: what the user was told; empty if nothing was.
        intact: whether what was there before, and the results, are as they were.
        elsewhere: whether the same worked in another place.
    """

    what: str
    state: State
    sentence: str
    intact: bool
    elsewhere: bool


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    outcomes = list(run())
    for one in outcomes:
        intact = "intact" if one.intact else "DAMAGED"
        elsewhere = "works elsewhere" if one.elsewhere else "FAILS ELSEWHERE"
        print(f"{one.what}, disk {one.state}: {intact}, {elsewhere}")
        print(textwrap.indent(textwrap.fill(one.sentence or "NOTHING IS SAID", 96), "    "))
    if not all(one.sentence and one.intact and one.elsewhere for one in outcomes):
        sys.exit(1)


def run() -> Iterator[Outcome]:
    """Try everything on a disk in every state."""
    for attempt, states in ATTEMPTS:
        for state in states:
            with tempfile.TemporaryDirectory() as folder, disk(Path(folder) / "disk") as small:
                (Path(folder) / "large").mkdir()
                yield attempt(state, small, Path(folder) / "large")


# -- Disks -------------------------------------------------------------------------------------


def can_mount() -> bool:
    """Whether file systems can be mounted here: on Linux, as root."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with disk(Path(folder) / "disk"):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


@contextmanager
def disk(folder: Path) -> Iterator[Path]:
    """A small file system in memory, as a folder."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    subprocess.run(mount, check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)


def fill(folder: Path) -> None:
    """Take all the room that a disk has."""
    with suppress(OSError), (folder / "other.bin").open("wb", buffering=0) as file:
        while file.write(bytes(1 << 16)):
            pass


def protect(folder: Path) -> None:
    """Let nothing be written to a disk any more."""
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True, capture_output=True)


def prepare(state: State, folder: Path) -> None:
    """Bring a disk into a state, as far as that is possible before something is written."""
    if state == "full":
        fill(folder)
    elif state == "read-only":
        protect(folder)


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, but for the one that fills the disk."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "other.bin"
    }


def told(work: Callable[[], None]) -> str:
    """What the user is told of work that fails; empty where it does not."""
    try:
        work()
    except ClapSepError as error:
        return str(error)
    return ""


# -- What is written ---------------------------------------------------------------------------


@contextmanager
def session(folder: Path) -> Iterator[tuple[AudioStore, History]]:
    """A recording and three results, on a disk with room."""
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (FRAMES, CHANNELS)).astype(np.float32)
    soundfile.write(folder / "field.wav", noise, RATE, "PCM_24")
    history = History.of(Session(Recording(folder / "field.wav", RATE, CHANNELS, FRAMES)))
    store = AudioStore(folder / "session")
    for number in range(3):
        with store.create(RATE, CHANNELS, FRAMES) as writer:
            writer.write(0, noise * (number + 1))
            buffer = writer.seal()
        query = Query.of(keep=[f"sound {number}"])
        added = history.current.added(Extraction(query, Span(0, FRAMES), buffer=buffer))
        history = history.applied("Keep", added)
    try:
        yield store, history
    finally:
        store.close()


def save(state: State, small: Path, large: Path) -> Outcome:
    """Save a project for the first time on a disk other than the results'."""
    with session(large) as (store, history):
        prepare(state, small)
        before, results = content(small), content(store.folder)

        def work() -> None:
            for step in projects.saving(small / "field.clapsep", Project(history), store):
                if state == "fills up" and step.done * 2 > step.total:
                    fill(small)

        sentence = told(work)
        intact = content(small) == before and content(store.folder) == results
        projects.save(large / "field.clapsep", Project(history), store)
        return Outcome(
            "save", state, sentence, intact, load(large / "field.clapsep").history == history
        )


def save_again(state: State, small: Path, large: Path) -> Outcome:
    """Save a project again: the former save must outlive it."""
    with session(large) as (store, history):
        path = small / "field.clapsep"
        projects.save(path, Project(history.at(1)), store)
        prepare(state, small)
        marked = history.applied("Mark", history.current.marked(Marker(10, "here")))
        sentence = told(lambda: projects.save(path, Project(marked), store))
        intact = load(path).history == history.at(1)
        projects.save(large / "field.clapsep", Project(marked), store)
        return Outcome(
            "save again", state, sentence, intact, load(large / "field.clapsep").history == marked
        )


def autosave(state: State, small: Path, large: Path) -> Outcome:
    """Autosave where the session's folder is."""
    sentences: list[str] = []
    with session(large) as (store, history):
        saver = Autosave(small, lambda sentence: sentences.append(sentence or ""), interval=0.05)
        saver.put(Project(history.at(0)))
        saver.flush()
        prepare(state, small)
        saver.put(Project(history))
        saver.flush()
        snapshot = read_snapshot(small)
        intact = snapshot is not None and snapshot.project.history == history.at(0)
        saver.close()
        other = Autosave(store.folder)
        other.put(Project(history))
        other.close()
        elsewhere = read_snapshot(store.folder)
        works = elsewhere is not None and elsewhere.project.history == history
        return Outcome("autosave", state, next(iter(sentences), ""), intact, works)


def extract(state: State, small: Path, large: Path) -> Outcome:
    """Store the result of an extraction."""
    store = AudioStore(small / "session")
    sound = np.random.default_rng(1).uniform(-0.1, 0.1, (FRAMES, CHANNELS)).astype(np.float32)
    with store.create(RATE, CHANNELS, BLOCK) as writer:
        writer.write(0, sound[:BLOCK])
        first = writer.seal()
    prepare(state, small)
    before = content(small)

    def work(store: AudioStore) -> None:
        with store.create(RATE, CHANNELS, FRAMES, "result") as writer:
            for start in range(0, FRAMES, BLOCK):
                if state == "fills up" and store.folder.parent == small and start > FRAMES // 2:
                    fill(small)
                writer.write(start, sound[start : start + BLOCK])
            writer.seal()

    sentence = told(lambda: work(store))
    intact = content(small) == before and store.open(first).read(0, BLOCK).shape == (
        BLOCK,
        CHANNELS,
    )
    other = AudioStore(large / "session")
    work(other)
    works = bool(np.array_equal(other.open("result").read(0, FRAMES), sound))
    other.close()
    store.close()
    return Outcome("extract", state, sentence, intact, works)


def export(state: State, small: Path, large: Path) -> Outcome:
    """Export what is kept and what is removed, over files that are there already."""
    with ExitStack() as stack:
        store, history = stack.enter_context(session(large))
        file = stack.enter_context(AudioFile(history.recording.path))
        layers = [Layer(store.open(one.buffer), 0, 0.1) for one in history.current]
        kept = MixSource(file, layers, role="kept")
        for name in ("kept.wav", "removed.wav"):
            soundfile.write(small / name, np.zeros((10, CHANNELS)), RATE)
        prepare(state, small)
        before, results = content(small), content(store.folder)

        def work(folder: Path) -> None:
            names = folder / "kept.wav", folder / "removed.wav"
            with PairWriter(file, file.info, kept=names[0], removed=names[1]) as writer:
                for start in range(0, FRAMES, BLOCK):
                    if state == "fills up" and folder == small and start > FRAMES // 2:
                        fill(small)
                    span = Span(start, start + BLOCK)
                    source = file.read(span.start, span.stop)
                    writer.write(span, source, kept.read(span.start, span.stop))
                writer.finish()

        sentence = told(lambda: work(small))
        intact = content(small) == before and content(store.folder) == results
        work(large)
        works = soundfile.info(os.fspath(large / "kept.wav")).frames == FRAMES
        return Outcome("export", state, sentence, intact, works)


ATTEMPTS: tuple[tuple[Callable[[State, Path, Path], Outcome], tuple[State, ...]], ...] = (
    (save, STATES),
    (save_again, ("full", "read-only")),
    (autosave, ("full", "read-only")),
    (extract, STATES),
    (export, STATES),
)


if __name__ == "__main__":
    main()
