"""What a run tells: lines on the terminal, tables in its folder, TensorBoard where it is there."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from clapsep_desktop.audio.staging import write_text

Say = Callable[[str], None]


class Journal:
    """The log of one run in one folder.

    Args:
        folder: of the run; rows go to ``<name>.csv`` there, and to TensorBoard's files.
        say: shows a line to whoever started the run.
        step: at which the run goes on; what it told of later steps before it was stopped goes.
    """

    def __init__(self, folder: Path, say: Say, step: int = 0) -> None:
        self.folder, self.say = folder, say
        for name in ("train", "validation"):
            _forget_after(folder / f"{name}.csv", step)
        self._board = _board(folder, step)

    def row(self, name: str, step: int, hours: float, values: Mapping[str, float]) -> None:
        """A row of the table ``name``."""
        columns = ["step", "hours", *values]
        path = self.folder / f"{name}.csv"
        _set_aside(path, columns, step)
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(columns)
            writer.writerow([str(step), *(f"{value:.5g}" for value in (hours, *values.values()))])
        if self._board is not None:
            for key, value in values.items():
                self._board.add_scalar(f"{name}/{key}", value, step)
            self._board.flush()

    def close(self) -> None:
        """Ends TensorBoard's file."""
        if self._board is not None:
            self._board.close()


def listed(values: Mapping[str, float]) -> str:
    """Values in one line.

    >>> listed({"both": 6.2345, "improved": 0.81})
    'both 6.234, improved 0.81'
    """
    return ", ".join(f"{key} {value:.4g}" for key, value in values.items())


def duration(seconds: float) -> str:
    """Hours and minutes, or seconds.

    >>> duration(3_725), duration(100), duration(40)
    ('1:02 h', '2 min', '40 s')
    """
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60}:{minutes % 60:02} h"
    return f"{minutes} min" if seconds >= 60 else f"{seconds:.0f} s"


def _set_aside(path: Path, columns: list[str], step: int) -> None:
    """Renames a table with other columns, as an earlier version of the program wrote."""
    with suppress(FileNotFoundError), path.open(newline="", encoding="utf-8") as file:
        if next(csv.reader(file), columns) != columns:
            path.rename(path.with_name(f"{path.stem}-before-{step}.csv"))


def _forget_after(path: Path, step: int) -> None:
    """Takes a table's rows of later steps away, and what a crash left of a row."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    rows = list(csv.reader(io.StringIO(text, newline="")))
    kept = [row for row in rows[1:] if len(row) == len(rows[0]) and float(row[0]) <= step]
    if len(kept) < len(rows) - 1:
        left = io.StringIO(newline="")
        csv.writer(left).writerows([rows[0], *kept])
        write_text(path, left.getvalue())


def _board(folder: Path, step: int) -> Any:
    """A writer for TensorBoard, or None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1 if step else None)
