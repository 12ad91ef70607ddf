"""What each part of mini's recipe gives, by short runs that differ in one thing.

    python packaging/benchmarks/ablations.py MANIFEST --out DIR [--steps N] [--variants a,b]

A network of a tenth of mini's weights learns both stages on the concepts of ``words.toml``, from
the same seed, hence from the same first weights and, where the change leaves them alone, the same
mixtures. Then it is measured on pairs of validation recordings by their captions and by examples,
on such pairs in other words than the captions', and on concepts that were left out of training.
Nothing is chosen by these measurements. ``seed`` repeats the reference with another seed: what does
not differ by well more than it does is noise. A run of 160 steps takes a free core about a minute;
the more steps, the more a table says.

A run that was killed goes on from its checkpoint when the command is given again, and one that is
finished is not run again. DIR/ablations.md and DIR/ablations.json hold what is known so far.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from clapsep_desktop.audio.staging import write_text  # noqa: E402
from clapsep_desktop.evaluation.collection import embed_texts  # noqa: E402
from clapsep_desktop.evaluation.concepts import Embed  # noqa: E402
from clapsep_desktop.evaluation.manifest import (  # noqa: E402
    Sound,
    by_concept,
    by_split,
    read_sounds,
)
from clapsep_desktop.model.mini_net import MiniConfig, MiniNet  # noqa: E402
from clapsep_desktop.training.augment import place  # noqa: E402
from clapsep_desktop.training.captions import CaptionTable  # noqa: E402
from clapsep_desktop.training.config import (  # noqa: E402
    JointConfig,
    MixingConfig,
    TrainingConfig,
    to_json,
)
from clapsep_desktop.training.data import RATE, SoundBank  # noqa: E402
from clapsep_desktop.training.draw import Drawer  # noqa: E402
from clapsep_desktop.training.joint import JointStage  # noqa: E402
from clapsep_desktop.training.loop import CHECKPOINT, Trainer, load_checkpoint  # noqa: E402
from clapsep_desktop.training.runs import Sounds  # noqa: E402
from clapsep_desktop.training.separation import SeparationStage  # noqa: E402
from clapsep_desktop.training.validation import JointValidation, Validation  # noqa: E402

WORDINGS: dict[str, dict[str, str]] = tomllib.loads(
    (Path(__file__).parent / "words.toml").read_text(encoding="utf-8")
)["wordings"]
STEPS = 160
DECAY = 3  # the last of so many parts of a run has a falling learning rate
REFERENCE = TrainingConfig(
    model=MiniConfig(
        mels=32, widths=(16, 24, 32, 48), context=64, decoder_blocks=1, condition=64, map_width=8,
        mask_width=64, mask_blocks=2,
    ),
    joint=JointConfig(clips=16, seconds=1.27),
    mixing=MixingConfig(seconds=1.27, mixtures=4, examples=4, example_seconds=1.27),
    warmup=10,
    averaging=0.9,
    log_steps=20,
    save_seconds=60.0,
    validate_seconds=float("inf"),  # at the end only
    validation_pairs=24,
)  # fmt: skip
"""A step of stage two costs a core an eighth of a second or more; in bfloat16 it costs more."""

COLUMNS = {
    "seen_both": "both",
    "seen_positive": "keep",
    "seen_negative": "remove",
    "seen_example": "example",
    "words_both": "other words: both",
    "words_positive": "keep",
    "unseen_both": "unseen: both",
    "unseen_positive": "keep",
    "unseen_example": "example",
    "joint_top1": "stage one: top-1",
}
"""What the table shows of the values measured: SI-SDRi in dB, and at last a share."""


# What is compared.


@dataclass(frozen=True)
class Variant:
    """A run.

    Attributes:
        about: how it differs from the reference.
        config: of stage two; stage one has the same network and seed.
        pretrained: whether there is a stage one.
        halved: whether only half of each concept's recordings are there to learn from.
    """

    about: str
    config: TrainingConfig
    pretrained: bool = True
    halved: bool = False


def variants(reference: TrainingConfig) -> dict[str, Variant]:
    """The reference first, and all that differ from it in one thing, the most asked for first."""
    model, mixing = reference.model, reference.mixing

    def heard_by(**changed: object) -> TrainingConfig:
        return replace(reference, model=replace(model, **changed))  # type: ignore[arg-type]

    def mixed(**changed: object) -> TrainingConfig:
        return replace(reference, mixing=replace(mixing, **changed))  # type: ignore[arg-type]

    narrow = tuple(width // 2 for width in model.widths)
    half, double = reference.steps // 2, reference.steps * 2
    return {
        "reference": Variant("reference", reference),
        "seed": Variant("another seed", replace(reference, seed=reference.seed + 1)),
        "joint": Variant("no stage one", reference, pretrained=False),
        "noise": Variant("no noise on embeddings", mixed(embedding_noise=0.0)),
        "data": Variant("half of the recordings", reference, halved=True),
        "narrow": Variant("encoder of half the widths", heard_by(widths=narrow)),
        "half": Variant(f"{half} steps", replace(reference, steps=half)),
        "double": Variant(f"{double} steps", replace(reference, steps=double)),
        "context": Variant("encoder without context blocks", heard_by(context_blocks=0)),
        "snr": Variant("all sounds at 0 dB", mixed(level_deviation=0.0)),
        "absent": Variant("no absent sounds asked for", mixed(absent=0.0)),
        "modes": Variant("modes 30, 30, 40 %", mixed(modes=(0.3, 0.3, 0.4))),
    }


class AsRecorded(Drawer):
    """Draws without other speeds, colours and rooms, which cost as much as so small a network."""

    def heard(self, index: int, seconds: float, random: np.random.Generator) -> np.ndarray:
        """A recording in a window of some length, at a root mean square of 1."""
        sound = place(self.bank.samples(index), int(seconds * RATE), random)
        return np.asarray(sound / (np.sqrt(np.mean(sound**2)) + np.float32(1e-6)))


class Part(SoundBank):
    """Some sounds of a bank, decoded with all of them; captions may be others."""

    def __init__(self, bank: SoundBank, sounds: Sequence[Sound]) -> None:
        index = {sound.path: i for i, sound in enumerate(bank.sounds)}
        self.sounds = list(sounds)
        self._bank, self._places = bank, [index[sound.path] for sound in sounds]

    def length(self, index: int) -> int:
        """Samples of one sound."""
        return self._bank.length(self._places[index])

    def samples(self, index: int) -> np.ndarray:
        """One whole sound, float32 (n,), full scale = 1.0."""
        return self._bank.samples(self._places[index])


def few(source: Path, cache: Path, embed: Embed) -> tuple[Sounds, list[Sound]]:
    """The sounds of the concepts with other wordings, few enough to learn in few steps.

    Returns:
        Them, their captions together with those of unseen concepts, and the sounds of the latter.
    """
    rows = [
        sound
        for sound in read_sounds(source)
        if sound.concept in WORDINGS or sound.split == "unseen"
    ]
    training, validation = (
        SoundBank(by_split(rows, split), cache) for split in ("train", "validation")
    )
    sounds = Sounds(training, validation, CaptionTable(rows, embed, cache))
    return sounds, by_split(rows, "unseen")


def half_of(sounds: Sequence[Sound]) -> list[Sound]:
    """Every second split group of each concept, beginning with the first, in order."""
    kept: list[int] = []
    for members in by_concept(sounds).values():
        groups = sorted({sounds[index].split_group for index in members})[::2]
        kept += [index for index in members if sounds[index].split_group in groups]
    return [sounds[index] for index in sorted(kept)]


# What is measured.


class Exams:
    """Sets of pairs for finished networks: seen concepts, the same in other words, unseen ones.

    A manifest without unseen concepts has no set of them.
    """

    def __init__(
        self, sounds: Sounds, unseen: Sequence[Sound], cache: Path, embed: Embed, pairs: int
    ) -> None:
        seen = sounds.validation
        worded = [
            replace(sound, captions=tuple(WORDINGS[sound.concept].values()))
            for sound in seen.sounds
        ]
        table = CaptionTable(worded, embed, cache)
        self.sets = {
            "seen": Validation(seen, sounds.captions, pairs),
            "words": Validation(Part(seen, worded), table, pairs),
        }
        if len(by_concept(unseen)) > 1:
            bank = SoundBank(unseen, cache)
            self.sets["unseen"] = Validation(bank, sounds.captions, pairs)

    def measure(self, net: MiniNet) -> dict[str, float]:
        """Mean SI-SDRi in dB, by set and mode, and under "both" what the training log wants."""
        values = {
            f"{name}_{mode}": value
            for name, validation in self.sets.items()
            for mode, value in validation.measure(net).items()
        }
        return {**values, "both": values["seen_both"]}


# Running.


class Bench:
    """Runs variants in one folder, in this process alone.

    Args:
        source: the manifest.
        sounds: its sounds.
        measure: values of a finished network, "both" among them.
        joint_steps: length of stage one.
        out: where each run has a folder of its own, named after all that it depends on but the
            script itself.
        say: shows progress.
    """

    def __init__(
        self,
        source: Path,
        sounds: Sounds,
        measure: Callable[[MiniNet], dict[str, float]],
        joint_steps: int,
        out: Path,
        say: Callable[[str], None] = print,
    ) -> None:
        self.sounds, self.measure, self.joint_steps = sounds, measure, joint_steps
        self.out, self.say = out, say
        self._source = hashlib.sha256(source.read_bytes()).hexdigest()

    def run(self, name: str, variant: Variant) -> dict[str, float]:
        """What a variant comes to, trained as far as it is not yet."""
        joint = self._joint(name, variant) if variant.pretrained else None
        config = variant.config
        folder = self._folder(name, variant, config)
        if not finished(folder, config.steps):
            torch.manual_seed(config.seed)
            net = MiniNet(config.model)
            if joint is not None:
                net.load_state_dict(load_checkpoint(joint)["net"])
            stage = SeparationStage(self._drawer(variant), config.mixing, config.seed)
            say = self._saying(name)
            Trainer(net, stage, config, folder, self.measure, workers=0, say=say).run()
        values = last_row(folder / "validation.csv")
        if joint is not None:
            values["joint_top1"] = last_row(joint / "validation.csv")["top1"]
        return values

    def _joint(self, name: str, variant: Variant) -> Path:
        """The folder of a variant's stage one, which variants share that do not change it."""
        config = replace(variant.config, mixing=MixingConfig(), steps=self.joint_steps)
        folder = self._folder("joint", variant, config)
        if not finished(folder, config.steps):
            torch.manual_seed(config.seed)
            validation = JointValidation(self.sounds.validation, self.sounds.captions)
            stage = JointStage(self._drawer(variant), config.joint, config.seed)
            say = self._saying(f"{name}, stage one")
            net = MiniNet(config.model)
            Trainer(net, stage, config, folder, validation.measure, workers=0, say=say).run()
        return folder

    def _drawer(self, variant: Variant) -> Drawer:
        bank = self.sounds.training
        if variant.halved:
            bank = Part(bank, half_of(bank.sounds))
        return AsRecorded(bank, self.sounds.captions, variant.config.concept_power)

    def _folder(self, name: str, variant: Variant, config: TrainingConfig) -> Path:
        joint_steps = self.joint_steps if variant.pretrained else 0
        about = f"{self._source} {joint_steps} {variant.halved} {to_json(config)}"
        return self.out / f"{name}-{hashlib.sha256(about.encode()).hexdigest()[:8]}"

    def _saying(self, name: str) -> Callable[[str], None]:
        return lambda line: self.say(f"{name}: {line}")


