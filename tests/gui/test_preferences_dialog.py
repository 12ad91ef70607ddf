"""The preferences as a window."""

from __future__ import annotations

from dataclasses import fields

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QListWidget,
    QPushButton,
    QSpinBox,
)

from clapsep_desktop.gui.model_choices import model_choices
from clapsep_desktop.gui.preferences import GB, Preferences, Settings
from clapsep_desktop.gui.preferences_dialog import PreferencesDialog
from tests.support.accessibility import shortcomings


@pytest.fixture
def settings(qapp, tmp_path):
    return Settings(QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat))


@pytest.fixture
def dialog(qtbot, settings):
    dialog = PreferencesDialog(settings, ["Speakers", "Headphones"], model_choices(["mini"]))
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def control(dialog, name, kind):
    found = dialog.findChild(kind, f"preference_{name}")
    assert found is not None, name
    return found


def choose(dialog, name, value):
    box = control(dialog, name, QComboBox)
    assert box.findData(value) >= 0
    box.setCurrentIndex(box.findData(value))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("theme", "light"),
        ("device", "cpu"),
        ("output_device", "Headphones"),
        ("model", "mini"),
        ("spectrogram_fft", 16384),
        ("spectrogram_window", "blackmanharris"),
        ("spectrogram_scale", "mel"),
        ("spectrogram_colors", "viridis"),
    ],
)
def test_a_choice_works_at_once(dialog, settings, name, value):
    choose(dialog, name, value)
    assert getattr(settings.values, name) == value


@pytest.mark.parametrize(
    "name", ["specialists", "notify", "snap", "loudness_match", "follow", "return_on_stop"]
)
def test_a_switch_works_at_once(dialog, settings, name):
    before = getattr(settings.values, name)
    control(dialog, name, QCheckBox).click()
    assert getattr(settings.values, name) is not before


def test_numbers_work_at_once_in_the_units_that_are_shown(dialog, settings):
    control(dialog, "disk_budget", QSpinBox).setValue(7)
    control(dialog, "undo_limit", QSpinBox).setValue(33)
    control(dialog, "autosave_minutes", QDoubleSpinBox).setValue(2.5)
    values = settings.values
    assert (values.disk_budget, values.undo_limit, values.autosave_minutes) == (7 * GB, 33, 2.5)


def test_a_floor_over_the_ceiling_does_not_stay(dialog, settings):
    control(dialog, "spectrogram_ceiling", QDoubleSpinBox).setValue(-60)
    floor = control(dialog, "spectrogram_floor", QDoubleSpinBox)
    floor.setValue(-40)
    assert settings.values.spectrogram_floor == floor.value() == -100


def test_what_changes_elsewhere_is_shown(dialog, settings):
    settings.update(follow=False, spectrogram_fft=512)
    assert not control(dialog, "follow", QCheckBox).isChecked()
    assert control(dialog, "spectrogram_fft", QComboBox).currentData() == 512


def test_a_sound_is_offered_only_with_the_notice(dialog, settings):
    control(dialog, "notify", QCheckBox).setChecked(False)
    assert not control(dialog, "sound", QCheckBox).isEnabled()


def test_defaults_come_back(dialog, settings, qtbot):
    choose(dialog, "theme", "contrast")
    control(dialog, "follow", QCheckBox).click()
    dialog.findChild(QPushButton, "restoreDefaultsButton").click()
    assert settings.values == Preferences()


def test_a_device_that_is_not_connected_stays_chosen(qtbot, settings):
    settings.update(output_device="Studio Box")
    dialog = PreferencesDialog(settings, ["Speakers"])
    qtbot.addWidget(dialog)
    box = control(dialog, "output_device", QComboBox)
    assert box.currentData() == "Studio Box"
    assert "not connected" in box.currentText()
    assert settings.values.output_device == "Studio Box"


def test_a_model_that_is_missing_cannot_be_chosen(dialog):
    box = control(dialog, "model", QComboBox)
    assert not box.model().item(box.findData("base")).isEnabled()
    assert box.model().item(box.findData("mini")).isEnabled()


def test_every_choice_of_the_user_has_a_control(dialog):
    elsewhere = {
        "hint_shown", "export_folder", "recent_files", "recent_queries", "geometry",
        "window_state", "view_blend",
    }  # fmt: skip
    kinds = (QComboBox, QCheckBox, QSpinBox, QDoubleSpinBox, QPushButton)
    for field in fields(Preferences):
        here = any(dialog.findChild(kind, f"preference_{field.name}") for kind in kinds)
        assert here or field.name in elsewhere, field.name


def test_the_list_turns_the_pages(dialog):
    pages = dialog.findChild(QListWidget, "preferencesPages")
    pages.setCurrentItem(pages.findItems("Storage", Qt.MatchFlag.MatchExactly)[0])
    assert control(dialog, "undo_limit", QSpinBox).isVisible()


def test_every_control_can_be_found_named_and_reached(dialog):
    assert shortcomings(dialog) == []
