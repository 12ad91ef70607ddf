"""The tools beside the editor: where is it, the checklist, saved sounds, recipes, batches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.errors import ModelMismatchError
from clapsep_desktop.gui.checklist_panel import HINT, NOTHING, ChecklistPanel
from clapsep_desktop.query import EmbeddedPrompt, Query, TextPrompt
from clapsep_desktop.separation import locate as locating
from clapsep_desktop.separation import tags as tagging
from clapsep_desktop.separation.locate import Located
from clapsep_desktop.separation.tags import Tag
from clapsep_desktop.session.recipe import Recipe
from clapsep_desktop.session.sounds import Sound, Vector
from clapsep_desktop.timebase import Span
from tests.support.sounds import noisy_tone, write_sound
from tests.support.windows import Studio

RATE, FRAMES = 16_000, 64_000
FOUND = Located(np.array([0.1, 0.9, 0.8], np.float32), 0.5, 0.5, (Span(4_000, 20_000),), 0.85)
ABSENT = Located(np.array([0.1, 0.2, 0.1], np.float32), 0.5, 0.5, (), 0.15)
TAGS = [Tag("Dog", "dog barking", FOUND), Tag("Rain", "rain", FOUND)]


@pytest.fixture
def studio(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    monkeypatch.setenv("CLAPSEP_SOUNDS", str(tmp_path / "sounds"))
    recording = write_sound(tmp_path / "rain.wav", noisy_tone(FRAMES, 2, RATE), RATE)
    studio = Studio(tmp_path)
    studio.window.show()
    with qtbot.waitSignal(studio.editor.document.opened):
        studio.window.open_file(recording)
    yield studio
    studio.close()


def _answer(monkeypatch: pytest.MonkeyPatch, found: Located) -> list[tuple[int, Query]]:
    """What locating finds; what it was asked."""
    asked = []

    def locate(source: ArraySource, query: Query, models: object) -> object:
        asked.append((source.frames, query))
        yield 1.0, 4.0
        return found

    monkeypatch.setattr(locating, "locate", locate)
    return asked


def test_the_lane_shows_where_a_sound_is(
    studio: Studio, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _answer(monkeypatch, FOUND)
    studio.window.query.set_query(Query.of(remove=["a dog"]))
    with qtbot.waitSignal(studio.window.tools.locator.located) as located:
        studio.window.actions_["locate"].trigger()
    assert located.args[1] is FOUND
    assert asked == [(FRAMES, Query.of(remove=["a dog"]))]
    lane = studio.window.track.lane
    assert lane.isVisible()
    assert "“a dog”" in lane.describe()
    assert "00:00:00.250 to 00:00:01.250" in lane.describe()


def test_or_says_that_it_is_not_there(
    studio: Studio, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answer(monkeypatch, ABSENT)
    studio.window.query.set_query(Query.of(keep=["a dog"]))
    with qtbot.waitSignal(studio.window.tools.locator.located):
        studio.window.actions_["locate"].trigger()
    assert "not found here" in studio.window.track.lane.describe()
    studio.window.recordings.close()
    assert not studio.window.track.lane.isVisible()


def test_why_it_cannot_be_told_is_a_sentence(
    studio: Studio, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> object:
        raise ModelMismatchError("It cannot locate.")
        yield

    monkeypatch.setattr(locating, "locate", fail)
    studio.window.query.set_query(Query.of(keep=["a dog"]))
    with qtbot.waitSignal(studio.window.tools.troubled) as troubled:
        studio.window.actions_["locate"].trigger()
    assert troubled.args[0].sentence == "It cannot locate."
    studio.window.query.clear()
    with qtbot.waitSignal(studio.window.tools.troubled):
        studio.window.actions_["locate"].trigger()


def test_the_checklist_feeds_the_query(
    studio: Studio, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tags(source: object, models: object) -> object:
        yield 1.0, 4.0
        return TAGS

    monkeypatch.setattr(tagging, "tags", tags)
    panel, tools = studio.window.tools.checklist, studio.window.tools
    with qtbot.waitSignal(tools.locator.tagged):
        studio.window.actions_["tag"].trigger()
        assert not panel.listen.isEnabled()
    qtbot.waitUntil(panel.listen.isEnabled)
    assert panel.tags == TAGS
    keep = panel.findChild(QToolButton, "checklistKeep0")
    remove = panel.findChild(QToolButton, "checklistRemove1")
    assert isinstance(keep, QToolButton)
    assert isinstance(remove, QToolButton)
    studio.window.query.clear()
    keep.click()
    remove.click()
    assert studio.window.query.query() == Query.of(keep=["dog barking"], remove=["rain"])
    item = panel.list.topLevelItem(0)
    panel.list.itemClicked.emit(item, 0)
    assert "Dog" in studio.window.track.lane.describe()
    panel.list.itemActivated.emit(item, 0)
    assert studio.editor.timeline.selection == Span(4_000, 20_000)
    studio.window.recordings.close()
    assert panel.tags == []


def test_saved_sounds_are_offered(studio: Studio, tmp_path: Path, qtbot: QtBot) -> None:
    tools = studio.window.tools
    tools._library.save(Sound("fridge", (), {"mini": Vector((1.0,), "v")}))
    dialog = tools.library_dialog()
    qtbot.addWidget(dialog)
    dialog.changed.emit()
    suggestions = studio.window.query.suggestions
    qtbot.waitUntil(lambda: suggestions.saved == ("fridge",))
    prompt = studio.window.query.suggestions.prompt("fridge")
    assert isinstance(prompt, EmbeddedPrompt)
    assert not dialog.add_selection.isEnabled()
    studio.editor.timeline.select(Span(1_600, 16_000))
    example = tools._selected()
    assert example is not None
    assert (example.start, example.end) == (0.1, 1.0)


def test_a_recipe_is_exported_and_opens_in_the_batch_dialog(
    studio: Studio, qtbot: QtBot, tmp_path: Path
) -> None:
    window, tools = studio.window, studio.window.tools
    first = tools.batch_dialog()
    assert first.recipe is None
    first.done(0)
    window.query.set_query(Query.of(keep=["a dog"]))
    studio.editor.timeline.select(Span(0, 16_000))
    with qtbot.waitSignal(studio.editor.operations.extracted, timeout=20_000):
        window.actions_["extract"].trigger()
    target = tmp_path / "dog.json"
    with qtbot.waitSignal(tools.noted):
        tools.save_recipe(target)
    (step,) = Recipe.load(target).steps
    assert (step.query.keep, step.end) == ((TextPrompt("a dog"),), 1.0)
    dialog = tools.batch_dialog()
    assert dialog.recipe is not None
    assert dialog.recipe.steps[0].end is None


def test_closing_the_window_stops_a_batch_after_a_question(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = studio.window.tools.batch_dialog()
    monkeypatch.setattr(type(dialog), "is_running", property(lambda self: True))
    studio.window.close()
    assert studio.dialogs.questions[-1].title == "A batch is running"
    assert studio.window.isVisible()
    studio.dialogs.answers.append("Stop and Close")
    studio.window.close()
    assert not studio.window.isVisible()


@pytest.fixture
def panel(qtbot: QtBot) -> ChecklistPanel:
    panel = ChecklistPanel()
    qtbot.addWidget(panel)
    return panel


def test_an_empty_checklist_says_why(panel: ChecklistPanel) -> None:
    assert panel.hint.text() == HINT
    panel.show_tags([], RATE)
    assert panel.hint.text() == NOTHING
    assert panel.list.isHidden()
    panel.show_tags(TAGS, RATE)
    assert panel.hint.isHidden()
    item = panel.list.topLevelItem(0)
    assert item is not None
    assert [item.text(column) for column in range(3)] == ["Dog", "85%", "0:00.250"]
