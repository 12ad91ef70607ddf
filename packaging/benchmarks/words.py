"""Words that people type, beside the captions a model learned from.

    python packaging/benchmarks/words.py wordings MANIFEST [--each N] [--model NAME]
    python packaging/benchmarks/words.py complaints MANIFEST [--each N] [--model NAME]

``wordings`` mixes two validation recordings at 0 dB and asks for one of them by its corpus caption
and by other wordings: a single noun, a synonym, a plural, a long sentence (``words.toml``), "the
sound of", a request, and a typing error. What counts is how much SI-SDRi is lost against the
caption, and how near the wording lies to it in the space of the queries.

``complaints`` puts what editors of speech complain of most under validation voices, 5 dB below
them, and asks to remove it in three ways: by the model alone, and by ``auto`` beside "keep the
voice". Values are SI-SDRi of the voice.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from clapsep_desktop.audio.source import ArraySource  # noqa: E402
from clapsep_desktop.evaluation.collection import embed_texts  # noqa: E402
from clapsep_desktop.evaluation.concepts import Concepts  # noqa: E402
from clapsep_desktop.evaluation.hearing import HearOnce, ManyQueryModel  # noqa: E402
from clapsep_desktop.evaluation.items import RATE  # noqa: E402
from clapsep_desktop.evaluation.manifest import (  # noqa: E402
    Sound,
    by_concept,
    by_split,
    read_manifest,
)
from clapsep_desktop.evaluation.metrics import si_sdr  # noqa: E402
from clapsep_desktop.evaluation.mixtures import Scene, scenes, window  # noqa: E402
from clapsep_desktop.model import registry  # noqa: E402
from clapsep_desktop.query import Query  # noqa: E402
from clapsep_desktop.separation.engine import Separator, assemble  # noqa: E402
from clapsep_desktop.separation.models import Models, make_plan  # noqa: E402
from clapsep_desktop.separation.pipeline import Pipeline  # noqa: E402
from clapsep_desktop.separation.plan import direct  # noqa: E402
from clapsep_desktop.training.data import decode  # noqa: E402

SECONDS = 5
SEED = 23
VOICE_OVER_COMPLAINT = 5.0  # dB
CAPTION = "caption of the corpus"
WORDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


# Wordings of one sound.


def wordings(caption: str, listed: Mapping[str, str]) -> dict[str, str]:
    """Every way to ask for a sound, by the kind of wording."""
    return {
        CAPTION: caption,
        "single noun": listed["noun"],
        "synonym": listed["synonym"],
        "plural": listed["plural"],
        "long sentence": listed["sentence"],
        "“the sound of ...”": f"the sound of {caption}",
        "request": f"please give me only {caption} from this recording",
        "capitals": caption.upper(),
        "typing error": mistyped(caption),
    }


def mistyped(text: str) -> str:
    """A text with two letters of its longest word exchanged, and one left out.

    >>> mistyped("a dog barking")
    'a dog brakng'
    """
    words = text.split()
    place = max(range(len(words)), key=lambda index: len(words[index]))
    word = words[place]
    if len(word) > 3:
        word = word[0] + word[2] + word[1] + word[3:]
    words[place] = word[:4] + word[5:]
    return " ".join(words)


@dataclass(frozen=True)
class Answer:
    """One question about one mixture."""

    wording: str
    kept: float  # dB, SI-SDRi, asked to keep the sound only
    both: float  # dB, SI-SDRi, asked to remove the other one as well
    cosine: float  # to the caption


def answers(scene: Scene, model: ManyQueryModel) -> Iterator[Answer]:
    """All wordings for the first sound of a scene."""
    texts = wordings(scene.captions[0], WORDS["wordings"][scene.sounds[0].concept])
    embedded = model.embed_text([*texts.values(), scene.captions[1]])
    own, other = embedded[:-1], embedded[-1]
    silent = np.zeros_like(other)
    asked = [pair(each, silent) for each in own] + [pair(each, other) for each in own]
    sources = scene.sources(lambda sound: decode(sound.path), SECONDS * RATE)
    mixture = sources.sum(axis=0)
    before = float(si_sdr(mixture, sources[0]))
    listener = HearOnce(model)
    listener.prepare(asked)
    separator = Separator(listener)
    gained = []
    for condition in asked:
        kept = assemble(separator.extract(ArraySource(mixture[:, None], RATE), None, condition))
        gained.append(float(si_sdr(kept[:, 0], sources[0])) - before)
    for index, name in enumerate(texts):
        cosine = float(own[index] @ own[0])
        yield Answer(name, gained[index], gained[len(own) + index], cosine)


def pair(keep: np.ndarray, remove: np.ndarray) -> np.ndarray:
    """A condition from two embeddings."""
    joined = np.concatenate([keep, remove])
    return np.asarray(joined / np.linalg.norm(joined), np.float32)


def ask_in_words(options: argparse.Namespace) -> None:
    """Measure and print the table of wordings."""
    model = registry.load(options.model, "cpu")
    if not isinstance(model, ManyQueryModel):
        raise SystemExit(f"{options.model} does not answer several queries at once")
    sounds = by_split(read_manifest(options.manifest), "validation")
    concepts = Concepts(sounds, embed_texts)
    listed = [name for name in WORDS["wordings"] if name in by_concept(sounds)]
    found = scenes(
        sounds, options.each * len(listed), SEED, concepts.confusable, first=listed.__contains__
    )
    results = [answer for scene in found for answer in answers(scene, model)]
    print(f"{len(found)} mixtures of two sounds at 0 dB, {len(listed)} concepts asked for\n")
    print("| wording | keep: SI-SDRi | against the caption | keep and remove | cosine |")
    print("|---|---|---|---|---|")
    reference = mean([answer.kept for answer in results if answer.wording == CAPTION])
    for name in dict.fromkeys(answer.wording for answer in results):
        some = [answer for answer in results if answer.wording == name]
        kept, both = mean([each.kept for each in some]), mean([each.both for each in some])
        cosine = mean([each.cosine for each in some])
        print(f"| {name} | {kept:.2f} | {kept - reference:+.2f} | {both:.2f} | {cosine:.2f} |")


# Complaints.


def complain(options: argparse.Namespace) -> None:
    """Measure and print the table of complaints."""
    models = Models("cpu")
    sounds = by_split(read_manifest(options.manifest), "validation")
    print("| complaint | items | removed by name | and “keep the voice” | improved | by query |")
    print("|---|---|---|---|---|---|")
    for name, about in WORDS["complaints"].items():
        cases = list(complaints(sounds, about, options.each))
        if not cases:
            print(f"| {name} | 0 | | | | |")
            continue
        alone, both, by_query = [], [], []
        for typed in about["typed"]:
            one = [gain(case, Query.of([], [typed]), models, options.model) for case in cases]
            keep = Query.of(["a person speaking"], [typed])
            both += [gain(case, keep, models, "auto") for case in cases]
            alone += one
            by_query.append(f"{typed} {mean(one):.1f}")
        improved = np.mean(np.array(alone) > 0.0)
        print(
            f"| {name} | {len(cases)} | {mean(alone):.2f} | {mean(both):.2f} | {improved:.0%} "
            f"| {', '.join(by_query)} |",
            flush=True,
        )


def complaints(
    sounds: Sequence[Sound], about: Mapping[str, Sequence[str]], count: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Voices (n,) and what disturbs them, float32; the same for the same sounds."""
    random = np.random.default_rng(SEED)
    voices = [sound for sound in sounds if sound.concept.startswith("speech")]
    disturbing = [sound for sound in sounds if sound.concept in about.get("concepts", ())]
    for _ in range(count):
        voice = window(decode(voices[random.integers(len(voices))].path), SECONDS * RATE, random)
        if "made" in about:
            noise = hiss(random)
        elif disturbing:
            chosen = disturbing[random.integers(len(disturbing))]
            noise = window(decode(chosen.path), SECONDS * RATE, random)
        else:
            return
        level = np.sqrt(np.mean(voice**2)) / (np.sqrt(np.mean(noise**2)) + 1e-9)
        noise = noise * (level * 10 ** (-VOICE_OVER_COMPLAINT / 20))
        scale = 0.5 / np.abs(voice + noise).max()
        yield voice * scale, noise * scale


