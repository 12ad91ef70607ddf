"""Problems, previews and notes in the message bar."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QSettings

from clapsep_desktop.errors import AudioReadError
from clapsep_desktop.gui.jobs import Job, Progress, Steps
from clapsep_desktop.gui.preferences import Settings
from tests.support.windows import Studio


def failing() -> Steps[None]:
    yield Progress("listening")
    raise AudioReadError("“rain.wav” is gone. Look for it.")


def test_a_job_that_fails_is_told_of_even_if_it_explains_nothing(studio: Studio, qtbot) -> None:
    with qtbot.waitSignal(studio.editor.runner.idle):
        studio.editor.runner.submit(Job("Matching loudness", failing))
    assert studio.window.messages.text == "“rain.wav” is gone. Look for it."


def test_what_a_job_explains_itself_is_not_told_twice(studio: Studio, qtbot) -> None:
    errors: list[Exception] = []
    with qtbot.waitSignal(studio.editor.runner.idle):
        studio.editor.runner.submit(Job("Opening", failing, on_error=errors.append))
    assert len(errors) == 1
    assert studio.window.messages.text == ""


@pytest.mark.parametrize(("unasked", "text"), [(True, "No room."), (False, "")])
def test_only_what_the_user_asks_for_settles_what_was_told(
    studio: Studio, qtbot, unasked: bool, text: str
) -> None:
    def steps() -> Steps[None]:
        yield Progress("measuring")

    studio.window.messages.say("No room.", tone="error")
    with qtbot.waitSignal(studio.editor.runner.idle):
        studio.editor.runner.submit(Job("Matching loudness", steps, unasked=unasked))
    assert studio.window.messages.text == text


def test_a_folder_for_results_that_cannot_be_used_is_told(qtbot, tmp_path: Path) -> None:
    path = str(tmp_path / "settings.ini")
    Settings(QSettings(path, QSettings.Format.IniFormat)).update(results_folder="/far/away")
    studio = Studio(tmp_path)
    studio.close()
    assert "cannot be written in “/far/away”" in studio.window.messages.text
