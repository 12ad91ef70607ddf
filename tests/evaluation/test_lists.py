from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clapsep_desktop.errors import DataError
from clapsep_desktop.evaluation.collection import Listed, Mixing, from_lists
from clapsep_desktop.evaluation.concepts import CONFUSABLE
from clapsep_desktop.evaluation.lists import (
    PUBLISHED,
    name_of,
    read_list,
    read_samples,
    with_absent,
)
from tests.support.corpus import band_noise, distinct, write_clip

ROWS = [(f"{i}.wav", f"sound {i}", f"{(i + 1) % 6}.wav", f"sound {(i + 1) % 6}") for i in range(6)]


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "esc_eval.csv"
    lines = ["source_file,positive_caption,noise_file,negative_caption", *map(",".join, ROWS)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_rows_become_items(listed: Path, tmp_path: Path) -> None:
    items = read_list(listed, tmp_path)
    assert [item.name for item in items] == [f"esc-{i:05d}" for i in range(6)]
    first = items[0]
    assert (first.split, first.seconds, first.snr, first.cut) == ("esc", 5.0, 0.0, "start")
    assert first.wanted.path == tmp_path / "0.wav"
    assert [part.caption for part in first.parts] == ["sound 0", "sound 1"]
    assert first.others == (first.parts[1],)


def test_a_smaller_draw_is_part_of_a_larger_one(listed: Path, tmp_path: Path) -> None:
    draws = [
        {item.name for item in read_list(listed, tmp_path, count=count, seed=3)}
        for count in (2, 4, 6)
    ]
    assert draws[0] < draws[1] < draws[2]
    assert [len(draw) for draw in draws] == [2, 4, 6]


def test_samples_are_shown_but_never_the_recording_itself(listed: Path, tmp_path: Path) -> None:
    samples = tmp_path / "esc_eval_samples.csv"
    samples.write_text(
        "class,file\nsound 0,\"['0.wav', '3.wav', '4.wav']\"\nsound 1,\"['5.wav']\"\n",
        encoding="utf-8",
    )
    shown = read_samples(samples, tmp_path)
    first, second, *_ = read_list(listed, tmp_path, shown)
    assert first.parts[0].examples == (tmp_path / "3.wav", tmp_path / "4.wav")
    assert first.parts[1].examples == (tmp_path / "5.wav",)
    assert second.parts[1].examples == ()  # nothing is listed for “sound 2”


@pytest.mark.parametrize("cell", ["5.wav", "[1, 2]", "__import__('os').getcwd()", "['a'"])
def test_a_damaged_list_of_samples_is_refused(cell: str, tmp_path: Path) -> None:
    path = tmp_path / "samples.csv"
    path.write_text(f'class,file\nsound 0,"{cell}"\n', encoding="utf-8")
    with pytest.raises(DataError, match="“sound 0” are no list"):
        read_samples(path, tmp_path)


def test_an_absent_caption_fits_no_sound_and_depends_on_its_item_alone(
    listed: Path, tmp_path: Path
) -> None:
    items = read_list(listed, tmp_path)
    found = with_absent(items, listed, distinct)
    for item in found:
        present = distinct([part.caption for part in item.parts])
        assert (present @ distinct([item.absent])[0]).max() < CONFUSABLE
    assert with_absent(items[2:4], listed, distinct) == found[2:4]


def test_no_caption_is_called_absent_where_all_are_alike(listed: Path, tmp_path: Path) -> None:
    items = with_absent(
        read_list(listed, tmp_path), listed, lambda texts: np.ones((len(texts), 1), np.float32)
    )
    assert {item.absent for item in items} == {""}


def test_missing_recordings_are_named_and_their_mixtures_left_out(
    listed: Path, tmp_path: Path
) -> None:
    audio = tmp_path / "audio"
    audio.mkdir()
    for number in (0, 1, 2, 4):
        write_clip(audio / f"{number}.wav", band_noise(number, 0.5))
    found = from_lists([Listed(listed, audio)], Mixing(), distinct)
    assert [item.name for item in found.items] == ["esc-00000", "esc-00001"]
    assert [path.name for path in found.missing] == ["3.wav", "5.wav"]
    assert found.dropped == 4
    assert all(item.absent for item in found.items)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="None of the recordings"):
        from_lists([Listed(listed, tmp_path / "empty")], Mixing())


def test_levels_and_lengths_may_be_others_than_the_lists_own(listed: Path, tmp_path: Path) -> None:
    items = read_list(listed, tmp_path, count=2, snrs=(-5.0, 0.0), seconds=2.5)
    assert len({item.name for item in items}) == len(items) == 4
    assert [item.snr for item in items] == [-5.0, 0.0] * 2
    assert {item.seconds for item in items} == {2.5}
    plain = read_list(listed, tmp_path, count=2)
    assert [item.name for item in plain] == [item.name for item in items if item.snr == 0]
    absent = [item.absent for item in with_absent(items, listed, distinct)]
    assert absent[0::2] == absent[1::2]  # a scene's, whatever its level


def test_several_lists_make_one_collection(listed: Path, tmp_path: Path) -> None:
    for number in range(6):
        write_clip(tmp_path / f"{number}.wav", band_noise(number, 0.5))
    other = listed.with_name("mine_eval.csv")
    other.write_bytes(listed.read_bytes())
    found = from_lists([Listed(listed, tmp_path), Listed(other, tmp_path)], Mixing(count=2))
    assert [item.split for item in found.items] == ["esc", "esc", "mine", "mine"]
    assert found.identity["data"]["name"] == "esc_eval.csv, mine_eval.csv"
    with pytest.raises(DataError, match="same word"):
        from_lists([Listed(listed, tmp_path)] * 2, Mixing())


@pytest.mark.shared
def test_the_published_lists_are_read(shared: Path) -> None:
    lists = sorted((shared / "reference" / "benchmarks").glob("*_eval.csv"))
    counts = {name_of(path): len(read_list(path, Path("audio"))) for path in lists}
    assert counts == {
        "audiocaps": 4_785,
        "audioset": 18_869,
        "esc": 7_500,
        "fsd": 8_000,
        "music": 19_805,
    }
    assert PUBLISHED.keys() < counts.keys()
    for path in lists[0].parent.glob("*_eval_samples.csv"):
        shown = read_samples(path, Path("audio"))
        assert {len(files) for files in shown.values()} == {10}
        captions = {
            item.wanted.caption
            for item in read_list(lists[0].parent / f"{name_of(path)}_eval.csv", Path("audio"))
        }
        assert captions <= shown.keys()
