from __future__ import annotations

import json

import pytest

from clapsep_desktop.errors import DataError
from clapsep_desktop.training.config import MixingConfig, TrainingConfig, from_json, read, to_json


def test_settings_survive_as_json(config):
    assert from_json(to_json(config)) == config


def test_settings_of_an_earlier_version_are_read():
    stored = json.loads(to_json(TrainingConfig(steps=7)))
    for name in ("kind", "precision", "schedule", "plateau", "validate_steps"):
        del stored[name]
    assert from_json(json.dumps(stored)) == TrainingConfig(steps=7)


def test_a_file_changes_what_it_names(tmp_path, config):
    path = tmp_path / "run.toml"
    path.write_text(
        'steps = 9\nrate = 1\nprecision = "bfloat16"\n[mixing]\nmodes = [0.2, 0.2, 0.6]\n'
    )
    changed = read(path, config)
    assert (changed.steps, changed.rate, changed.precision) == (9, 1.0, "bfloat16")
    assert changed.mixing.modes == (0.2, 0.2, 0.6)
    assert changed.mixing.seconds == config.mixing.seconds
    assert changed.model == config.model
    path = tmp_path / "run.json"
    path.write_text(to_json(changed))
    assert read(path, TrainingConfig(mixing=MixingConfig(seconds=1.0))) == changed


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("step = 9", r"there is no setting \['step'\]"),
        ('steps = "many"', "'many' cannot stand where"),
        ("[mixing]\nmode = 1", r"there is no setting \['mode'\]"),
        ("mixing = 3", "there is no setting 3"),
        ('schedule = "plateau"', "validate_steps"),
        ("steps = ", "cannot be used"),
        ("log_steps = 0", "log_steps must be 1 or more, not 0"),
        ("averaging = 1.5", "averaging must be from 0 to 1, not 1.5"),
        ("rate = nan", "rate must be"),
        ('precision = "float16"', "precision is one of float32, bfloat16"),
        ('schedule = "cosine"', "schedule is one of"),
        ("[mixing]\nsources = [0.5, 0.4]", "the shares of sources must add up to 1"),
        ("[mixing]\nmodes = [0.5, 0.5]", "modes are three"),
        ("[mixing]\nmixtures = 0", "mixtures must be"),
        ("[joint]\nseconds = 0.01", "seconds must be"),
        ("[plateau]\nfactor = 2.0", "factor must be"),
    ],
)
def test_what_cannot_be_set_is_said(tmp_path, config, text, sentence):
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(DataError, match=sentence):
        read(path, config)


def test_a_missing_file_is_said(tmp_path, config):
    with pytest.raises(DataError, match="could not be read"):
        read(tmp_path / "none.toml", config)
