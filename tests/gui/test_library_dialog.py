"""The dialog of saved sounds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import soundfile
from PySide6.QtWidgets import QApplication, QFileDialog, QInputDialog
from pytestqt.qtbot import QtBot
from shiboken6 import delete, isValid

from clapsep_desktop.audio.playback import Player
from clapsep_desktop.batch import versions
from clapsep_desktop.errors import ClapSepError
from clapsep_desktop.gui.jobs import JobRunner
from clapsep_desktop.gui.library_dialog import LibraryDialog
from clapsep_desktop.model import registry
from clapsep_desktop.query import AudioPrompt
from clapsep_desktop.session.library import Library
from clapsep_desktop.session.sounds import Clip, Sound, Vector
from tests.support.hearing import HearingModel
from tests.support.playback import FakeBackend, FakeClock


def _sound(name: str) -> Sound:
    clips = (Clip.of(np.full(3_200, 0.1), "one"), Clip.of(np.full(6_400, 0.2), "two"))
    return Sound(name, clips, {"mini": Vector((1.0,), "v1")})


@pytest.fixture
def library(tmp_path: Path) -> Library:
    library = Library(tmp_path / "sounds")
    for name in ("dog", "fridge"):
        library.save(_sound(name))
    return library


@pytest.fixture
def card() -> FakeBackend:
    return FakeBackend(FakeClock())


@pytest.fixture
def example(tmp_path: Path) -> AudioPrompt:
    path = tmp_path / "bell.wav"
    soundfile.write(path, 0.2 * np.sin(np.arange(32_000) * 0.2), 16_000)
    return AudioPrompt(path, 0.5, 1.5)


@pytest.fixture
def dialog(
    qapp: QApplication,
    library: Library,
    card: FakeBackend,
    example: AudioPrompt,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[LibraryDialog]:
    from clapsep_desktop.separation.models import Models

    hearing = HearingModel()
    hearing.name = "mini"
    monkeypatch.setattr(registry, "load", lambda *_, **__: hearing)
    monkeypatch.setattr(versions, "query_models", lambda: {"mini": "v1"})
    runner = JobRunner()
    dialog = LibraryDialog(
        library,
        runner,
        lambda: Models("cpu"),
        selection=lambda: example,
        ask=lambda question: question.answers[0],
        player=Player(card, clock=card.clock),
    )
    yield dialog
    if isValid(dialog):
        dialog.done(0)
        dialog.deleteLater()
    runner.close()


def _names(dialog: LibraryDialog) -> list[str]:
    return [dialog.list.item(row).text().splitlines()[0] for row in range(dialog.list.count())]


def test_sounds_are_listed_and_played(dialog: LibraryDialog, card: FakeBackend) -> None:
    assert _names(dialog) == ["@dog", "@fridge"]
    assert "2 examples, 0.3 s" in dialog.list.item(0).text()
    for _ in range(2):  # a second click begins anew
        dialog.hear.click()
        assert dialog._player.settle()
        heard = card.streams[-1].pull(6_400)[:, 0]
        assert heard[1_600] == pytest.approx(0.1, abs=1e-3)
        assert heard[4_800] == pytest.approx(0.2, abs=1e-3)


def test_closing_ends_what_is_heard(dialog: LibraryDialog, card: FakeBackend) -> None:
    dialog.hear.click()
    assert dialog._player.settle()
    assert not card.streams[-1].closed
    dialog.done(0)
    assert card.streams[-1].closed


def test_a_closed_dialog_hears_nothing_of_its_work(
    dialog: LibraryDialog, qtbot: QtBot, library: Library, example: AudioPrompt
) -> None:
    begun, held = threading.Event(), threading.Event()

    def wait() -> NoReturn:
        begun.set()
        held.wait()
        raise ClapSepError("There is no model.")

    dialog._models = wait
    dialog.learn("bell", [example])
    runner = dialog._runner
    assert begun.wait(10)
    dialog.done(0)
    delete(dialog)
    with qtbot.waitSignal(runner.idle):
        held.set()
    assert "bell" not in library


def test_the_selection_becomes_a_sound(
    dialog: LibraryDialog, qtbot: QtBot, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("our bell", True))
    with qtbot.waitSignal(dialog.changed):
        dialog.add_selection.click()
        assert not dialog.add_files.isEnabled()
    assert _names(dialog) == ["@dog", "@fridge", "@our bell"]
    assert library.get("our bell").seconds == pytest.approx(1.0)
    assert dialog.chosen is not None
    assert dialog.chosen.name == "our bell"
    assert dialog.add_files.isEnabled()


def test_a_sound_learns_from_more_examples(
    dialog: LibraryDialog,
    qtbot: QtBot,
    library: Library,
    example: AudioPrompt,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = ([str(example.path)], "")
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_, **__: files)
    with qtbot.waitSignal(dialog.changed):
        dialog.add_example.click()
    assert [clip.name for clip in library.get("dog").clips] == ["one", "two", "bell"]


def test_what_cannot_be_learned_is_told(
    dialog: LibraryDialog, qtbot: QtBot, tmp_path: Path
) -> None:
    dialog.learn("ghost", [AudioPrompt(tmp_path / "gone.wav")])
    qtbot.waitUntil(lambda: "gone.wav" in dialog.notice.text)
    assert dialog.add_files.isEnabled()
    assert "@ghost" not in _names(dialog)


def test_a_name_that_is_taken_is_told(
    dialog: LibraryDialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("Dog", True))
    dialog.add_selection.click()
    assert "saved already" in dialog.notice.text


def test_renaming_and_removing(dialog: LibraryDialog, qtbot: QtBot, library: Library) -> None:
    with qtbot.waitSignal(dialog.changed):
        dialog.rename("dog", "hound")
    assert library.names() == ["fridge", "hound"]
    dialog.rename("hound", "fridge")
    assert "saved already" in dialog.notice.text
    with qtbot.waitSignal(dialog.changed):
        dialog.remove_button.click()
    assert library.names() == ["fridge"]


def test_sounds_go_out_and_come_back(
    dialog: LibraryDialog, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = tmp_path / "pack.clapsounds"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(pack), ""))
    dialog.export_button.click()
    library.remove("dog")
    dialog.take_in(pack)  # the fridge is there: the question is answered with Replace
    assert _names(dialog) == ["@dog", "@fridge"]
    broken = tmp_path / "broken.clapsounds"
    broken.write_text("{")
    dialog.take_in(broken)
    assert "not JSON" in dialog.notice.text


def test_an_empty_library_offers_what_is_possible(dialog: LibraryDialog, library: Library) -> None:
    for name in library.names():
        library.remove(name)
    dialog.refresh()
    assert dialog.chosen is None
    assert not dialog.hear.isEnabled()
    assert not dialog.export_button.isEnabled()
    assert dialog.add_files.isEnabled()


def test_no_sound_device_is_told(dialog: LibraryDialog, qtbot: QtBot, card: FakeBackend) -> None:
    card.installed = False
    dialog.hear.click()
    qtbot.waitUntil(lambda: dialog.notice.text == "There is no PortAudio.")
