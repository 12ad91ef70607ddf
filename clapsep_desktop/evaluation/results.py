"""Measurements as rows of a CSV file, so that a run can be broken off and taken up again.

A folder of results holds ``run.json``, what was measured with what, and ``items.csv``, a row for
each item and way of asking. Rows are written when an item is finished; a later run of the same
kind skips what is there. What does not change an item's numbers, such as how many items or which
query modes are wanted, may differ from run to run.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from clapsep_desktop.audio.staging import write_text, writing
from clapsep_desktop.errors import DataError

RUN_FILE = "run.json"
ITEMS_FILE = "items.csv"
FORMAT = 1

_DIGITS = 4  # of a measured number; a summary of read rows equals one of fresh rows


@dataclass(frozen=True)
class Row:
    """One item, asked for in one way."""

    item: str
    split: str
    sounds: int  # in the mixture
    snr: float  # dB
    target: str  # concept
    others: str  # concepts, separated by |
    mode: str  # one of `asks.MODES` or `references.REFERENCES`
    shots: int
    example_seconds: float
    sdr: float | None  # dB; None where nothing in the mixture is asked for
    sdri: float | None
    si_sdr: float | None
    si_sdri: float | None
    let_through: float  # dB, the estimate's energy over the mixture's
    similarity: float | None  # cosine of the estimate and the target's caption

    def __post_init__(self) -> None:
        for name in ("target", "others"):  # a row is a line
            object.__setattr__(self, name, " ".join(getattr(self, name).split()))
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float):
                object.__setattr__(self, field.name, round(value, _DIGITS))

    @property
    def key(self) -> Key:
        """What no two rows share."""
        return (self.item, self.mode, self.shots, self.example_seconds)


Key = tuple[str, str, int, float]

_NAMES = [field.name for field in fields(Row)]
_TYPES = get_type_hints(Row)


class Results:
    """The rows of one folder, or of memory alone.

    Args:
        folder: made if it does not exist; None keeps nothing.
        run: what all rows have in common: the model, the data, the seed.

    Raises:
        DataError: the folder cannot be made, is damaged, or holds another kind of run.
        AudioWriteError: it cannot be written.
    """

    def __init__(self, folder: Path | None, run: Mapping[str, Any]) -> None:
        self.folder = folder
        self.rows: list[Row] = []
        if folder is not None:
            try:
                self._open(folder, {"format": FORMAT, **run})
            except OSError as error:
                raise DataError(
                    f"The results cannot be kept in “{folder}”: {error.strerror}."
                ) from error
        self._known = {row.key for row in self.rows}

    def __contains__(self, key: Key) -> bool:
        return key in self._known

    def add(self, rows: Iterable[Row]) -> None:
        """Appends rows, all or none of which survive a crash of the program.

        Raises:
            AudioWriteError: they cannot be written.
        """
        new = list(rows)
        if self.folder is not None and new:
            text = io.StringIO(newline="")
            writer = csv.DictWriter(text, _NAMES)
            writer.writerows(asdict(row) for row in new)
            path = self.folder / ITEMS_FILE
            with writing(path), path.open("a", encoding="utf-8", newline="") as file:
                file.write(text.getvalue())
                file.flush()
                os.fsync(file.fileno())
        self.rows += new
        self._known.update(row.key for row in new)

    def _open(self, folder: Path, run: dict[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / RUN_FILE).exists():
            _check_same(folder, run)
        else:
            write_text(folder / RUN_FILE, json.dumps(run, indent=2) + "\n")
        path = folder / ITEMS_FILE
        if path.exists():
            _cut_unfinished_line(path)
            self.rows = _read(path)
        if not self.rows:
            write_text(path, ",".join(_NAMES) + "\r\n")


def _check_same(folder: Path, run: dict[str, Any]) -> None:
    try:
        there = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    except ValueError:
        there = None
    if not isinstance(there, dict):
        raise DataError(f"“{folder / RUN_FILE}” is damaged. Choose another folder.")
    for name, value in run.items():
        if there.get(name) != value:
            raise DataError(
                f"The folder “{folder}” holds results of another run: its {name} is "
                f"{_short(there.get(name))}, not {_short(value)}. Choose another folder."
            )


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _cut_unfinished_line(path: Path) -> None:
    """What a crash left of a row goes."""
    with path.open("rb+") as file:
        before, end, _ = file.read().rpartition(b"\n")
        file.truncate(len(before + end))


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames is None:
            return []
        if reader.fieldnames != _NAMES:
            raise DataError(f"“{path}” was written by another version. Choose another folder.")
        try:
            return [_parsed(row) for row in reader]
        except (ValueError, TypeError) as error:
            raise DataError(f"“{path}” is damaged. Choose another folder.") from error


def _parsed(cells: Mapping[str | Any, str]) -> Row:
    if None in cells:  # where csv puts what no heading stands above
        raise ValueError("too many cells")
    values: dict[str, Any] = {name: _parse(name, cells[name]) for name in _NAMES}
    return Row(**values)


def _parse(name: str, text: str) -> str | int | float | None:
    kind = _TYPES[name]
    if kind is str:
        return text
    if text == "" and kind == float | None:
        return None
    return int(text) if kind is int else float(text)
