"""Short runs that differ in one thing: which, on what, and what a second start does again."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile

from clapsep_desktop.evaluation.manifest import Sound
from clapsep_desktop.model.mini_net import MiniNet
from clapsep_desktop.training.config import JointConfig, MixingConfig, TrainingConfig
from clapsep_desktop.training.data import RATE
from clapsep_desktop.training.runs import Sounds, prepare
from tests.training.conftest import CONCEPTS, TINY, embed, make_sound

CONFIG = TrainingConfig(
    model=TINY,
    joint=JointConfig(clips=4, seconds=0.5),
    mixing=MixingConfig(seconds=0.47, mixtures=2, examples=2, example_seconds=0.47),
    warmup=1,
    steps=4,
    decay=2,
    log_steps=2,
    save_seconds=0.0,
    validate_seconds=float("inf"),
    validation_pairs=2,
)
WORDINGS = {
    "hiss": {"noun": "static", "synonym": "a tape"},
    "clicks": {"noun": "ticks", "synonym": "a needle"},
}


@pytest.fixture
def ablations(load, monkeypatch) -> ModuleType:
    module = load("benchmarks/ablations")
    monkeypatch.setattr(module, "WORDINGS", WORDINGS)
    return module


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    path = folder / "manifest.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "concept", "captions", "split_group"])
        for number, concept in enumerate([*CONCEPTS, "sitar", "wolf"]):
            for take in range(14 if concept in CONCEPTS else 2):
                name = f"{concept}-{take}.wav"
                kind = CONCEPTS[number % len(CONCEPTS)]
                soundfile.write(folder / name, make_sound(kind, 100 * number + take), RATE)
                writer.writerow([name, concept, concept.replace("_", " "), f"{concept}-{take}"])
    return path


@pytest.fixture(scope="module")
def sounds(corpus) -> Sounds:
    return prepare(corpus, corpus.parent / "cache", embed)


class Measure:
    """Counts what was measured; a value that depends on the weights alone."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, net: MiniNet) -> dict[str, float]:
        self.calls += 1
        total = sum(float(weight.double().abs().sum()) for weight in net.parameters())
        return {"seen_both": total % 1.0, "both": total}  # five digits of what differs


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{name}.{key}")
    else:
        yield name, value


def test_each_variant_differs_from_the_reference_in_one_thing(ablations):
    def told(variant):
        return dict(leaves({**asdict(variant), "about": ""}))

    reference, *others = map(told, ablations.variants(ablations.REFERENCE).values())
    changed = [
        tuple(name for name in reference if other[name] != reference[name]) for other in others
    ]
    assert all(len(names) == 1 for names in changed)
    assert len({*changed}) == len(changed) - 1  # two of them change the steps


def test_half_of_the_recordings_leaves_every_concept_and_whole_groups(ablations, tmp_path):
    rows = [
        Sound(tmp_path / f"{concept}-{group}-{part}", concept, (concept,), f"{concept}-{group}")
        for concept, groups in (("dog", 4), ("cat", 5), ("gong", 1))
        for group in range(groups)
        for part in range(2)
    ]
    kept = ablations.half_of(rows)
    assert [sound for sound in rows if sound in kept] == kept
    groups = {concept: {s.split_group for s in kept if s.concept == concept} for concept in
              ("dog", "cat", "gong")}  # fmt: skip
    assert {concept: len(some) for concept, some in groups.items()} == {
        "dog": 2, "cat": 3, "gong": 1,
    }  # fmt: skip
    assert len(kept) == 2 * (2 + 3 + 1)


def test_a_part_of_a_bank_sounds_as_the_bank_does(ablations, sounds):
    bank = sounds.training
    part = ablations.Part(bank, [bank.sounds[5], replace(bank.sounds[2], captions=("other",))])
    assert len(part) == 2
    assert part.sounds[1].captions == ("other",)
    assert part.length(0) == bank.length(5)
    np.testing.assert_array_equal(part.samples(1), bank.samples(2))


def test_only_concepts_with_other_wordings_are_learned_beside_unseen_rivals(
    ablations, corpus, tmp_path
):
    few, unseen = ablations.few(corpus, tmp_path, embed)
    for bank in (few.training, few.validation):
        assert {sound.concept for sound in bank.sounds} == {"hiss", "clicks"}
    assert {sound.concept for sound in unseen} == {"sitar", "wolf"}
    assert few.captions.concepts == ["clicks", "hiss", "sitar", "wolf"]


