from __future__ import annotations

from pathlib import Path

import pytest

from clapsep_desktop.evaluation import run
from clapsep_desktop.model import registry
from tests.cli.conftest import Clapsep
from tests.support.corpus import distinct, make_corpus
from tests.support.hearing import HearingModel

SMALL = ("--pairs", 2, "--seconds", 1, "--mode", "both", "--mode", "absent")


@pytest.fixture
def corpus(tmp_path: Path, model: HearingModel, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manifest; captions are told apart without the sentence encoder."""
    folder = tmp_path / "model"
    folder.mkdir()
    found = registry.InstalledModel(model.name, folder)
    monkeypatch.setattr(registry, "find", lambda _: found)
    monkeypatch.setattr(run, "embed_texts", distinct)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    sounds = tmp_path / "corpus"
    sounds.mkdir()
    return make_corpus(sounds, recordings=1, seconds=1.0)


def test_a_table_for_a_person(clapsep: Clapsep, corpus: Path) -> None:
    outcome = clapsep("evaluate", corpus, *SMALL)
    assert outcome.code == 0
    assert not outcome.err
    for words in (
        "validation, 2 sounds, +0 dB",
        "SI-SDRi",
        "ideal ratio mask",
        "text: keep and remove",
        "Best concepts",
        "× real time",
    ):
        assert words in outcome.out


def test_figures_for_a_script_and_for_later(clapsep: Clapsep, corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    answer = clapsep("evaluate", corpus, *SMALL, "--out", out, "--json").json
    (group,) = answer["groups"]
    both = next(line for line in group["lines"] if line["mode"] == "both")
    assert both["count"] == 4
    assert both["si_sdri"]["mean"] > 15
    assert both["si_sdri"]["improved"] == 1
    assert {path.name for path in out.iterdir()} == {"run.json", "items.csv", "summary.json"}
    again = clapsep("evaluate", corpus, *SMALL, "--out", out, "--json").json
    assert again["groups"] == answer["groups"]


def test_a_report(clapsep: Clapsep, corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    assert clapsep("evaluate", corpus, *SMALL, "--out", out, "--report").code == 0
    assert (out / "report.html").stat().st_size > 10_000


def test_items_that_cannot_be_asked_for_are_told(clapsep: Clapsep, corpus: Path) -> None:
    outcome = clapsep("evaluate", corpus, "--pairs", 2, "--seconds", 1, "--mode", "example")
    assert outcome.code == 0
    assert "4 items, for lack of other recordings" in outcome.sentence


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "either a manifest"),
        (("missing.csv",), "could not be read"),
        (("CORPUS", "--mode", "loudly"), "no query mode"),
        (("CORPUS", "--split", "test"), "no split"),
        (("CORPUS", "--pairs", 0), "number of mixtures"),
        (("CORPUS", "--list", "x.csv", "--audio", "."), "either a manifest"),
        (("--list", "x.csv"), "go together"),
        (("--list", "x.csv", "--audio", "."), "could not be read"),
        (("--list", "x.csv", "--audio", ".", "--interferers", 2), "says itself"),
        (("--list", "x.csv", "--list", "y.csv", *("--audio", ".") * 3), "one for each"),
        (("--list", "x.csv", "--audio", ".", "--samples", "y_samples.csv"), "There is no list “y”"),
        (("CORPUS", "--report"), "--out"),
        (("CORPUS", "--split", "unseen"), "too few"),
        (("CORPUS", "--targets", "siren"), "too few"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(
    clapsep: Clapsep, corpus: Path, arguments: tuple[object, ...], words: str
) -> None:
    given = [corpus if argument == "CORPUS" else argument for argument in arguments]
    outcome = clapsep("evaluate", *given)
    assert outcome.code == 2
    assert words in outcome.sentence
    assert not outcome.out
