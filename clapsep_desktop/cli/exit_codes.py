"""What the program's exit code tells a script."""

from __future__ import annotations

from enum import IntEnum

from clapsep_desktop.errors import (
    AudioError,
    ClapSepError,
    DataError,
    DeviceError,
    ModelError,
    ProjectError,
    QueryError,
    RecipeError,
    SoundError,
    SpanError,
)


class ExitCode(IntEnum):
    """Every exit code there is; a signal ends the program with 128 and its number."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    AUDIO = 3
    MODEL = 4
    DEVICE = 5
    STOPPED = 130


MEANINGS = {
    ExitCode.DONE: "done",
    ExitCode.FAILED: "a check failed, or the program has a fault",
    ExitCode.USAGE: "unknown option, empty query, selection outside the recording, unusable list",
    ExitCode.AUDIO: "a recording or a project cannot be read or written",
    ExitCode.MODEL: "a model is missing or damaged",
    ExitCode.DEVICE: "the device is absent or failed",
    ExitCode.STOPPED: "stopped with Ctrl-C",
}
"""What each exit code says, for the help text."""

_CODES: tuple[tuple[type[ClapSepError], ExitCode], ...] = (
    (QueryError, ExitCode.USAGE),
    (SpanError, ExitCode.USAGE),
    (DataError, ExitCode.USAGE),
    (RecipeError, ExitCode.USAGE),
    (SoundError, ExitCode.USAGE),
    (AudioError, ExitCode.AUDIO),
    (ProjectError, ExitCode.AUDIO),
    (ModelError, ExitCode.MODEL),
    (DeviceError, ExitCode.DEVICE),
)


def exit_code(error: BaseException) -> ExitCode:
    """The exit code for an error that ended a command."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.FAILED)
