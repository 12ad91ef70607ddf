"""The export dialog: what it offers, what it says, and that it replaces nothing unasked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QLineEdit, QWidget

from clapsep_desktop.audio.chunk_metadata import Marker
from clapsep_desktop.audio.export_plan import ExportMaterial, ExportSettings, Stem
from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.audio.mix import Layer, MixSource
from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.errors import AudioReadError
from clapsep_desktop.gui import export_choices, export_dialog
from clapsep_desktop.gui.export_dialog import ExportDialog
from clapsep_desktop.timebase import Span
from tests.support.signals import noise
from tests.support.sounds import noisy_tone, write_sound

RATE = 48_000

# Said by the offscreen platform of every window that is shown and has a least size.
pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


@pytest.fixture
def material(tmp_path):
    path = write_sound(tmp_path / "rain.wav", noisy_tone(2 * RATE), subtype="PCM_24")
    with AudioFile(path) as file:
        info, original = file.info, ArraySource(file.read(0, file.frames), RATE)
    layer = Layer(ArraySource(noise(RATE, 2), RATE), 0, 0.5)
    kept, removed = (MixSource(original, [layer], role=role) for role in ("kept", "removed"))
    stems = [Stem("Remove “wind”", layer)]
    return ExportMaterial(info, original, kept, removed, stems, Span(0, RATE), [Marker(1, RATE)])


class Answers:
    """Answers questions, and remembers them."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.asked: list[export_dialog.Question] = []

    def __call__(self, question: export_dialog.Question) -> str:
        self.asked.append(question)
        return self.answer


@pytest.fixture
def opened(qtbot, material, tmp_path):
    """Makes a dialog; all are closed at the end."""
    made = []

    def make(changed=material, **more) -> ExportDialog:
        dialog = ExportDialog(changed, folder=more.pop("folder", tmp_path), **more)
        qtbot.addWidget(dialog)
        made.append(dialog)
        return dialog

    yield make
    for dialog in made:
        dialog.reject()


def pick(box: QComboBox, data: object) -> None:
    index = next(i for i in range(box.count()) if box.itemData(i) == data)
    box.setCurrentIndex(index)


def pick_format(dialog: ExportDialog, title: str) -> None:
    box = dialog.form.format
    box.setCurrentIndex(next(i for i in range(box.count()) if box.itemData(i).title == title))


def offered(box: QComboBox) -> list[str]:
    return [box.itemText(index) for index in range(box.count())]


def press(qtbot, dialog: ExportDialog, name: str) -> None:
    qtbot.mouseClick(dialog.findChild(QWidget, name), Qt.MouseButton.LeftButton)


def test_it_proposes_the_recordings_own_form(opened, tmp_path):
    dialog = opened()
    assert dialog.form.sample_rate.currentText() == "As the recording (48 kHz)"
    assert dialog.form.sample_depth.currentText() == "As the recording (24-bit)"
    dialog.accept()
    assert dialog.settings == ExportSettings(tmp_path, "rain.kept", range="selection")


def test_every_field_reaches_the_settings(opened, qtbot, tmp_path):
    dialog = opened()
    form = dialog.form
    for name in ("exportWhatRemoved", "exportRangeRegions", "exportClippingSoft"):
        press(qtbot, dialog, name)
    pick_format(dialog, "AIFF")
    pick(form.sample_rate, 44_100)
    pick(form.sample_depth, "16")
    pick(form.loudness, -19.0)
    form.ceiling.setValue(-2.5)
    form.dither.setChecked(False)
    form.metadata.setChecked(False)
    form.name.setText("wind")
    (tmp_path / "out").mkdir()
    form.folder.setText(str(tmp_path / "out"))
    press(qtbot, dialog, "exportOk")
    assert dialog.settings == ExportSettings(
        tmp_path / "out",
        "wind",
        ".aiff",
        what="removed",
        range="regions",
        rate=44_100,
        depth="16",
        dither=False,
        clipping="soft",
        loudness=-19.0,
        ceiling=-2.5,
        metadata=False,
    )


