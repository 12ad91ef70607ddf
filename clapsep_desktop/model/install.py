"""Putting the published CLAPSep in place: from its authors' files to a model folder of ours."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch

from clapsep_desktop.errors import ModelDamagedError, ModelMismatchError
from clapsep_desktop.model import checkpoint, device, folder, precision, published
from clapsep_desktop.model.config import BaseConfig
from clapsep_desktop.model.folder import Progress, Report, silent
from clapsep_desktop.model.tokenizer import (
    MERGES_FILE,
    VOCABULARY_FILE,
    TextTokenizer,
    read_vocabulary,
)

NAMES = {
    published.CLAP: "music_audioset_epoch_15_esc_90.14.pt (LAION-CLAP)",
    published.CLAPSEP: "best_model.ckpt (CLAPSep)",
    VOCABULARY_FILE: "vocab.json (roberta-base)",
    MERGES_FILE: "merges.txt (roberta-base)",
}
"""What each part is called where its authors publish it."""


def import_files(
    files: Sequence[Path],
    place: Path,
    *,
    sizes: BaseConfig | None = None,
    stored_as: str = "fp32",
    report: Report = silent,
) -> None:
    """Converts published files into a model folder.

    The checkpoints are told apart by what they hold, the tokenizer's files by their endings.

    Args:
        files: LAION-CLAP's and CLAPSep's checkpoints, vocab.json and merges.txt of roberta-base.
        place: the folder to write; a model already there is replaced once the new one is whole.
        sizes: of the model, the published ones if None.
        stored_as: "fp32", or "fp16" for half the disk space and a little less precision.
        report: see `Report`.

    Raises:
        ModelError: a file is missing, unsafe, damaged or of another model, or the disk is full.
            Nothing is changed then.
    """
    config = sizes or BaseConfig()
    given = _sorted(files, report)
    vocabulary, merges = given.tokenizer()
    TextTokenizer(vocabulary, merges, config.text.vocabulary, config.text.max_tokens)
    parts = _parts(given.checkpoints, config)
    given.checkpoints.clear()  # what of them is not in the parts is needed no more
    tokenizer_bytes = vocabulary.stat().st_size + merges.stat().st_size
    with folder.built(place, _bytes(parts, stored_as) + tokenizer_bytes) as part:
        for path in (vocabulary, merges):
            name = VOCABULARY_FILE if path is vocabulary else MERGES_FILE
            shutil.copyfile(path, part / name)
        _write(parts, part, stored_as, report)
        parts.clear()  # and with it the published files' memory
        described = {path.name: folder.describe(path, report) for path in sorted(part.iterdir())}
        checkpoint.write_config(part, config, stored_as, described)
        report(Progress("measuring", place.name, 0, 1))
        precision.write_changes(part, measure_changes(part, config))


def measure_changes(part: Path, config: BaseConfig) -> dict[str, float]:
    """By how many dB each half precision changes a model's filters for one known window."""
    from clapsep_desktop.model.clapsep import ClapSep

    cpu = torch.device("cpu")
    model = ClapSep(part, config, cpu, torch.float32)
    windows, condition = device.probe_window(model)
    exact = model.filters(windows, condition)
    changes = {}
    for name in ("bfloat16", "float16"):
        model.to(cpu, getattr(torch, name))
        change = device.difference_db(model.filters(windows, condition), exact)
        changes[name] = round(change, 1)
    return changes


def _write(
    parts: Mapping[str, checkpoint.Weights], part: Path, stored_as: str, report: Report
) -> None:
    done, total = 0, _bytes(parts, stored_as)
    for name, weights in parts.items():
        report(Progress("converting", name, done, total))
        checkpoint.write_weights(part / name, weights, stored_as)
        done += _bytes({name: weights}, stored_as)
        report(Progress("converting", name, done, total))


def _bytes(parts: Mapping[str, checkpoint.Weights], stored_as: str) -> int:
    """What weights take on the disk, but for each file's short table of contents."""
    each = torch.finfo(checkpoint.STORED_TYPES[stored_as]).bits // 8
    return each * sum(weight.numel() for part in parts.values() for weight in part.values())


@dataclass(frozen=True)
class _Given:
    """What a user's files turned out to be."""

    vocabularies: list[Path]
    merges: list[Path]
    checkpoints: list[published.PublishedFile]

    def tokenizer(self) -> tuple[Path, Path]:
        """The vocabulary and the merges, once nothing is missing and nothing is there twice."""
        kinds = [file.kind for file in self.checkpoints]
        counts = {kind: kinds.count(kind) for kind in (published.CLAP, published.CLAPSEP)}
        counts |= {VOCABULARY_FILE: len(self.vocabularies), MERGES_FILE: len(self.merges)}
        for part, count in counts.items():
            if count > 1:
                raise ModelMismatchError(f"More than one of the files is {NAMES[part]}. Give one.")
        missing = [NAMES[part] for part, count in counts.items() if not count]
        if any(file.complete for file in self.checkpoints) and not counts[published.CLAP]:
            missing.remove(NAMES[published.CLAP])  # CLAPSep's file brings it along
        if missing:
            *some, last = missing
            listed = f"{', '.join(some)} and {last} are" if some else f"{last} is"
            them = "them" if some else "it"
            raise ModelMismatchError(f"{listed} missing among the files. Give {them} as well.")
        return self.vocabularies[0], self.merges[0]


def _sorted(files: Sequence[Path], report: Report) -> _Given:
    """Files by what they are.

    Raises:
        ModelError: one of them is not what any part of the model is, or cannot be read.
    """
    given = _Given([], [], [])
    for path in files:
        if not path.is_file():
            raise ModelMismatchError(f"There is no file {path}.")
    for path in files:
        by_name = "" if published.looks_like_checkpoint(path) else path.suffix.lower()
        if by_name == ".json":
            read_vocabulary(path)
            given.vocabularies.append(path)
        elif by_name == ".txt":
            given.merges.append(_merges(path))
        else:
            size = path.stat().st_size
            report(Progress("reading", path.name, 0, size))
            given.checkpoints.append(published.open_file(path))
            report(Progress("reading", path.name, size, size))
    return given


def _merges(path: Path) -> Path:
    """A text file, if it looks like a tokenizer's merges: two tokens in each line.

    Raises:
        ModelMismatchError: it does not.
        ModelDamagedError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8") as file:
            lines = [line for line in islice(file, 20) if not line.startswith("#version")]
    except (OSError, ValueError) as error:
        raise ModelDamagedError(f"{path} cannot be read ({error}). Get the file again.") from error
    if any(len(line.split()) != 2 for line in lines):
        raise ModelMismatchError(
            f"{path.name} is a text, but not the {NAMES[MERGES_FILE]}. Leave it out."
        )
    return path


def _parts(
    opened: Sequence[published.PublishedFile], config: BaseConfig
) -> dict[str, checkpoint.Weights]:
    """What goes into each of our weight files, checked against what the model needs."""
    weights = published.merged(opened)
    where = " and ".join(file.path.name for file in opened)
    published.check(weights, checkpoint.expected(config), where)
    return checkpoint.split(weights, config)
