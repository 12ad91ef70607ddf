"""Kills the program at random moments and counts what the next start brings back.

    python packaging/benchmarks/kill_test.py core --kills 200
    python packaging/benchmarks/kill_test.py app --kills 20

``core`` drives what opens, extracts, autosaves, saves, exports and recovers, without a window and
with noise in place of a model's result; every second round saves as on a disk without links.
``app`` is the whole program, offscreen, with the shipped model.

A process does one thing after the other and says, through a pipe, what it begins and what it has
finished. It is killed (SIGKILL) at a random point of a chosen moment. Then everything it said was
finished is looked for on the disk: each result, sample by sample, in what can be recovered; the
project, which must be the one saved last or the one being saved; exported files, whole or not
there. What was recovered is the next process's beginning, so that work goes through many deaths.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
from clapsep_desktop.timebase import Span  # noqa: E402

MOMENTS = ("open", "extract", "recover", "save", "export")
RATE, CHANNELS, SECONDS = 48_000, 2, 30
STEP_SECONDS, STEPS = 10, 2
BLOCK = RATE // 4
MODEL_PAUSE = 0.002  # s for each block; stands for the model's work
MOST_STEPS = 12  # of a history; then it begins anew, so that rounds stay short


def main() -> None:
    """Read the arguments and do what they say."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["core", "app", "drive"])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where to work; a temporary one by default")
    arguments = parser.parse_args()
    if arguments.what == "drive":
        Driver(arguments.folder, arguments.seed).run()
        return
    with ExitStack() as stack:
        folder = arguments.folder or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="clapsep-kill-"))
        )
        command = [sys.executable, __file__, "drive", "--folder", str(folder)]
        KillTest(folder, command, arguments.seed).run(arguments.kills)


def say(**words: Any) -> None:
    """Tell the parent, at once."""
    os.write(1, (json.dumps(words) + "\n").encode())


def fingerprint(history: History) -> int:
    """The same for equal histories."""
    return zlib.crc32(json.dumps(history_to_dict(history), sort_keys=True).encode())


def sound_of(path: Path) -> int:
    """The same for sound files of equal samples."""
    with soundfile.SoundFile(os.fsencode(path)) as file:
        return zlib.crc32(file.read(dtype="float64", always_2d=True).tobytes())


# -- The process that is killed ----------------------------------------------------------------


class Driver:
    """Does what a user would: recovers or opens, extracts, saves, exports.

    Args:
        folder: holds the recording, the project, the exports and the sessions.
        seed: of the noise; odd ones save as on a disk without links.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = np.random.default_rng(seed)
        self.project = folder / "field.clapsep"
        if seed % 2:
            projects._linked = lambda *_: False
        self.store = AudioStore(recovery.new_folder(folder / "sessions"))
        self.autosave = Autosave(self.store.folder)
        self.history: History

    def run(self) -> None:
        """Everything once, then wait for the end."""
        found = recovery.find(self.folder / "sessions")
        recovery.clean(self.folder / "sessions", found)
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
        opened = finished(recovery.recovering(found[0], self.store))
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
            opened = finished(projects.taking_in(data_folder(self.project), project, self.store))
        else:
            path = self.folder / "field.wav"
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
            start = int(self.random.integers((SECONDS - STEP_SECONDS) * RATE))
            span = Span(start, start + STEP_SECONDS * RATE)
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
            names = self.folder / "kept.wav", self.folder / "removed.wav"
            with PairWriter(file, file.info, kept=names[0], removed=names[1]) as writer:
                for start in range(0, file.frames, BLOCK):
                    span = Span(start, min(start + BLOCK, file.frames))
                    source = file.read(span.start, span.stop)
                    writer.write(span, source, kept.read(span.start, span.stop))
                writer.finish()
        say(event="exported")


def finished(steps: Any) -> Opened:
    """What a generator returns in the end."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            value: Opened = stop.value
            return value


