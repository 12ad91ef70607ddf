from __future__ import annotations

import csv
import sys
from types import ModuleType

from clapsep_desktop.training.journal import Journal


def test_rows_go_to_tables(tmp_path):
    journal = Journal(tmp_path, print)
    journal.row("train", 50, 0.5, {"loss": -6.123456})
    Journal(tmp_path, print, 50).row("train", 123_456, 1.0, {"loss": -7.0})
    with (tmp_path / "train.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {"step": "50", "hours": "0.5", "loss": "-6.1235"},
        {"step": "123456", "hours": "1", "loss": "-7"},
    ]


def test_what_was_told_after_the_last_checkpoint_is_told_anew(tmp_path):
    journal = Journal(tmp_path, print)
    for step in (50, 100, 150):
        journal.row("train", step, 0.5, {"loss": -6.0})
        journal.row("validation", step, 0.5, {"both": 6.0})
    with (tmp_path / "train.csv").open("a") as file:
        file.write("200,0")  # where the power failed
    Journal(tmp_path, print, 100).row("train", 150, 0.5, {"loss": -6.5})
    train = (tmp_path / "train.csv").read_text().splitlines()
    assert train == ["step,hours,loss", "50,0.5,-6", "100,0.5,-6", "150,0.5,-6.5"]
    validation = (tmp_path / "validation.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in validation] == ["step", "50", "100"]


def test_a_table_with_other_columns_is_set_aside(tmp_path):
    (tmp_path / "train.csv").write_text("step,loss\n1,2\n")
    Journal(tmp_path, print, 60).row("train", 70, 0.1, {"joint": 1.0})
    assert (tmp_path / "train-before-70.csv").read_text() == "step,loss\n1,2\n"
    assert (tmp_path / "train.csv").read_text().splitlines()[0] == "step,hours,joint"


def test_tensorboard_is_told_where_it_is_installed(tmp_path, monkeypatch):
    told = []

    class Writer:
        def __init__(self, folder, purge_step):
            told.append((folder, purge_step))

        def add_scalar(self, name, value, step):
            told.append((name, value, step))

        def flush(self):
            pass

        def close(self):
            told.append("closed")

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    journal = Journal(tmp_path, print, 9)
    journal.row("validation", 10, 0.1, {"both": 6.2})
    journal.close()
    assert told == [(str(tmp_path / "tensorboard"), 10), ("validation/both", 6.2, 10), "closed"]


def test_nothing_is_missing_without_tensorboard(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    journal = Journal(tmp_path, print)
    journal.row("train", 1, 0.0, {"loss": 1.0})
    journal.close()
    assert [path.name for path in tmp_path.iterdir()] == ["train.csv"]