def test_exams_ask_by_captions_by_other_words_and_for_unseen_concepts(ablations, corpus, tmp_path):
    exams = ablations.Exams(*ablations.few(corpus, tmp_path, embed), tmp_path, embed, 6)
    asked = {
        name: {(sound.concept, caption) for pair in validation.pairs
               for sound, caption in zip(pair.sounds, pair.captions, strict=True)}
        for name, validation in exams.sets.items()
    }  # fmt: skip
    assert list(asked) == ["seen", "words", "unseen"]
    assert asked["seen"] == {("hiss", "hiss"), ("clicks", "clicks")}
    assert {concept for concept, _ in asked["words"]} == {"hiss", "clicks"}
    assert all(words in WORDINGS[concept].values() for concept, words in asked["words"])
    assert asked["unseen"] == {("sitar", "sitar"), ("wolf", "wolf")}
    values = exams.measure(MiniNet(TINY))
    assert set(ablations.COLUMNS) - {"joint_top1"} <= set(values)
    assert values["both"] == values["seen_both"]


def test_a_manifest_without_unseen_concepts_has_no_set_of_them(ablations, corpus, tmp_path):
    few, _ = ablations.few(corpus, tmp_path, embed)
    assert list(ablations.Exams(few, [], tmp_path, embed, 2).sets) == ["seen", "words"]


def test_what_is_finished_is_not_run_again_and_stage_one_is_shared(
    ablations, corpus, sounds, tmp_path
):
    measure, said = Measure(), []
    bench = ablations.Bench(corpus, sounds, measure, 2, tmp_path, said.append)
    known = ablations.variants(CONFIG)
    chosen = {name: known[name] for name in ("reference", "noise", "half", "joint", "data")}
    ablations.compare(bench, chosen)
    assert measure.calls == len(chosen)
    assert len(list(tmp_path.glob("joint-????????"))) == 2 + 1  # whole, half, and none
    first = (tmp_path / "ablations.json").read_text(encoding="utf-8")
    values = json.loads(first)
    assert len({row["seen_both"] for row in values.values()}) == len(chosen)
    assert {row["step"] for row in values.values()} == {4.0, 2.0}
    assert "joint_top1" in values["reference"]
    assert "joint_top1" not in values["joint"]

    said.clear()
    ablations.compare(bench, chosen)
    assert measure.calls == len(chosen)
    assert not [line for line in said if "step" in line and not line.startswith("|")]
    assert (tmp_path / "ablations.json").read_text(encoding="utf-8") == first
    assert (tmp_path / "ablations.md").read_text(encoding="utf-8").count("\n") == 2 + len(chosen)


def test_a_run_that_was_killed_goes_on_where_it_was(ablations, corpus, sounds, tmp_path):
    def killed(line: str) -> None:
        if line.startswith("reference: step 4"):
            raise KeyboardInterrupt

    variant = ablations.variants(CONFIG)["reference"]
    measure, said = Measure(), []
    whole = ablations.Bench(corpus, sounds, measure, 2, tmp_path / "whole", said.append)
    broken = ablations.Bench(corpus, sounds, measure, 2, tmp_path / "broken", killed)
    again = ablations.Bench(corpus, sounds, measure, 2, tmp_path / "broken", said.append)
    expected = whole.run("reference", variant)
    with pytest.raises(KeyboardInterrupt):
        broken.run("reference", variant)
    said.clear()
    assert again.run("reference", variant)["seen_both"] == expected["seen_both"]
    assert not [line for line in said if "stage one" in line or "step 2" in line]


def test_other_settings_are_other_runs(ablations, corpus, sounds, tmp_path):
    measure = Measure()
    bench = ablations.Bench(corpus, sounds, measure, 2, tmp_path, lambda _: None)
    bench.run("reference", ablations.variants(CONFIG)["reference"])
    bench.run("reference", ablations.variants(replace(CONFIG, steps=6))["reference"])
    assert measure.calls == 2
    assert len(list(tmp_path.glob("reference-*"))) == 2


def test_the_table_gives_differences_from_its_first_row(ablations):
    results = {
        "a": {"seen_both": 2.0, "joint_top1": 0.5, "step": 4.0},
        "b": {"seen_both": 1.5, "joint_top1": 0.75, "step": 2.0},
        "c": {"seen_both": 2.0, "step": 2.0},
    }
    assert ablations.table(results, {"a": "all", "b": "less", "c": "none"}).splitlines() == [
        "| run | both | stage one: top-1 |",
        "|---|---|---|",
        "| all | 2.00 | 0.50 |",
        "| less | -0.50 | +0.25 |",
        "| none | +0.00 |  |",
    ]
