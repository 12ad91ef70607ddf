"""``clapsep models``: what is installed, and how it comes and goes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from clapsep_desktop.cli.console import Progress, answer, say
from clapsep_desktop.cli.exit_codes import ExitCode
from clapsep_desktop.cli.options import AsJson
from clapsep_desktop.errors import ModelMissingError
from clapsep_desktop.model import registry
from clapsep_desktop.model.folder import Progress as Step
from clapsep_desktop.model.folder import size_text

app = typer.Typer(
    help="List, download, import, verify and remove models.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

DOWNLOADABLE = ("base",)

Half = Annotated[bool, typer.Option("--half", help="Store half precision, in half the space.")]


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """Show the installed models and those that can be had."""
    installed = registry.installed()
    names = {model.name for model in installed}
    missing = {name: about for name, about in registry.KNOWN.items() if name not in names}
    if as_json:
        answer(
            {
                "folder": str(registry.models_folder()),
                "installed": [describe(model) for model in installed],
                "available": missing,
            }
        )
        return
    for model in installed:
        about = registry.KNOWN.get(model.name, "your own")
        say(f"{model.name:<8} {size_text(model.size):>8}  {about}")
        say(f"{'':<8} {'':>8}  {model.folder}")
    for name, about in missing.items():
        say(f"{name:<8} {'-':>8}  {about}; not installed")


def describe(model: registry.InstalledModel) -> dict[str, object]:
    """A model as JSON holds it."""
    return {
        "name": model.name,
        "folder": str(model.folder),
        "bytes": model.size,
        "shipped": model.shipped,
        "about": registry.KNOWN.get(model.name, "your own"),
    }


@app.command()
def download(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model to fetch: base.")],
    half: Half = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before the transfer.")
    ] = False,
) -> None:
    """Fetch the published CLAPSep from where its authors put it, and install it.

    Nothing is transferred before the sizes were shown. A download that was stopped goes on where
    it stopped.
    """
    if name not in DOWNLOADABLE:
        raise ModelMissingError(
            f"“{name[:80]}” cannot be downloaded; {' and '.join(DOWNLOADABLE)} can."
        )
    from clapsep_desktop.model.download import survey

    offers = survey()
    for offer in offers:
        say(f"{size_text(offer.size):>10}  {offer.file.url}")
    total = size_text(sum(offer.size for offer in offers))
    say(f"{total:>10}  in all, to {registry.models_folder()}")
    if not yes:
        _ask("Download these files?")
    with Progress() as progress:
        model = registry.download(
            offers,
            stored_as=_stored_as(half),
            report=lambda step: _show(progress, step),
        )
    say(f"“{model.name}” is installed in {model.folder} ({size_text(model.size)}).")


def _ask(question: str) -> None:
    if not _has_terminal():
        raise typer.BadParameter("without a terminal to ask at, give --yes to agree.")
    if not typer.confirm(question):
        raise typer.Exit(ExitCode.FAILED)


@app.command("import")
def import_model(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="The published model's files.")
    ],
    name: Annotated[str, typer.Option(metavar="NAME", help="What to call it.")] = "base",
    half: Half = False,
) -> None:
    """Install the published CLAPSep from files you already have."""
    with Progress() as progress:
        model = registry.import_files(
            files,
            name,
            stored_as=_stored_as(half),
            report=lambda step: _show(progress, step),
        )
    say(f"“{model.name}” is installed in {model.folder} ({size_text(model.size)}).")


@app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="All of them if left out.")
    ] = None,
) -> None:
    """Compare installed models with what they were when they were installed."""
    with Progress() as progress:
        for name in names or [model.name for model in registry.installed()]:
            model = registry.verify(name, lambda step: _show(progress, step))
            say(f"“{model.name}” is intact.")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model of your own.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before deleting.")] = False,
) -> None:
    """Delete a model that was downloaded or imported."""
    model = registry.removable(name)
    if not yes:
        _ask(f"Delete “{model.name}” in {model.folder} ({size_text(model.size)})?")
    registry.remove(name)
    say(f"“{name}” was removed.")


def _has_terminal() -> bool:
    return sys.stdin.isatty()


def _stored_as(half: bool) -> str:
    return "fp16" if half else "fp32"


def _show(progress: Progress, step: Step) -> None:
    progress.show(f"{step.phase} {step.item}", step.done, step.total, "bytes")
