"""Half precision only where it is faithful and faster."""

from __future__ import annotations

import pytest
import torch

from clapsep_desktop.model import precision

CPU, GPU, MPS = torch.device("cpu"), torch.device("cuda", 0), torch.device("mps")
GAIN = precision.bfloat16_gain  # as it is before a fixture puts another in its place
FAITHFUL = {"bfloat16": -50.5, "float16": -66.0}


@pytest.mark.parametrize(
    ("device", "changes", "gain", "expected"),
    [
        (CPU, FAITHFUL, 2.2, torch.bfloat16),
        (CPU, FAITHFUL, 1.2, torch.float32),
        (CPU, FAITHFUL, 0.0, torch.float32),
        (CPU, {"bfloat16": -49.9, "float16": -66.0}, 2.2, torch.float32),
        (CPU, {}, 2.2, torch.float32),
        (GPU, FAITHFUL, 0.0, torch.float16),
        (MPS, FAITHFUL, 0.0, torch.float16),
        (GPU, {"bfloat16": -60.0, "float16": -30.0}, 0.0, torch.float32),
        (GPU, {"float16": float("inf")}, 0.0, torch.float32),
        (GPU, {}, 0.0, torch.float32),
    ],
)
def test_the_choice(monkeypatch, device, changes, gain, expected):
    monkeypatch.setattr(precision, "bfloat16_gain", lambda: gain)
    assert precision.chosen(device, changes) == expected


def test_changes_are_kept_beside_the_model(tmp_path):
    assert precision.read_changes(tmp_path) == {}
    precision.write_changes(tmp_path, FAITHFUL)
    assert precision.read_changes(tmp_path) == FAITHFUL


@pytest.mark.parametrize("text", ["", "[]", "{", '{"bfloat16": "fast"}', '{"float16": null}'])
def test_a_damaged_note_means_full_precision(tmp_path, text):
    (tmp_path / "precision.json").write_text(text)
    assert precision.chosen(GPU, precision.read_changes(tmp_path)) == torch.float32


def test_matrix_rates_count_what_is_done():
    rates = precision.matrix_rates((torch.float32, torch.bfloat16), rows=64, width=256, runs=3)
    assert set(rates) == {torch.float32, torch.bfloat16}
    assert all(1e6 < rate < 1e14 for rate in rates.values())


@pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="no bfloat16 unit to measure"
)
def test_a_processor_is_measured_once(monkeypatch):
    measured = []

    def rates(dtypes):
        measured.append(dtypes)
        return {torch.float32: 100.0, torch.bfloat16: 226.0 / len(measured)}

    monkeypatch.setattr(precision, "matrix_rates", rates)
    assert [GAIN(), GAIN()] == [2.26, 2.26]
    monkeypatch.setattr(precision, "cpu_name", lambda: "Another one")
    assert GAIN() == 1.13
