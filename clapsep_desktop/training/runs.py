"""Runs put together: from a manifest and a folder to a trained mini model."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

from clapsep_desktop.evaluation.manifest import by_split, read_manifest
from clapsep_desktop.model import mini
from clapsep_desktop.model.mini_net import MiniNet
from clapsep_desktop.model.text import SentenceEncoder
from clapsep_desktop.resources import resource
from clapsep_desktop.training.captions import CaptionTable
from clapsep_desktop.training.config import TrainingConfig
from clapsep_desktop.training.data import SoundBank
from clapsep_desktop.training.draw import Drawer
from clapsep_desktop.training.joint import JointStage
from clapsep_desktop.training.loop import Trainer, load_checkpoint, load_config
from clapsep_desktop.training.separation import SeparationStage
from clapsep_desktop.training.validation import JointValidation, Validation


@dataclass(frozen=True)
class Sounds:
    """Decoded sounds and their embedded captions."""

    training: SoundBank
    validation: SoundBank
    captions: CaptionTable


def prepare(manifest: Path, cache: Path, text: Path | None = None) -> Sounds:
    """Reads a manifest, decodes its sounds and embeds its captions, or takes them from the cache.

    Args:
        manifest: see `clapsep_desktop.evaluation.manifest`.
        cache: a folder; about 2 GB for 8 hours of sounds.
        text: folder of the sentence encoder; None for the one that ships.
    """
    sounds = read_manifest(manifest)
    folder = resource("models", "mini", mini.TEXT_FOLDER) if text is None else text
    captions = CaptionTable(sounds, lambda texts: SentenceEncoder.load(folder).embed(texts), cache)
    return Sounds(
        SoundBank(by_split(sounds, "train"), cache),
        SoundBank(by_split(sounds, "validation"), cache),
        captions,
    )


def train_joint(sounds: Sounds, config: TrainingConfig, folder: Path) -> None:
    """Stage one, in a folder that may hold an unfinished run."""
    torch.manual_seed(config.seed)
    drawer = Drawer(sounds.training, sounds.captions, config.concept_power)
    stage = JointStage(drawer, config.joint, config.seed)
    validation = JointValidation(sounds.validation, sounds.captions)
    Trainer(MiniNet(config.model), stage, config, folder, validation.measure).run()


def train_separation(
    sounds: Sounds, config: TrainingConfig, folder: Path, joint: Path | None
) -> None:
    """Stage two, from the weights of a finished run of stage one if a folder is given."""
    torch.manual_seed(config.seed)
    net = MiniNet(config.model)
    if joint is not None:
        net.load_state_dict(load_checkpoint(joint)["net"])
    drawer = Drawer(sounds.training, sounds.captions, config.concept_power)
    stage = SeparationStage(drawer, config.mixing, config.seed)
    validation = Validation(sounds.validation, sounds.captions, config.validation_pairs)
    Trainer(net, stage, config, folder, validation.measure).run()


def release(run: Path, target: Path) -> None:
    """Writes a run's averaged weights as a model.

    Args:
        run: folder of a run of stage two.
        target: folder of the model; a sentence encoder is put there if it holds none.

    Raises:
        ModelMissingError: the run has not saved anything yet.
        ModelDamagedError: its checkpoint or settings cannot be read.
    """
    state = load_checkpoint(run)
    net = MiniNet(load_config(run).model)
    net.load_state_dict(state["average"])
    text = target / mini.TEXT_FOLDER
    if not text.exists():
        shutil.copytree(resource("models", "mini", mini.TEXT_FOLDER), text)
    mini.save(
        net,
        target,
        license="CC-BY-SA-4.0",
        training={"steps": state["step"], "hours": round(state["seconds"] / 3600, 2)},
    )
