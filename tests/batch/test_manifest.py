"""Manifests: each row one recording; bad rows named with their lines, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from clapsep_desktop.batch.manifest import read
from clapsep_desktop.batch.run import Order
from clapsep_desktop.errors import DataError
from clapsep_desktop.query import AudioPrompt, Query, TextPrompt
from clapsep_desktop.session.recipe import Step


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.wav", "b c.wav", "dog.wav"):
        (tmp_path / name).write_text("")
    return tmp_path


def _read(folder: Path, *lines: str, encoding: str = "utf-8") -> list[Order]:
    path = folder / "jobs.csv"
    path.write_text("\n".join(lines), encoding=encoding)
    return read(path, TextPrompt, lambda query: Step(query, model="mini"))


def test_a_row_is_an_order(folder: Path) -> None:
    orders = _read(
        folder,
        "input,keep,remove,keep_audio,remove_audio,kept,removed,start,end,blend,strength",
        "a.wav,a dog | barking,wind,dog.wav#0.5-1,,out/k.flac,,1,0:02.5,0.25,0.75",
        '"b c.wav",,"wind, rain",,dog.wav,,/abs/r.wav,,,,',
    )
    one, two = orders
    assert (one.source, one.kept, one.removed) == (
        str(folder / "a.wav"),
        str(folder / "out/k.flac"),
        "",
    )
    (step,) = one.recipe.steps
    assert step.query == Query(
        (TextPrompt("a dog"), TextPrompt("barking"), AudioPrompt(folder / "dog.wav", 0.5, 1.0)),
        (TextPrompt("wind"),),
        0.25,
        0.75,
    )
    assert (step.start, step.end, step.model) == (1.0, 2.5, "mini")
    assert two.removed == "/abs/r.wav"
    assert two.recipe.steps[0].query.remove == (
        TextPrompt("wind, rain"),
        AudioPrompt(folder / "dog.wav"),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_any_script_and_a_byte_order_mark(folder: Path, encoding: str) -> None:
    (folder / "犬.wav").write_text("")
    (order,) = _read(folder, "input,keep", "犬.wav,鳥の声", "", ",", encoding=encoding)
    assert order.source.endswith("犬.wav")


@pytest.mark.parametrize("separator", [";", "\t"])
def test_as_spreadsheets_of_other_countries_write_it(folder: Path, separator: str) -> None:
    lines = ("Input, Remove ,STRENGTH", 'a.wav,"rain| wind",0.5')
    (order,) = _read(
        folder, *(line.replace(",", separator) for line in lines), encoding="utf-8-sig"
    )
    assert order.recipe.steps[0].query == Query.of(remove=["rain", "wind"], strength=0.5)


def test_a_home_that_is_not_there_is_a_name_like_any_other(folder: Path) -> None:
    with pytest.raises(DataError) as caught:
        _read(folder, "input,keep_audio", "~no such user/a.wav,x", "a.wav,~no such user/b.wav")
    assert "no file “" in str(caught.value)
    assert "no example “" in str(caught.value)


def test_every_bad_line_is_named(folder: Path) -> None:
    with pytest.raises(DataError) as caught:
        _read(
            folder,
            "input,keep,keep_audio,start,end,strength",
            "a.wav,dog,,,,",
            "gone.wav,dog,,,,",
            ",dog,,,,",
            "a.wav,,,,,",
            "a.wav,dog,gone.wav,,,",
            "a.wav,dog,,soon,,",
            "a.wav,dog,,2,1,",
            "a.wav,dog,,,,loud",
            "a.wav,dog,,,,2",
            "a.wav,dog,,,,,more",
        )
    said = str(caught.value)
    assert "so nothing was done" in said
    for line, text in (
        (3, "there is no file"),
        (4, "names no input"),
        (5, "Nothing is asked for"),
        (6, "there is no example"),
        (7, "is not a time"),
        (8, "end must lie after"),
        (9, "“loud” is no number"),
        (10, "strength must lie between"),
        (0, "and 1 more lines"),
    ):
        assert text in said
        assert not line or f"line {line}: " in said
    assert "line 2:" not in said


def test_a_field_too_many_is_told(folder: Path) -> None:
    with pytest.raises(DataError, match="line 2: it has more fields"):
        _read(folder, "input,keep", "a.wav,wind,rain")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([""], "first line must name the column “input”"),
        (["input"], "first line must name"),
        (["keep"], "first line must name"),
        (["input,keep,colour", "a.wav,x,red"], "column “colour”"),
        (["input,keep,keep", "a.wav,x,y"], "the column “keep” twice"),
        (["input,keep", ".,x"], "is a folder. Write a line for each"),
        (["input,keep"], "lists nothing"),
        (["input,keep", 'a.wav,"x'], "follows line 1"),
    ],
)
def test_what_is_no_manifest_is_told(folder: Path, lines: list[str], said: str) -> None:
    with pytest.raises(DataError, match=said):
        _read(folder, *lines)


def test_other_files_are_told(folder: Path) -> None:
    with pytest.raises(DataError, match="UTF-8"):
        _read(folder, "input,keep", "a.wav,é", encoding="latin-1")
    with pytest.raises(DataError, match="could not be read"):
        read(folder / "gone.csv", TextPrompt)
