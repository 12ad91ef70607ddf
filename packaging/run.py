"""Set up the environment and open the editor on the demo recording.

Usage: python3 packaging/run.py [clapsep ARGUMENTS]

Without a screen it extracts a sound from the recording instead, draws what happened, and takes a
picture of the window.

With arguments it hands them to the ``clapsep`` command instead, for example
``python3 packaging/run.py extract mix.wav --keep "a dog barking" -o dog.wav``.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from _setup import (
    ENVIRONMENT,
    ROOT,
    environment_python,
    environment_script,
    give_up,
    prepare,
    say,
)

# Relative to ROOT, where the command runs: so it is shown as one would type it.
DEMO = Path("resources", "demo")
RESULTS = Path("out", "demo")
PICTURE = RESULTS / "picture.png"
WINDOW = RESULTS / "window-after-dark-100.webp"


class Demo(NamedTuple):
    """The shipped recording and what to ask of it."""

    title: str
    recording: Path
    keep: list[str]
    remove: list[str]


def read_demo(folder: Path) -> Demo:
    """The demo as its demo.json tells it; ``keep`` and ``remove`` are a text or a list of them."""
    try:
        told = json.loads((ROOT / folder / "demo.json").read_text(encoding="utf-8"))
    except OSError:
        give_up(f"The demo recording is missing from {folder}: get a complete copy of the project.")
    return Demo(
        title=told["title"],
        recording=folder / told["file"],
        keep=as_list(told.get("keep")),
        remove=as_list(told.get("remove")),
    )


def as_list(texts: str | list[str] | None) -> list[str]:
    """None, one text or several, as a list."""
    if texts is None:
        return []
    return [texts] if isinstance(texts, str) else list(texts)


def demo_arguments(demo: Demo, results: Path) -> list[str]:
    """The arguments of ``clapsep`` that extract the demo into ``results``."""
    arguments = ["extract", str(demo.recording)]
    for text in demo.keep:
        arguments += ["--keep", text]
    for text in demo.remove:
        arguments += ["--remove", text]
    kept, removed = results / "kept.wav", results / "removed.wav"
    return [*arguments, "-o", str(kept), "--removed", str(removed), "--overwrite"]


def has_display() -> bool:
    """Whether there is a screen for a window."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_editor() -> int:
    """Open the demo in the editor and wait until that is closed."""
    demo = read_demo(DEMO)
    say(f"\nThe editor opens on the demo: {demo.title}\n\n  clapsep gui {demo.recording}\n")
    command = [str(environment_script("clapsep")), "gui", str(demo.recording)]
    return subprocess.run(command, cwd=ROOT).returncode


def show_demo() -> int:
    """Extract the demo, telling the command and where the results lie."""
    demo = read_demo(DEMO)
    (ROOT / RESULTS).mkdir(parents=True, exist_ok=True)
    arguments = demo_arguments(demo, RESULTS)
    say(f"\nThe demo: {demo.title}\n\n  clapsep {shlex.join(arguments)}\n")
    code = subprocess.run([str(environment_script("clapsep")), *arguments], cwd=ROOT).returncode
    if code == 0:
        say(f"\nListen to\n  {ROOT / demo.recording}  (before)")
        for name, what in (("kept.wav", "what was kept"), ("removed.wav", "what was removed")):
            say(f"  {ROOT / RESULTS / name}  ({what})")
        if draw(demo):
            say(f"Look at\n  {ROOT / PICTURE}  (all three, one below the other)")
        if photograph():
            say(f"  {ROOT / WINDOW}  (the editor's window)")
    return code


def draw(demo: Demo) -> bool:
    """Draw the recording and its two parts; whether that worked."""
    files = [demo.recording, RESULTS / "kept.wav", RESULTS / "removed.wav", PICTURE]
    command = [environment_python(ENVIRONMENT), Path(__file__).with_name("picture.py"), *files]
    return subprocess.run(list(map(str, command)), cwd=ROOT).returncode == 0


def photograph() -> bool:
    """Take a picture of the editor's window after the same extraction; whether that worked."""
    script = Path(__file__).with_name("screenshots.py")
    options = ["--moment", "after", "--theme", "dark", "--scale", "100"]
    command = [environment_python(ENVIRONMENT), script, RESULTS, *options]
    done = subprocess.run(list(map(str, command)), cwd=ROOT, stdout=subprocess.DEVNULL)
    return done.returncode == 0


def main(arguments: list[str]) -> int:
    """Set up, then open the editor, or run the demo or the given command."""
    if arguments and arguments[0] in {"-h", "--help"}:
        say(__doc__.strip())
        return 0
    opens = not arguments and has_display()
    prepare(() if arguments or opens else ("evaluate",))
    if arguments:
        return subprocess.run([str(environment_script("clapsep")), *arguments]).returncode
    return open_editor() if opens else show_demo()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
