"""The program's entry point: its commands, its exit codes, and what an interruption leaves.

Exit codes stand in `clapsep_desktop.cli.exit_codes`. An error is one sentence on the standard
error; ``clapsep --debug`` or CLAPSEP_DEBUG=1 shows where it came from. No command imports torch
before it needs a model.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, NoReturn

import typer

from clapsep_desktop import __version__
from clapsep_desktop.cli import (
    batch,
    doctor,
    evaluate,
    export,
    extract,
    gui,
    locate,
    models,
    recipe,
    sounds,
    train,
)
from clapsep_desktop.cli.console import accept_any_text, answer, say, warn
from clapsep_desktop.cli.exit_codes import MEANINGS, ExitCode, exit_code
from clapsep_desktop.errors import ClapSepError

app = typer.Typer(
    name="clapsep",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog=extract.EXAMPLES)(extract.extract)
app.command(epilog=batch.EXAMPLES)(batch.batch)
app.command(epilog=export.EXAMPLES)(export.export)
app.command(epilog=locate.EXAMPLES)(locate.locate)
app.command()(locate.tag)
app.add_typer(recipe.app, name="recipe")
app.add_typer(sounds.app, name="sounds")
app.add_typer(models.app, name="models")
app.add_typer(train.app, name="train")
app.command()(gui.gui)
app.command()(doctor.doctor)
app.command(epilog=evaluate.EXAMPLES)(evaluate.evaluate)


_EXIT_CODES = "\b\nExit codes:\n" + "\n".join(
    f"  {code.value:<4} {meaning}" for code, meaning in MEANINGS.items()
)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"clapsep {__version__}")
        raise typer.Exit


@app.callback(epilog=_EXIT_CODES)
def _clapsep(
    version: Annotated[  # noqa: ARG001 - its callback answers
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where an error came from (CLAPSEP_DEBUG=1).")
    ] = False,
) -> None:
    """Keep and remove sounds in a recording by words or by example, on your own machine."""
    if debug:
        os.environ["CLAPSEP_DEBUG"] = "1"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command line (the process's own by default) and exit with its code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    # Else torch's idle threads burn the time that others on a busy machine could use.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # A download fetches what was asked for; it does not tell anyone what else runs here.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    accept_any_text()
    try:
        with _stoppable():
            app(args=arguments, prog_name="clapsep")
    except _Stopped as stopped:
        warn("Stopped. No unfinished file is left.")
        sys.exit(stopped.code)
    except ClapSepError as error:
        _fail(error, str(error), arguments)
    except Exception as error:
        sentence = (
            f"The program failed ({type(error).__name__}: {error}). This is a fault of the "
            "program: please report it with what “clapsep --debug …” shows."
        )
        _fail(error, sentence, arguments)
    sys.exit(ExitCode.DONE)


def _fail(error: Exception, sentence: str, arguments: Sequence[str]) -> NoReturn:
    if os.environ.get("CLAPSEP_DEBUG", "0") not in ("", "0"):
        traceback.print_exception(error)
    code = exit_code(error)
    if "--json" in arguments:
        kind = type(error).__name__
        answer({"error": {"kind": kind, "sentence": sentence, "exit_code": int(code)}})
    warn(sentence)
    sys.exit(code)


class _Stopped(SystemExit):
    """A signal asked the program to end; its code is 128 and the signal's number, as in a shell."""


_SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
]


@contextmanager
def _stoppable() -> Iterator[None]:
    """End on a signal through all clean-up, so that no unfinished file stays."""

    def stop(number: int, _: FrameType | None) -> None:
        for each in _SIGNALS:  # a second signal must not break into the clean-up
            signal.signal(each, signal.SIG_IGN)
        raise _Stopped(128 + number)

    before = {each: signal.getsignal(each) for each in _SIGNALS}
    for each, handler in before.items():
        if handler != signal.SIG_IGN:  # as nohup sets it
            signal.signal(each, stop)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


if __name__ == "__main__":
    main()