def test_the_last_export_is_proposed_again(opened, tmp_path):
    last = ExportSettings(
        tmp_path, "x", ".flac", "both", "all", 96_000, "16", False, "lower", -23.0, -2.0, False
    )
    dialog = opened(last=last)
    dialog.accept()
    assert dialog.settings == replace(last, name="rain", range="selection")


def test_what_cannot_be_asked_for_says_why(opened, material):
    bare = replace(material, selection=None, markers=(), stems=())
    dialog = opened(bare, last=ExportSettings(Path(), "x", what="stems"))
    form = dialog.form
    for segments, key in ((form.range, "selection"), (form.range, "regions"), (form.what, "stems")):
        assert not segments.button(key).isEnabled()
        assert segments.button(key).toolTip().endswith(".")
    assert (form.what.choice, form.range.choice) == ("kept", "all")


def test_a_pair_is_neither_softened_nor_dithered(opened, qtbot):
    dialog = opened()
    press(qtbot, dialog, "exportClippingSoft")
    assert dialog.form.ceiling.isEnabled()
    press(qtbot, dialog, "exportWhatBoth")
    assert dialog.form.clipping.choice == "leave"
    assert not dialog.form.clipping.button("soft").isEnabled()
    assert not dialog.form.dither.isEnabled()
    assert not dialog.form.ceiling.isEnabled()
    assert dialog.choice().what == "both"


def test_formats_offer_the_rates_and_depths_they_hold(opened, material):
    high = replace(material, info=replace(material.info, rate=96_000))
    high.original.rate = high.kept.rate = high.removed.rate = 96_000
    dialog = opened(high)
    form = dialog.form
    pick_format(dialog, "MP3")
    assert form.sample_rate.currentData() == 48_000
    assert "96 kHz" not in " ".join(offered(form.sample_rate))
    assert (form.sample_depth.count(), form.sample_depth.isEnabled()) == (0, False)
    assert not form.dither.isEnabled()
    pick_format(dialog, "FLAC")
    assert offered(form.sample_depth) == ["As the recording (24-bit)", "8-bit", "16-bit", "24-bit"]
    pick(form.sample_depth, "16")
    pick_format(dialog, "AIFF")  # what it holds too stays chosen
    assert form.sample_depth.currentData() == "16"
    assert form.sample_rate.currentData() == 48_000


def test_depths_of_recordings_that_a_format_cannot_hold_exactly(material):
    lossy = replace(material.info, container="OGG", subtype="VORBIS")
    wav, flac = (one for one in export_choices.containers(lossy) if one.title in {"WAV", "FLAC"})
    assert export_choices.depths(wav, lossy)[0][0] == "Closest to the recording (32-bit float)"
    assert export_choices.depths(flac, lossy)[0][0] == "Closest to the recording (24-bit)"


def test_it_tells_names_size_and_room(opened, qtbot, tmp_path):
    dialog = opened()
    assert dialog.summary.text().startswith("Only the selected 0:01.000 of 0:02.000. “rain.kept")
    press(qtbot, dialog, "exportWhatBoth")
    press(qtbot, dialog, "exportRangeRegions")
    text = dialog.summary.text()
    assert text.startswith("“rain 1.kept.wav”, “rain 1.removed.wav”, “rain 2.kept.wav” and 1 more")
    assert ": 1.2 MB. " in text
    assert str(tmp_path) in text
    assert text.endswith(" free.")
    pick_format(dialog, "Opus")
    assert ": about " in dialog.summary.text()


@pytest.mark.parametrize(
    ("field", "text", "says"),
    [
        ("exportName", "", "not a file name"),
        ("exportName", "a/b", "not a file name"),
        ("exportFolder", "missing", "no folder"),
    ],
)
def test_what_cannot_be_written_is_told_at_once(opened, tmp_path, field, text, says):
    dialog = opened()
    line = dialog.findChild(QLineEdit, field)
    line.setText(str(tmp_path / text) if field == "exportFolder" else text)
    assert says in dialog.problem.text
    assert not dialog.ok.isEnabled()
    dialog.accept()
    assert dialog.settings is None
    line.setText(str(tmp_path) if field == "exportFolder" else "fine")
    assert (dialog.problem.text, dialog.ok.isEnabled()) == ("", True)


