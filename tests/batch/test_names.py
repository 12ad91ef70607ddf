"""Names of results from templates."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.batch.names import Template, safe_name
from clapsep_desktop.errors import DataError
from clapsep_desktop.query import Query
from clapsep_desktop.session.recipe import Recipe, Step

RECIPE = Recipe((Step(Query.of(remove=["wind / rain"])),))


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{name}.{kind}", "take 1.kept"),
        ("{n}-{name}", "07-take 1"),
        ("{kind}/{name} {query}", "kept/take 1 remove wind - rain"),
        ("{{{n}}}", "{07}"),
    ],
)
def test_fields_are_filled_in(template: str, name: str) -> None:
    assert Template(template).names("/in/take 1.wav", RECIPE, "kept", 7, 12) == name
    assert Template(template).names("s3://in/take 1.wav", RECIPE, "kept", 7, 12) == name


@pytest.mark.parametrize("text", ["{nmae}", "{name!r}", "{name:>9}", "{}", "{0}"])
def test_unknown_fields_are_named(text: str) -> None:
    with pytest.raises(DataError, match=r"knows \{name\}, \{query\}, \{kind\}, \{n\}"):
        Template(text)


@pytest.mark.parametrize("text", ["", "a/", "../{name}", "/{name}", ".", "{name"])
def test_what_gives_no_name_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="name template"):
        Template(text)


@pytest.mark.parametrize("name", ["CON", "nul.wav", "lpt1"])
def test_names_that_windows_keeps_for_itself_are_changed(name: str) -> None:
    assert safe_name(name) == f"_{name}"


@pytest.mark.parametrize("letter", ["x", "雨"])
def test_what_tells_results_apart_stays_where_names_are_too_long(letter: str) -> None:
    template = Template("{kind} {name}/{n} {name} {query} {name}.{kind}")
    long = Recipe((Step(Query.of(remove=["wind"])),), "wind " * 30)
    for recipe in (RECIPE, long):
        name = template.names(f"/in/{letter * 250}.wav", recipe, "kept", 7, 12)
        first, second = name.split("/")
        assert first.startswith(f"kept {letter}")
        assert second.startswith(f"07 {letter}")
        assert second.endswith(f"{letter}.kept")
        assert "wind" in second
        assert max(len(part.encode()) for part in (first, second)) <= 200


def test_a_name_that_is_no_text_gives_one_that_is() -> None:
    name = Template().names(os.fsdecode(b"/in/caf\xe9 1.wav"), RECIPE, "kept", 1, 1)
    assert name.isprintable()
    assert name.endswith(" 1.kept")


@given(st.text(st.characters()))
def test_every_text_becomes_one_name(text: str) -> None:
    name = safe_name(text)
    assert name
    assert len(name.encode()) <= 201
    assert not set(name) & set('<>:"/\\|?*\0\n')
    assert name not in (".", "..")
