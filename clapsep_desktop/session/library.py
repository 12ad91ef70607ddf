"""The library: the user's own sounds, one file each, in the platform's data folder.

``@fridge`` in a query means the sound saved as “fridge”; case does not matter. Files are written
under a temporary name and renamed, so that a sound is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import platformdirs

from clapsep_desktop.audio.staging import write_texts, writing
from clapsep_desktop.errors import ClapSepError, SoundError, SoundExistsError
from clapsep_desktop.query import Prompt, TextPrompt
from clapsep_desktop.session.sounds import Sound, checked_name, from_json, to_json

SUFFIX = ".clapsounds"
"""Extension of a file of one or more sounds."""

MARK = "@"
"""Before the name of a saved sound, where a text could stand."""


def default_folder() -> Path:
    """Where the user's sounds are kept: $CLAPSEP_SOUNDS or the data folder."""
    chosen = os.environ.get("CLAPSEP_SOUNDS")
    if chosen:
        return Path(chosen).expanduser()
    return Path(platformdirs.user_data_dir("clapsep-desktop", appauthor=False)) / "sounds"


class Library:
    """Saved sounds in a folder.

    Args:
        folder: made with the first sound; None for `default_folder`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = default_folder() if folder is None else folder

    def names(self) -> list[str]:
        """The names of all sounds, sorted."""
        return [sound.name for sound in self.sounds()]

    def sounds(self) -> list[Sound]:
        """All sounds, by name; a file that is damaged is left out, see `damaged`."""
        return sorted(self._readable().values(), key=lambda sound: sound.key)

    def damaged(self) -> list[Path]:
        """Files in the folder that hold no sound that can be read."""
        return [path for path in self._files() if path not in self._readable()]

    def __contains__(self, name: object) -> bool:
        return self._path(checked_name(name)).is_file()

    def get(self, name: str) -> Sound:
        """The sound of a name; raises SoundError where there is none, or it is damaged."""
        name = checked_name(name)
        path = self._path(name)
        if not path.is_file():
            known = ", ".join(self.names())
            hint = f"Saved are: {known}." if known else "None is saved yet."
            raise SoundError(
                f"There is no saved sound “{name}”. {hint} Save one with “clapsep sounds add”."
            )
        try:
            return _read(path)[0]
        except SoundError as error:
            raise SoundError(
                f"The saved sound “{name}” is damaged. Save or import it again, or forget it with "
                f"“clapsep sounds remove”. ({error})"
            ) from error

    def save(self, sound: Sound, *, replace: bool = False) -> None:
        """Keep a sound.

        Raises:
            SoundExistsError: one of that name is there already, and ``replace`` is False.
            AudioWriteError: the folder cannot be written.
        """
        if not replace and sound.name in self:
            raise SoundExistsError(
                f"A sound named “{sound.name}” is saved already. Choose another name, or replace "
                "it."
            )
        _write({self._path(sound.name): [sound]})

    def remove(self, name: str) -> None:
        """Forget a sound.

        Raises:
            SoundError: there is none of that name.
            AudioWriteError: the folder cannot be written.
        """
        path = self._path(checked_name(name))
        if not path.is_file():
            self.get(name)
        with writing(path):
            path.unlink(missing_ok=True)

    def rename(self, name: str, new: str) -> Sound:
        """Give a sound another name; raises SoundExistsError where that is taken."""
        before = self.get(name)
        after = Sound(new, before.clips, before.vectors)
        self.save(after, replace=after.key == before.key)
        if after.key != before.key:
            self.remove(name)
        return after

    def export(self, path: Path, names: Iterable[str] = ()) -> list[Sound]:
        """Write sounds, all if none is named, to one file that `take_in` reads.

        Raises:
            SoundError: there is no such sound, or none at all.
            AudioWriteError: the file cannot be written.
        """
        chosen = [self.get(name) for name in names] or self.sounds()
        if not chosen:
            raise SoundError("There is no saved sound to export yet.")
        _write({path: chosen})
        return chosen

    def take_in(self, path: Path, *, replace: bool = False) -> list[Sound]:
        """Add the sounds of a file that `export` wrote; all of them or none.

        Raises:
            SoundError: it is no such file.
            SoundExistsError: a name is taken and ``replace`` is False.
            AudioWriteError: the folder cannot be written.
        """
        sounds = _read(path)
        taken = [sound.name for sound in sounds if sound.name in self]
        if taken and not replace:
            raise SoundExistsError(
                f"Saved already: {', '.join(taken)}. Rename those first, or replace them."
            )
        _write({self._path(sound.name): [sound] for sound in sounds})
        return sounds

    def prompt(self, text: str, weight: float = 1.0) -> Prompt:
        """The prompt for a text: the saved sound of ``@name``, or the text itself.

        Raises:
            SoundError: there is no such sound.
            QueryError: the text is empty or too long.
        """
        if text.lstrip().startswith(MARK):
            return self.get(text.strip().removeprefix(MARK)).prompt(weight)
        return TextPrompt(text, weight)

    def _path(self, name: str) -> Path:
        """The file of a sound: its name as far as any file system takes it, and its digest."""
        key = name.casefold()
        plain = re.sub(r"[^a-z0-9-]+", "-", key).strip("-")[:40]
        digest = hashlib.sha256(key.encode()).hexdigest()[:8]
        return self.folder / f"{plain}-{digest}{SUFFIX}"

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(f"[!.]*{SUFFIX}")) if self.folder.is_dir() else []

    def _readable(self) -> dict[Path, Sound]:
        found = {}
        for path in self._files():
            with suppress(ClapSepError, IndexError):
                found[path] = _read(path)[0]
        return found


def _read(path: Path) -> list[Sound]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SoundError(f"“{path.name}” is no file of saved sounds.") from error
    except OSError as error:
        raise SoundError(f"“{path}” could not be read: {error.strerror}.") from error
    sounds = from_json(text, path.name)
    if not sounds:
        raise SoundError(f"“{path.name}” holds no sound.")
    return sounds


def _write(files: Mapping[Path, Iterable[Sound]]) -> None:
    """Put files of sounds in place, all of them or none; raises AudioWriteError."""
    for path in files:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
    write_texts({path: to_json(sounds) for path, sounds in files.items()})