# -- The one that kills ------------------------------------------------------------------------


@dataclass
class Expected:
    """What the disk must hold, by what the processes said.

    Attributes:
        steps: buffers that were finished and not saved, with the checksums of their samples.
        sounds: checksums of every buffer ever finished.
        projects: fingerprints, any of which the project file may have; None stands for no file.
    """

    steps: set[str] = field(default_factory=set)
    sounds: dict[str, int] = field(default_factory=dict)
    projects: set[int | None] = field(default_factory=lambda: {None})
    exported: bool = False


class KillTest:
    """Starts processes, kills them and looks at what is left.

    Args:
        folder: to work in.
        command: starts a process; ``--seed N`` is added.
        seed: of the moments.
    """

    def __init__(self, folder: Path, command: list[str], seed: int) -> None:
        self.folder = folder
        self.command = command
        self.random = random.Random(seed)
        self.expected = Expected()
        self.lengths: dict[str, float] = {}
        self.kills: Counter[str] = Counter()
        self.with_work: Counter[str] = Counter()
        self.recovered: Counter[str] = Counter()
        self.lost: dict[str, list[str]] = defaultdict(list)
        self.left_behind = 0

    def run(self, kills: int) -> None:
        """Rehearse, kill, and print the table."""
        sound = np.random.default_rng(1).uniform(-0.5, 0.5, (SECONDS * RATE, CHANNELS))
        soundfile.write(self.folder / "field.wav", sound, RATE, "PCM_24")
        self.rehearse()
        for number in range(kills):
            moment = MOMENTS[number % len(MOMENTS)]
            died_in = self.kill(moment, seed=number + 2)
            self.judge(died_in)
            print(f"\r{number + 1} of {kills}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        self.print_table()
        freed = recovery.clean(self.folder / "sessions", [])
        left = list((self.folder / "sessions").iterdir())
        print(f"Given up, the sessions freed {freed / 1e6:.0f} MB and left {len(left)} folders.")
        if any(self.lost.values()):
            sys.exit(1)

    def rehearse(self) -> None:
        """How long each moment takes; a first run opens, a second one recovers."""
        for seed in (0, 1):
            with self.started(seed) as lines:
                begun: dict[str, float] = {}
                for word in lines:
                    self.note(word)
                    if word["event"] == "begin":
                        begun[word["moment"]] = time.monotonic()
                    elif word["event"] == "end":
                        name = word["moment"]
                        self.lengths[name] = time.monotonic() - begun[name]
                    elif word["event"] == "idle":
                        break

    def kill(self, moment: str, seed: int) -> str:
        """Kill a process within a moment; the moment in which it really died."""
        if moment == "open":  # the user chose not to recover
            shutil.rmtree(self.folder / "sessions", ignore_errors=True)
            self.expected.steps.clear()
        now = "start"
        with self.started(seed) as lines:
            for word in lines:
                now = self.moment_after(now, word)
                if now == moment:
                    time.sleep(self.random.uniform(0, 1.1 * self.lengths[moment]))
                    break
            else:
                self.lost[now].append("the process ended by itself")
            lines.kill()
            for word in lines:  # what it said before it died
                now = self.moment_after(now, word)
        self.kills[now] += 1
        return now

    def moment_after(self, now: str, word: dict[str, Any]) -> str:
        """The moment a process is in once it said something."""
        self.note(word)
        if word["event"] == "begin":
            return str(word["moment"])
        return f"after {word['moment']}" if word["event"] == "end" else now

    def started(self, seed: int) -> Process:
        """A new process."""
        return Process([*self.command, "--seed", str(seed)])

    def note(self, word: dict[str, Any]) -> None:
        """Take in what a process said."""
        expected = self.expected
        match word:
            case {"event": "opened", "buffers": buffers}:
                expected.steps = set(buffers)
            case {"event": "step", "buffer": buffer, "sound": sound}:
                expected.steps.add(buffer)
                expected.sounds[buffer] = sound
            case {"event": "saving", "history": history}:
                expected.projects.add(history)
            case {"event": "saved", "history": history}:
                expected.projects = {history}
            case {"event": "exported"}:
                expected.exported = True
            case {"event": "lost", "buffers": buffers}:
                self.lost["recover"].append(f"results {buffers}")

    # -- Judging -------------------------------------------------------------------------------

    def judge(self, moment: str) -> None:
        """Look at the disk as the next start would, and change nothing."""
        problems = [
            *self.problems_of_steps(),
            *self.problems_of_project(),
            *self.problems_of_files(),
        ]
        self.lost[moment] += problems
        if self.expected.steps or None not in self.expected.projects:
            self.with_work[moment] += 1
            self.recovered[moment] += not problems

    def problems_of_steps(self) -> Iterator[str]:
        """Finished results that cannot be recovered."""
        found = recovery.find(self.folder / "sessions")
        where = {
            buffer: one.folder for one in found for buffer in one.snapshot.project.history.buffers
        }
        for buffer in self.expected.steps:
            if buffer not in where:
                yield f"{buffer} is not offered"
            elif not self.sounds_right(where[buffer] / f"{buffer}.wav", buffer):
                yield f"{buffer} sounds different"

    def problems_of_project(self) -> Iterator[str]:
        """A project that is not as it was saved."""
        path = self.folder / "field.clapsep"
        if not path.exists():
            if None not in self.expected.projects:
                yield "the project is gone"
            return
        history = load(path).history
        if fingerprint(history) not in self.expected.projects:
            yield "the project is neither the old one nor the new one"
        for buffer in history.buffers:
            if not self.sounds_right(data_folder(path) / f"{buffer}.wav", buffer):
                yield f"the project's {buffer} is missing or sounds different"

    def problems_of_files(self) -> Iterator[str]:
        """Exported files that are not whole."""
        pair = [self.folder / "kept.wav", self.folder / "removed.wav"]
        there = [path for path in pair if path.exists()]
        self.left_behind = max(
            self.left_behind, sum(1 for path in self.folder.glob(".*.part") if path.is_file())
        )
        if self.expected.exported and len(there) < 2:
            yield "an exported file is gone"
        for path in there:
            if soundfile.info(os.fsencode(path)).frames != SECONDS * RATE:
                yield f"{path.name} is not whole"

    def sounds_right(self, path: Path, buffer: str) -> bool:
        """Whether a result is sample by sample what was finished."""
        if not path.exists():
            return False
        sound = sound_of(path)
        # A process may die between finishing a result and telling of it.
        return sound == self.expected.sounds.setdefault(buffer, sound)

    def print_table(self) -> None:
        """What died when, and what was lost."""
        print(f"{'died in':<16}{'kills':>7}{'with work':>11}{'recovered':>11}{'lost':>6}")
        for moment in sorted(self.kills, key=_order):
            print(
                f"{moment:<16}{self.kills[moment]:>7}{self.with_work[moment]:>11}"
                f"{self.recovered[moment]:>11}{len(self.lost[moment]):>6}"
            )
        print(
            f"{'all':<16}{self.kills.total():>7}{self.with_work.total():>11}"
            f"{self.recovered.total():>11}{sum(map(len, self.lost.values())):>6}"
        )
        for moment, problems in self.lost.items():
            for problem in problems:
                print(f"{moment}: {problem}")
        print(f"Temporary files that a killed export left at one time, at most: {self.left_behind}")


class Process:
    """A process and what it says, line by line; killed at the end of the block."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __iter__(self) -> Iterator[dict[str, Any]]:
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if line.endswith("\n"):
                yield json.loads(line)

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()


def _order(moment: str) -> tuple[int, str]:
    name = moment.removeprefix("after ")
    return (MOMENTS.index(name) if name in MOMENTS else -1, moment)


if __name__ == "__main__":
    main()
