"""A batch as a CSV file: a line for each recording, with what to keep and to remove of it.

Columns: ``input``, ``keep``, ``remove``, ``keep_audio``, ``remove_audio``, ``kept``, ``removed``,
and as further ones ``start``, ``end``, ``blend`` and ``strength``. Several sounds in one field are
separated by ``|``; ``@name`` is a saved sound; a part of an example is ``FILE#START-END``. Paths
are relative to the manifest. Fields are separated by commas, or by semicolons or tabs, as
spreadsheets of many countries write them.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

from clapsep_desktop.batch import places
from clapsep_desktop.batch.run import Order
from clapsep_desktop.errors import ClapSepError, DataError
from clapsep_desktop.query import AudioPrompt, Prompt, Query, expanded, parse_example
from clapsep_desktop.session.recipe import Recipe, Step
from clapsep_desktop.timebase import parse_time

SOUNDS = ("keep", "remove", "keep_audio", "remove_audio")
TARGETS = ("kept", "removed")
FURTHER = ("start", "end", "blend", "strength")
COLUMNS = ("input", *SOUNDS, *TARGETS, *FURTHER)
"""Every column there may be; ``input`` and one of `SOUNDS` must be there."""

_TOLD = 8  # problems that one message names


def read(
    path: Path,
    prompt: Callable[[str], Prompt],
    make: Callable[[Query], Step] = Step,
) -> list[Order]:
    """The orders in a manifest.

    Args:
        path: the CSV file, in UTF-8.
        prompt: makes a prompt of a text, which may name a saved sound.
        make: makes a step of a query, with the model and whatever else holds for all.

    Raises:
        DataError: it is no manifest; or rows are bad, each named with its line.
    """
    orders, problems = [], []
    for line, row in _rows(path):
        try:
            orders.append(_order(row, path.parent, prompt, make))
        except ClapSepError as error:
            problems.append(f"line {line}: {error}")
    if problems:
        told = "\n".join(f"  {problem}" for problem in problems[:_TOLD])
        more = f"\n  and {len(problems) - _TOLD} more lines." if len(problems) > _TOLD else ""
        raise DataError(f"“{path.name}” has bad lines, so nothing was done:\n{told}{more}")
    if not orders:
        raise DataError(f"The manifest “{path.name}” lists nothing.")
    return orders


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row with the line that it ends on; empty lines are skipped."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            file.seek(0)
            reader = csv.DictReader(file, restval=None, delimiter=_separator(header), strict=True)
            names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
            _check_header(path, names)
            reader.fieldnames = names
            for row in reader:
                fields = {
                    name: value.strip() for name, value in row.items() if isinstance(value, str)
                }
                if None in row:
                    fields[""] = "too many fields"
                if any(fields.values()):
                    yield reader.line_num, fields
    except OSError as error:
        raise DataError(f"The manifest “{path}” could not be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"“{path.name}” is no manifest: it is no CSV file in UTF-8. Save it as one."
        ) from error
    except csv.Error as error:
        raise DataError(
            f"“{path.name}” is no manifest: what follows line {reader.line_num} is no CSV "
            f"({error})."
        ) from error


def _separator(header: str) -> str:
    """What separates the columns of a first line; no column's name holds any of these."""
    return max(",;\t", key=header.count)


def _check_header(path: Path, names: list[str]) -> None:
    unknown = [name for name in names if name not in COLUMNS]
    if "input" not in names or not set(names) & set(SOUNDS):
        raise DataError(
            f"“{path.name}” is no manifest: its first line must name the column “input” and one "
            f"of {', '.join(SOUNDS)}."
        )
    twice = [name for name in COLUMNS if names.count(name) > 1]
    if twice:
        raise DataError(
            f"“{path.name}” has the column “{twice[0]}” twice. Put several sounds into one field, "
            "separated by |."
        )
    if unknown:
        raise DataError(
            f"“{path.name}” has a column “{unknown[0][:40]}” that is not known. The columns are "
            f"{', '.join(COLUMNS)}."
        )


def _order(
    row: dict[str, str],
    folder: Path,
    prompt: Callable[[str], Prompt],
    make: Callable[[Query], Step],
) -> Order:
    if "" in row:
        raise DataError("it has more fields than the first line. Put quotes around commas.")
    if not row.get("input"):
        raise DataError("it names no input.")
    source = _place(row["input"], folder)
    if places.state(source) is None:
        raise DataError(f"there is no file “{source}”.")
    if places.is_folder(source):
        raise DataError(f"“{source}” is a folder. Write a line for each recording in it.")
    sides: dict[str, list[Prompt]] = {"keep": [], "remove": []}
    for side, prompts in sides.items():
        prompts += map(prompt, _listed(row.get(side)))
        prompts += [_example(text, folder) for text in _listed(row.get(f"{side}_audio"))]
    query = Query(
        tuple(sides["keep"]),
        tuple(sides["remove"]),
        _number(row, "blend", 0.5),
        _number(row, "strength", 1.0),
    )
    step = make(query)
    start, end = (parse_time(row[edge]) if row.get(edge) else None for edge in ("start", "end"))
    if start is not None and end is not None and end <= start:
        raise DataError("its end must lie after its start.")
    step = Step(
        query, start, end, step.band, step.channels, step.model, step.specialists, step.name
    )
    kept, removed = (_place(row[kind], folder) if row.get(kind) else "" for kind in TARGETS)
    return Order(source, Recipe((step,)), kept, removed)


def _listed(field: str | None) -> list[str]:
    return [part.strip() for part in (field or "").split("|") if part.strip()]


def _place(text: str, folder: Path) -> str:
    return text if places.is_url(text) else str(folder / expanded(text))


def _example(text: str, folder: Path) -> AudioPrompt:
    example = parse_example(text, folder)
    if not example.path.is_file():
        raise DataError(f"there is no example “{example.path}”.")
    return example


def _number(row: dict[str, str], name: str, default: float) -> float:
    text = row.get(name)
    if not text:
        return default
    try:
        return float(text)
    except ValueError:
        raise DataError(f"its {name} “{text[:20]}” is no number.") from None
