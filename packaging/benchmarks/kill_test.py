"""Kills the program at random moments and counts what the next start brings back.

    python packaging/benchmarks/kill_test.py core --kills 200
    python packaging/benchmarks/kill_test.py app --kills 30

``core`` drives what opens, extracts, autosaves, saves, exports and recovers, without a window and
with noise in place of a model's result; every second round saves as on a disk without links.
``app`` is the whole program, offscreen, with the shipped model.

A process does one thing after the other and says, through a pipe, what it begins and what it has
finished; see `kill_drivers`. It is killed (SIGKILL) at a random point of a chosen moment. Then
everything it said was finished is looked for on the disk: each result, sample by sample, in what
can be recovered or in the project; the project, which must be the one saved last or the one being
saved; exported files, whole or not there. What was recovered is the next process's beginning, so
that work goes through many deaths.
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
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parent))

from kill_drivers import (
    CHANNELS,
    EXPORTED,
    PROJECT,
    RATE,
    RECORDING,
    SECONDS,
    SESSIONS,
    fingerprint,
    sound_of,
)

from clapsep_desktop.session import recovery
from clapsep_desktop.session.project import data_folder, load

MOMENTS = ("open", "extract", "recover", "save", "export")


def main() -> None:
    """Read the arguments and do what they say."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["core", "app"])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clapsep-kill-") as folder:
        script = Path(__file__).with_name("kill_drivers.py")
        command = [sys.executable, str(script), arguments.what, folder]
        KillTest(Path(folder), command, arguments.seed).run(arguments.kills)


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
        command: starts a process; a number is added, from which it draws.
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
        soundfile.write(self.folder / RECORDING, sound, RATE, "PCM_24")
        self.rehearse()
        for number in range(kills):
            moment = MOMENTS[number % len(MOMENTS)]
            died_in = self.kill(moment, seed=number + 2)
            self.judge(died_in)
            print(f"\r{number + 1} of {kills}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        self.print_table()
        freed = recovery.clean(self.folder / SESSIONS, [])
        left = list((self.folder / SESSIONS).iterdir())
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
            shutil.rmtree(self.folder / SESSIONS, ignore_errors=True)
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
        return Process([*self.command, str(seed)])

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
            case {"event": "trouble", "sentence": sentence}:
                self.lost["trouble"].append(sentence)
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
        found = recovery.find(self.folder / SESSIONS)
        where = {
            buffer: one.folder for one in found for buffer in one.snapshot.project.history.buffers
        }
        project = self.folder / PROJECT
        if project.exists():
            saved = load(project).history.buffers
            where = dict.fromkeys(saved, data_folder(project)) | where
        for buffer in self.expected.steps:
            if buffer not in where:
                yield f"{buffer} is not offered"
            elif not self.sounds_right(where[buffer] / f"{buffer}.wav", buffer):
                yield f"{buffer} sounds different"

    def problems_of_project(self) -> Iterator[str]:
        """A project that is not as it was saved."""
        path = self.folder / PROJECT
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
        pair = [self.folder / name for name in EXPORTED]
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
