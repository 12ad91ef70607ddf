"""What run.py and test.py share: a suitable Python, its environment, the system's libraries.

Standard library only, and simple enough for an old Python to get as far as saying what it lacks.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
STAMP = ENVIRONMENT / "clapsep-installed.json"

SUPPORTED = ((3, 12), (3, 11))  # best first; the same as requires-python in pyproject.toml
SPACE_NEEDED = 8 * 1024**3  # bytes; torch for Linux brings its CUDA libraries


class SystemLibrary(NamedTuple):
    """A library that no Python package brings along on Linux."""

    file: str  # what the loader is asked for
    package: str  # Debian's name for it
    purpose: str  # what does not work without it


SYSTEM_LIBRARIES = (
    SystemLibrary("libportaudio.so.2", "libportaudio2", "playing sound"),
    # What PySide6's wheels link against and do not bring; those of the window system itself are
    # needed only where there is one.
    SystemLibrary("libEGL.so.1", "libegl1", "the window"),
    SystemLibrary("libGL.so.1", "libgl1", "the window"),
    SystemLibrary("libxkbcommon.so.0", "libxkbcommon0", "the window"),
    SystemLibrary("libdbus-1.so.3", "libdbus-1-3", "the window"),
    SystemLibrary("libfontconfig.so.1", "libfontconfig1", "the window"),
    SystemLibrary("libxkbcommon-x11.so.0", "libxkbcommon-x11-0", "the window on X11"),
    SystemLibrary("libxcb-cursor.so.0", "libxcb-cursor0", "the window on X11"),
    SystemLibrary("libxcb-icccm.so.4", "libxcb-icccm4", "the window on X11"),
    SystemLibrary("libxcb-keysyms.so.1", "libxcb-keysyms1", "the window on X11"),
    SystemLibrary("libxcb-shape.so.0", "libxcb-shape0", "the window on X11"),
)


def say(text: str) -> None:
    """Print a line at once, in order with what child processes print."""
    print(text, flush=True)


def give_up(text: str) -> NoReturn:
    """End the script with a sentence for the user."""
    raise SystemExit("\n" + text)


def prepare(extras: tuple[str, ...] = ()) -> Path:
    """Set up .venv with the program and its libraries; quick where that is already done.

    Args:
        extras: names of optional dependencies in pyproject.toml to install as well.

    Returns:
        The environment's Python.
    """
    check_system_libraries()
    python = environment_python(ENVIRONMENT)
    if python_version(str(python)) not in SUPPORTED:
        create_environment()
    if not is_installed(extras):
        install(python, extras)
    return python


# -- Python ------------------------------------------------------------------------------------


def environment_python(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    if os.name == "nt":
        return environment / "Scripts" / "python.exe"
    return environment / "bin" / "python"


def environment_script(name: str) -> Path:
    """A command installed in the environment."""
    folder = environment_python(ENVIRONMENT).parent
    return folder / (name + ".exe" if os.name == "nt" else name)


def python_version(*command: str) -> tuple[int, int] | None:
    """Major and minor version of an interpreter that starts, else None."""
    code = "import sys; print(sys.version_info[0], sys.version_info[1])"
    try:
        answer = subprocess.run(
            [*command, "-c", code], capture_output=True, text=True, timeout=60, check=True
        )
        major, minor = answer.stdout.split()
        return int(major), int(minor)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def find_python() -> list[str]:
    """The command of a supported Python: the one running this script, or another on the path."""
    candidates = [[sys.executable]]
    for major, minor in SUPPORTED:
        name = f"{major}.{minor}"
        candidates += [[f"python{name}"], ["py", f"-{name}"]] if os.name == "nt" else []
        candidates += [[f"python{name}"]]
    for command in candidates:
        if command[0] and python_version(*command) in SUPPORTED:
            return command
    running = ".".join(map(str, sys.version_info[:3]))
    give_up(
        f"CLAPSep Desktop needs Python 3.11 or 3.12; this is {running}, and no other was found on "
        "the path. Install one (python.org, your system's packages, Homebrew) and start again."
    )


def create_environment() -> None:
    """Make .venv anew, with pip in it."""
    command = find_python()
    say(f"Creating the environment {ENVIRONMENT.name} with Python ({' '.join(command)}).")
    build = [*command, "-m", "venv", "--clear", str(ENVIRONMENT)]
    if subprocess.run(build, capture_output=True, text=True).returncode == 0:
        return
    # Debian keeps venv's other half in a package of its own.
    version = python_version(*command) or SUPPORTED[0]
    package = f"python{version[0]}.{version[1]}-venv"
    if on_debian() and install_with_apt([package]):
        second = subprocess.run(build, capture_output=True, text=True)
        if second.returncode == 0:
            return
    give_up(
        f"The environment could not be created in {ENVIRONMENT}. "
        f"On Debian or Ubuntu install what is missing with: sudo apt-get install {package}\n"
        "Elsewhere check that the folder can be written and that Python came with venv and pip."
    )


# -- Libraries ---------------------------------------------------------------------------------


def fingerprint() -> str:
    """What the installed libraries depend on: the project's declaration and the interpreter."""
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes())
    digest.update((ENVIRONMENT / "pyvenv.cfg").read_bytes())
    digest.update(str(ROOT).encode())  # a moved checkout's editable install points nowhere
    return digest.hexdigest()