def finished(folder: Path, steps: int) -> bool:
    """Whether a run has saved its last step."""
    return (folder / CHECKPOINT).exists() and load_checkpoint(folder)["step"] >= steps


def last_row(path: Path) -> dict[str, float]:
    """The values of the last row of a run's table."""
    with path.open(newline="", encoding="utf-8") as file:
        *_, row = csv.DictReader(file)
    return {name: float(value) for name, value in row.items()}


def table(results: Mapping[str, Mapping[str, float]], about: Mapping[str, str]) -> str:
    """Markdown: the values of the first result, and how far those of the others differ from them.

    >>> print(table({"a": {"seen_both": 2.0}, "b": {"seen_both": 1.5}}, {"a": "all", "b": "less"}))
    | run | both |
    |---|---|
    | all | 2.00 |
    | less | -0.50 |
    """
    (first, reference), *others = results.items()
    shown = [column for column in COLUMNS if column in reference]
    rows = [
        ["run", *(COLUMNS[column] for column in shown)],
        [about[first], *(f"{reference[column]:.2f}" for column in shown)],
    ]
    for name, values in others:
        changes = [
            f"{values[column] - reference[column]:+.2f}" if column in values else ""
            for column in shown
        ]
        rows.append([about[name], *changes])
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, "|---" * (1 + len(shown)) + "|", *body])


