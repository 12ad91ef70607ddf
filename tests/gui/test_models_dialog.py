"""The dialog of models: listing, downloading, importing, checking and removing in a window."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from clapsep_desktop.gui.jobs import Progress, ProgressModel
from clapsep_desktop.gui.model_rows import transfer_text
from clapsep_desktop.gui.models_dialog import REMOVE, STOP, ModelsDialog
from clapsep_desktop.gui.questions import Question
from clapsep_desktop.model import download, folder, install, registry
from tests.support import hub as hubs
from tests.support.published import tiny_config, tokenizer, write_files
from tests.support.windows import Studio

PATIENCE = 30_000  # ms


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The four published files, of a model small enough for a test."""
    place = tmp_path_factory.mktemp("published")
    return write_files(place, tiny_config(tokenizer(place)))


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published: list[Path]) -> Path:
    """The user's own models; none yet, and what is installed is small."""
    vocabulary = len(json.loads(published[2].read_text(encoding="utf-8")))
    monkeypatch.setattr(install, "BaseConfig", lambda: tiny_config(vocabulary))
    place = tmp_path / "models"
    monkeypatch.setenv("CLAPSEP_MODELS", str(place))
    return place


@pytest.fixture
def hub(published: list[Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[hubs.Hub]:
    """A hub that has the published files."""
    with hubs.reachable(monkeypatch) as hub:
        hub.publish(published)
        yield hub


@pytest.fixture
def questions() -> list[Question]:
    """What was asked."""
    return []


@pytest.fixture
def make(qtbot: QtBot, questions: list[Question]) -> Iterator[Callable[[], ModelsDialog]]:
    """Makes dialogs whose user says yes."""
    made = []

    def ask(question: Question) -> str:
        questions.append(question)
        return question.answers[0]

    def new() -> ModelsDialog:
        dialog = ModelsDialog(ask=ask)
        qtbot.addWidget(dialog)
        made.append(dialog)
        return dialog

    yield new
    for dialog in made:
        dialog.done(0)


@pytest.fixture
def dialog(make: Callable[[], ModelsDialog]) -> ModelsDialog:
    return make()


def shown(dialog: ModelsDialog) -> dict[str, list[str]]:
    """What the table says of each model."""
    model = dialog.table.model()
    rows = [
        tuple(str(model.index(row, column).data()) for column in range(model.columnCount()))
        for row in range(model.rowCount())
    ]
    return {title: rest for title, *rest in rows}


def ended(dialog: ModelsDialog, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not dialog.is_running, timeout=PATIENCE)


def part_files(models: Path) -> list[Path]:
    return sorted((models / ".downloads").glob(".*.part"))


def test_every_model_is_listed_with_size_and_licence(dialog: ModelsDialog) -> None:
    table = shown(dialog)
    assert set(table) == {"Mini", "Base", "Speech"}
    assert table["Mini"][1:] == [folder.size_text(registry.find("mini").size), "CC BY-SA 4.0"]
    assert table["Base"][1] == "Not installed"
    assert dialog.chosen is not None
    assert dialog.chosen.name == "base"
    assert "Get Base…" in dialog.place.text()
    assert not dialog.verify_button.isEnabled()
    dialog.choose("mini")
    assert dialog.place.text().endswith("It is part of the program.")
    assert dialog.verify_button.isEnabled()
    assert not dialog.remove_button.isEnabled()


def test_base_is_downloaded_once_the_sizes_were_agreed_to(
    dialog: ModelsDialog, qtbot: QtBot, hub: hubs.Hub, questions: list[Question], models: Path
) -> None:
    with qtbot.waitSignal(dialog.changed, timeout=PATIENCE):
        dialog.get_base.click()
        assert not dialog.get_base.isEnabled()
    (question,) = questions
    total = folder.size_text(sum(len(content) for content in hub.files.values()))
    assert question.title == f"Download {total}?"
    for file in download.BASE_FILES:
        assert file.name in question.text
    assert str(models) in question.text
    assert " are free" in question.text
    assert {path.name for path in models.iterdir()} == {"base"}
    assert dialog.chosen is not None
    assert dialog.chosen.size == registry.find("base").size
    ended(dialog, qtbot)
    assert dialog.remove_button.isEnabled()
    registry.verify("base")


def test_nothing_is_transferred_without_a_yes(qtbot: QtBot, hub: hubs.Hub, models: Path) -> None:
    dialog = ModelsDialog(ask=lambda question: question.cancel)
    qtbot.addWidget(dialog)
    dialog.get_base.click()
    ended(dialog, qtbot)
    assert hub.gets == []
    assert not models.exists()
    dialog.done(0)


def test_a_download_that_is_stopped_goes_on_from_there(
    make: Callable[[], ModelsDialog],
    qtbot: QtBot,
    hub: hubs.Hub,
    models: Path,
    questions: list[Question],
) -> None:
    hub.pause = 0.05
    dialog = make()
    dialog.get_base.click()
    qtbot.waitUntil(lambda: hub.sent > 100_000, timeout=PATIENCE)
    assert dialog.cancel_button.isEnabled()
    dialog.cancel_button.click()
    assert dialog.doing.text() == "Stopping…"
    ended(dialog, qtbot)
    assert not dialog.notice.text
    assert registry.installed()[0].name != "base"
    arrived = sum(path.stat().st_size for path in part_files(models))
    assert arrived >= 65_536
    hub.pause, hub.gets = 0.0, []
    with qtbot.waitSignal(dialog.changed, timeout=PATIENCE):
        dialog.get_base.click()
    assert hub.gets[0][1] == f"bytes={arrived}-"
    assert "are here already" in questions[-1].text
    registry.verify("base")


def test_closing_while_downloading_asks_and_keeps_what_has_arrived(
    dialog: ModelsDialog,
    qtbot: QtBot,
    hub: hubs.Hub,
    models: Path,
    questions: list[Question],
) -> None:
    hub.pause = 0.05
    dialog.show()
    dialog.get_base.click()
    qtbot.waitUntil(lambda: hub.sent > 100_000, timeout=PATIENCE)
    dialog.close_button.click()
    assert questions[-1].answers == (STOP,)
    assert not dialog.isVisible()
    assert not dialog.is_running
    assert part_files(models)
    assert not (models / "base").exists()


def test_without_a_connection_the_files_are_named(
    dialog: ModelsDialog, qtbot: QtBot, models: Path
) -> None:
    dialog.get_base.click()  # tests have no network
    ended(dialog, qtbot)
    for file in download.BASE_FILES:
        assert file.url in dialog.notice.text
    assert "Import Files…" in dialog.notice.text
    assert dialog.import_files.isEnabled()
    assert not models.exists()


def test_an_altered_file_is_refused(dialog: ModelsDialog, qtbot: QtBot, hub: hubs.Hub) -> None:
    hub.corrupt = True
    dialog.get_base.click()
    ended(dialog, qtbot)
    assert "arrived altered" in dialog.notice.text
    assert shown(dialog)["Base"][1] == "Not installed"


def test_imported_checked_and_removed(
    dialog: ModelsDialog,
    qtbot: QtBot,
    published: list[Path],
    models: Path,
    questions: list[Question],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ([str(path) for path in published], "")
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_, **__: names)
    dialog.half.setChecked(True)
    with qtbot.waitSignal(dialog.changed, timeout=PATIENCE):
        dialog.import_files.click()
    ended(dialog, qtbot)
    assert registry.find("base").config["stored_as"] == "fp16"
    dialog.verify_button.click()
    ended(dialog, qtbot)
    assert dialog.notice.text == "“Base” is intact."
    weights = max((models / "base").iterdir(), key=lambda path: path.stat().st_size)
    weights.write_bytes(b"altered")
    dialog.verify_button.click()
    ended(dialog, qtbot)
    assert f"{weights.name} is altered" in dialog.notice.text
    with qtbot.waitSignal(dialog.changed, timeout=PATIENCE):
        dialog.remove_button.click()
    assert questions[-1].answers == (REMOVE,)
    assert not (models / "base").exists()
    assert shown(dialog)["Base"][1] == "Not installed"


def test_files_that_are_no_model_are_told(
    dialog: ModelsDialog, qtbot: QtBot, published: list[Path], models: Path
) -> None:
    dialog.take_in(published[:2])
    ended(dialog, qtbot)
    assert "vocab.json" in dialog.notice.text
    assert "missing among the files" in dialog.notice.text
    assert not (models / "base").exists()


def test_looking_again_finds_a_model_of_the_users_own(dialog: ModelsDialog, models: Path) -> None:
    (models / "birds").mkdir(parents=True)
    (models / "birds" / "config.json").write_text('{"architecture": "clapsep-mini"}')
    dialog.look_again.click()
    assert "birds" in shown(dialog)
    dialog.choose("birds")
    assert str(models / "birds") in dialog.place.text()
    assert dialog.remove_button.isEnabled()


def test_a_transfer_in_words() -> None:
    model = ProgressModel()
    model.update(Progress("downloading best.ckpt", 100e6, 300e6), 0.0)
    assert transfer_text(model, 0.0) == "Downloading best.ckpt, 100 MB of 300 MB"
    model.update(Progress("downloading best.ckpt", 120e6, 300e6), 2.0)
    words = transfer_text(model, 2.0)
    assert words == "Downloading best.ckpt, 120 MB of 300 MB, 10 MB/s, 18 s left"
    model.update(Progress("converting text", 5e6, 10e6), 3.0)
    assert transfer_text(model, 3.0) == "Converting text, 5 MB of 10 MB"


@pytest.fixture
def studio(tmp_path: Path, qtbot: QtBot) -> Iterator[Studio]:
    studio = Studio(tmp_path / "studio")
    qtbot.addWidget(studio.window)
    studio.window.show()
    yield studio
    studio.close()


def test_the_window_opens_it_and_offers_what_was_installed(
    studio: Studio, qtbot: QtBot, hub: hubs.Hub
) -> None:
    window = studio.window
    window.query.get_model_requested.emit("base")
    dialog = window.findChild(ModelsDialog)
    assert dialog is not None
    assert dialog.isVisible()
    assert not dialog.isModal()
    studio.trigger("models")
    assert window.findChildren(ModelsDialog) == [dialog]
    window.query.options.model = "base"
    assert window.query.options.model != "base"
    studio.dialogs.answers = ["Download"]
    with qtbot.waitSignal(dialog.changed, timeout=PATIENCE):
        dialog.get_base.click()
    window.query.options.model = "base"
    assert window.query.options.model == "base"


def test_closing_the_window_stops_a_download_and_keeps_what_has_arrived(
    studio: Studio, qtbot: QtBot, hub: hubs.Hub, models: Path
) -> None:
    hub.pause = 0.05
    studio.trigger("models")
    dialog = studio.window.findChild(ModelsDialog)
    assert dialog is not None
    studio.dialogs.answers = ["Download"]
    dialog.get_base.click()
    qtbot.waitUntil(lambda: hub.sent > 100_000, timeout=PATIENCE)
    with qtbot.waitSignal(studio.window.closed):
        studio.window.close()
    assert part_files(models)
