"""Runs put together: from sounds and a folder to a trained model."""

from __future__ import annotations

import copy
import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import torch

from clapsep_desktop.errors import DataError, ModelMismatchError
from clapsep_desktop.evaluation.concepts import Embed
from clapsep_desktop.evaluation.manifest import Sound, by_split, read_sounds
from clapsep_desktop.model import folder as folders
from clapsep_desktop.model import mini, registry
from clapsep_desktop.model.device import CPU, difference_db, probe_window
from clapsep_desktop.model.interface import QueryModel
from clapsep_desktop.model.mini_net import MiniNet
from clapsep_desktop.model.text import SentenceEncoder
from clapsep_desktop.resources import resource
from clapsep_desktop.training import base
from clapsep_desktop.training.captions import CaptionTable
from clapsep_desktop.training.config import TrainingConfig
from clapsep_desktop.training.data import SoundBank
from clapsep_desktop.training.draw import Drawer
from clapsep_desktop.training.joint import JointStage
from clapsep_desktop.training.journal import Say
from clapsep_desktop.training.loop import (
    BEST,
    CHECKPOINT,
    BatchT,
    NetT,
    Stage,
    Trainer,
    load_checkpoint,
    load_config,
)
from clapsep_desktop.training.separation import SeparationStage
from clapsep_desktop.training.validation import JointValidation, Validation

if TYPE_CHECKING:
    from lightning_fabric import Fabric

JOINT: Final = "joint"
MINI: Final = "mini"
BASE: Final = "base"
TITLES = {JOINT: "stage one of mini", MINI: "stage two of mini", BASE: "base"}
"""Of each kind of run."""

Measure = Callable[[MiniNet], dict[str, float]]


@dataclass(frozen=True)
class Sounds:
    """Decoded sounds and their embedded captions."""

    training: SoundBank
    validation: SoundBank
    captions: CaptionTable

    @property
    def left_out(self) -> list[Sound]:
        """Those that cannot be read or hold no sound."""
        return [*self.training.left_out, *self.validation.left_out]


@dataclass(frozen=True)
class Place:
    """Where a run happens and who hears of it."""

    folder: Path  # of the run; may hold an unfinished one
    fabric: Fabric | None = None  # launched; None for this process alone
    say: Say = lambda _: None

    def trainer(
        self,
        net: NetT,
        stage: Stage[NetT, BatchT],
        config: TrainingConfig,
        measure: Callable[[NetT], dict[str, float]],
    ) -> Trainer[NetT, BatchT]:
        """The run of a stage here."""
        return Trainer(net, stage, config, self.folder, measure, fabric=self.fabric, say=self.say)


def prepare(source: Path, cache: Path, embed: Embed | None = None, *, space: str = "") -> Sounds:
    """Reads which sounds there are, decodes them and embeds their captions, or uses the cache.

    Args:
        source: a manifest or a folder, see `clapsep_desktop.evaluation.manifest`.
        cache: a folder; about 2 GB for 8 hours of sounds.
        embed: texts into the space that is trained against; None for mini's.
        space: tells apart what is kept of another space than mini's.

    Raises:
        DataError: there are too few sounds to train with and to validate with.
    """
    sounds = read_sounds(source)
    training, validation = (_bank(sounds, split, cache) for split in ("train", "validation"))
    captions = CaptionTable(
        sounds, embed or _sentences, cache / space, told_apart=_sentences if space else None
    )
    return Sounds(training, validation, captions)


def _bank(sounds: Sequence[Sound], split: str, cache: Path) -> SoundBank:
    some = by_split(sounds, split)
    _check(split, some)
    bank = SoundBank(some, cache)
    _check(split, bank.sounds)
    return bank


def _check(split: str, sounds: list[Sound]) -> None:
    if len({sound.concept for sound in sounds}) < 2:
        raise DataError(
            f"There are too few sounds for the part “{split}”: mixtures need two concepts at "
            "least, of recordings that can be read. One split group in eight is for validation; "
            "give more recordings."
        )


def _sentences(texts: Sequence[str]) -> np.ndarray:
    return SentenceEncoder.load(resource("models", "mini", mini.TEXT_FOLDER)).embed(texts)


def installed_base() -> Path:
    """The folder of the installed "base"; raises ModelMissingError where there is none."""
    return registry.find(BASE).folder


def base_space() -> str:
    """A name for the space of the installed "base", which other weights do not share."""
    described = (installed_base() / folders.CONFIG_NAME).read_bytes()
    return f"{BASE}-{hashlib.sha256(described).hexdigest()[:16]}"


def base_embedding() -> Embed:
    """What places captions in the space of the installed "base"."""

    def embed(texts: Sequence[str]) -> np.ndarray:
        model = registry.load(BASE, "cpu")
        assert isinstance(model, QueryModel)
        return model.embed_text(texts)

    return embed


