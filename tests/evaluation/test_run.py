from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from clapsep_desktop.errors import DataError
from clapsep_desktop.evaluation.asks import Ask
from clapsep_desktop.evaluation.collection import Listed, Mixing
from clapsep_desktop.evaluation.results import ITEMS_FILE
from clapsep_desktop.evaluation.run import REPORT_FILE, SUMMARY_FILE, Evaluation, Options
from clapsep_desktop.model.interface import SeparationModel
from tests.support.corpus import QuickModel, band_noise, distinct, write_clip
from tests.support.models import FakeModel, identity

MODES = ("both", "example", "absent")

LISTED = Listed(Path("x.csv"), Path())

MIXING = Mixing(count=2, seconds=1.0)


def _options(manifest: Path, **changes: Any) -> Options:
    options = Options(manifest, MIXING, modes=MODES, example_seconds=(0.5,))
    return replace(options, **changes)


def _evaluation(options: Options, model: SeparationModel | None = None) -> Evaluation:
    evaluation = Evaluation(model or QuickModel(), options, embed=distinct)
    for _ in evaluation.steps():
        pass
    return evaluation


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    """All that must not change from run to run."""
    return {name: value for name, value in evaluation.to_dict().items() if name != "speed"}


def test_the_same_seed_gives_the_same_figures(manifest: Path, tmp_path: Path) -> None:
    first = _evaluation(_options(manifest, out=tmp_path / "a"))
    again = _evaluation(_options(manifest, out=tmp_path / "b"))
    assert _figures(first) == _figures(again)
    rows = [(tmp_path / folder / ITEMS_FILE).read_bytes() for folder in "ab"]
    assert rows[0] == rows[1]
    other = _options(manifest, mixing=replace(MIXING, seed=1))
    assert _figures(_evaluation(other)) != _figures(first)


def test_a_run_can_be_stopped_and_grown(manifest: Path, tmp_path: Path) -> None:
    stopped = Evaluation(QuickModel(), _options(manifest, out=tmp_path), embed=distinct)
    for step, _ in zip(stopped.steps(), range(2), strict=False):
        assert step.total == 4
    larger = _options(manifest, mixing=replace(MIXING, count=3, snrs=(0.0, 5.0)))
    grown = _evaluation(replace(larger, out=tmp_path))
    assert _figures(grown) == _figures(_evaluation(larger))
    # A smaller run in the same folder speaks of its own items only.
    smaller = _evaluation(_options(manifest, out=tmp_path))
    assert _figures(smaller) == _figures(_evaluation(_options(manifest)))


def test_another_kind_of_run_needs_another_folder(manifest: Path, tmp_path: Path) -> None:
    _evaluation(_options(manifest, out=tmp_path))
    for mixing in (replace(MIXING, seconds=2.0), replace(MIXING, seed=1)):
        with pytest.raises(DataError, match="another run"):
            _evaluation(_options(manifest, mixing=mixing, out=tmp_path))
    model = QuickModel()
    model.name = "deaf"
    with pytest.raises(DataError, match="deaf"):
        _evaluation(_options(manifest, out=tmp_path), model)


