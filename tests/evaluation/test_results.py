from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from clapsep_desktop.errors import AudioWriteError, DataError
from clapsep_desktop.evaluation.results import ITEMS_FILE, RUN_FILE, Results, Row

ROW = Row(
    item="validation-2-00001-0@+0dB",
    split="validation",
    sounds=2,
    snr=0.0,
    target="dog, “big”",
    others="wind\nchime",
    mode="both",
    shots=0,
    example_seconds=0.0,
    sdr=1.0 / 3,
    sdri=3.25,
    si_sdr=-0.5,
    si_sdri=None,
    let_through=-3.01,
    similarity=None,
)
RUN = {"seed": 1, "model": {"name": "mini"}}


def _rows(count: int) -> list[Row]:
    return [replace(ROW, item=f"item {i}", si_sdri=i / 7) for i in range(count)]


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    results = Results(tmp_path / "new" / "folder", RUN)
    results.add(_rows(3))
    results.add([ROW])
    again = Results(tmp_path / "new" / "folder", RUN)
    assert again.rows == results.rows == [*_rows(3), ROW]
    assert ROW.key in again
    assert ("item 9", "both", 0, 0.0) not in again


def test_a_row_is_a_line() -> None:
    assert ROW.others == "wind chime"
    assert ROW.target == "dog, “big”"


def test_nothing_is_kept_without_a_folder() -> None:
    results = Results(None, RUN)
    results.add([ROW])
    assert results.rows == [ROW]
    assert ROW.key in results


@pytest.mark.parametrize("cut", [1, 5, 60])
def test_a_line_that_a_crash_left_unfinished_is_measured_again(tmp_path: Path, cut: int) -> None:
    Results(tmp_path, RUN).add(_rows(3))
    path = tmp_path / ITEMS_FILE
    path.write_bytes(path.read_bytes()[:-cut])
    results = Results(tmp_path, RUN)
    assert results.rows == _rows(2)
    results.add(_rows(3)[2:])
    assert Results(tmp_path, RUN).rows == _rows(3)


def test_a_crash_before_the_first_row_loses_nothing(tmp_path: Path) -> None:
    Results(tmp_path, RUN)
    (tmp_path / ITEMS_FILE).write_bytes(b"item,spl")
    Results(tmp_path, RUN).add(_rows(1))
    assert Results(tmp_path, RUN).rows == _rows(1)


def test_results_of_another_run_are_not_mixed_in(tmp_path: Path) -> None:
    Results(tmp_path, RUN).add([ROW])
    with pytest.raises(DataError, match="its seed is 1, not 2"):
        Results(tmp_path, {**RUN, "seed": 2})
    with pytest.raises(DataError, match="mini"):
        Results(tmp_path, {**RUN, "model": {"name": "base"}})
    assert Results(tmp_path, RUN).rows == [ROW]


@pytest.mark.parametrize("text", ["{", "[]", "null"])
def test_a_damaged_description_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / RUN_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="damaged"):
        Results(tmp_path, RUN)


def test_damaged_and_foreign_rows_are_told(tmp_path: Path) -> None:
    Results(tmp_path, RUN).add(_rows(2))
    path = tmp_path / ITEMS_FILE
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("validation", "validation,", 1), encoding="utf-8")
    with pytest.raises(DataError, match="damaged"):
        Results(tmp_path, RUN)
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(DataError, match="another version"):
        Results(tmp_path, RUN)


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(DataError, match="cannot be kept"):
        Results(path, RUN)


def test_rows_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    results = Results(tmp_path, RUN)
    (tmp_path / ITEMS_FILE).unlink()
    (tmp_path / ITEMS_FILE).mkdir()
    with pytest.raises(AudioWriteError, match="could not be written"):
        results.add([ROW])
    assert results.rows == []


def test_the_description_can_be_read_by_others(tmp_path: Path) -> None:
    Results(tmp_path, RUN)
    assert json.loads((tmp_path / RUN_FILE).read_text(encoding="utf-8")) == {"format": 1, **RUN}