def main() -> None:
    """Run what is asked for, one variant after the other."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--steps", type=int, default=STEPS, metavar="N", help="of the reference")
    parser.add_argument("--variants", metavar="A,B", help="default: all, in the order listed")
    parser.add_argument("--cache", type=Path, help="for decoded sounds; default: DIR/cache")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    known = variants(replace(REFERENCE, steps=options.steps, decay=options.steps // DECAY))
    chosen = options.variants.split(",") if options.variants else list(known)
    if unknown := sorted(set(chosen) - set(known)):
        parser.error(f"there is no variant {unknown[0]}; choose from {', '.join(known)}")
    cache = options.cache or options.out / "cache"
    sounds, unseen = few(options.manifest, cache, embed_texts)
    exams = Exams(sounds, unseen, cache, embed_texts, REFERENCE.validation_pairs)
    bench = Bench(
        options.manifest, sounds, exams.measure, options.steps * 3 // 8, options.out, tell
    )
    compare(bench, {name: known[name] for name in known if name in {"reference", *chosen}})


def compare(bench: Bench, chosen: Mapping[str, Variant]) -> None:
    """Runs variants, and writes and shows the table after each."""
    results: dict[str, dict[str, float]] = {}
    for name, variant in chosen.items():
        results[name] = bench.run(name, variant)
        text = table(results, {each: chosen[each].about for each in results})
        write_text(bench.out / "ablations.md", text + "\n")
        write_text(bench.out / "ablations.json", json.dumps(results, indent=2) + "\n")
        bench.say(text)


def tell(line: str) -> None:
    """On the terminal at once, also where it is a file."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