def test_nothing_is_replaced_without_asking(opened, tmp_path):
    (tmp_path / "rain.kept.wav").write_bytes(b"earlier")
    answers = Answers("Cancel")
    dialog = opened(ask=answers)
    dialog.accept()
    assert dialog.settings is None
    assert answers.asked[0].title == "Replace “rain.kept.wav”?"
    answers.answer = "Replace"
    dialog.accept()
    assert dialog.settings is not None
    assert dialog.settings.overwrite
    assert (tmp_path / "rain.kept.wav").read_bytes() == b"earlier"


def test_several_files_are_asked_for_together(opened, tmp_path):
    for name in ("rain.kept.wav", "rain.removed.wav"):
        (tmp_path / name).touch()
    answers = Answers("Cancel")
    dialog = opened(ask=answers)
    dialog.form.what.button("both").click()
    dialog.accept()
    assert answers.asked[0].title == "Replace 2 files?"
    assert "rain.kept.wav, rain.removed.wav" in answers.asked[0].text


def test_the_recording_is_never_replaced(opened, tmp_path):
    answers = Answers("Replace")
    dialog = opened(ask=answers)
    dialog.form.name.setText("rain")
    assert "is the recording itself" in dialog.problem.text
    dialog.accept()
    assert (dialog.settings, answers.asked) == (None, [])


def test_a_name_of_the_users_own_stays(opened):
    dialog = opened()
    dialog.form.what.button("removed").click()
    assert dialog.form.name.text() == "rain.removed"
    dialog.form.name.setText("mine")
    dialog.form.what.button("both").click()
    assert dialog.form.name.text() == "mine"


def test_the_loudness_of_what_is_chosen_is_shown(opened, qtbot):
    dialog = opened()
    dialog.show()
    qtbot.waitUntil(lambda: "LUFS" in dialog.form.measured.text(), timeout=30_000)
    kept = dialog.form.measured.text()
    dialog.form.what.button("removed").click()
    qtbot.waitUntil(lambda: "LUFS" in dialog.form.measured.text(), timeout=30_000)
    assert dialog.form.measured.text() != kept
    dialog.form.what.button("kept").click()  # known already
    assert dialog.form.measured.text() == kept


def test_closing_stops_a_long_measurement(opened, qtbot, material):
    class Endless(ArraySource):
        frames = 1 << 40

        def read(self, start, stop):
            return np.zeros((stop - start, 2), np.float32)

    endless = Endless(np.zeros((1, 2), np.float32), RATE)
    endless.frames = 1 << 40
    dialog = opened(replace(material, kept=endless, original=endless, selection=None))
    dialog.show()
    qtbot.waitUntil(lambda: "Measuring" in dialog.form.measured.text())
    dialog.reject()  # that no thread is left is what the fixture of all tests looks at


def test_a_recording_that_cannot_be_read_has_no_loudness(opened, qtbot, material):
    class Broken(ArraySource):
        def read(self, start, stop):
            raise AudioReadError("The recording is gone.")

    dialog = opened(replace(material, kept=Broken(np.zeros((2 * RATE, 2)), RATE)))
    dialog.show()
    qtbot.waitUntil(lambda: dialog.form.measured.text() == "The recording is gone.")


def test_every_control_has_a_name_a_title_and_a_tip(opened):
    dialog = opened()
    fields = [dialog.form, *dialog.findChildren(QWidget)]
    controls = [
        one
        for one in fields
        if one.focusPolicy() != Qt.FocusPolicy.NoFocus
        and not isinstance(one.parent(), QComboBox | QDoubleSpinBox)
        and one.isVisibleTo(dialog)
    ]
    assert len(controls) > 20
    for control in controls:
        assert control.objectName().startswith("export"), control
        assert control.accessibleName(), control.objectName()
        assert control.toolTip(), control.objectName()
