"""Where a model computes: the devices of this machine, their names and memory, and their honesty.

A device is trusted only after it has computed one known window as the CPU does. Some drivers
answer with silence or noise and no error; a model falls back to the CPU there, with a sentence.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import platformdirs
import psutil
import torch

from clapsep_desktop.errors import DeviceError
from clapsep_desktop.model.interface import QueryModel, SeparationModel, SpectralFilter

DEVICE_NAMES = ("auto", "cpu", "cuda", "mps")

AGREEMENT_DB = -40.0
"""A device whose filters differ from the CPU's by more than this, relative, is not used.

Each may compute in half precision, and so lie 50 dB from the truth on a side of its own.
"""

CPU = torch.device("cpu")

_PROBE_SEED = 20240226


@dataclass(frozen=True)
class Device:
    """One place to compute."""

    kind: str  # "cpu", "cuda" or "mps"
    index: int  # among those of its kind
    name: str  # as its maker calls it
    memory: int  # bytes in all

    @property
    def torch_device(self) -> torch.device:
        """As torch names it."""
        return (
            torch.device(self.kind, self.index) if self.kind == "cuda" else torch.device(self.kind)
        )

    def __str__(self) -> str:
        """For a person: ``CPU: Intel(R) Xeon(R) Processor (24 GB)``."""
        return f"{self.kind.upper()}: {self.name} ({self.memory / 1e9:.0f} GB)"


@runtime_checkable
class MovableModel(SeparationModel, Protocol):
    """A separation model that can change its device after loading."""

    def to(self, device: torch.device) -> None:
        """Moves every weight; raises RuntimeError where they do not fit."""
        ...


def devices() -> list[Device]:
    """Every device torch can use here, the preferred one first, the CPU last."""
    found = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            found.append(Device("cuda", index, properties.name, properties.total_memory))
    if torch.backends.mps.is_available():
        found.append(Device("mps", 0, cpu_name(), torch.mps.recommended_max_memory()))
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    name = f"{cpu_name()}, {cores} core{'s' if cores > 1 else ''}"
    found.append(Device("cpu", 0, name, psutil.virtual_memory().total))
    return found


def choose(name: str = "auto") -> Device:
    """The device of a name; ``auto`` takes the fastest kind there is.

    Args:
        name: one of `DEVICE_NAMES`.

    Raises:
        DeviceError: there is no such device on this machine.
    """
    if name not in DEVICE_NAMES:
        raise DeviceError(f"There is no device “{name[:40]}”. Choose {', '.join(DEVICE_NAMES)}.")
    here = devices()
    for device in here:
        if name in ("auto", device.kind):
            return device
    raise DeviceError(
        f"No {name.upper()} device was found on this machine. "
        f"Choose {' or '.join(['auto', *dict.fromkeys(device.kind for device in here)])}."
    )


def settle(
    model: SeparationModel, device: Device, notify: Callable[[str], None] = lambda _: None
) -> None:
    """Moves a model from the CPU to a device, if that device computes as the CPU does.

    The check costs one window on each; a device that has passed is remembered per model, driver
    and torch version. Where it fails, the model stays on the CPU and ``notify`` gets a sentence.
    """
    if device.kind == "cpu":
        return
    if not isinstance(model, MovableModel):
        notify(f"The model “{model.name}” runs on the CPU only.")
        return
    mark = f"{model.name} | {device.name} | torch {torch.__version__} | {_driver(device)}"
    passed = recall("devices")
    reason = _unfitness(model, device, known=mark in passed)
    if reason is None:
        if mark not in passed:
            remember("devices", [*passed, mark])
        return
    model.to(CPU)
    notify(f"{device.name} {reason}, so the model “{model.name}” runs on the CPU.")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error from torch means that a device's memory is used up."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "out of memory" in str(error).lower()


def probe_window(model: SeparationModel) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The known window, float32 (1, n), and the known condition, float32 (2D,) or None.

    A rising tone over noise, so that every band and every frame holds something.
    """
    n = model.plan.length * model.grid.rate
    generator = np.random.default_rng(_PROBE_SEED)
    seconds = np.arange(n) / model.grid.rate
    top = 0.4 * model.grid.rate
    tone = np.sin(math.pi * top / model.plan.length * seconds**2)
    window = 0.2 * tone + 0.05 * generator.standard_normal(n)
    windows = torch.from_numpy(window.astype(np.float32))[None]
    if not isinstance(model, QueryModel):
        return windows, None
    pair = torch.from_numpy(generator.standard_normal(2 * model.embedding_size, dtype=np.float32))
    return windows, pair / pair.norm()


def difference_db(got: SpectralFilter, expected: SpectralFilter) -> float:
    """Energy of the difference of two filters relative to the second, in dB; NaN counts as inf."""
    parts = [(got.gain, expected.gain)]
    if got.taps is not None and expected.taps is not None:
        parts.append((got.taps, expected.taps))
    worst = -math.inf
    for one, other in parts:
        reference = other.detach().cpu()
        error = (one.detach().cpu() - reference).abs().double().square().sum().item()
        energy = reference.abs().double().square().sum().item()
        if not math.isfinite(error):
            return math.inf
        worst = max(worst, 10 * math.log10(max(error, 1e-300) / max(energy, 1e-300)))
    return worst


def _unfitness(model: MovableModel, device: Device, *, known: bool) -> str | None:
    """Moves a model to a device; why it cannot stay there, or None.

    A device that is ``known`` to compute as the CPU does is not asked to prove it again.
    """
    windows, condition = probe_window(model)
    expected = None if known else model.filters(windows, condition)
    try:
        model.to(device.torch_device)
        if expected is None:
            return None
        moved = None if condition is None else condition.to(model.device)
        got = model.filters(windows.to(model.device), moved)
        difference = difference_db(got, expected)
    except RuntimeError as error:  # what a device cannot do is one as well
        return (
            "has too little free memory" if is_out_of_memory(error) else "failed its first window"
        )
    if difference > AGREEMENT_DB:
        return f"computes differently from the CPU ({difference:.0f} dB)"
    return None


def recall(topic: str) -> list[Any]:
    """What `remember` kept on this machine under a topic."""
    findings = _memory().get(topic, [])
    return findings if isinstance(findings, list) else []


def remember(topic: str, findings: list[Any]) -> None:
    """Keeps what was measured on this machine, so that it is measured once.

    A folder that cannot be written only means to measure again next time.
    """
    path = _memory_path()
    text = json.dumps({**_memory(), topic: findings})
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:  # of this process alone
            part = Path(folder) / path.name
            part.write_text(text, encoding="utf-8")
            part.replace(path)


def _memory() -> dict[str, Any]:
    """Every topic's findings; empty where nothing is kept or it is damaged."""
    try:
        kept = json.loads(_memory_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _memory_path() -> Path:
    return Path(platformdirs.user_cache_dir("clapsep-desktop", appauthor=False)) / "machine.json"


def _driver(device: Device) -> str:
    return f"CUDA {torch.version.cuda}" if device.kind == "cuda" else platform.release()


def cpu_name() -> str:
    """The processor's brand name; platform.processor() often knows only its instruction set."""
    with suppress(OSError, subprocess.SubprocessError):
        if platform.system() == "Linux":
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
        if platform.system() == "Darwin":
            command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(
                command, capture_output=True, text=True, check=True, timeout=5
            ).stdout.strip()
    return platform.processor() or platform.machine() or "CPU"