def continued(folder: Path, start: TrainingConfig) -> TrainingConfig:
    """The settings a run goes on with: its own, or ``start`` while it has saved nothing.

    Raises:
        ModelMismatchError: the folder holds a run of another kind than ``start``.
        ModelDamagedError: its own cannot be read.
    """
    if not _has_begun(folder):
        return start
    config = load_config(folder)
    if config.kind != start.kind:
        raise ModelMismatchError(
            f"The run in {folder} is of {TITLES[config.kind]}, not of {TITLES[start.kind]}. "
            "Choose another folder."
        )
    return config


def _has_begun(folder: Path) -> bool:
    return (folder / CHECKPOINT).exists()


def _of_kind(
    config: TrainingConfig, kind: Literal["joint", "mini", "base"], place: Place
) -> TrainingConfig:
    """The settings with their kind, which a run that is there must have as well."""
    config = replace(config, kind=kind)
    continued(place.folder, config)
    return config


def _begin_with(net: MiniNet, run: Path) -> None:
    """Gives a network the weights that another run has learned."""
    try:
        net.load_state_dict(load_checkpoint(run)["net"])
    except RuntimeError as error:
        raise ModelMismatchError(
            f"The weights of the run in {run} do not fit: it is not of mini, or the sizes under "
            "“model” in its settings are not those of this run."
        ) from error


def train_joint(sounds: Sounds, config: TrainingConfig, place: Place) -> None:
    """Stage one of mini; raises ModelMismatchError where the folder holds another kind of run."""
    config = _of_kind(config, JOINT, place)
    torch.manual_seed(config.seed)
    drawer = Drawer(sounds.training, sounds.captions, config.concept_power)
    stage = JointStage(drawer, config.joint, config.seed)
    measure = _on_the_cpu(JointValidation(sounds.validation, sounds.captions).measure)
    place.trainer(MiniNet(config.model), stage, config, measure).run()


def train_separation(
    sounds: Sounds, config: TrainingConfig, place: Place, joint: Path | None
) -> None:
    """Stage two of mini, from the weights of a finished run of stage one if a folder is given.

    Raises:
        ModelMismatchError: that run's weights are of other sizes, or the folder of this run holds
            another kind of run.
    """
    config = _of_kind(config, MINI, place)
    torch.manual_seed(config.seed)
    net = MiniNet(config.model)
    if joint is not None and not _has_begun(place.folder):
        _begin_with(net, joint)
    drawer = Drawer(sounds.training, sounds.captions, config.concept_power)
    stage = SeparationStage(drawer, config.mixing, config.seed)
    validation = Validation(sounds.validation, sounds.captions, config.validation_pairs)
    place.trainer(net, stage, config, _on_the_cpu(validation.measure)).run()


def train_base(
    sounds: Sounds, config: TrainingConfig, place: Place, *, scratch: bool = False
) -> None:
    """Base: decoder and LoRA, from the installed weights or with ``scratch`` from new ones.

    Raises:
        ModelMissingError: no base is installed.
        ModelMismatchError: the folder holds another kind of run.
    """
    config = _of_kind(config, BASE, place)
    torch.manual_seed(config.seed)
    net = base.BaseLearner(installed_base(), scratch=scratch)
    drawer = Drawer(sounds.training, sounds.captions, config.concept_power)
    stage = base.BaseStage(drawer, config.mixing, config.seed)
    validation = base.BaseValidation(
        sounds.validation, sounds.captions, config.validation_pairs, net.config
    )
    place.trainer(net, stage, config, validation.measure).run()


def release(run: Path, target: Path, *, best: bool = False) -> float:
    """Writes a run's averaged weights as a model, and tries it.

    Args:
        run: folder of a run of stage two, or of base.
        target: folder of the model; mini's gets a sentence encoder if it holds none.
        best: those of the best validation instead of the last.

    Returns:
        By how many dB the model's answer to a known window differs from that of the weights as
        they were learned: few bits cost a little.

    Raises:
        ModelMissingError: the run has not saved anything yet.
        ModelDamagedError: its checkpoint or settings cannot be read.
        ModelMismatchError: it is a run of stage one.
    """
    state = load_checkpoint(run, BEST if best else CHECKPOINT)
    config = load_config(run)
    if config.kind == JOINT:
        raise ModelMismatchError(
            f"The run in {run} is of {TITLES[JOINT]}, which cannot separate yet. "
            f"Train a separation with --joint {run} first."
        )
    if config.kind == BASE:
        return base.release(state["average"], installed_base(), target)
    net = MiniNet(config.model)
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
    stored, learned = mini.load(target, CPU), mini.Mini(net, text)
    windows, condition = probe_window(stored)
    return difference_db(stored.filters(windows, condition), learned.filters(windows, condition))


def _on_the_cpu(measure: Measure) -> Measure:
    """Validation where its arrays are; a copy of mini is small."""
    return lambda net: measure(copy.deepcopy(net).cpu())
