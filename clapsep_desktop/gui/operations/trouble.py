"""What went wrong, in words, with the ways out of it."""

from __future__ import annotations

from dataclasses import replace

from clapsep_desktop.errors import (
    AudioWriteError,
    ClapSepError,
    DeviceError,
    DownloadError,
    ModelMissingError,
)
from clapsep_desktop.gui.requests import ExtractionRequest, Trouble, WayOut

GET_BASE = WayOut("Get Base…", "get_base")
FREE_SPACE = WayOut("Clear Undo History", "forget_undo")
MOVE_RESULTS = WayOut("Choose Another Folder…", "move_results")
SAVE_ELSEWHERE = WayOut("Save Elsewhere…", "save_as")
PREFERENCES = WayOut("Preferences…", "preferences")
OPEN = WayOut("Open Another…", "open")
EXPORT = WayOut("Export Elsewhere…", "export")

SMALL_MODEL = "mini"


def of_extraction(error: Exception, request: ExtractionRequest) -> Trouble:
    """Why an extraction failed."""
    return Trouble("The extraction did not work", sentence(error), _ways(error, request))


def of_opening(error: Exception) -> Trouble:
    """Why a file could not be opened."""
    return Trouble("The file could not be opened", sentence(error), (OPEN,))


def of_export(error: Exception) -> Trouble:
    """Why nothing was written; the result is there still."""
    return Trouble("The export did not work", sentence(error), (EXPORT,))


def of_job(error: Exception, title: str) -> Trouble:
    """Why another job failed."""
    return Trouble(f"{title} did not work", sentence(error))


def sentence(error: Exception) -> str:
    """What happened, then what to do."""
    if isinstance(error, ClapSepError):
        return str(error)
    if isinstance(error, MemoryError):
        return (
            "There is too little memory for this. Close other programs, choose a smaller model, "
            "or select a shorter part."
        )
    return (
        f"The program failed ({type(error).__name__}: {error}). Nothing that was finished is "
        "lost. This is a fault of the program: please report it with what you did."
    )


def _ways(error: Exception, request: ExtractionRequest) -> tuple[WayOut, ...]:
    match error:
        case ModelMissingError() | DownloadError():
            return (*_smaller(request), GET_BASE)
        case DeviceError() | MemoryError():
            return (*_smaller(request), PREFERENCES)
        case AudioWriteError():
            return (FREE_SPACE, MOVE_RESULTS)
    return ()


def _smaller(request: ExtractionRequest) -> tuple[WayOut, ...]:
    if request.model == SMALL_MODEL:
        return ()
    return (WayOut("Use Mini", "retry", replace(request, model=SMALL_MODEL)),)
