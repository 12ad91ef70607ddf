"""``clapsep gui``: the editor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def gui(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A recording or a project to open.")
    ] = None,
) -> None:
    """Open the editor, with a file in it if one is named."""
    from clapsep_desktop.gui.app import run

    raise typer.Exit(run(file))
