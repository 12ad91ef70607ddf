from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from clapsep_desktop.errors import (
    AudioWriteError,
    ModelDamagedError,
    ModelMismatchError,
    ModelMissingError,
)
from clapsep_desktop.model.mini_net import MiniNet
from clapsep_desktop.training.config import PlateauConfig
from clapsep_desktop.training.draw import Drawer
from clapsep_desktop.training.joint import JointStage
from clapsep_desktop.training.loop import BEST, Trainer, load_checkpoint, load_config
from clapsep_desktop.training.separation import SeparationStage

HELD_OUT = range(10_000, 10_006)
"""Numbers of batches."""


def trainer(sounds, config, folder, stage_class=SeparationStage, **options) -> Trainer:
    torch.manual_seed(config.seed)
    drawer = Drawer(sounds.training, sounds.captions, config.concept_power)
    settings = config.mixing if stage_class is SeparationStage else config.joint
    stage = stage_class(drawer, settings, config.seed)
    return Trainer(
        MiniNet(config.model), stage, config, folder, lambda _: {stage.goal: 1.0}, workers=0,
        **options,
    )  # fmt: skip


def losses(folder, name: str) -> list[float]:
    with (folder / "train.csv").open(newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file)]


def loss_of(run: Trainer) -> float:
    """Mean over batches that no run of a test comes to."""
    with torch.no_grad():
        return float(
            np.mean([float(run.stage.loss(run.net, run.stage.batch(n))[0]) for n in HELD_OUT])
        )


@pytest.mark.parametrize("stage", [JointStage, SeparationStage])
def test_the_loss_falls(sounds, config, tmp_path, stage):
    run = trainer(sounds, replace(config, steps=20), tmp_path, stage)
    before = loss_of(run)
    run.run()
    assert loss_of(run) < before - 0.5
    assert len(losses(tmp_path, "joint")) == 2


def test_stage_one_leaves_the_decoder_alone(sounds, config, tmp_path):
    run = trainer(sounds, replace(config, steps=3), tmp_path, JointStage)
    before = {name: value.clone() for name, value in run.net.named_parameters()}
    run.run()
    changed = {name for name, value in run.net.named_parameters() if not value.equal(before[name])}
    assert changed
    assert not any(name.startswith(("decoder", "mask_net", "query")) for name in changed)


def test_a_resumed_run_lands_on_the_same_weights(sounds, config, tmp_path):
    config = replace(config, steps=12)
    trainer(sounds, config, tmp_path / "whole").run()
    # The schedule belongs to the run, so the first half must know where the whole ends.
    half = trainer(sounds, config, tmp_path / "halves")
    for batch in half._batches():
        half._advance(batch)
        if half.step == 5:
            break
    half._save()
    trainer(sounds, config, tmp_path / "halves").run()
    whole, halves = load_checkpoint(tmp_path / "whole"), load_checkpoint(tmp_path / "halves")
    assert whole["step"] == halves["step"] == 12
    for kind in ("net", "average"):
        for name, value in whole[kind].items():
            assert torch.equal(value, halves[kind][name]), name


def test_a_finished_run_stays_finished(sounds, config, tmp_path):
    config = replace(config, steps=2)
    trainer(sounds, config, tmp_path).run()
    before = (tmp_path / "last.pt").read_bytes()
    trainer(sounds, config, tmp_path).run()
    assert (tmp_path / "last.pt").read_bytes() == before


def test_the_settings_are_kept_with_the_weights(config, sounds, tmp_path):
    trainer(sounds, replace(config, steps=1), tmp_path).run()
    assert load_config(tmp_path) == replace(config, steps=1)


def test_half_precision_learns_as_well(sounds, config, tmp_path):
    run = trainer(sounds, replace(config, steps=20, precision="bfloat16"), tmp_path)
    before = loss_of(run)
    run.run()
    assert loss_of(run) < before - 0.5
    weights = load_checkpoint(tmp_path)["net"].values()
    assert {weight.dtype for weight in weights if weight.is_floating_point()} == {torch.float32}


