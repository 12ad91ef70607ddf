"""Which models are installed, where, and how one is loaded.

A model is a folder with a ``config.json`` whose ``architecture`` says what reads it. Folders are
looked for in this order: ``$CLAPSEP_MODELS``, the user's data folder, the models that ship with
the program. A path may stand wherever a name may.

torch is imported only by what loads or converts a model: the list of models is there at once.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from clapsep_desktop.errors import ModelError, ModelMismatchError, ModelMissingError
from clapsep_desktop.model.folder import (
    CONFIG_NAME,
    Report,
    check_files,
    read_config,
    remove_folder,
    silent,
)
from clapsep_desktop.resources import resource

if TYPE_CHECKING:
    from clapsep_desktop.model.config import BaseConfig
    from clapsep_desktop.model.download import Offer
    from clapsep_desktop.model.interface import SeparationModel

_NAME = re.compile(r"\w(?:[\w .-]{0,62}[\w-])?")  # Windows drops dots and spaces at the end

LOADERS = {
    "clapsep-mini": "clapsep_desktop.model.mini",
    "clapsep-base": "clapsep_desktop.model.clapsep",
    "deepfilternet3": "clapsep_desktop.model.speech",
}
"""The module that loads each architecture; its ``load(folder, device)`` answers with a model."""

KNOWN = {
    "mini": "a small CLAPSep of our own, shipped with the program",
    "base": "the published CLAPSep, better and slower, downloaded once",
    "speech": "DeepFilterNet 3, for speech against everything else, shipped with the program",
}
"""Every model the program knows by name, and what it is."""

RESERVED = ("auto", "mini", "speech")
"""Names that an imported model cannot have: a plan's, and those of the models that plans use."""


@dataclass(frozen=True)
class InstalledModel:
    """A model folder that can be loaded."""

    name: str
    folder: Path
    shipped: bool = False  # part of the program, so never removed

    @cached_property
    def config(self) -> dict[str, Any]:
        """What config.json says; raises ModelDamagedError where it is not readable."""
        return read_config(self.folder)

    @property
    def architecture(self) -> str:
        """Which loader reads the folder."""
        return str(self.config.get("architecture", ""))

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())


def models_folder() -> Path:
    """Where downloaded and imported models are written: $CLAPSEP_MODELS or the data folder."""
    chosen = os.environ.get("CLAPSEP_MODELS")
    if chosen:
        return Path(chosen).expanduser()
    return Path(platformdirs.user_data_dir("clapsep-desktop", appauthor=False)) / "models"


def arriving_folder() -> Path:
    """Where files that are being downloaded lie until all of them are there."""
    return models_folder() / ".downloads"


def installed() -> list[InstalledModel]:
    """Every model that can be found by name, the user's own folder first."""
    found: dict[str, InstalledModel] = {}
    for root, shipped in _roots():
        for model in _models_in(root, shipped):
            found.setdefault(model.name, model)
    return list(found.values())


def find(name_or_path: str | Path) -> InstalledModel:
    """The model of a name, or the one in a folder.

    Raises:
        ModelMissingError: there is none; the text says how to get it.
    """
    name = str(name_or_path)
    for model in installed():
        if model.name == name:
            return model
    folder = Path(name).expanduser()
    if _is_model(folder):
        return InstalledModel(folder.resolve().name, folder.resolve())
    raise ModelMissingError(_missing(name, folder))


def load(
    name_or_path: str | Path,
    device: str = "auto",
    notify: Callable[[str], None] = lambda _: None,
) -> SeparationModel:
    """Loads a model and places it on a device.

    Args:
        name_or_path: "mini", "base", "speech", an imported model's name or a folder.
        device: one of `device.DEVICE_NAMES`.
        notify: gets a sentence when the device cannot be used and the CPU takes over.

    Raises:
        ModelError: missing, damaged or of an unknown architecture.
        DeviceError: there is no such device here.
    """
    from clapsep_desktop.model import device as devices

    target = devices.choose(device)
    model = find(name_or_path)
    loader = LOADERS.get(model.architecture)
    if loader is None:
        raise ModelMismatchError(
            f"The model in {model.folder} is of the kind “{model.architecture[:40]}”, which this "
            "version cannot run. Update CLAPSep Desktop or choose another model."
        )
    loaded: SeparationModel = import_module(loader).load(model.folder, devices.CPU)
    devices.settle(loaded, target, notify)
    return loaded


