"""How many workers a machine carries, and what each of them gets; without importing torch."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil

MEMORY = 3 * 1024**3
"""Bytes that a worker may need."""

_CORES = 2  # of a worker, where there are so many


@dataclass(frozen=True)
class Share:
    """What one worker gets of the machine.

    Attributes:
        device: one of `clapsep_desktop.model.device.DEVICE_NAMES`.
        threads: for arithmetic on the processor.
        environment: variables that are set before torch is imported.
    """

    device: str
    threads: int
    environment: Mapping[str, str] = field(default_factory=dict)


def shares(
    device: str = "auto", workers: int | None = None, threads: int | None = None
) -> list[Share]:
    """A share for each worker: one for each GPU, or a number of them on the processor.

    Args:
        device: "auto" takes the GPUs where there are any.
        workers: how many; None for one for each GPU, or what cores and memory carry.
        threads: of each; None to divide the cores among them. A sum that is split among another
            number of threads is rounded otherwise: the same number gives the same bytes.
    """
    found = gpus() if device in ("auto", "cuda") else []
    cores = len(_own_cores())
    if not found:
        single = device == "mps"  # its one GPU is shared by all
        free = max(psutil.virtual_memory().available // MEMORY, 1)
        count = workers or (1 if single else int(min(max(cores // _CORES, 1), free)))
        return [Share(device, threads or max(cores // count, 1))] * count
    count = workers or len(found)
    threads = threads or max(cores // count, 1)
    visible = (found[number % len(found)] for number in range(count))
    return [Share(device, threads, {"CUDA_VISIBLE_DEVICES": gpu}) for gpu in visible]


def gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES may name of this machine's NVIDIA GPUs."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is not None:
        return [name.strip() for name in allowed.split(",") if name.strip() not in ("", "-1")]
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    try:
        answer = subprocess.run(
            [program, "--query-gpu=index", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return answer.stdout.split() if answer.returncode == 0 else []


def _own_cores() -> list[int]:
    try:
        return list(psutil.Process().cpu_affinity() or range(psutil.cpu_count() or 1))
    except AttributeError:  # macOS does not tell
        return list(range(psutil.cpu_count() or 1))
