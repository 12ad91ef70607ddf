"""The batch dialog: chosen, run in the background, stopped, gone on with."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from clapsep_desktop.batch import versions
from clapsep_desktop.batch.jobs import Advanced, Event, Finished, Job, Outcome
from clapsep_desktop.gui.batch_dialog import BatchDialog
from tests.support.batches import CALM


class Hand:
    """A pool that goes on when it is told to, and notes where it ran."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int | None]] = []
        self.threads: set[threading.Thread] = set()
        self.cleaned = threading.Event()
        self.on = threading.Event()
        self.failing = ""

    def __call__(self, device: str, count: int | None) -> Hand:
        self.asked.append((device, count))
        return self

    def run(self, jobs: list[Job]) -> Generator[Event, None, None]:
        try:
            for job in jobs:
                self.threads.add(threading.current_thread())
                yield Advanced(job, "separating", 1.0, 4.0)
                while not self.on.wait(0.01):
                    yield Advanced(job, "separating", 1.0, 4.0)
                if self.failing and self.failing in job.source:
                    yield Finished(job, Outcome("failed", "It is damaged."))
                    continue
                for place in job.targets:
                    Path(place).parent.mkdir(exist_ok=True)
                    Path(place).write_text("result")
                yield Finished(job, Outcome("done"))
        finally:
            self.cleaned.set()


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def answers() -> list[str]:
    """What the user says to questions, first to last."""
    return []


