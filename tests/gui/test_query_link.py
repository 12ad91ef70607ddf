"""Between the query panel, its files and what is remembered of its choices."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QToolButton

from clapsep_desktop.gui.voice_hint import VoiceHint
from clapsep_desktop.query import Query
from tests.support.sounds import noisy_tone, write_sound
from tests.support.windows import Studio


@pytest.fixture
def studio(qtbot, tmp_path):
    studio = Studio(tmp_path)  # with "mini" and without specialists
    yield studio
    studio.close()


def test_the_choices_of_the_last_run_are_back(studio):
    panel, values = studio.window.query, studio.settings.values
    assert (panel.options.model, panel.options.specialists) == ("mini", False)
    assert (values.model, values.specialists) == ("mini", False)


def test_a_choice_in_the_panel_is_remembered(studio):
    studio.window.query.options.model = "speech"
    assert studio.settings.values.model == "speech"


def test_a_choice_in_the_preferences_shows_in_the_panel_and_stays(studio):
    studio.settings.update(model="speech", specialists=True)
    panel = studio.window.query
    assert (panel.options.model, panel.options.specialists) == ("speech", True)
    panel.clear()  # as any change of the query, keeps the choices
    assert studio.settings.values.model == "speech"
    assert studio.settings.values.specialists


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"RIFF, but no more", "damaged"), (b"", "is empty"), (None, "no file")],
)
def test_an_example_that_cannot_be_read_is_told_before_it_is_asked_for(
    studio, qtbot, tmp_path, content, sentence
):
    broken = tmp_path / "broken.wav"
    if content is not None:
        broken.write_bytes(content)
    whole = write_sound(tmp_path / "whole.wav", noisy_tone(16_000, 1, 16_000), 16_000)
    panel = studio.window.query
    panel.remove.add_files([whole, broken])
    good, bad, _ = panel.remove.rows
    qtbot.waitUntil(lambda: sentence in bad.problem)
    assert good.problem == ""


def test_who_wants_no_hint_is_not_asked_again(studio, qtbot):
    panel = studio.window.query
    panel.set_query(Query.of(remove=["a dog barking"]))
    hint = panel.findChild(VoiceHint)
    assert not hint.isHidden()
    panel.findChild(QToolButton, "voiceHintClose").click()
    assert hint.isHidden()
    assert not studio.settings.values.voice_hint
    studio.settings.reset()
    assert not hint.isHidden()