def is_installed(extras: tuple[str, ...]) -> bool:
    """Whether an earlier run already installed all that is asked for."""
    known = installed_extras()
    return known is not None and set(extras) <= known


def installed_extras() -> set[str] | None:
    """The extras that earlier runs installed; None where the environment is not up to date."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
        return set(stamp["extras"]) if stamp["fingerprint"] == fingerprint() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def install(python: Path, extras: tuple[str, ...]) -> None:
    """Install the program, its libraries and ``extras`` into the environment."""
    first_time = not STAMP.exists()
    free = shutil.disk_usage(ROOT).free
    if first_time and free < SPACE_NEEDED:
        give_up(
            f"Setting up needs about {SPACE_NEEDED / 1024**3:.0f} GB, but only "
            f"{free / 1024**3:.1f} GB are free on the disk of {ROOT}. Make room and start again."
        )
    say("Installing the libraries; the first time this takes some minutes.")
    target = ".[" + ",".join(extras) + "]" if extras else "."
    quiet = [] if sys.stdout.isatty() else ["-qq"]
    # Most modules are never imported: Python compiles those that are when they are.
    options = [*quiet, "--no-compile", "--disable-pip-version-check"]
    command = [str(python), "-m", "pip", "install", *options, "-e", target]
    if subprocess.run(command, cwd=ROOT).returncode:
        give_up(
            "The libraries could not be installed; pip's own words are above. Most often the "
            "connection failed or the disk is full: start again, and pip goes on where it was."
        )
    stamp = {"fingerprint": fingerprint(), "extras": sorted({*extras, *(installed_extras() or ())})}
    STAMP.write_text(json.dumps(stamp), encoding="utf-8")


# -- The system --------------------------------------------------------------------------------


def loads(library: str) -> bool:
    """Whether the system's loader finds a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def on_debian() -> bool:
    """Whether apt-get is how this system installs packages."""
    return shutil.which("apt-get") is not None


def install_with_apt(packages: list[str]) -> bool:
    """Install Debian packages where this user may; tell whether that worked."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    say(f"Installing {', '.join(packages)} with apt-get.")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    fetch = ["apt-get", "install", "-y", "-qq", *packages]
    # The list of packages may be too old to fetch from: renew it only then.
    for command in (fetch, ["apt-get", "update", "-qq"], fetch):
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if command is fetch and done.returncode == 0:
            return True
    return False


def check_system_libraries() -> None:
    """Install missing system libraries where possible, else say which and how; never fatal."""
    if not sys.platform.startswith("linux"):
        return
    missing = [library for library in SYSTEM_LIBRARIES if not loads(library.file)]
    if not missing:
        return
    packages = [library.package for library in missing]
    if on_debian() and install_with_apt(packages):
        return
    for library in missing:
        say(f"Missing: {library.file}. Without it {library.purpose} will not work.")
    if on_debian():
        say(f"Install it with: sudo apt-get install {' '.join(packages)}")
    else:
        say("Install what is missing with your system's package manager.")
