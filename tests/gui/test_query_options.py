"""Where and by what a query is carried out."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QPushButton, QToolButton

from clapsep_desktop.gui.controls import ValueSlider
from clapsep_desktop.gui.model_choices import ModelChoice, model_choices, model_title
from clapsep_desktop.gui.query_options import NO_SELECTION
from clapsep_desktop.query import AudioPrompt, Query, TextPrompt
from tests.support.query_panel import MIXED, child

# Where and by what.


def test_the_blend_is_there_only_for_a_list_of_both_kinds(panel):
    slider = panel.findChild(ValueSlider, "blend")
    panel.set_query(Query((TextPrompt("a"),), (AudioPrompt(Path("/a.wav")),)))
    assert slider.isHidden()
    panel.set_query(MIXED)
    assert not slider.isHidden()


def test_a_selection_becomes_the_scope_and_losing_it_says_why(panel):
    assert panel.options.scope == "file"
    selection = child(panel, "scopeSelection", QPushButton)
    assert not selection.isEnabled()
    assert selection.toolTip() == NO_SELECTION
    panel.set_has_selection(True)
    assert panel.options.scope == "selection"
    panel.options.scope = "file"
    panel.set_has_selection(True)
    assert panel.options.scope == "file"
    panel.set_has_selection(False)
    panel.options.scope = "selection"
    assert panel.options.scope == "file"


@pytest.mark.parametrize("side", ["keep", "remove"])
def test_the_selection_becomes_an_example(panel, qtbot, side):
    button = child(panel, f"{side}SelectionButton", QToolButton)
    assert not button.isEnabled()
    panel.set_has_selection(True)
    with qtbot.waitSignal(panel.use_selection_as_example) as told:
        button.click()
    assert told.args == [side]
    example = AudioPrompt(Path("/r.wav"), 1.0, 2.0)
    panel.add_prompt(side, example)
    assert getattr(panel.query(), side) == (example,)


def test_a_model_that_is_missing_cannot_be_chosen_and_says_how_to_get_it(panel, qtbot):
    panel.set_models(model_choices(["mini", "speech"]))
    panel.options.model = "base"
    assert panel.options.model == "auto"
    box = child(panel, "modelChoice", QComboBox)
    index = box.findData("base")
    assert "not installed" in box.itemText(index)
    assert not box.model().item(index).isEnabled()
    assert "Get Base" in box.model().item(index).toolTip()
    with qtbot.waitSignal(panel.get_model_requested) as told:
        child(panel, "getModelButton", QPushButton).click()
    assert told.args == ["base"]


def test_installing_a_model_keeps_what_was_chosen(panel):
    panel.options.model = "speech"
    panel.set_models(model_choices(["mini", "speech", "base", "mine"]))
    assert panel.options.model == "speech"
    assert child(panel, "getModelButton", QPushButton).isHidden()
    panel.options.model = "mine"
    panel.set_models(model_choices(["mini", "speech"]))
    assert panel.options.model == "auto"


def test_only_auto_asks_for_specialists(panel):
    switch = panel.findChild(QCheckBox, "specialistsSwitch")
    assert switch.isEnabled()
    panel.options.model = "mini"
    assert not switch.isEnabled()
    panel.options.specialists = False
    panel.options.channels = "independent"
    assert (panel.options.specialists, panel.options.channels) == (False, "independent")


def test_every_choice_is_told_as_a_change(panel, qtbot):
    panel.set_has_selection(True)
    for change in (
        lambda: child(panel, "scopeFile", QPushButton).click(),
        lambda: setattr(panel.options, "model", "mini"),
        lambda: setattr(panel.options, "channels", "independent"),
        lambda: panel.add_prompt("keep", TextPrompt("rain")),
        panel.clear,
    ):
        with qtbot.waitSignal(panel.query_changed):
            change()


def test_the_plan_is_shown_as_plain_text(panel):
    panel.show_plan("speech: keep the <voices>")
    line = panel.findChild(QLabel, "planLineText")
    assert line.text() == "speech: keep the <voices>"
    assert line.textFormat() == Qt.TextFormat.PlainText


def test_models_have_titles():
    assert model_title("mini") == "Mini"
    assert model_choices(["zebra", "mini"])[-1] == ModelChoice(
        "zebra", "zebra", "A model of your own."
    )
