"""What the program remembers between runs: the user's choices, recent files and queries.

`Preferences` is a frozen value with a default for everything; `Settings` keeps one of them in a
QSettings store. Each field is stored under its own name as JSON, so that a value is the same after
a trip to disk on every system, and one that is damaged or out of range falls back to its default.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from PySide6.QtCore import QObject, QSettings, Signal

from clapsep_desktop.audio.spectrogram import Window
from clapsep_desktop.errors import QueryError
from clapsep_desktop.gui.amplitude_scale import AmplitudeName
from clapsep_desktop.gui.colour_maps import COLOUR_MAPS
from clapsep_desktop.gui.frequency_scale import ScaleName
from clapsep_desktop.gui.theme import ThemeName
from clapsep_desktop.query import Query

ORGANIZATION = "CLAPSep"
APPLICATION = "CLAPSep Desktop"

RECENT_FILES = 12
RECENT_QUERIES = 50
GB = 10**9

ComputeDevice = Literal["auto", "cpu", "cuda", "mps"]

FFT_SIZES = (512, 1024, 2048, 4096, 8192, 16384)
"""Samples of one spectrum."""


def _within(low: float, high: float) -> dict[str, Any]:
    return {"valid": lambda value: low <= value <= high}


def _one_of(*choices: Any) -> dict[str, Any]:
    return {"valid": lambda value: value in choices}


@dataclass(frozen=True)
class Preferences:
    """Everything that is remembered.

    Attributes:
        theme: one of `theme.THEME_NAMES`.
        device: where models compute.
        output_device: where sound is played, by the name the system gives it; empty for its own
            choice.
        model: what answers queries: "auto", a model's name or a folder.
        specialists: whether "auto" may choose a specialist.
        loudness_match: whether original, kept and removed are played equally loud.
        follow: whether the view follows the playhead.
        return_on_stop: whether the cursor stays where playing began when it is stopped.
        snap: whether selection edges snap to zero crossings.
        spectrogram_fft: one of `FFT_SIZES`.
        spectrogram_window: what weights them.
        spectrogram_scale: of the frequency axis.
        spectrogram_colors: one of `colour_maps.COLOUR_MAPS`.
        spectrogram_floor: dBFS of the darkest colour.
        spectrogram_ceiling: dBFS of the brightest.
        amplitude_scale: of the waveform.
        view_blend: how strongly the waveform is drawn over the spectrogram, 0 to 1.
        undo_limit: steps that can be undone.
        disk_budget: bytes that results may take on disk.
        results_folder: where results lie while a recording is open; empty for the program's own.
        autosave_minutes: between two automatic saves; 0 for after each step only.
        notify: whether the end of long work is told when the window is not looked at.
        sound: whether it is also to be heard.
        hint_shown: whether the hint of the first run has been read.
        voice_hint: whether the query panel may propose to keep the voice.
        export_folder: where the last export went; empty for beside the recording.
        recent_files: paths, newest first.
        recent_queries: as JSON, newest first.
        geometry: of the main window, as Qt gave it.
        window_state: of its docks and tool bars, as Qt gave it.
    """

    theme: ThemeName = "dark"
    device: ComputeDevice = "auto"
    output_device: str = ""
    model: str = "auto"
    specialists: bool = True
    loudness_match: bool = False
    follow: bool = True
    return_on_stop: bool = True
    snap: bool = False
    spectrogram_fft: int = field(default=2048, metadata=_one_of(*FFT_SIZES))
    spectrogram_window: Window = "hann"
    spectrogram_scale: ScaleName = "log"
    spectrogram_colors: str = field(default="magma", metadata=_one_of(*COLOUR_MAPS))
    spectrogram_floor: float = field(default=-100.0, metadata=_within(-150, -10))
    spectrogram_ceiling: float = field(default=0.0, metadata=_within(-140, 0))
    amplitude_scale: AmplitudeName = "linear"
    view_blend: float = field(default=0.0, metadata=_within(0, 1))
    undo_limit: int = field(default=200, metadata=_within(1, 10_000))
    disk_budget: int = field(default=20 * GB, metadata=_within(GB // 4, 1 << 50))
    results_folder: str = ""
    autosave_minutes: float = field(default=1.0, metadata=_within(0, 60))
    notify: bool = True
    sound: bool = False
    hint_shown: bool = False
    voice_hint: bool = True
    export_folder: str = ""
    recent_files: tuple[str, ...] = ()
    recent_queries: tuple[str, ...] = ()
    geometry: bytes = b""
    window_state: bytes = b""

    def __post_init__(self) -> None:
        for each in fields(self):
            if not _fits(each.name, getattr(self, each.name)):
                raise ValueError(f"{each.name} cannot be {getattr(self, each.name)!r}")
        if self.spectrogram_floor >= self.spectrogram_ceiling:
            raise ValueError("the spectrogram's floor must lie below its ceiling")


class Settings(QObject):
    """The preferences of one store, read once and written at every change.

    Args:
        store: where they are kept; None for the user's own place on this system.
        parent: what owns this object.

    Signals:
        changed(frozenset[str]): names of the fields that have another value now.
    """

    changed = Signal(object)

    def __init__(self, store: QSettings | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store if store is not None else user_store()
        self.values = _read(self._store)

    def update(self, **changes: Any) -> None:
        """Gives fields other values and stores them.

        Raises:
            TypeError: there is no such field.
            ValueError: a value has the wrong type or lies out of range; nothing is changed.
        """
        values = replace(self.values, **changes)
        names = {name for name in changes if getattr(values, name) != getattr(self.values, name)}
        self.values = values
        for name in names:
            self._store.setValue(name, _encoded(getattr(values, name)))
        if names:
            self.changed.emit(frozenset(names))

    def sync(self) -> None:
        """Writes to disk now, and not when Qt next finds time."""
        self._store.sync()

    def reset(self) -> None:
        """Back to the defaults; what is no choice (recent things, the window) stays."""
        remembered = ("recent_files", "recent_queries", "geometry", "window_state", "hint_shown")
        default = Preferences()
        self.update(
            **{
                each.name: getattr(default, each.name)
                for each in fields(default)
                if each.name not in remembered
            }
        )

    def remember_file(self, path: Path) -> None:
        """Puts a file first among the recent ones."""
        self.update(recent_files=_first(str(path), self.values.recent_files, RECENT_FILES))

    def forget_files(self) -> None:
        """Empties the list of recent files."""
        self.update(recent_files=())

    def remember_query(self, query: Query) -> None:
        """Puts a query first among the recent ones."""
        self.update(
            recent_queries=_first(query.to_json(), self.values.recent_queries, RECENT_QUERIES)
        )

    @property
    def recent_files(self) -> list[Path]:
        """Newest first; some may be gone."""
        return [Path(text) for text in self.values.recent_files]

    @property
    def recent_queries(self) -> list[Query]:
        """Newest first; those that this version cannot read are left out."""
        found = []
        for text in self.values.recent_queries:
            try:
                found.append(Query.from_json(text))
            except QueryError:
                continue
        return found


def user_store() -> QSettings:
    """The user's own store: an INI file, or a property list on macOS."""
    shape = (
        QSettings.Format.NativeFormat if sys.platform == "darwin" else QSettings.Format.IniFormat
    )
    return QSettings(shape, QSettings.Scope.UserScope, ORGANIZATION, APPLICATION)