@pytest.fixture
def dialog(
    qtbot: QtBot, hand: Hand, answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[BatchDialog]:
    monkeypatch.setattr(versions, "query_models", lambda: {"mini": "v1"})
    dialog = BatchDialog(make_pool=hand, ask=lambda question: answers.pop(0))
    qtbot.addWidget(dialog)
    dialog.show()
    yield dialog
    dialog.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.wav", "b.wav"):
        (folder / name).write_text("sound")
    return folder


def _states(dialog: BatchDialog) -> list[str]:
    items = (dialog.table.topLevelItem(row) for row in range(dialog.table.topLevelItemCount()))
    return [item.text(1) for item in items if item is not None]


def test_it_says_what_is_missing(dialog: BatchDialog, folder: Path) -> None:
    assert not dialog.start.isEnabled()
    assert dialog.start.toolTip() == "Choose a recipe."
    dialog.set_recipe(CALM)
    assert dialog.start.toolTip() == "Add recordings."
    dialog.add_inputs([str(folder), str(folder / "b.wav")])
    assert dialog.start.isEnabled()
    assert dialog.recipe_text.text() == "Calm: remove “low”"
    assert [Path(name).name for name in dialog.files] == ["a.wav", "b.wav"]


def test_recordings_are_done_off_the_gui_thread(
    dialog: BatchDialog, qtbot: QtBot, hand: Hand, folder: Path
) -> None:
    dialog.set_recipe(CALM)
    dialog.add_inputs([str(folder)])
    dialog.out.setText(str(folder.parent / "out"))
    dialog.kinds.choose("kept")
    dialog.workers.setValue(2)
    dialog.start.click()
    qtbot.waitUntil(lambda: _states(dialog)[0] == "Separating 25%")
    assert dialog.is_running
    assert not dialog.start.isEnabled()
    assert not dialog.add.isEnabled()
    with qtbot.waitSignal(dialog.finished_all) as finished:
        hand.on.set()
    assert finished.args == [2, 0]
    assert _states(dialog) == ["Done", "Done"]
    assert hand.asked == [("auto", 2)]
    assert threading.main_thread() not in hand.threads
    out = folder.parent / "out"
    assert {path.name for path in out.iterdir() if path.is_file()} == {
        "a.kept.wav", "b.kept.wav", "batch-report.csv", "batch-report.json",
    }  # fmt: skip
    assert dialog.bar.value() == dialog.bar.maximum() == 2
    assert "2 of 2 done" in dialog.notice.text
    assert dialog.report.isEnabled()


@pytest.mark.parametrize("choice", ["kinds", "format", "template"])
def test_what_was_done_counts_for_its_own_choices_only(
    dialog: BatchDialog, qtbot: QtBot, hand: Hand, folder: Path, choice: str
) -> None:
    hand.on.set()
    dialog.set_recipe(CALM)
    dialog.add_inputs([str(folder)])
    with qtbot.waitSignal(dialog.finished_all):
        dialog.start.click()
    change = {
        "kinds": dialog.kinds.button("removed").click,
        "format": lambda: dialog.format.setCurrentIndex(1),
        "template": lambda: dialog.template.setText("{stem} calm"),
    }
    change[choice]()
    assert _states(dialog) == ["Waiting", "Waiting"]
    assert not dialog.report.isEnabled()


def test_failures_are_shown_with_their_sentence(
    dialog: BatchDialog, qtbot: QtBot, hand: Hand, folder: Path
) -> None:
    hand.failing = "a.wav"
    hand.on.set()
    dialog.set_recipe(CALM)
    dialog.add_inputs([str(folder)])
    with qtbot.waitSignal(dialog.finished_all) as finished:
        dialog.start.click()
    assert finished.args == [1, 1]
    assert _states(dialog) == ["Failed", "Done"]
    item = dialog.table.topLevelItem(0)
    assert item is not None
    assert item.text(2) == "It is damaged."
    assert "1 failed" in dialog.notice.text


def test_stopping_cleans_up_and_can_be_gone_on_with(
    dialog: BatchDialog, qtbot: QtBot, hand: Hand, folder: Path
) -> None:
    dialog.set_recipe(CALM)
    dialog.add_inputs([str(folder)])
    dialog.start.click()
    qtbot.waitUntil(lambda: _states(dialog)[0] == "Separating 25%")
    with qtbot.waitSignal(dialog.finished_all) as finished:
        dialog.stop.click()
    assert finished.args == [0, 0]
    assert hand.cleaned.is_set()
    assert "2 left" in dialog.notice.text
    assert dialog.start.isEnabled()
    hand.on.set()
    with qtbot.waitSignal(dialog.finished_all):
        dialog.start.click()
    assert _states(dialog) == ["Done", "Done"]


def test_closing_stops_it(dialog: BatchDialog, qtbot: QtBot, hand: Hand, folder: Path) -> None:
    dialog.set_recipe(CALM)
    dialog.add_inputs([str(folder)])
    dialog.start.click()
    qtbot.waitUntil(lambda: bool(hand.threads))
    dialog.close()
    assert hand.cleaned.is_set()


@pytest.mark.parametrize("answer", ["Replace", "Cancel"])
def test_files_are_replaced_only_after_a_question(
    dialog: BatchDialog,
    qtbot: QtBot,
    hand: Hand,
    folder: Path,
    answers: list[str],
    answer: str,
) -> None:
    hand.on.set()
    precious = folder / "a.kept.flac"
    precious.write_text("precious")
    dialog.set_recipe(CALM)
    dialog.add_inputs([str(folder / "a.wav")])
    dialog.kinds.choose("kept")
    dialog.format.setCurrentIndex(dialog.format.findData(".flac"))
    answers.append(answer)
    if answer == "Cancel":
        dialog.start.click()
        assert precious.read_text() == "precious"
        assert not dialog.is_running
        return
    with qtbot.waitSignal(dialog.finished_all):
        dialog.start.click()
    assert precious.read_text() == "result"


def test_what_cannot_be_done_is_a_sentence(dialog: BatchDialog, folder: Path) -> None:
    dialog.set_recipe(CALM)
    dialog.add_inputs([str(folder)])
    dialog.template.setText("{nmae}")
    dialog.start.click()
    assert "name template knows" in dialog.notice.text
    assert not dialog.is_running
    dialog.load_recipe(folder / "a.wav")
    assert "no recipe" in dialog.notice.text
    dialog.clear()
    assert dialog.files == ()
    assert not dialog.start.isEnabled()


def test_every_control_has_its_name_and_tip(dialog: BatchDialog) -> None:
    from PySide6.QtWidgets import QComboBox, QLineEdit, QPushButton, QSpinBox, QTreeWidget

    kinds = (QPushButton, QLineEdit, QComboBox, QSpinBox, QTreeWidget)
    for kind in kinds:
        for control in dialog.findChildren(kind):
            if control.objectName().startswith("qt_"):
                continue
            assert control.objectName(), control
            assert control.accessibleName(), control.objectName()
            assert control.toolTip(), control.objectName()