class Scores:
    """Validations that go up and down as told."""

    def __init__(self, *values: float) -> None:
        self.values = list(values)

    def __call__(self, _: object) -> dict[str, float]:
        return {"both": self.values.pop(0)}


def plateau_run(sounds, config, folder, scores) -> Trainer:
    config = replace(config, schedule="plateau", validate_steps=2, warmup=0)
    run = trainer(sounds, replace(config, plateau=PlateauConfig(patience=0)), folder)
    run.measure = scores
    return run


def test_the_best_weights_are_kept_and_the_rate_falls_where_nothing_gets_better(
    sounds, config, tmp_path
):
    run = plateau_run(sounds, replace(config, steps=8), tmp_path, Scores(1.0, 3.0, 2.0, 2.5))
    run.run()
    best = load_checkpoint(tmp_path, BEST)
    assert (best["value"], best["step"]) == (3.0, 4)
    assert run.best == 3.0
    assert run.plateau.fraction == pytest.approx(0.09)
    with (tmp_path / "validation.csv").open(newline="") as file:
        assert [float(row["both"]) for row in csv.DictReader(file)] == [1.0, 3.0, 2.0, 2.5]


def test_a_resumed_run_knows_how_good_it_was(sounds, config, tmp_path):
    scores = (1.0, 3.0, 2.0, 2.5)
    plateau_run(sounds, replace(config, steps=8), tmp_path / "whole", Scores(*scores)).run()
    half = plateau_run(sounds, replace(config, steps=4), tmp_path / "halves", Scores(*scores))
    half.run()
    second = plateau_run(sounds, replace(config, steps=8), tmp_path / "halves", Scores(2.0, 2.5))
    assert second.best == 3.0
    second.run()
    whole, halves = load_checkpoint(tmp_path / "whole"), load_checkpoint(tmp_path / "halves")
    assert whole["plateau"] == halves["plateau"]
    for name, value in whole["net"].items():
        assert torch.equal(value, halves["net"][name]), name


def test_progress_is_told(sounds, config, tmp_path):
    lines: list[str] = []
    config = replace(config, steps=4, log_steps=2, validate_steps=2)
    trainer(sounds, config, tmp_path, say=lines.append).run()
    assert [line.split(":")[0] for line in lines] == [
        "step 2 of 4", "validated", "step 4 of 4", "validated",
    ]  # fmt: skip
    assert "items a second" in lines[0]
    assert "; best both 1" in lines[2]
    assert lines[1].endswith("; the best so far")
    assert lines[3].endswith("; not the best so far")


def test_a_run_of_another_model_is_not_gone_on_with(sounds, config, tmp_path):
    trainer(sounds, replace(config, steps=1), tmp_path).run()
    state = load_checkpoint(tmp_path)
    del state["net"]["mask_net.out.weight"]
    torch.save(state, tmp_path / "last.pt")
    with pytest.raises(ModelMismatchError, match="of another model or stage"):
        trainer(sounds, replace(config, steps=2), tmp_path)


def test_a_run_of_another_stage_or_size_is_not_gone_on_with(sounds, config, tmp_path):
    trainer(sounds, replace(config, steps=1), tmp_path, JointStage).run()
    with pytest.raises(ModelMismatchError, match="of another model or stage"):
        trainer(sounds, replace(config, steps=2), tmp_path)
    wider = replace(config, model=replace(config.model, mask_width=24))
    with pytest.raises(ModelMismatchError, match="of another model or stage"):
        trainer(sounds, wider, tmp_path, JointStage)


def test_a_folder_that_cannot_be_written_is_said(sounds, config, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(AudioWriteError):
        trainer(sounds, config, tmp_path / "file" / "run")


def test_a_missing_or_damaged_checkpoint_is_told(tmp_path):
    with pytest.raises(ModelMissingError, match="train there first"):
        load_checkpoint(tmp_path)
    (tmp_path / "last.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(ModelDamagedError):
        load_checkpoint(tmp_path)
    with pytest.raises(ModelDamagedError):
        load_config(tmp_path)