def _first(one: str, others: tuple[str, ...], most: int) -> tuple[str, ...]:
    return (one, *(other for other in others if other != one))[:most]


# Reading and writing.

_TYPES: Mapping[str, Any] = get_type_hints(Preferences)
_RULES: Mapping[str, Callable[[Any], bool]] = {
    each.name: each.metadata["valid"] for each in fields(Preferences) if "valid" in each.metadata
}


def _fits(name: str, value: object) -> bool:
    kind = _TYPES[name]
    choices = get_args(kind)
    if kind == tuple[str, ...]:
        return isinstance(value, tuple) and all(isinstance(item, str) for item in value)
    if choices:
        return value in choices
    if kind is float:
        right = isinstance(value, int | float) and not isinstance(value, bool)
    elif kind is int:
        right = isinstance(value, int) and not isinstance(value, bool)
    else:
        right = isinstance(value, kind)
    return right and (name not in _RULES or _RULES[name](value))


def _encoded(value: object) -> str:
    if isinstance(value, bytes):
        value = base64.b64encode(value).decode()
    return json.dumps(value)


def _decoded(name: str, text: object) -> Any:
    value = json.loads(str(text))
    if _TYPES[name] is bytes:
        return base64.b64decode(value, validate=True)
    return tuple(value) if isinstance(value, list) else value


def _read(store: QSettings) -> Preferences:
    values: dict[str, Any] = {}
    for name in _TYPES:
        text = store.value(name)
        if text is None:
            continue
        try:
            value = _decoded(name, text)
        except (ValueError, TypeError, RecursionError):  # written by another hand
            continue
        if _fits(name, value):
            values[name] = value
    try:
        return Preferences(**values)
    except ValueError:  # a floor over the ceiling
        for name in ("spectrogram_floor", "spectrogram_ceiling"):
            values.pop(name, None)
        return Preferences(**values)
