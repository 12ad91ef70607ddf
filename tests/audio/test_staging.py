"""Files that take their names when they are complete: together, and whatever the disk can do."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from clapsep_desktop.audio import staging
from clapsep_desktop.audio.staging import (
    StagedFile,
    check_distinct,
    put_in_place,
    real_target,
    remove_left_behind,
    write_text,
)
from clapsep_desktop.errors import AudioWriteError

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX file systems only")


def staged(folder: Path, names: Sequence[str]) -> list[StagedFile]:
    """Complete files, each holding its own name, that wait to replace older ones."""
    files = [StagedFile(folder / name) for name in names]
    for file in files:
        file.part.write_text(file.target.name)
    return files


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def fail(*_args, **_kwargs):
    raise PermissionError(errno.EPERM, "Operation not permitted")


@pytest.fixture
def no_links(monkeypatch):
    """A disk without hard links, as FAT and many shares are."""
    monkeypatch.setattr(staging.os, "link", fail)


def test_files_take_their_names_together(tmp_path):
    (tmp_path / "a").write_text("before")
    put_in_place(staged(tmp_path, ["a", "b"]))
    assert contents(tmp_path) == {"a": "a", "b": "b"}


def test_one_file_is_replaced_without_a_copy_of_the_former(tmp_path, no_links, monkeypatch):
    (tmp_path / "a").write_text("before")
    monkeypatch.setattr(staging.shutil, "copy2", fail)
    put_in_place(staged(tmp_path, ["a"]))
    assert contents(tmp_path) == {"a": "a"}


@pytest.mark.parametrize("with_links", [True, False])
def test_where_one_fails_all_are_as_before(tmp_path, monkeypatch, request, with_links):
    if not with_links:
        request.getfixturevalue("no_links")
    (tmp_path / "a").write_text("before")
    files = staged(tmp_path, ["a", "b", "c"])
    replace = Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda self, to: fail() if Path(to).name == "c" else replace(self, to)
    )
    with pytest.raises(AudioWriteError, match="“c” may not be written"):
        put_in_place(files)
    for file in files:
        file.discard()
    assert contents(tmp_path) == {"a": "before"}


def test_an_interruption_after_the_last_one_takes_nothing_back(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("before")
    files = staged(tmp_path, ["a", "b"])
    replace = Path.replace

    def interrupted(self, to):
        replace(self, to)
        if Path(to).name == "b":
            raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        put_in_place(files)
    assert contents(tmp_path) == {"a": "a", "b": "b"}


def test_a_former_file_that_cannot_be_set_aside_leaves_no_half_copy(
    tmp_path, no_links, monkeypatch
):
    (tmp_path / "a").write_text("before")
    files = staged(tmp_path, ["a", "b"])

    def full(_source, target):
        Path(target).write_text("bef")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(staging.shutil, "copy2", full)
    with pytest.raises(AudioWriteError, match="The disk is full"):
        put_in_place(files)
    for file in files:
        file.discard()
    assert contents(tmp_path) == {"a": "before"}


def test_rights_that_stand_fast_are_no_obstacle(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("before")
    monkeypatch.setattr(staging.shutil, "copymode", fail)
    put_in_place(staged(tmp_path, ["a"]))
    assert contents(tmp_path) == {"a": "a"}


@posix
@pytest.mark.parametrize("same_disk", [True, False])
def test_a_complete_file_is_taken_with_the_rights_of_the_former(tmp_path, monkeypatch, same_disk):
    (tmp_path / "out").mkdir()
    target, made = tmp_path / "out" / "a", tmp_path / "made"
    target.write_text("before")
    target.chmod(0o640)
    made.write_text("made")
    file = StagedFile(target)
    if not same_disk:
        monkeypatch.setattr(Path, "replace", fail)
    file.take(made)
    monkeypatch.undo()
    put_in_place([file])
    assert contents(target.parent) == {"a": "made"}
    assert target.stat().st_mode & 0o777 == 0o640
    assert made.exists() != same_disk


# -- What a crash left -------------------------------------------------------------------------


def test_what_a_crash_left_is_removed_once_nobody_writes_it_any_more(tmp_path):
    old, young = (StagedFile(tmp_path / "a.wav").part for _ in range(2))
    long_ago = time.time() - 2 * 3600
    os.utime(old, (long_ago, long_ago))
    StagedFile(tmp_path / "a.wav").discard()
    assert list(tmp_path.iterdir()) == [young]
    remove_left_behind(tmp_path / "a.wav")
    assert list(tmp_path.iterdir()) == []


def test_a_file_with_a_long_name_is_not_taken_for_what_another_one_left(tmp_path):
    names = ["Dawn chorus at the lake, second microphone, " + end for end in ("1.wav", "2.wav")]
    first = StagedFile(tmp_path / names[0])
    remove_left_behind(tmp_path / names[1])
    assert first.part.exists()


@pytest.mark.parametrize("name", ["x" * 251 + ".wav", "雨" * 84 + ".w", "a[1]*?.wav"])
def test_any_name_that_a_disk_takes_has_a_temporary_one(tmp_path, name):
    try:
        (tmp_path / name).touch()
    except OSError:
        pytest.skip("this file system does not take the name")
    put_in_place(staged(tmp_path, [name]))
    StagedFile(tmp_path / name)
    remove_left_behind(tmp_path / name)
    assert contents(tmp_path) == {name: name}


# -- Targets -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nul.wav", "COM1.kept.flac", "aux"])
def test_names_that_windows_keeps_are_refused_there(tmp_path, monkeypatch, name):
    assert real_target(tmp_path / name, tmp_path / "source").name == name
    monkeypatch.setattr(staging, "_WINDOWS", True)
    with pytest.raises(AudioWriteError, match=r"is the name of a device in Windows\. Choose"):
        real_target(tmp_path / name, tmp_path / "source")
    assert real_target(tmp_path / "console.wav", tmp_path / "source").name == "console.wav"


def test_names_that_some_disk_holds_for_one_are_refused(tmp_path):
    check_distinct([tmp_path / "café.wav", tmp_path / "cafe.wav"])
    for other in ("CAFÉ.wav", "cafe\N{COMBINING ACUTE ACCENT}.wav"):
        with pytest.raises(AudioWriteError, match="Choose two names"):
            check_distinct([tmp_path / "café.wav", tmp_path / other])


# -- Texts -------------------------------------------------------------------------------------


def test_a_text_is_put_in_place_to_the_byte(tmp_path):
    target = tmp_path / "a.json"
    write_text(target, "“one”\r\ntwo\n")
    assert target.read_bytes() == "“one”\r\ntwo\n".encode()


@posix
def test_a_text_goes_where_a_link_leads(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "real")
    write_text(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert contents(tmp_path / "folder") == {"real": "text"}


def test_a_text_that_cannot_be_written_leaves_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("before")
    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(AudioWriteError, match="may not be written"):
        write_text(tmp_path / "a", "after")
    assert contents(tmp_path) == {"a": "before"}
    shutil.rmtree(tmp_path)
    with pytest.raises(AudioWriteError, match="could not be written"):
        write_text(tmp_path / "a", "after")