def import_files(
    files: Sequence[Path],
    name: str = "base",
    *,
    sizes: BaseConfig | None = None,
    stored_as: str = "fp32",
    report: Report = silent,
) -> InstalledModel:
    """Installs the published CLAPSep from its authors' files; see `install.import_files`.

    Raises:
        ModelError: the name cannot be that of a folder or is taken, or see `install.import_files`.
    """
    from clapsep_desktop.model import install

    if _NAME.fullmatch(name) is None:
        raise ModelError(
            f"“{name[:40]}” cannot be a model's name. Use letters, digits, spaces, - and _."
        )
    if name in RESERVED:
        raise ModelError(f"“{name}” means something else to the program. Choose another name.")
    place = models_folder() / name
    install.import_files(files, place, sizes=sizes, stored_as=stored_as, report=report)
    return InstalledModel(name, place)


def download(
    offers: Sequence[Offer], *, stored_as: str = "fp32", report: Report = silent
) -> InstalledModel:
    """Downloads and installs "base".

    Args:
        offers: what `download.survey` gave, after the user has seen the sizes.
        stored_as: see `install.import_files`.
        report: see `folder.Report`; stopping keeps what has arrived for the next call.

    Raises:
        DownloadError: the connection failed for good, or a file arrived altered.
        ModelError: the disk is full, or the files are not the published CLAPSep.
    """
    from clapsep_desktop.model.download import fetch

    arriving = arriving_folder()
    files = fetch(offers, arriving, report)
    model = import_files(files, "base", stored_as=stored_as, report=report)
    shutil.rmtree(arriving, ignore_errors=True)
    return model


def verify(name_or_path: str | Path, report: Report = silent) -> InstalledModel:
    """Compares a model's files with the sizes and SHA-256 noted when it was installed.

    Raises:
        ModelMissingError: there is no such model.
        ModelDamagedError: naming each file that is missing or altered.
    """
    model = find(name_or_path)
    check_files(model.folder, report)
    return model


def removable(name: str) -> InstalledModel:
    """The model of the user's own that `remove` would delete.

    Raises:
        ModelMissingError: there is no such model.
        ModelError: it ships with the program.
    """
    model = next((model for model in installed() if model.name == name), None)
    if model is None:
        raise ModelMissingError(f"There is no model “{name[:80]}” in {models_folder()}.")
    if model.shipped:
        raise ModelError(f"The model “{model.name}” is part of the program and stays with it.")
    return model


def remove(name: str) -> None:
    """Deletes a model of the user's own.

    Raises:
        ModelMissingError: there is no such model.
        ModelError: it ships with the program, or is in use.
    """
    remove_folder(removable(name).folder)


def _roots() -> Iterator[tuple[Path, bool]]:
    yield models_folder(), False
    yield resource("models"), True


def _models_in(root: Path, shipped: bool) -> Iterator[InstalledModel]:
    try:
        folders = sorted(root.iterdir()) if root.is_dir() else []
    except OSError as error:
        raise ModelError(
            f"The folder of models {root} cannot be read ({error.strerror or error}). Check its "
            "permissions, or choose another one with CLAPSEP_MODELS."
        ) from error
    for folder in folders:
        # A folder whose name starts with a dot is a download or an import not yet finished.
        if not folder.name.startswith(".") and _is_model(folder):
            yield InstalledModel(folder.name, folder, shipped)


def _is_model(folder: Path) -> bool:
    with suppress(OSError):  # such as a name longer than the file system takes
        return (folder / CONFIG_NAME).is_file()
    return False


def _missing(name: str, folder: Path) -> str:
    with suppress(OSError):
        if folder.is_dir():
            return f"{folder} is not a model: it has no {CONFIG_NAME}."
    if name == "base":
        return (
            "The model “base” is not installed. Run “clapsep models download base” once on a "
            "connected machine, or “clapsep models import FILE...” with files you already have."
        )
    if name in KNOWN:
        return f"The model “{name}” is missing from this installation. Install the program again."
    names = ", ".join(sorted({*KNOWN, *(model.name for model in installed())}))
    return (
        f"There is no model “{name[:80]}”. Choose one of {names}, or the path of a model's folder."
    )
