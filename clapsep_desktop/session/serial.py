"""A history as JSON holds it, and back, exact to the last bit of every number.

An extraction is written once however many states share it, and so is a vector, so that a file
grows with what was done and not with its square.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, cast, get_args

import numpy as np

from clapsep_desktop.errors import ClapSepError, ProjectDamagedError, ProjectError
from clapsep_desktop.query import Query
from clapsep_desktop.session.history import History
from clapsep_desktop.session.session import (
    ChannelMode,
    Extraction,
    Heard,
    Marker,
    Recording,
    Session,
)
from clapsep_desktop.timebase import Span

T = TypeVar("T")


def history_to_dict(history: History, folder: Path | None = None) -> dict[str, Any]:
    """A history as JSON holds it.

    Args:
        history: what to write.
        folder: where the file will lie; paths are written as they are seen from there. None
            writes them in full.
    """
    vectors: dict[str, int] = {}  # base64: its place in the list
    extractions: dict[str, tuple[int, dict[str, Any]]] = {}  # by a text of all they hold
    places: dict[int, int] = {}  # by identity, which nearly all states share: quicker to tell

    def place(one: Extraction) -> int:
        if id(one) not in places:
            places[id(one)] = _entry(extractions, extraction_to_dict(one, vectors, folder))
        return places[id(one)]

    states = [
        {
            "extractions": [place(one) for one in state.extractions],
            "markers": [{"frame": one.frame, "name": one.name} for one in state.markers],
        }
        for state in history.states
    ]
    return {
        "recording": _recording_to_dict(history.recording, folder),
        "vectors": list(vectors),
        "extractions": [value for _, value in extractions.values()],
        "states": states,
        "titles": list(history.titles),
        "index": history.index,
    }


def history_from_dict(value: object, folder: Path | None = None) -> History:
    """The history that `history_to_dict` gave.

    Args:
        value: what the JSON held.
        folder: where its file lies.

    Raises:
        ProjectDamagedError: for anything else.
    """
    with reading():
        recording = _recording_from_dict(field(value, "recording", dict), folder)
        vectors = [_unpacked(text) for text in items(value, "vectors", str)]
        extractions = [
            extraction_from_dict(one, vectors, folder) for one in items(value, "extractions", dict)
        ]
        if any(one.span.stop > recording.frames for one in extractions):
            raise ValueError("an extraction ends after the recording")
        states = tuple(
            Session(
                recording,
                tuple(extractions[_place(place)] for place in items(state, "extractions", int)),
                tuple(
                    Marker(field(one, "frame", int), field(one, "name", str))
                    for one in items(state, "markers", dict)
                ),
            )
            for state in items(value, "states", dict)
        )
        return History(states, tuple(items(value, "titles", str)), field(value, "index", int))


def extraction_to_dict(
    extraction: Extraction, vectors: dict[str, int], folder: Path | None = None
) -> dict[str, Any]:
    """An extraction as JSON holds it.

    Args:
        extraction: what to write.
        vectors: the vectors written so far, packed, with their places; new ones are added.
        folder: see `history_to_dict`.
    """
    places = [
        None if vector is None else vectors.setdefault(_packed(vector), len(vectors))
        for vector in extraction.vectors
    ]
    return {
        "id": extraction.id,
        "query": _query_to_dict(extraction.query, folder),
        "span": [extraction.span.start, extraction.span.stop],
        "band": None if extraction.band is None else list(extraction.band),
        "channels": extraction.channels,
        "model": extraction.model,
        "specialists": extraction.specialists,
        "strength": extraction.strength,
        "enabled": extraction.enabled,
        "name": extraction.name,
        "buffer": extraction.buffer,
        "heard": [{"buffer": one.buffer, "strength": one.strength} for one in extraction.heard],
        "plan": extraction.plan,
        "vectors": places,
        "seconds": extraction.seconds,
    }


def extraction_from_dict(
    value: object, vectors: list[tuple[float, ...]], folder: Path | None = None
) -> Extraction:
    """The extraction that `extraction_to_dict` gave; raises ProjectDamagedError otherwise."""
    with reading():
        start, stop = items(value, "span", int)
        band = field(value, "band", list, type(None))
        return Extraction(
            query=_query_from_dict(field(value, "query", dict), folder),
            span=Span(start, stop),
            band=None if band is None else (float(band[0]), float(band[1])),
            channels=_channels(field(value, "channels", str)),
            model=field(value, "model", str),
            specialists=field(value, "specialists", bool),
            strength=float(field(value, "strength", float, int)),
            enabled=field(value, "enabled", bool),
            name=field(value, "name", str),
            buffer=_name(field(value, "buffer", str)),
            heard=tuple(
                Heard(field(one, "buffer", str), float(field(one, "strength", float, int)))
                for one in items(value, "heard", dict)
            ),
            plan=field(value, "plan", str),
            vectors=tuple(
                None if place is None else vectors[_place(place)]
                for place in items(value, "vectors", int, type(None))
            ),
            seconds=float(field(value, "seconds", float, int)),
            id=field(value, "id", str),
        )


# -- Reading with suspicion --------------------------------------------------------------------


@contextmanager
def reading() -> Iterator[None]:
    """Turn whatever a wrong value raises while it is taken apart into one sentence."""
    try:
        yield
    except ProjectError:
        raise
    except (ClapSepError, LookupError, TypeError, ValueError, OverflowError) as error:
        raise ProjectDamagedError(
            "The project is damaged: it holds something that no version of this program writes. "
            "Open an earlier copy of it."
        ) from error


def field(value: object, name: str, *kinds: type[T]) -> T:
    """An entry of a JSON object that must be of one of some types; True and False are no ints."""
    if not isinstance(value, Mapping):
        raise TypeError(f"no object that could have “{name}”")
    return _checked(value[name], kinds)


def items(value: object, name: str, *kinds: type[T]) -> list[T]:
    """An entry that must be a list of values of some types."""
    return [_checked(one, kinds) for one in field(value, name, list)]


def _checked(value: object, kinds: tuple[type[T], ...]) -> T:
    if isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds):
        return value
    raise TypeError(f"{type(value).__name__} is none of {kinds}")


def _channels(name: str) -> ChannelMode:
    if name in get_args(ChannelMode):
        return cast(ChannelMode, name)
    raise ValueError(name)


def _place(number: int) -> int:
    if number < 0:
        raise IndexError(number)
    return number


def _name(buffer: str) -> str:
    """A buffer's id, which names a file: letters and digits only."""
    if buffer and not (buffer.isascii() and buffer.isalnum()):
        raise ValueError(buffer)
    return buffer


