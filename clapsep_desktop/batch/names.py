"""Names of results, from a template such as ``{name}.{kind}``."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from pathlib import PurePath, PureWindowsPath

from clapsep_desktop.audio.staging import NOT_IN_NAMES
from clapsep_desktop.errors import DataError
from clapsep_desktop.session.recipe import Recipe

DEFAULT = "{name}.{kind}"
FIELDS = {
    "name": "the recording's name without its extension",
    "query": "the recipe's name, or what it asks for",
    "kind": "kept or removed",
    "n": "the recording's number in the batch",
}
"""What may stand in braces, and what it becomes."""

_LONGEST = 200  # bytes of one name; file systems take 255, with the extension and temporary marks


@dataclass(frozen=True)
class Template:
    """A checked template; a slash in it makes a folder.

    Args:
        text: as the user wrote it; raises DataError where it holds a field that is not known.
    """

    text: str = DEFAULT

    def __post_init__(self) -> None:
        try:
            parsed = list(string.Formatter().parse(self.text))
        except ValueError as error:
            raise DataError(
                f"The name template “{self.text}” cannot be used: {error}. Write {{{{ for a brace."
            ) from error
        for _, field, form, conversion in parsed:
            if field is None:
                continue
            if field not in FIELDS or form or conversion:
                known = ", ".join(f"{{{name}}}" for name in FIELDS)
                raise DataError(
                    f"The name template knows {known}, but not “{{{field}}}”. Change it."
                )
        parts = self.text.replace("\\", "/").split("/")
        if any(part.strip(" .") == "" for part in parts):
            raise DataError(f"The name template “{self.text}” gives no file name. Change it.")

    @property
    def tells_kinds_apart(self) -> bool:
        """Whether kept and removed get different names."""
        return "{kind}" in self.text

    def names(self, source: str, recipe: Recipe, kind: str, number: int, count: int) -> str:
        """A result's path below the folder of results, without an extension.

        Where a name would be too long for a disk, what the fields of text give is cut, and the
        number and the kind stay.

        Args:
            source: path or URL of the recording.
            recipe: what is done with it.
            kind: "kept" or "removed".
            number: of the recording in the batch, from 1.
            count: recordings in the batch; numbers are written with as many digits.
        """
        values = {
            "name": PurePath(source.rstrip("/")).stem,
            "query": recipe.title,
            "kind": kind,
            "n": str(number).zfill(len(str(count))),
        }
        parts = self.text.replace("\\", "/").split("/")
        return "/".join(safe_name(_fitted(part, values)) for part in parts)


def _fitted(part: str, values: dict[str, str]) -> str:
    """A part of a template filled in, with the longer texts cut as far as they must be."""
    values = {name: _text(value) for name, value in values.items()}
    while len(part.format(**values).encode(errors="replace")) > _LONGEST:
        longest = max(("name", "query"), key=lambda name: len(values[name].encode()))
        if not values[longest]:
            break
        values[longest] = values[longest][:-1]
    return part.format(**values)


def _text(name: str) -> str:
    """A name with a question mark for every byte that is no text, as names may hold on POSIX."""
    return name.encode(errors="replace").decode()


def safe_name(text: str) -> str:
    """A text as a file name that every common system takes.

    >>> safe_name('keep “dog” / remove: wind?')
    'keep dog - remove- wind'
    """
    text = NOT_IN_NAMES.sub("-", re.sub("[“”]", "", _text(text))).strip(" .-")
    text = text.encode()[:_LONGEST].decode(errors="ignore").rstrip(" .")
    if not text or PureWindowsPath(text).is_reserved():
        return f"_{text}"
    return text
