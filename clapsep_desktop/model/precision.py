"""Half precision, where it is both faithful and faster.

How far a model's output moves in half precision depends on its weights: it is measured once,
when they are imported, and kept beside them. Whether half precision is faster depends on the
machine: on a graphics card always, on a CPU only where its matrix rate says so.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from clapsep_desktop.model.device import cpu_name, recall, remember

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
    """This CPU's matrix rate in bfloat16 over that in float32; 0 where it has no such unit.

    Measured once on a machine and remembered: a choice that hung on the moment's load would make
    two runs differ.
    """
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return 0.0
    mark = f"{cpu_name()} | torch {torch.__version__}"
    known = recall("processors")
    for finding in known:
        if finding[:1] == [mark]:
            return float(finding[1])
    rates = matrix_rates((torch.float32, torch.bfloat16))
    gain = round(rates[torch.bfloat16] / rates[torch.float32], 2)
    remember("processors", [*known, [mark, gain]])
    return gain


def matrix_rates(
    dtypes: Sequence[torch.dtype], rows: int = 512, width: int = 1024, runs: int = 25
) -> dict[torch.dtype, float]:
    """Floating-point operations a second in a product of layer-like matrices on the CPU.

    The best of many runs, the types in turns, so that other programs disturb all alike.
    """
    best = dict.fromkeys(dtypes, math.inf)
    pairs = {t: (torch.ones(rows, width, dtype=t), torch.ones(width, width, dtype=t)) for t in best}
    for _ in range(runs + 1):  # the first run sets up kernels and threads
        for dtype, (one, other) in pairs.items():
            start = time.perf_counter()
            one @ other
            best[dtype] = min(best[dtype], time.perf_counter() - start)
    return {dtype: 2 * rows * width * width / seconds for dtype, seconds in best.items()}


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
