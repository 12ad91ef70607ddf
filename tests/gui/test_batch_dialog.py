"""The batch dialog: chosen, run in the background, stopped, gone on with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from clapsep_desktop.batch import places, versions
from clapsep_desktop.batch.jobs import Advanced, Event, Finished, Job, Outcome
from clapsep_desktop.batch.names import DEFAULT
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


def _rows(dialog: BatchDialog) -> list[list[str]]:
    """Name, state and result of each recording."""
    queue = dialog.queue
    items = (queue.topLevelItem(row) for row in range(queue.topLevelItemCount()))
    return [[item.text(column) for column in range(3)] for item in items if item is not None]


def _states(dialog: BatchDialog) -> list[str]:
    return [state for _, state, _ in _rows(dialog)]


def _prepare(dialog: BatchDialog, qtbot: QtBot, *inputs: Path) -> None:
    """Choose a recipe and recordings."""
    dialog.set_recipe(CALM)
    dialog.add_inputs([str(path) for path in inputs])
    _settle(dialog, qtbot)


def _settle(dialog: BatchDialog, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not dialog.is_busy)


def test_it_says_what_is_missing(dialog: BatchDialog, qtbot: QtBot, folder: Path) -> None:
    assert not dialog.start.isEnabled()
    assert dialog.start.toolTip() == "Choose a recipe."
    dialog.set_recipe(CALM)
    assert dialog.start.toolTip() == "Add recordings."
    dialog.add_inputs([str(folder), str(folder / "b.wav")])
    assert not dialog.start.isEnabled()
    assert dialog.notice.text == "Looking for recordings…"
    _settle(dialog, qtbot)
    assert dialog.notice.text == ""
    assert dialog.start.isEnabled()
    assert dialog.form.recipe_text.text() == "Calm: remove “low”"
    assert [Path(name).name for name in dialog.queue.sources] == ["a.wav", "b.wav"]
    dialog.add_inputs([str(folder / "nothing")])
    _settle(dialog, qtbot)
    assert dialog.start.isEnabled()


def test_recordings_are_done_off_the_gui_thread(
    dialog: BatchDialog, qtbot: QtBot, hand: Hand, folder: Path
) -> None:
    _prepare(dialog, qtbot, folder)
    dialog.form.out.setText(str(folder.parent / "out"))
    dialog.form.kinds.choose("kept")
    dialog.form.workers.setValue(2)
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
    _prepare(dialog, qtbot, folder)
    with qtbot.waitSignal(dialog.finished_all):
        dialog.start.click()
    change = {
        "kinds": dialog.form.kinds.button("removed").click,
        "format": lambda: dialog.form.format.setCurrentIndex(1),
        "template": lambda: dialog.form.template.setText("{stem} calm"),
    }
    change[choice]()
    assert _states(dialog) == ["Waiting", "Waiting"]
    assert not dialog.report.isEnabled()


def test_failures_are_shown_with_their_sentence(
    dialog: BatchDialog, qtbot: QtBot, hand: Hand, folder: Path
) -> None:
    hand.failing = "a.wav"
    hand.on.set()
    _prepare(dialog, qtbot, folder)
    with qtbot.waitSignal(dialog.finished_all) as finished:
        dialog.start.click()
    assert finished.args == [1, 1]
    assert _states(dialog) == ["Failed", "Done"]
    assert _rows(dialog)[0][2] == "It is damaged."
    assert "1 failed" in dialog.notice.text


def test_stopping_cleans_up_and_can_be_gone_on_with(
    dialog: BatchDialog, qtbot: QtBot, hand: Hand, folder: Path
) -> None:
    _prepare(dialog, qtbot, folder)
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
    _prepare(dialog, qtbot, folder)
    dialog.start.click()
    qtbot.waitUntil(lambda: bool(hand.threads))
    with qtbot.waitSignal(dialog.finished):
        dialog.close()
        assert not dialog.isVisible()  # nobody waits for the workers
    assert hand.cleaned.is_set()


def test_the_windows_end_waits_for_the_workers(
    dialog: BatchDialog, qtbot: QtBot, hand: Hand, folder: Path
) -> None:
    _prepare(dialog, qtbot, folder)
    dialog.start.click()
    qtbot.waitUntil(lambda: bool(hand.threads))
    dialog.done(0)
    assert hand.cleaned.is_set()


def test_only_the_job_thread_looks_at_disks(
    dialog: BatchDialog, qtbot: QtBot, hand: Hand, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookers: set[threading.Thread] = set()

    def watched(name: str) -> Callable[[str], object]:
        look: Callable[[str], object] = getattr(places, name)

        def watch(place: str) -> object:
            lookers.add(threading.current_thread())
            return look(place)

        return watch

    for name in ("state", "is_folder", "files_in", "read_text"):
        monkeypatch.setattr(places, name, watched(name))
    hand.on.set()
    recipe = folder.parent / "calm.json"
    CALM.save(recipe)
    dialog.load_recipe(recipe)
    dialog.add_inputs([str(folder)])
    _settle(dialog, qtbot)
    assert dialog.recipe == CALM
    with qtbot.waitSignal(dialog.finished_all):
        dialog.start.click()
    assert lookers
    assert threading.main_thread() not in lookers


def test_what_came_of_each_recording_is_told(
    dialog: BatchDialog, qtbot: QtBot, hand: Hand, folder: Path
) -> None:
    hand.on.set()
    hand.failing = "b.wav"
    _prepare(dialog, qtbot, folder)
    with qtbot.waitSignal(dialog.finished_all):
        dialog.start.click()
    assert _rows(dialog) == [
        ["a.wav", "Done", "a.kept.wav, a.removed.wav"], ["b.wav", "Failed", "It is damaged."],
    ]  # fmt: skip
    assert dialog.batch is not None
    dialog.queue.show_outcome(dialog.batch.jobs[1], Outcome("done", before=True))
    assert _rows(dialog)[1] == ["b.wav", "Done before", "b.kept.wav, b.removed.wav"]


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
    _prepare(dialog, qtbot, folder / "a.wav")
    dialog.form.kinds.choose("kept")
    dialog.form.format.setCurrentIndex(dialog.form.format.findData(".flac"))
    answers.append(answer)
    if answer == "Cancel":
        dialog.start.click()
        qtbot.waitUntil(lambda: not answers)
        _settle(dialog, qtbot)
        assert precious.read_text() == "precious"
        assert not dialog.is_running
        return
    with qtbot.waitSignal(dialog.finished_all):
        dialog.start.click()
    assert precious.read_text() == "result"


def test_what_cannot_be_done_is_a_sentence(dialog: BatchDialog, qtbot: QtBot, folder: Path) -> None:
    _prepare(dialog, qtbot, folder)
    dialog.form.template.setText("{nmae}")
    dialog.start.click()
    assert "name template knows" in dialog.notice.text
    assert not dialog.is_running
    dialog.load_recipe(folder / "a.wav")
    _settle(dialog, qtbot)
    assert "no recipe" in dialog.notice.text
    dialog.form.template.setText(DEFAULT)
    (folder / "a.wav").unlink()
    dialog.start.click()
    assert dialog.is_running
    _settle(dialog, qtbot)
    assert "There is no" in dialog.notice.text
    assert not dialog.is_running
    assert dialog.start.isEnabled()
    dialog.clear()
    assert dialog.queue.sources == ()
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
