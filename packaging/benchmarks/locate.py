"""Find the thresholds of locate and tag on one split of a corpus, measure them on another.

    python packaging/benchmarks/locate.py --manifest FILE [--model mini] [--scenes N] [--write]

Run it with ``--write`` whenever a model's weights have changed: it puts ``locate.json`` into the
model's folder. It takes some minutes.

Scenes are 20 s long with faint hiss; four sounds of different concepts lie in each, for 1.5 to
5 s, at any place and within 6 dB of each other. Each scene is asked for two of its sounds and for
two that are not there, in words and by another recording of the same concept. Weights and
thresholds come from the training split alone (see `clapsep_desktop.evaluation.manifest`); the
figures are of the validation split, whose recordings no training has heard. "Chance" is what
calling every query found, or every moment heard, would score.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from clapsep_desktop.audio.source import ArraySource  # noqa: E402
from clapsep_desktop.evaluation.benchmark import decode  # noqa: E402
from clapsep_desktop.evaluation.collection import embed_texts  # noqa: E402
from clapsep_desktop.evaluation.concepts import CONFUSABLE, Concepts  # noqa: E402
from clapsep_desktop.evaluation.manifest import Sound, by_split, read_manifest  # noqa: E402
from clapsep_desktop.evaluation.mixtures import loudest, scenes  # noqa: E402
from clapsep_desktop.model import registry  # noqa: E402
from clapsep_desktop.model.folder import describe_file  # noqa: E402
from clapsep_desktop.separation.locate import (  # noqa: E402
    FILE,
    STEP,
    AlongModel,
    Evidence,
    Thresholds,
    Weights,
    listen,
    peak,
    weights_of,
)
from clapsep_desktop.separation.tags import CANDIDATES, surprise, tag_vectors, vocabulary  # noqa: E402
from clapsep_desktop.steps import carried_out  # noqa: E402

RATE = 32_000
SECONDS = 20
SOUNDS = 4
ASKED = 2  # sounds of a scene that are asked for, and as many that are not there
HISS = 0.03  # against sounds of a root mean square of 1
RIDGE = 1e-3
SEED = 5


@dataclass(frozen=True)
class Question:
    """A query for a scene and its answer."""

    vector: np.ndarray  # (D,)
    heard: np.ndarray  # bool (steps,): whether it sounds at each time; never, if it is absent

    @property
    def present(self) -> bool:
        """Whether it is in the scene."""
        return bool(self.heard.any())


@dataclass(frozen=True)
class Case:
    """A scene with what the model heard of it."""

    text: list[Question]
    example: list[Question]
    evidence: Evidence  # of the texts, then of the examples
    tagged: np.ndarray  # similarity of every tag, (tags, steps)
    right: np.ndarray  # bool (tags,): whether a tag could mean a sound of the scene
    mixture: np.ndarray


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--scenes", type=int, default=60, help="of each split")
    parser.add_argument("--cache", type=Path, help="folder that keeps the captions' embeddings")
    parser.add_argument(
        "--write", action="store_true", help="put locate.json into the model's folder"
    )
    options = parser.parse_args()
    started = time.monotonic()
    model = registry.load(options.model, "cpu")
    assert isinstance(model, AlongModel), "the model cannot say what it hears along time"
    folder = registry.find(options.model).folder
    sounds = read_manifest(options.manifest)
    concepts = Concepts(sounds, embed_texts, options.cache)
    train = list(cases(sounds, "train", concepts, model, options.scenes))
    print(f"training split heard, {time.monotonic() - started:.0f} s", flush=True)
    held = list(cases(sounds, "validation", concepts, model, options.scenes))
    print(f"validation split heard, {time.monotonic() - started:.0f} s", flush=True)
    thresholds = Thresholds(
        text=fitted(train, "text"),
        example=fitted(train, "example"),
        tags=usual(train),
        weights=weights_of(folder),
        measured={},
    )
    measured: dict[str, Any] = {"scenes": options.scenes, "seed": SEED}
    for kind in ("text", "example"):
        for split, these in (("train", train), ("validation", held)):
            measured[f"{kind}, {split}"] = figures(these, kind, getattr(thresholds, kind))
    measured["evidence, text, validation"] = compared(held)
    measured["tags, validation"] = tagging(held, thresholds, model)
    thresholds = replace(thresholds, measured=measured)
    print(
        json.dumps({"text": vars(thresholds.text), "example": vars(thresholds.example)}, indent=1)
    )
    print(json.dumps(measured, indent=1))
    if options.write:
        thresholds.save(folder)
        describe_file(folder, FILE)
        print(f"written to {folder}")


# -- Scenes ------------------------------------------------------------------------------------


def cases(
    sounds: Sequence[Sound], split: str, concepts: Concepts, model: AlongModel, count: int
) -> Iterator[Case]:
    """Scenes of a split, heard."""
    own = by_split(sounds, split)
    shown: dict[str, list[Sound]] = {}
    for sound in own:
        shown.setdefault(sound.concept, []).append(sound)
    names = sorted(shown)
    tags = tag_vectors(model)
    meant = meanings(concepts)
    for scene in scenes(own, count, SEED, concepts.confusable, size=SOUNDS):
        random = np.random.default_rng([scene.seed, SEED])
        mixture, spans = mixed(scene.sounds, random)
        absent = [
            name
            for name in random.permutation(names)
            if not any(concepts.confusable(name, sound.concept) for sound in scene.sounds)
        ][:ASKED]
        never = np.zeros(round(SECONDS / STEP) + 1, bool)
        captions = [*scene.captions[:ASKED]]
        examples = [*scene.examples[:ASKED]]
        answers = [when(span) for span in spans[:ASKED]] + [never] * len(absent)
        for name in absent:
            described = concepts.captions[name]
            captions.append(described[int(random.integers(len(described)))])
            examples.append(shown[name][int(random.integers(len(shown[name])))])
        text = list(map(Question, model.embed_text(captions), answers))
        by_example = [
            Question(embedded(decode(sound.path), model), answer)
            for sound, answer in zip(examples, answers, strict=True)
        ]
        source = ArraySource(mixture[:, None], RATE)
        vectors = np.stack([question.vector for question in (*text, *by_example)])
        right = np.any([meant[sound.concept] for sound in scene.sounds], axis=0)
        yield Case(
            text,
            by_example,
            heard(source, vectors, model),
            heard(source, tags, model, masks=False).similarity,
            right,
            mixture,
        )


def mixed(
    sounds: Sequence[Sound], random: np.random.Generator
) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """A scene (n,) and where each sound lies in it, in seconds."""
    mixture = np.zeros(SECONDS * RATE, np.float32)
    spans = []
    for sound in sounds:
        samples = decode(sound.path)
        length = int(random.uniform(1.5, 5.0) * RATE)
        if len(samples) > length:
            first = loudest(samples, length)
            samples = samples[first : first + length]
        samples = samples / (np.sqrt(np.mean(samples**2)) + 1e-9)
        start = int(random.integers(len(mixture) - len(samples) + 1))
        stop = start + len(samples)
        mixture[start:stop] += samples * 10 ** (random.uniform(-6, 6) / 20)
        spans.append((start / RATE, stop / RATE))
    mixture += HISS * random.standard_normal(len(mixture)).astype(np.float32)
    return mixture * (0.9 / np.abs(mixture).max()), spans


def when(span: tuple[float, float]) -> np.ndarray:
    """The steps at which a sound lies, bool; the nearest one, if it is shorter than a step."""
    times = np.arange(round(SECONDS / STEP) + 1) * STEP
    heard_at = (times >= span[0]) & (times <= span[1])
    if not heard_at.any():
        heard_at[int(np.argmin(np.abs(times - sum(span) / 2)))] = True
    return np.asarray(heard_at)


def embedded(samples: np.ndarray, model: AlongModel) -> np.ndarray:
    """An example as the program embeds it: its loudest window."""
    length = model.plan.length * RATE
    first = loudest(samples, length) if len(samples) > length else 0
    return np.asarray(model.embed_audio([samples[first : first + length].copy()])[0])


def heard(
    source: ArraySource, vectors: np.ndarray, model: AlongModel, *, masks: bool = True
) -> Evidence:
    """All evidence at once."""
    return carried_out(listen(source, vectors, model, masks=masks))


def meanings(concepts: Concepts) -> dict[str, np.ndarray]:
    """For each concept which tags could mean it, bool (tags,)."""
    described = [embed_texts(list(texts)) for texts in vocabulary().values()]
    found = {}
    for name in concepts.names:
        own = embed_texts(concepts.captions[name])
        found[name] = np.array([float(np.max(tag @ own.T)) >= CONFUSABLE for tag in described])
    return found


# -- Thresholds --------------------------------------------------------------------------------


def fitted(train: Sequence[Case], kind: str) -> Weights:
    """Weights by logistic regression on every step, thresholds by what they decide best."""
    similarity, loudness, truth = steps(train, kind)
    features = np.stack([similarity, loudness, np.ones_like(similarity)], axis=1)
    spread = features.std(axis=0) + (features.std(axis=0) == 0)

    def cost(weights: np.ndarray) -> float:
        logits = features / spread @ weights
        return float(np.mean(np.logaddexp(0, logits) - truth * logits) + RIDGE * weights @ weights)

    learned = minimize(cost, np.zeros(3), method="L-BFGS-B").x / spread
    a, b, c = (float(round(each, 6)) for each in learned)
    plain = Weights(a, b, c, found=0.0, heard=0.0)
    present, scores = decisions(train, kind, plain)
    found = best(scores, present, balanced)
    curves = plain(similarity, loudness)
    return replace(plain, found=found, heard=best(curves, truth, f_score))


def best(scores: np.ndarray, truth: np.ndarray, value: Any) -> float:
    """The threshold with the highest value."""
    tried = np.quantile(scores, np.linspace(0.01, 0.99, 99))
    return float(round(max(tried, key=lambda at: value(scores >= at, truth)), 5))


def balanced(said: np.ndarray, truth: np.ndarray) -> float:
    """Mean of the shares of presents found and of absents refused."""
    return float((said[truth].mean() + (~said[~truth]).mean()) / 2)


def f_score(said: np.ndarray, truth: np.ndarray) -> float:
    """Harmonic mean of precision and recall."""
    both = (said & truth).sum()
    return float(2 * both / max(said.sum() + truth.sum(), 1))


def usual(train: Sequence[Case]) -> dict[str, tuple[float, float]]:
    """Mean and spread of each tag's similarity in scenes that have no sound it could mean."""
    found = {}
    for index, name in enumerate(vocabulary()):
        without = [peak(case.tagged[index]) for case in train if not case.right[index]]
        found[name] = (float(np.mean(without)), float(np.std(without)))
    return found


