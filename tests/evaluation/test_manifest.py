from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.errors import DataError
from clapsep_desktop.evaluation.manifest import (
    UNSEEN_CONCEPTS,
    Sound,
    by_concept,
    by_split,
    read_manifest,
    read_sounds,
)

HEADER = "path,concept,captions,split_group,license\n"


def _write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "manifest.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_manifest_is_read_in_order(tmp_path: Path) -> None:
    path = _write(
        tmp_path,
        HEADER + "a/dog.ogg,dog,a dog| barking dog |,kennel,CC0\n"
        'b.ogg,church_bell,"bells, ringing",tower,CC0\nc.ogg,wind_chime,,garden,CC0\n',
    )
    assert read_manifest(path) == [
        Sound(tmp_path / "a/dog.ogg", "dog", ("a dog", "barking dog"), "kennel"),
        Sound(tmp_path / "b.ogg", "church_bell", ("bells, ringing",), "tower"),
        Sound(tmp_path / "c.ogg", "wind_chime", ("wind chime",), "garden"),
    ]


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = _write(tmp_path, HEADER + "a.ogg,dog,a dog,kennel,CC0\n", "utf-8-sig")
    assert len(read_manifest(path)) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"path,concept\na.ogg,dog\n", "captions, split_group"),
        (b"", "missing"),
        (HEADER.encode(), "lists nothing"),
        ((HEADER + "ä").encode("latin-1"), "UTF-8"),
        (b"\0\0\0\0", "not a manifest"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "manifest.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_manifest(path)


def test_a_missing_manifest_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(DataError, match="could not be read"):
            read_manifest(path)


@given(st.lists(st.tuples(st.sampled_from(["dog", "wolf"]), st.text(max_size=8)), max_size=40))
def test_no_group_stands_on_two_sides_of_a_split(rows: list[tuple[str, str]]) -> None:
    sounds = [Sound(Path(str(i)), c, ("x",), group) for i, (c, group) in enumerate(rows)]
    parts = {split: by_split(sounds, split) for split in ("train", "validation", "unseen")}
    assert sorted(s.path for part in parts.values() for s in part) == sorted(s.path for s in sounds)
    groups = {s.split_group for s in parts["train"]} & {s.split_group for s in parts["validation"]}
    assert not groups
    assert {s.concept for s in parts["unseen"]} <= UNSEEN_CONCEPTS
    assert not {s.concept for s in parts["train"] + parts["validation"]} & UNSEEN_CONCEPTS


def test_concepts_are_counted_in_order() -> None:
    sounds = [Sound(Path(c), c, ("x",), "g") for c in "abacb"]
    assert by_concept(sounds) == {"a": [0, 2], "b": [1, 4], "c": [3]}


def test_a_folder_of_recordings_needs_no_manifest(tmp_path):
    for name in ("rain-1.wav", "rain-2.wav", "dogs/a03.FLAC", "dogs/b.mp3", "notes.md", "7.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "rain-1.txt").write_text("heavy rain\n\n rain on a roof \n", encoding="utf-8")
    sounds = {sound.path.name: sound for sound in read_sounds(tmp_path)}
    assert sorted(sounds) == ["7.wav", "a03.FLAC", "b.mp3", "rain-1.wav", "rain-2.wav"]
    assert sounds["rain-1.wav"].captions == ("heavy rain", "rain on a roof")
    assert sounds["rain-1.wav"].concept == "heavy_rain"
    assert sounds["rain-2.wav"].captions == ("rain",)
    assert sounds["rain-1.wav"].split_group == sounds["rain-2.wav"].split_group
    assert sounds["a03.FLAC"].concept == sounds["b.mp3"].concept == "dogs"
    assert sounds["a03.FLAC"].captions == ("dogs",)
    assert sounds["a03.FLAC"].split_group != sounds["b.mp3"].split_group
    assert sounds["7.wav"].captions == ("7",)


def test_a_folder_without_recordings_is_said_so(tmp_path):
    with pytest.raises(DataError, match="holds no recordings"):
        read_sounds(tmp_path)


def test_captions_that_are_no_text_are_said_so(tmp_path):
    (tmp_path / "a.wav").touch()
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DataError, match=r"a\.txt” cannot be read"):
        read_sounds(tmp_path)
