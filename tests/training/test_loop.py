from __future__ import annotations

import csv
from dataclasses import replace

import pytest
import torch

from clapsep_desktop.errors import ModelDamagedError, ModelMissingError
from clapsep_desktop.model.mini_net import MiniNet
from clapsep_desktop.training.config import from_json, to_json
from clapsep_desktop.training.draw import Drawer
from clapsep_desktop.training.joint import JointStage
from clapsep_desktop.training.loop import Trainer, load_checkpoint, load_config, schedule
from clapsep_desktop.training.separation import SeparationStage


def trainer(sounds, config, folder, stage_class=SeparationStage) -> Trainer:
    torch.manual_seed(config.seed)
    drawer = Drawer(sounds.training, sounds.captions, config.concept_power)
    settings = config.mixing if stage_class is SeparationStage else config.joint
    stage = stage_class(drawer, settings, config.seed)
    return Trainer(MiniNet(config.model), stage, config, folder, lambda net: {"seen": 1.0}, 0)


def losses(folder, name: str) -> list[float]:
    with (folder / "train.csv").open(newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    ("stage", "name"), [(JointStage, "joint"), (SeparationStage, "separation")]
)
def test_the_loss_falls(sounds, config, tmp_path, stage, name):
    trainer(sounds, replace(config, steps=60), tmp_path, stage).run()
    history = losses(tmp_path, name)
    assert history[-1] < history[0] - 0.2


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


def test_the_schedule_warms_up_stays_and_falls(config):
    config = replace(config, steps=100, warmup=10, decay=20)
    values = [schedule(config, step) for step in range(101)]
    assert values[0] == pytest.approx(0.1)
    assert values[9:81] == pytest.approx([1.0] * 72)
    assert values[90] == pytest.approx(0.5)
    assert values[100] == 0.0


def test_settings_survive_as_json(config, sounds, tmp_path):
    assert from_json(to_json(config)) == config
    trainer(sounds, replace(config, steps=1), tmp_path).run()
    assert load_config(tmp_path) == replace(config, steps=1)


def test_a_missing_or_damaged_checkpoint_is_told(tmp_path):
    with pytest.raises(ModelMissingError, match="train there first"):
        load_checkpoint(tmp_path)
    (tmp_path / "last.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(ModelDamagedError):
        load_checkpoint(tmp_path)
    with pytest.raises(ModelDamagedError):
        load_config(tmp_path)