def hiss(random: np.random.Generator) -> np.ndarray:
    """Noise that rises by 6 dB an octave, as of a tape or a weak preamplifier; float32 (n,)."""
    return np.diff(random.standard_normal(SECONDS * RATE + 1)).astype(np.float32)


def gain(case: tuple[np.ndarray, np.ndarray], query: Query, models: Models, name: str) -> float:
    """SI-SDRi of the voice in dB."""
    voice, noise = case
    mixture = np.asarray(voice + noise, np.float32)
    plan = make_plan(query, models) if name == "auto" else direct(query, name)
    blocks = Pipeline(plan, models).extract(ArraySource(mixture[:, None], RATE))
    return float(si_sdr(assemble(blocks)[:, 0], voice)) - float(si_sdr(mixture, voice))


def mean(values: Sequence[float]) -> float:
    """Of some numbers."""
    return float(np.mean(values))


def main() -> None:
    """Choose what to measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    for name, run, each in (("wordings", ask_in_words, 6), ("complaints", complain, 6)):
        command = commands.add_parser(name)
        command.add_argument("manifest", type=Path)
        command.add_argument("--each", type=int, default=each, help="mixtures of each sound")
        command.add_argument("--model", default="mini", help="a name or a folder")
        command.set_defaults(run=run)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
