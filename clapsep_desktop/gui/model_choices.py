"""The models that can be chosen for an extraction, and how to get those that are not there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

_TITLES = {
    "auto": ("Auto", "The best model that is installed; speech goes to its specialist."),
    "mini": ("Mini", "Small and fast; part of the program."),
    "base": ("Base", "The published CLAPSep: better and slower."),
    "speech": ("Speech", "Parts speech from everything else, and nothing more."),
}
_WAY = "It is not installed yet: choose Get Base… to download it or to use files you have."


@dataclass(frozen=True)
class ModelChoice:
    """One choice.

    Attributes:
        name: "auto", a model's name or a folder.
        title: what the user reads.
        about: a sentence on what it is good for, or on how to get it.
        installed: whether it can be chosen now.
    """

    name: str
    title: str
    about: str
    installed: bool = True


def model_choices(installed: Collection[str]) -> list[ModelChoice]:
    """Every choice, given the names of the models that are installed."""
    choices = [
        ModelChoice(
            name,
            title,
            about if name == "auto" or name in installed else f"{about} {_WAY}",
            name == "auto" or name in installed,
        )
        for name, (title, about) in _TITLES.items()
    ]
    own = [name for name in installed if name not in _TITLES]
    return choices + [ModelChoice(name, name, "A model of your own.") for name in sorted(own)]


def model_title(name: str) -> str:
    """What the user reads for a model.

    >>> model_title("base"), model_title("my model")
    ('Base', 'my model')
    """
    return _TITLES[name][0] if name in _TITLES else name
