"""Paths and URLs alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from clapsep_desktop.batch import places
from clapsep_desktop.errors import AudioReadError, AudioWriteError


@pytest.fixture(params=["disk", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "disk":
        yield str(tmp_path / "root")
        return
    yield "memory://root"
    fsspec.filesystem("memory").store.clear()


def test_what_is_put_is_there(root: str) -> None:
    place = places.joined(root, "deep/note.txt")
    assert places.name_of(place) == "note.txt"
    assert places.parent(place) == places.joined(root, "deep")
    assert places.state(place) is None
    assert places.read_text(place) is None
    places.write_text(place, "one")
    before = places.state(place)
    assert before is not None
    assert before[0] == 3
    places.write_text(place, "three")
    assert places.read_text(place) == "three"
    assert places.state(place) != before
    with places.fetched(place) as path:
        assert path.read_text() == "three"
    places.remove(place)
    places.remove(place)
    assert places.state(place) is None


def test_what_is_not_there_is_told(root: str) -> None:
    if places.is_url(root):
        with pytest.raises(AudioReadError, match="could not be fetched"):
            places.fetched(places.joined(root, "no.wav")).__enter__()


def test_unfinished_results_leave_no_trace(tmp_path: Path) -> None:
    target = str(tmp_path / "out" / "a.wav")
    shop = places.workshop("k", [target])
    folder = shop.__enter__()
    assert folder.parent == tmp_path / "out"
    (folder / "x").write_text("half")
    error = RuntimeError()
    assert not shop.__exit__(RuntimeError, error, None)
    assert list((tmp_path / "out").iterdir()) == []


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    target = str(tmp_path / "a.wav")
    shops = [places.workshop(key, [target]) for key in ("one", "two")]
    for shop in shops:
        (shop.__enter__() / "x").write_text("half")
    places.sweep("one", [target])
    (left,) = tmp_path.iterdir()
    assert "two" in left.name


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AudioWriteError):
        places.write_text(str(tmp_path / "file" / "note"), "x")


def test_a_store_that_is_not_known_is_told() -> None:
    with pytest.raises(AudioReadError, match="cannot be reached"):
        places.state("nowhere://a/b")


class Shut(fsspec.AbstractFileSystem):
    """A store that refuses everything by errors of its own kind, as those of cloud stores do."""

    def refuse(self, *_: object, **__: object) -> None:
        raise RuntimeError("No credentials.")

    info = ls = cat_file = rm = put_file = get_file = makedirs = refuse


def test_a_store_that_refuses_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_system", lambda place: (Shut(), place))
    place = "shut://out/a.wav"
    with pytest.raises(AudioReadError, match=r"“shut://out/a.wav” cannot be reached: No cred"):
        places.state(place)
    with pytest.raises(AudioReadError, match="could not be fetched: No credentials"):
        places.fetched(place).__enter__()
    with pytest.raises(AudioWriteError, match="could not be written: No credentials"):
        places.write_text(place, "x")
    assert places.read_text(place) is None
    assert places.files_in("shut://out") == []
    places.remove(place)


def test_windows_drives_are_paths() -> None:
    assert not places.is_url(r"C:\in\a.wav")
    assert not places.is_url("a:b")
    assert places.is_url("s3://b/a.wav")
