"""What the dialog of models shows: each model that is or can be installed, transfers in words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clapsep_desktop.gui.jobs import ProgressModel
from clapsep_desktop.gui.model_choices import model_title
from clapsep_desktop.gui.status_bar import length_text
from clapsep_desktop.model import registry
from clapsep_desktop.model.folder import size_text

LICENCES = {
    "mini": "CC BY-SA 4.0",
    "base": "MIT; LAION-CLAP in it: CC0 1.0",
    "speech": "MIT or Apache 2.0",
}
"""Under which licence each model that the program knows is published."""

OWN_LICENCE = "As where you got it"


@dataclass(frozen=True)
class ModelRow:
    """A model.

    Attributes:
        name: that it is asked for by.
        title: what the user reads.
        about: what it is.
        licence: its weights' licence.
        size: bytes on disk; 0 where it is not installed.
        folder: where it is; None where it is not installed.
        removable: whether it is the user's own.
    """

    name: str
    title: str
    about: str
    licence: str
    size: int = 0
    folder: Path | None = None
    removable: bool = False

    @property
    def is_installed(self) -> bool:
        """Whether it can be used."""
        return self.folder is not None

    @property
    def state(self) -> str:
        """Its size, or that it is not there."""
        return size_text(self.size) if self.is_installed else "Not installed"

    @property
    def place(self) -> str:
        """Where it is, or how it is had, in a sentence."""
        if self.folder is None:
            if self.name == "base":
                return "Get Base… downloads it; Import Files… takes files that you have."
            return "It is missing from this installation: install the program again."
        return f"It is in “{self.folder}”." if self.removable else "It is part of the program."


def model_rows() -> list[ModelRow]:
    """Every model that the program knows, then the user's own."""
    installed = {model.name: model for model in registry.installed()}
    own = sorted(name for name in installed if name not in registry.KNOWN)
    rows = []
    for name in (*registry.KNOWN, *own):
        about = registry.KNOWN.get(name, "a model of your own")
        row = ModelRow(
            name,
            model_title(name),
            about[:1].upper() + about[1:],
            LICENCES.get(name, OWN_LICENCE),
        )
        if name in installed:
            model = installed[name]
            row = ModelRow(
                row.name, row.title, row.about, row.licence,
                model.size, model.folder, not model.shipped,
            )  # fmt: skip
        rows.append(row)
    return rows


def transfer_text(model: ProgressModel, now: float) -> str:
    """How far a step in bytes is: what, how much, how fast, how long it still takes.

    Args:
        model: of the step.
        now: s, of the clock that the model was told.
    """
    parts = [model.phase[:1].upper() + model.phase[1:]]
    if model.total:
        parts.append(f"{size_text(round(model.done))} of {size_text(round(model.total))}")
    if model.phase.startswith("downloading") and model.speed:
        parts.append(f"{size_text(round(model.speed))}/s")
        remaining = model.remaining(now)
        if remaining:
            parts.append(f"{length_text(remaining)} left")
    return ", ".join(parts)