# -- Parts -------------------------------------------------------------------------------------


def _entry(table: dict[str, tuple[int, dict[str, Any]]], value: dict[str, Any]) -> int:
    """The place of a value in a table of distinct values; a new one is added at the end."""
    return table.setdefault(repr(value), (len(table), value))[0]


def _packed(vector: tuple[float, ...]) -> str:
    return base64.b64encode(np.array(vector, "<f8").tobytes()).decode("ascii")


def _unpacked(text: str) -> tuple[float, ...]:
    numbers = np.frombuffer(base64.b64decode(text, validate=True), "<f8")
    return tuple(numbers.tolist())


def _recording_to_dict(recording: Recording, folder: Path | None) -> dict[str, Any]:
    return {
        "path": _relative(recording.path, folder),
        "absolute": str(_absolute(recording.path)),
        "rate": recording.rate,
        "channels": recording.channels,
        "frames": recording.frames,
        "sha256": recording.digest,
    }


def _recording_from_dict(value: dict[str, Any], folder: Path | None) -> Recording:
    near = (folder or Path()) / field(value, "path", str)
    far = Path(field(value, "absolute", str))
    # The folder as a whole may have moved, or the project alone.
    path = far if far.is_file() and not near.is_file() else near
    sizes = [field(value, name, int) for name in ("rate", "channels", "frames")]
    if min(sizes) < 1:
        raise ValueError(sizes)
    rate, channels, frames = sizes
    return Recording(_absolute(path), rate, channels, frames, field(value, "sha256", str))


def _query_to_dict(query: Query, folder: Path | None) -> dict[str, Any]:
    """A query with the examples that lie with the project named from there."""
    value = query.to_dict()
    for prompt in (*value["keep"], *value["remove"]):
        if "audio" in prompt:
            path = _absolute(Path(prompt["audio"]))
            inside = folder is not None and path.is_relative_to(_absolute(folder))
            prompt["audio"] = _relative(path, folder) if inside else str(path)
    return value


def _query_from_dict(value: dict[str, Any], folder: Path | None) -> Query:
    sides = {
        side: [
            prompt | {"audio": str((folder or Path()) / field(prompt, "audio", str))}
            if "audio" in prompt
            else prompt
            for prompt in items(value, side, dict)
        ]
        for side in ("keep", "remove")
    }
    return Query.from_dict(value | sides)


def _relative(path: Path, folder: Path | None) -> str:
    """A path as seen from a folder, with “/” between names; in full where there is no such way."""
    path = _absolute(path)
    if folder is None:
        return str(path)
    try:
        seen = Path(os.path.relpath(path, _absolute(folder)))
    except ValueError:  # another drive
        return str(path)
    return str(PurePosixPath(*seen.parts))


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100  (resolve() would follow links)
