"""Which of the recent files are there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings

from clapsep_desktop.gui import recent_files
from clapsep_desktop.gui.preferences import Settings
from clapsep_desktop.gui.recent_files import RecentFiles


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat))


@pytest.fixture
def recent(qtbot, settings: Settings) -> Iterator[RecentFiles]:
    recent = RecentFiles(settings)
    yield recent
    recent.close()


def test_files_that_go_and_come_are_told_of(
    recent: RecentFiles, settings: Settings, qtbot, tmp_path: Path
) -> None:
    here, gone = tmp_path / "here.wav", tmp_path / "gone.wav"
    here.touch()
    for path in (here, gone):
        settings.remember_file(path)
    assert recent.is_there(gone), "nobody has looked yet"
    with qtbot.waitSignal(recent.changed):
        recent.look()
    assert [recent.is_there(path) for path in recent.paths] == [False, True]
    gone.touch()
    recent.close()
    with qtbot.waitSignal(recent.changed):
        recent.look()
    assert recent.is_there(gone)


def test_a_folder_that_does_not_answer_holds_nothing_up(
    recent: RecentFiles, settings: Settings, qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, asked = threading.Event(), []
    far, near = tmp_path / "far" / "a.wav", tmp_path / "near" / "b.wav"
    for path in (far, near):
        settings.remember_file(path)

    def exists(path: Path) -> bool:
        asked.append(path)
        if path == far:
            assert answer.wait(20)
        return False

    monkeypatch.setattr(recent_files, "_exists", exists)
    with qtbot.waitSignal(recent.changed):
        recent.look()
    assert not recent.is_there(near)
    assert recent.is_there(far)
    recent.look()
    with qtbot.waitSignal(recent.changed):
        answer.set()
    assert not recent.is_there(far)
    assert asked.count(far) == 1, "it was still being asked"
