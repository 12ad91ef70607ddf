"""``clapsep extract``: a recording and a query in, what is kept and what is removed out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from clapsep_desktop.cli.console import Progress, answer, say
from clapsep_desktop.cli.job import Request, make_plan, run
from clapsep_desktop.cli.options import AsJson, Channels, Depth, Device, OnDevice, Overwrite
from clapsep_desktop.cli.recipe import recipe_of, save
from clapsep_desktop.cli.sounds import prompt_of
from clapsep_desktop.errors import SpanError
from clapsep_desktop.query import Query, parse_example
from clapsep_desktop.timebase import parse_time

EXAMPLES = """\b
Examples:
  clapsep extract street.wav --keep "a man speaking" --remove wind
  clapsep extract street.wav --remove-audio "street.wav#2.5-4" -o clean.wav
  clapsep extract forest.flac --keep birdsong --start 0:05.5 --end 0:12 --json

An example may be a part of a file: FILE#START-END. Times are seconds (12.5) or hh:mm:ss.mmm.
"""

_BAND = re.compile(r"(?P<low>\d*\.?\d*)-(?P<high>\d*\.?\d*)", re.ASCII)


def extract(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The recording.")],
    keep: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="A sound to keep; @NAME a saved one.")
    ] = None,
    remove: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="A sound to remove.")
    ] = None,
    keep_audio: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="An example of a sound to keep.")
    ] = None,
    remove_audio: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="An example of a sound to remove.")
    ] = None,
    blend: Annotated[
        float, typer.Option(metavar="X", help="Share of examples beside texts, 0 to 1.")
    ] = 0.5,
    strength: Annotated[
        float, typer.Option(metavar="S", help="0 changes nothing, 1 removes all it can.")
    ] = 1.0,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="Where to start; before it nothing changes.")
    ] = None,
    end: Annotated[
        str | None, typer.Option(metavar="TIME", help="Where to end; after it nothing changes.")
    ] = None,
    band: Annotated[
        str | None,
        typer.Option(
            metavar="LOW-HIGH", help="Hertz, as 200-4000 or 8000-; outside nothing changes."
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="auto, mini, base, speech or a model's folder.")
    ] = "auto",
    device: OnDevice = Device.auto,
    channels: Annotated[
        Channels, typer.Option(help="One filter for all channels or one for each.")
    ] = Channels.linked,
    specialists: Annotated[
        bool,
        typer.Option(
            "--specialists/--no-specialists", help="Whether auto gives speech to the speech model."
        ),
    ] = True,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="KEPT", help="Where the kept sound goes."),
    ] = None,
    removed: Annotated[
        Path | None, typer.Option(metavar="REMOVED", help="Where the removed sound goes.")
    ] = None,
    depth: Annotated[
        Depth | None,
        typer.Option(help="Sample format of the results; the recording's own if left out."),
    ] = None,
    overwrite: Overwrite = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only show which model would do what.")
    ] = False,
    save_recipe: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also save what is asked as a recipe for clapsep batch."),
    ] = None,
    recipe_audio: Annotated[
        bool, typer.Option("--recipe-audio", help="Put the examples' sound into the recipe.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Separate a recording into what is kept and what is removed.

    Without -o and --removed both are written beside the recording, as NAME.kept.EXT and
    NAME.removed.EXT, in its own format, rate, channels and depth. They add up to the recording.
    """
    request = Request(
        source=source,
        query=Query(
            (*map(prompt_of, keep or ()), *map(parse_example, keep_audio or ())),
            (*map(prompt_of, remove or ()), *map(parse_example, remove_audio or ())),
            blend,
            strength,
        ),
        start=_time(start),
        end=_time(end),
        band=_band(band),
        model=model,
        device=device.value,
        channels="linked" if channels is Channels.linked else "independent",
        specialists=specialists,
        kept=output,
        removed=removed,
        overwrite=overwrite,
        depth=depth.value if depth else None,
    )
    recipe = None if save_recipe is None else recipe_of(request, save_recipe)
    (_show_plan if plan else _separate)(request, as_json)
    if recipe is not None and save_recipe is not None:
        save(recipe, save_recipe, with_audio=recipe_audio)


def _show_plan(request: Request, as_json: bool) -> None:
    with Progress() as progress:
        plan = make_plan(request, progress)
    if as_json:
        answer({"query": request.query.to_dict(), "plan": plan.to_dict()})
    else:
        say(str(plan))


def _separate(request: Request, as_json: bool) -> None:
    with Progress() as progress:
        report = run(request, progress)
    if as_json:
        answer(report.to_dict())
        return
    if not progress.watched:  # whoever watches was told before it began
        say(str(report.plan))
    for line in report.lines():
        say(line)


def _time(text: str | None) -> float | None:
    return None if text is None else parse_time(text)


def _band(text: str | None) -> tuple[float, float | None] | None:
    """The frequencies of ``LOW-HIGH``; an end left out is that of the recording.

    >>> _band("200-4000")
    (200.0, 4000.0)
    >>> _band("8000-")
    (8000.0, None)
    """
    if text is None:
        return None
    ends = _BAND.fullmatch(text.strip())
    if ends is None or not (ends["low"] or ends["high"]):
        raise SpanError(f"“{text[:40]}” is no band. Write two frequencies in Hz, as 200-4000.")
    return float(ends["low"] or 0), float(ends["high"]) if ends["high"] else None