def test_other_weights_of_the_same_name_need_another_folder(manifest: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    options = _options(manifest, out=tmp_path / "out", modes=("both",))
    (folder / "config.json").write_text('{"sha256": "1"}', encoding="utf-8")
    Evaluation(QuickModel(), options, folder=folder, embed=distinct)
    Evaluation(QuickModel(), options, folder=folder, embed=distinct)
    (folder / "config.json").write_text('{"sha256": "2"}', encoding="utf-8")
    with pytest.raises(DataError, match="its model is"):
        Evaluation(QuickModel(), options, folder=folder, embed=distinct)


def test_a_model_without_query_is_asked_for_speech(tmp_path: Path, manifest: Path) -> None:
    text = manifest.read_text(encoding="utf-8").replace(",band_3,band 3,", ",speech_low,a voice,")
    spoken = manifest.parent / "spoken.csv"  # beside the recordings
    spoken.write_text(text, encoding="utf-8")
    evaluation = _evaluation(_options(spoken), FakeModel(identity))
    assert evaluation.asks == [Ask("none")]
    assert {item.wanted.concept for item in evaluation.collection.items} == {"speech_low"}
    assert {row.mode for row in evaluation.rows} == {"mixture", "half", "ideal", "none"}


def test_a_folder_of_sounds_is_mixed_like_a_manifest(manifest: Path, tmp_path: Path) -> None:
    sounds = tmp_path / "sounds"
    for row in manifest.read_text(encoding="utf-8").splitlines()[1:]:
        name = row.split(",")[0]
        band, _, rest = Path(name).name.partition("-")
        target = sounds / band / f"{rest.partition('.')[0]} {band}{Path(name).suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((manifest.parent / name).read_bytes())
    options = _options(sounds, mixing=replace(MIXING, splits=("train",)), out=tmp_path / "out")
    before = _evaluation(options)
    assert len(before.collection.items) == 4
    Evaluation(QuickModel(), options, embed=distinct)
    next(sounds.rglob("*.wav")).unlink()
    with pytest.raises(DataError, match="another run"):
        Evaluation(QuickModel(), options, embed=distinct)


def test_what_is_missing_is_said(manifest: Path, tmp_path: Path) -> None:
    rows = manifest.read_text(encoding="utf-8").splitlines()
    partial = manifest.parent / "partial.csv"
    partial.write_text(
        "\n".join([rows[0], *(row.replace("band0", "gone", 1) for row in rows[1:])]) + "\n",
        encoding="utf-8",
    )
    evaluation = _evaluation(_options(partial, mixing=Mixing(count=8, seconds=1.0)))
    missing, *others = list(evaluation.notes())
    assert "gone-" in missing
    assert len(evaluation.collection.items) + evaluation.collection.dropped == 16
    assert evaluation.to_dict()["dropped"] == evaluation.collection.dropped > 0
    assert any("Failed" in note for note in others) == bool(evaluation.benchmark.failures)


def test_a_published_list_is_measured(tmp_path: Path) -> None:
    for band in range(4):
        write_clip(tmp_path / f"{band}.wav", band_noise(band, 1.0))
    lines = ["source_file,positive_caption,noise_file,negative_caption"]
    lines += [f"{i}.wav,band {i},{(i + 1) % 4}.wav,band {(i + 1) % 4}" for i in range(4)]
    listed = tmp_path / "esc_eval.csv"
    listed.write_text("\n".join(lines) + "\nnone.wav,band 0,0.wav,band 1\n", encoding="utf-8")
    samples = tmp_path / "esc_eval_samples.csv"
    samples.write_text(
        "class,file\nband 0,\"['0.wav', '1.wav']\"\nband 1,\"['1.wav']\"\n", encoding="utf-8"
    )
    options = Options(
        lists=(Listed(listed, tmp_path, samples),),
        modes=("both", "example-positive", "absent"),
    )
    evaluation = _evaluation(options)
    found = {(row.item, row.mode): row for row in evaluation.rows}
    assert min(found[f"esc-0000{i}", "both"].si_sdri or 0 for i in range(4)) > 15
    # The example listed for the first item is, wrongly, of the sound that is to go.
    assert (found["esc-00000", "example-positive"].si_sdri or 0) < -15
    assert ("esc-00001", "example-positive") not in found  # the only one is the mixture's own
    assert all(found[f"esc-0000{i}", "absent"].let_through < -15 for i in range(4))
    assert next(evaluation.notes()).startswith(
        "Missing: 1 recording and, for lack of them, 1 mixture: none"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"manifest": None},
        {"lists": (LISTED,)},
        {"manifest": None, "lists": (LISTED,), "mixing": Mixing(interferers=2)},
        {"manifest": None, "lists": (LISTED,), "mixing": Mixing(splits=("unseen",))},
        {"manifest": None, "lists": (LISTED,), "mixing": Mixing(targets="speech")},
    ],
)
def test_options_that_do_not_fit_are_refused(manifest: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        Options(**({"manifest": manifest} | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"splits": ("test",)},
        {"count": 0},
        {"interferers": 0},
        {"interferers": 10},
        {"seconds": 0.5},
        {"seconds": float("nan")},
        {"snrs": (100.0,)},
    ],
)
def test_mixtures_nobody_can_make_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        Mixing(**changes)


class _Page(HTMLParser):
    """What a page refers to, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_report_is_one_file_with_every_picture(manifest: Path, tmp_path: Path) -> None:
    mixing = replace(MIXING, snrs=(0.0, 5.0))
    options = _options(
        manifest,
        mixing=mixing,
        modes=("both", "example"),
        shots=(1, 2),
        example_seconds=(0.5, 1.0),
        out=tmp_path,
    )
    evaluation = _evaluation(options)
    evaluation.write()
    evaluation.write_report()
    page = _Page((tmp_path / REPORT_FILE).read_text(encoding="utf-8"))
    assert not page.open
    assert page.links
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    text = " ".join(page.words)
    for words in (
        "validation, 2 sounds, +5 dB",
        "Side by side",
        "Number of examples",
        "Length of examples",
        "Level of the target",
        "Joint space",
        "ideal ratio mask",
        "“band ",
    ):
        assert words in text
    summary = json.loads((tmp_path / SUMMARY_FILE).read_text(encoding="utf-8"))
    assert summary == evaluation.to_dict()


def test_a_report_of_nothing_measured_is_still_a_page(manifest: Path, tmp_path: Path) -> None:
    evaluation = Evaluation(QuickModel(), _options(manifest, out=tmp_path), embed=distinct)
    evaluation.write_report()
    page = _Page((tmp_path / REPORT_FILE).read_text(encoding="utf-8"))
    assert not page.links
    assert "hearing on manifest.csv" in " ".join(page.words)
