"""Between the query panel and what is remembered of its choices."""

from __future__ import annotations

import pytest

from tests.support.windows import Studio


@pytest.fixture
def studio(qtbot, tmp_path):
    studio = Studio(tmp_path)  # with "mini" and without specialists
    yield studio
    studio.close()


def test_the_choices_of_the_last_run_are_back(studio):
    panel, values = studio.window.query, studio.settings.values
    assert (panel.model, panel.specialists) == ("mini", False)
    assert (values.model, values.specialists) == ("mini", False)


def test_a_choice_in_the_panel_is_remembered(studio):
    studio.window.query.model = "speech"
    assert studio.settings.values.model == "speech"


def test_a_choice_in_the_preferences_shows_in_the_panel_and_stays(studio):
    studio.settings.update(model="speech", specialists=True)
    panel = studio.window.query
    assert (panel.model, panel.specialists) == ("speech", True)
    panel.clear()  # as any change of the query, keeps the choices
    assert studio.settings.values.model == "speech"
    assert studio.settings.values.specialists
