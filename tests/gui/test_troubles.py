"""Problems, previews and notes in the message bar."""

from __future__ import annotations

from clapsep_desktop.errors import AudioReadError
from clapsep_desktop.gui.jobs import Job, Progress, Steps
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
