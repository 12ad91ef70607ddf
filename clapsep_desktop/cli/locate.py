"""``clapsep locate`` and ``clapsep tag``: where a sound is heard, and what is in a recording."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.batch.run import EXTENSIONS
from clapsep_desktop.cli.console import Progress, answer, say
from clapsep_desktop.cli.exit_codes import ExitCode
from clapsep_desktop.cli.options import AsJson, Device, OnDevice
from clapsep_desktop.cli.sounds import prompt_of
from clapsep_desktop.query import Prompt, Query, parse_example
from clapsep_desktop.steps import carried_out
from clapsep_desktop.timebase import format_time

if TYPE_CHECKING:
    from clapsep_desktop.separation.locate import Located
    from clapsep_desktop.separation.models import Models
    from clapsep_desktop.separation.tags import Tag

T = TypeVar("T")

EXAMPLES = """\b
Examples:
  clapsep locate field.wav "dog barking"
  clapsep locate field.wav @fridge
  clapsep locate field.wav street.wav#2.5-4 --json

Exits with 1 where the sound was not found.
"""

Source = Annotated[Path, typer.Argument(metavar="IN", help="The recording.")]
ModelName = Annotated[str, typer.Option("--model", metavar="NAME", help="The model.")]


def locate(
    source: Source,
    sound: Annotated[str, typer.Argument(metavar="TEXT|@SOUND|FILE", help="What to look for.")],
    model: ModelName = "mini",
    device: OnDevice = Device.auto,
    as_json: AsJson = False,
) -> None:
    """Find where a sound is heard in a recording, or that it is not."""
    query = Query((_prompt(sound),))
    with AudioFile(source) as file, Progress() as progress:
        models = _models(device, progress)
        from clapsep_desktop.separation.locate import locate as look

        located = _watched(look(file, query, models, model), progress)
        rate = file.rate
    if as_json:
        answer({"source": str(source), "query": query.to_dict()} | _described(located, rate))
    else:
        for line in _lines(located, rate):
            say(line)
    if not located.found:
        raise typer.Exit(ExitCode.FAILED)


def tag(
    source: Source,
    model: ModelName = "mini",
    device: OnDevice = Device.auto,
    as_json: AsJson = False,
) -> None:
    """List what is in a recording, the surest first, and where."""
    with AudioFile(source) as file, Progress() as progress:
        models = _models(device, progress)
        from clapsep_desktop.separation.tags import tags as listen

        found = _watched(listen(file, models, model), progress)
        rate = file.rate
    if as_json:
        answer({"source": str(source), "tags": [_tag(each, rate) for each in found]})
        return
    for each in found:
        first = each.located.spans[0]
        more = len(each.located.spans) - 1
        places = f"{format_time(first.start / rate)}{f' and {more} more' if more else ''}"
        say(f"{each.located.score:>4.0%}  {each.name:<24} from {places}")
    if not found:
        say("Nothing on the list was found here.")


def _models(device: Device, progress: Progress) -> Models:
    progress.show("loading the model")
    from clapsep_desktop.separation.models import Models

    return Models(device.value, progress.note)


def _prompt(text: str) -> Prompt:
    """A saved sound, an example where there is such a file or a name like one, or words."""
    if text.strip() and not text.startswith("@"):
        example = parse_example(text)
        if example.path.is_file() or example.path.suffix.lower() in EXTENSIONS:
            return example
    return prompt_of(text)


def _watched(steps: Generator[tuple[float, float], None, T], progress: Progress) -> T:
    return carried_out(steps, lambda step: progress.show("listening", *step))


def _lines(located: Located, rate: int) -> Generator[str, None, None]:
    if not located.found:
        yield f"Not found here: a likelihood of {located.score:.0%} at most."
    for span in located.spans:
        yield f"{format_time(span.start / rate)} to {format_time(span.stop / rate)}"


def _described(located: Located, rate: int) -> dict[str, Any]:
    return {
        "found": located.found,
        "score": round(located.score, 4),
        "threshold": located.threshold,
        "step": located.step,
        "curve": [round(float(value), 4) for value in located.curve],
        "spans": [{"start": span.start / rate, "end": span.stop / rate} for span in located.spans],
    }


def _tag(found: Tag, rate: int) -> dict[str, Any]:
    about = _described(found.located, rate)
    del about["curve"], about["found"]
    return {"name": found.name, "text": found.text} | about
