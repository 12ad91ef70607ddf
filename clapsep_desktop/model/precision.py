"""Half precision, where it is both faithful and faster.

How far a model's output moves in half precision depends on its weights: it is measured once,
when they are imported, and kept beside them. Whether half precision is faster depends on the
machine: on a graphics card always, on a CPU only where its matrix rate says so.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path

import torch

FAITHFUL_DB = -50.0
"""Half precision is used where it changes the output by no more than this, relative to it."""

WORTHWHILE = 1.3
"""A CPU's matrix rate in bfloat16 must exceed its float32 rate by this factor."""

PRECISION_FILE = "precision.json"

_NAMES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def chosen(device: torch.device, changes: Mapping[str, float]) -> torch.dtype:
    """The precision to compute in on a device.

    Args:
        device: where.
        changes: what `read_changes` gives; a precision that is not in it is not used.
    """
    name = "bfloat16" if device.type == "cpu" else "float16"
    if changes.get(name, math.inf) > FAITHFUL_DB:
        return torch.float32
    if device.type == "cpu" and bfloat16_gain() < WORTHWHILE:
        return torch.float32
    return _NAMES[name]


def bfloat16_gain() -> float:
    """This CPU's matrix rate in bfloat16 over that in float32; 0 where it has no such unit."""
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return 0.0
    return matrix_rate(torch.bfloat16) / matrix_rate(torch.float32)


def matrix_rate(dtype: torch.dtype, rows: int = 256, width: int = 1024, runs: int = 5) -> float:
    """Floating-point operations a second in a product of layer-like matrices on the CPU."""
    one = torch.ones(rows, width, dtype=dtype)
    other = torch.ones(width, width, dtype=dtype)
    best = math.inf
    for _ in range(runs + 1):  # the first run sets up kernels and threads
        start = time.perf_counter()
        one @ other
        best = min(best, time.perf_counter() - start)
    return 2 * rows * width * width / best


def write_changes(folder: Path, changes: Mapping[str, float]) -> None:
    """Keeps, beside a model, by how many dB its output changes in each precision."""
    text = json.dumps(dict(changes), indent=2) + "\n"
    (folder / PRECISION_FILE).write_text(text, encoding="utf-8")


def read_changes(folder: Path) -> dict[str, float]:
    """What `write_changes` kept; empty where nothing was."""
    try:
        changes = json.loads((folder / PRECISION_FILE).read_text(encoding="utf-8"))
        return {name: float(changes[name]) for name in _NAMES if name in changes}
    except (OSError, ValueError, TypeError):
        return {}