# -- Figures -----------------------------------------------------------------------------------


def questions(
    these: Sequence[Case], kind: str
) -> Iterator[tuple[Question, np.ndarray, np.ndarray]]:
    """Each question with its similarity and loudness along time."""
    for case in these:
        first = 0 if kind == "text" else len(case.text)
        for index, question in enumerate(getattr(case, kind), first):
            yield question, case.evidence.similarity[index], case.evidence.loudness[index]


def steps(these: Sequence[Case], kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Similarity, loudness and truth of every step of every question."""
    rows = list(questions(these, kind))
    return (
        np.concatenate([similarity for _, similarity, _ in rows]).astype(np.float64),
        np.concatenate([loudness for _, _, loudness in rows]).astype(np.float64),
        np.concatenate([question.heard for question, _, _ in rows]),
    )


def decisions(these: Sequence[Case], kind: str, weights: Weights) -> tuple[np.ndarray, np.ndarray]:
    """Whether each question's sound is present, and its score."""
    rows = list(questions(these, kind))
    present = np.array([question.present for question, _, _ in rows])
    scores = np.array([peak(weights(similarity, loudness)) for _, similarity, loudness in rows])
    return present, scores


def figures(these: Sequence[Case], kind: str, weights: Weights) -> dict[str, Any]:
    """Precision and recall of "it is there", and of "it is heard at this moment"."""
    present, scores = decisions(these, kind, weights)
    similarity, loudness, truth = steps(these, kind)
    curves = weights(similarity, loudness)
    length = round(SECONDS / STEP) + 1
    said = (curves >= weights.heard) & np.repeat(scores >= weights.found, length)
    return {
        "found": rated(scores >= weights.found, present) | {"auc": auc(scores, present)},
        "moments": rated(said, truth) | {"auc": auc(curves, truth)},
    }


def compared(held: Sequence[Case]) -> dict[str, Any]:
    """Area under the curve of each kind of evidence alone."""
    similarity, loudness, truth = steps(held, "text")
    rows = list(questions(held, "text"))
    present = np.array([question.present for question, _, _ in rows])
    return {
        "similarity alone": {
            "found": auc(np.array([peak(each) for _, each, _ in rows]), present),
            "moments": auc(similarity, truth),
        },
        "mask alone": {
            "found": auc(np.array([peak(each) for _, _, each in rows]), present),
            "moments": auc(loudness, truth),
        },
    }


def rated(said: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Precision and recall, and the precision of calling everything true."""
    both = float((said & truth).sum())
    return {
        "precision": round(both / max(float(said.sum()), 1.0), 3),
        "recall": round(both / max(float(truth.sum()), 1.0), 3),
        "chance": round(float(truth.mean()), 3),
        "count": int(truth.size),
    }


def auc(scores: np.ndarray, truth: np.ndarray) -> float:
    """Probability that a true one scores above a false one."""
    order = np.argsort(np.argsort(scores, kind="stable"), kind="stable") + 1.0
    positive = int(truth.sum())
    total = order[truth].sum() - positive * (positive + 1) / 2
    return round(float(total / (positive * (truth.size - positive))), 3)


def tagging(held: Sequence[Case], thresholds: Thresholds, model: AlongModel) -> dict[str, Any]:
    """Of the tags that are listed how many are right, and of the sounds how many are listed."""
    vectors = tag_vectors(model)
    listed, right, there = 0, 0, 0
    for case in held:
        likely = np.argsort(-surprise(case.tagged, thresholds))[:CANDIDATES]
        evidence = heard(ArraySource(case.mixture[:, None], RATE), vectors[likely], model)
        scores = [
            peak(thresholds.text(*pair))
            for pair in zip(evidence.similarity, evidence.loudness, strict=True)
        ]
        chosen = [
            i for i, score in zip(likely, scores, strict=True) if score >= thresholds.text.found
        ]
        listed += len(chosen)
        right += int(case.right[chosen].sum())
        there += int(case.right.sum())
    return {
        "precision": round(right / max(listed, 1), 3),
        "recall": round(right / max(there, 1), 3),
        "chance": round(float(np.mean([case.right.mean() for case in held])), 3),
        "listed": round(listed / len(held), 2),
    }


if __name__ == "__main__":
    main()
