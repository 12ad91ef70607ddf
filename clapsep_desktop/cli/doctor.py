"""``clapsep doctor``: what this machine has, and whether the program works on it."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from typing import NoReturn

import numpy as np
import typer

from clapsep_desktop import __version__
from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.cli.console import Progress, answer, say, speed_text
from clapsep_desktop.cli.exit_codes import ExitCode
from clapsep_desktop.cli.options import AsJson
from clapsep_desktop.errors import ClapSepError

PACKAGES = (
    "numpy",
    "scipy",
    "soundfile",
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "onnxruntime",
    "laion-clap",
    "peft",
)

NULL_DEPTH = 1e-6
"""Full scale = 1.0; what a self-test's kept + removed may miss of its source: -120 dBFS."""

_RATE = 44_100  # Hz, so that the self-test converts rates as well
_SECONDS = 12  # more than one window


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    passed: bool
    finding: str


def doctor(
    as_json: AsJson = False,
) -> None:
    """Show versions, devices and models, and try every model on a short sound.

    The exit code is 0 if everything works.
    """
    with Progress() as progress:
        checks = []
        for name, look in _looks():
            progress.show(f"checking: {name}")
            checks.append(_checked(name, look))
    versions = dict(_versions())
    if as_json:
        answer({"versions": versions, "checks": [asdict(check) for check in checks]})
    else:
        for name, version in versions.items():
            say(f"{name:<14} {version}")
        say()
        for check in checks:
            say(f"{'ok' if check.passed else 'FAILED':<7} {check.name}: {check.finding}")
    if not all(check.passed for check in checks):
        raise typer.Exit(ExitCode.FAILED)


def _versions() -> Iterator[tuple[str, str]]:
    yield "clapsep", __version__
    yield "python", f"{platform.python_version()} ({sys.executable})"
    yield "system", platform.platform()
    for package in PACKAGES:
        try:
            yield package, metadata.version(package)
        except metadata.PackageNotFoundError:
            yield package, "not installed"


Look = Callable[[], str]
"""Returns what was found; raises where something is wrong."""


def _looks() -> Iterator[tuple[str, Look]]:
    from clapsep_desktop.model import registry

    yield from _devices()
    yield "models folder", registry.models_folder().__str__
    yield "audio output", _audio_output
    for model in registry.installed():
        yield f"model {model.name}", partial(_try_model, str(model.folder))


def _devices() -> Iterator[tuple[str, Look]]:
    try:
        from clapsep_desktop.model import device

        found = device.devices()
    except Exception as error:  # such as a torch that cannot be imported
        yield "devices", partial(_raise, error)
    else:
        for each in found:
            yield f"device {each.kind}", each.__str__


def _raise(error: Exception) -> NoReturn:
    raise error


def _checked(name: str, look: Look) -> Check:
    try:
        return Check(name, True, look())
    except ClapSepError as error:
        return Check(name, False, str(error))
    except Exception as error:  # a diagnosis must go on past what it finds
        return Check(name, False, f"{type(error).__name__}: {error}")


def _audio_output() -> str:
    try:
        import sounddevice
    except (ImportError, OSError):  # OSError: PortAudio itself is missing
        return "none (sounddevice or PortAudio is missing); only playing needs it"
    try:
        return str(sounddevice.query_devices(kind="output")["name"])
    except (sounddevice.PortAudioError, ValueError):
        return "no output device; only playing needs one"


def _try_model(folder: str) -> str:
    """Separate a short sound and see that nothing is lost; how fast that was."""
    from clapsep_desktop.model import registry
    from clapsep_desktop.model.interface import QueryModel
    from clapsep_desktop.query import Query
    from clapsep_desktop.separation.condition import Conditioner
    from clapsep_desktop.separation.engine import Separator

    notes: list[str] = []
    start = time.perf_counter()
    model = registry.load(folder, notify=notes.append)
    condition = None
    if isinstance(model, QueryModel):
        condition = Conditioner(model).condition(Query.of(["a whistle"], ["noise"])).vector
    loaded = time.perf_counter()
    sound = _sound()
    missing = 0.0
    for block in Separator(model, notes.append).extract(sound, condition=condition):
        total = block.kept.astype(np.float64) + block.removed
        missing = max(missing, float(np.abs(block.source - total).max()))
    speed = _SECONDS / (time.perf_counter() - loaded)
    if missing > NULL_DEPTH:
        raise ClapSepError(f"kept + removed misses the source by {20 * np.log10(missing):.0f} dBFS")
    found = f"works on {model.device}, {speed_text(speed)}, loaded in {loaded - start:.1f} s"
    return ". ".join([found, *notes])


def _sound() -> ArraySource:
    """A whistle in stereo noise."""
    times = np.arange(_SECONDS * _RATE) / _RATE
    noise = np.random.default_rng(0).standard_normal((len(times), 2))
    samples = 0.05 * noise + 0.2 * np.sin(2 * np.pi * 1000 * times)[:, None]
    return ArraySource(samples.astype(np.float32), _RATE)
