"""``clapsep sounds``: the user's own sounds, saved from examples, for ``@name`` in any query."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clapsep_desktop.audio.devices import sounddevice_library
from clapsep_desktop.audio.staging import check_free
from clapsep_desktop.batch import versions
from clapsep_desktop.cli.console import Progress, answer, say, warn
from clapsep_desktop.cli.options import AsJson, OverwriteOne
from clapsep_desktop.errors import DeviceError
from clapsep_desktop.query import Prompt, parse_example
from clapsep_desktop.session.library import MARK, Library
from clapsep_desktop.session.sounds import Sound

app = typer.Typer(
    help="Save sounds of your own from examples, to be used as @NAME in any query.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The sound's name.")]
Replace = Annotated[bool, typer.Option("--replace", help="Replace sounds that are there.")]


def prompt_of(text: str) -> Prompt:
    """The prompt for a text; ``@name`` is a saved sound, learned by whatever model is new.

    Raises:
        SoundError: there is no such sound.
        QueryError: the text is empty or too long.
    """
    library = Library()
    if not text.lstrip().startswith(MARK):
        return library.prompt(text)
    sound = library.get(text.strip().removeprefix(MARK))
    if not versions.is_known(sound):
        _learn(sound, library)
    return library.prompt(text)


def _learn(sound: Sound, library: Library) -> None:
    with Progress() as progress:
        progress.show(f"learning “{sound.name}”")
        from clapsep_desktop.batch.prepare import learned
        from clapsep_desktop.separation.models import Models

        library.save(learned(sound, Models(notify=progress.note)), replace=True)


@app.command()
def add(
    name: Name,
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Examples; a part of a file is FILE#START-END."),
    ],
    more: Annotated[
        bool, typer.Option("--more", help="Add the examples to those the sound has.")
    ] = False,
    replace: Replace = False,
) -> None:
    """Save a sound from one to ten examples.

    The loudest ten seconds of each example are kept with it.
    """
    library = Library()
    before = library.get(name) if more else None
    if before is None and not replace and name in library:
        library.save(Sound(name))  # refuses before anything is loaded
    with Progress() as progress:
        progress.show("listening to the examples")
        from clapsep_desktop.batch.prepare import sound_of
        from clapsep_desktop.separation.models import Models

        prompts = [parse_example(file) for file in files]
        sound = sound_of(name, prompts, Models(notify=progress.note), before)
    library.save(sound, replace=replace or more)
    say(
        f"{MARK}{sound.name} is saved: {_examples(sound)}, {sound.seconds:.1f} s in all. "
        f'Use it as --keep "{MARK}{sound.name}" or --remove "{MARK}{sound.name}".'
    )


@app.command("list")
def list_sounds(as_json: AsJson = False) -> None:
    """Show the saved sounds."""
    library = Library()
    sounds = library.sounds()
    if as_json:
        answer({"folder": str(library.folder), "sounds": [_described(each) for each in sounds]})
        return
    for sound in sounds:
        known = ", ".join(sound.vectors) or "no model"
        say(f"{MARK}{sound.name:<24} {_examples(sound):>12} {sound.seconds:6.1f} s  {known}")
    if not sounds:
        say("No sound is saved yet. Save one with: clapsep sounds add NAME FILE...")
    for path in library.damaged():
        warn(f"“{path}” is damaged and was left out.")


@app.command()
def play(name: Name) -> None:
    """Play a sound's examples, one after the other."""
    sounddevice = sounddevice_library()
    for clip in Library().get(name).clips:
        source = clip.source()
        say(f"{clip.name} ({clip.seconds:.1f} s)")
        try:
            sounddevice.play(source.samples, source.rate, blocking=True)
        except sounddevice.PortAudioError as error:
            raise DeviceError(
                f"Sound cannot be played: {error}. Check the sound device, then play again."
            ) from error


@app.command("export")
def export_sounds(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the sounds go.")],
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="All of them if left out.")
    ] = None,
    overwrite: OverwriteOne = False,
) -> None:
    """Write sounds to one file, for another machine or person."""
    check_free(file, replace=overwrite)
    sounds = Library().export(file, names or ())
    say(f"{_listed(sounds)} written to {file}.")


@app.command("import")
def import_sounds(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What export wrote.")],
    replace: Replace = False,
) -> None:
    """Add the sounds of a file."""
    say(f"{_listed(Library().take_in(file, replace=replace))} added.")


@app.command()
def rename(
    name: Name, new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")]
) -> None:
    """Give a sound another name."""
    say(f"{MARK}{name} is {MARK}{Library().rename(name, new).name} now.")


@app.command()
def remove(name: Name) -> None:
    """Forget a sound."""
    Library().remove(name)
    say(f"{MARK}{name} was removed.")


def _described(sound: Sound) -> dict[str, object]:
    return {
        "name": sound.name,
        "seconds": round(sound.seconds, 3),
        "examples": [clip.name for clip in sound.clips],
        "models": {model: vector.version for model, vector in sound.vectors.items()},
    }


def _examples(sound: Sound) -> str:
    count = len(sound.clips)
    return f"{count} example{'' if count == 1 else 's'}"


def _listed(sounds: list[Sound]) -> str:
    return ", ".join(f"{MARK}{sound.name}" for sound in sounds)
