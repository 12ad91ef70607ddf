"""``clapsep recipe``: what is in a recipe, and recipes out of projects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clapsep_desktop.audio.formats import MAX_RATE
from clapsep_desktop.audio.staging import check_free, real_target
from clapsep_desktop.cli.console import Progress, answer, say
from clapsep_desktop.cli.options import AsJson, OverwriteOne
from clapsep_desktop.query import AudioPrompt
from clapsep_desktop.session.library import Library
from clapsep_desktop.session.recipe import Recipe, Step

if TYPE_CHECKING:
    from clapsep_desktop.cli.job import Request

app = typer.Typer(
    help="Show recipes, and make them out of projects.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_NO_LIMIT = MAX_RATE / 2  # Hz

WithAudio = Annotated[
    bool, typer.Option("--with-audio", help="Put the examples' sound into the recipe.")
]


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="RECIPE", help="The recipe.")],
    as_json: AsJson = False,
) -> None:
    """Show what a recipe does."""
    recipe = Recipe.load(file)
    if as_json:
        answer({"digest": recipe.digest, "portable": recipe.is_portable} | recipe.to_dict())
        return
    say(f"{recipe.name or file.name}  ({recipe.digest})")
    for number, step in enumerate(recipe.steps, 1):
        say(f"{number}. {step.model}: {step}")
    for sound in recipe.sounds:
        heard = f"{sound.seconds:.1f} s" if sound.clips else "as vectors only"
        say(f"with the sound “{sound.name}”, {heard}, for {', '.join(sound.vectors)}")


@app.command("export")
def export_recipe(
    project: Annotated[Path, typer.Argument(metavar="PROJECT", help="A .clapsep file.")],
    file: Annotated[Path, typer.Argument(metavar="RECIPE", help="Where the recipe goes.")],
    whole: Annotated[
        bool, typer.Option("--whole", help="Let every step work on the whole of a recording.")
    ] = False,
    with_audio: WithAudio = False,
    overwrite: OverwriteOne = False,
) -> None:
    """Make a recipe of a project's extractions."""
    from clapsep_desktop.session.project import load

    check_free(file, replace=overwrite, needed=[project])

    session = load(project).history.current
    recipe = Recipe.of(session, project.stem, whole=whole)
    save(recipe, file, with_audio=with_audio)
    say(f"{file}: {recipe}")


def recipe_of(request: Request, path: Path) -> Recipe:
    """What a command asks for, as a recipe that is to be saved under a path.

    Raises:
        AudioWriteError: a file is there already, the command reads it, or it cannot be written.
    """
    query = request.query
    examples = [one.path for one in (*query.keep, *query.remove) if isinstance(one, AudioPrompt)]
    check_free(path, replace=request.overwrite, needed=[request.source, *examples])
    real_target(path, request.source)
    step = Step(
        query,
        request.start,
        request.end,
        None if request.band is None else (request.band[0], request.band[1] or _NO_LIMIT),
        request.channels,
        request.model,
        request.specialists,
    )
    return Recipe((step,))


def save(recipe: Recipe, path: Path, *, with_audio: bool = False) -> None:
    """Write a recipe that needs no file beside it.

    Raises:
        AudioWriteError: the file cannot be written.
        ClapSepError: an example cannot be heard.
    """
    if with_audio or not recipe.is_portable:
        with Progress() as progress:
            progress.show("listening to the examples")
            from clapsep_desktop.batch.prepare import portable
            from clapsep_desktop.separation.models import Models

            saved = Library().sounds() if with_audio else ()
            models = Models(notify=progress.note)
            recipe = portable(recipe, models, with_audio=with_audio, saved=saved)
    replace(recipe, name=recipe.name or path.name.split(".")[0]).save(path)
