"""Where the files that ship with the program lie: models, the demo recording, icons, credits."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resources_folder() -> Path:
    """The folder of shipped files, in a checkout, an editable install or an installed wheel."""
    bundled = _PACKAGE / "_resources"
    return bundled if bundled.is_dir() else _PACKAGE.parent / "resources"


def resource(*parts: str) -> Path:
    """The path of one shipped file or folder; it need not exist.

    >>> resource("models", "mini").name
    'mini'
    """
    return resources_folder().joinpath(*parts)
