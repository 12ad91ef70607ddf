"""Putting the published CLAPSep in place: from its authors' files to a model folder of ours."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from clapsep_desktop.errors import ModelMismatchError
from clapsep_desktop.model import checkpoint, device, folder, precision, published
from clapsep_desktop.model.config import BaseConfig
from clapsep_desktop.model.folder import Progress, Report, silent
from clapsep_desktop.model.tokenizer import MERGES_FILE, VOCABULARY_FILE, TextTokenizer

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
    vocabulary, merges, checkpoints = _sorted(files)
    TextTokenizer(vocabulary, merges, config.text.vocabulary, config.text.max_tokens)
    parts = _read(checkpoints, config, report)
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


def _sorted(files: Sequence[Path]) -> tuple[Path, Path, list[Path]]:
    """The vocabulary, the merges and the checkpoints among some files."""
    for path in files:
        if not path.is_file():
            raise ModelMismatchError(f"There is no file {path}.")
    vocabularies = [path for path in files if path.suffix.lower() == ".json"]
    merges = [path for path in files if path.suffix.lower() == ".txt"]
    checkpoints = [path for path in files if path not in (*vocabularies, *merges)]
    for name, found in ((VOCABULARY_FILE, vocabularies), (MERGES_FILE, merges)):
        if len(found) != 1:
            raise ModelMismatchError(
                f"Give exactly one {NAMES[name]} beside the checkpoints; {len(found)} were given."
            )
    return vocabularies[0], merges[0], checkpoints


def _read(
    paths: Sequence[Path], config: BaseConfig, report: Report
) -> dict[str, checkpoint.Weights]:
    """What goes into each of our weight files, checked against what the model needs."""
    opened: list[published.PublishedFile] = []
    for path in paths:
        size = path.stat().st_size
        report(Progress("reading", path.name, 0, size))
        opened.append(published.open_file(path))
        report(Progress("reading", path.name, size, size))
    kinds = [file.kind for file in opened]
    complete = any(file.complete for file in opened)
    for kind in (published.CLAP, published.CLAPSEP):
        if kinds.count(kind) > 1:
            raise ModelMismatchError(f"More than one of the files is {NAMES[kind]}. Give one.")
        if kind not in kinds and not (kind == published.CLAP and complete):
            raise ModelMismatchError(f"{NAMES[kind]} is missing among the files. Give it as well.")
    weights = published.merged(opened)
    published.check(weights, checkpoint.expected(config), " and ".join(p.name for p in paths))
    return checkpoint.split(weights, config)
