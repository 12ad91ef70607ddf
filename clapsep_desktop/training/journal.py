"""What a run tells: lines on the terminal, tables in its folder, TensorBoard where it is there."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

Say = Callable[[str], None]


class Journal:
    """The log of one run in one folder.

    Args:
        folder: of the run; rows go to ``<name>.csv`` there, and to TensorBoard's files.
        say: shows a line to whoever started the run.
    """

    def __init__(self, folder: Path, say: Say) -> None:
        self.folder, self.say = folder, say
        self._board = _board(folder)

    def row(self, name: str, step: int, hours: float, values: Mapping[str, float]) -> None:
        """A row of the table ``name``."""
        row = {"step": step, "hours": hours, **values}
        path = self.folder / f"{name}.csv"
        _set_aside(path, list(row), step)
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow({key: f"{value:.5g}" for key, value in row.items()})
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
    """Hours and minutes.

    >>> duration(3_725), duration(40)
    ('1:02 h', '1 min')
    """
    minutes = max(round(seconds / 60), 1)
    return f"{minutes // 60}:{minutes % 60:02} h" if minutes >= 60 else f"{minutes} min"


def _set_aside(path: Path, columns: list[str], step: int) -> None:
    """Renames a table with other columns, as an earlier version of the program wrote."""
    with suppress(FileNotFoundError), path.open(newline="", encoding="utf-8") as file:
        if next(csv.reader(file), columns) != columns:
            path.rename(path.with_name(f"{path.stem}-before-{step}.csv"))


def _board(folder: Path) -> Any:
    """A writer for TensorBoard, or None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "tensorboard"))
