"""Choosing a device, and trusting it only after its first window."""

import math

import pytest
import torch

from clapsep_desktop.errors import DeviceError
from clapsep_desktop.model import device as devices
from clapsep_desktop.model.interface import SpectralFilter, SpectralGrid, WindowPlan


class FakeModel:
    """A query model whose filters are spoiled as told once it has left the CPU."""

    name = "fake"
    grid = SpectralGrid(8000, 256, 80)
    plan = WindowPlan(length=1, overlap=0)
    embedding_size = 4

    def __init__(self, spoil=lambda gain: gain):
        self.device = torch.device("cpu")
        self.moves = []
        self.spoil = spoil

    def to(self, device):
        self.moves.append(device.type)

    def filters(self, windows, condition):
        gain = windows.unfold(1, 80, 80).abs().mean(-1, keepdim=True) * condition.norm()
        away = self.moves[-1:] == ["cuda"]
        return SpectralFilter(self.spoil(gain) if away else gain)

    def embed_text(self, texts):
        raise AssertionError("no device is tried with a query")

    def embed_audio(self, clips):
        raise AssertionError("no device is tried with a query")


GPU = devices.Device("cuda", 0, "Pretend GPU", 8_000_000_000)


def test_the_cpu_is_always_there_and_named_with_its_memory():
    cpu = devices.choose("cpu")
    assert cpu.torch_device == torch.device("cpu")
    assert cpu.memory > 2**28
    assert str(cpu).startswith("CPU: ")
    assert str(cpu).endswith(" GB)")


def test_auto_takes_the_first_device(monkeypatch):
    monkeypatch.setattr(devices, "devices", lambda: [GPU, devices.Device("cpu", 0, "C", 1)])
    assert devices.choose("auto") is GPU
    assert str(GPU) == "CUDA: Pretend GPU (8 GB)"


def test_an_absent_device_is_named_with_what_is_there(monkeypatch):
    monkeypatch.setattr(devices, "devices", lambda: [devices.Device("cpu", 0, "C", 1)])
    with pytest.raises(DeviceError, match=r"No CUDA device was found.*Choose auto or cpu"):
        devices.choose("cuda")
    with pytest.raises(DeviceError, match="no device “tpu”"):
        devices.choose("tpu")


def test_a_device_that_agrees_is_used_and_checked_only_once():
    notes = []
    devices.settle(model := FakeModel(), GPU, notes.append)
    assert model.moves == ["cuda"]
    devices.settle(again := FakeModel(lambda gain: gain * math.nan), GPU, notes.append)
    assert again.moves == ["cuda"], "the verdict was not remembered"
    assert notes == []


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda gain: gain * 1.05, "computes differently from the CPU"),
        (lambda gain: gain * math.nan, "computes differently from the CPU"),
        (torch.zeros_like, "computes differently from the CPU"),
        (lambda gain: gain.view(7, 1, -1), "failed its first window"),
    ],
)
def test_a_device_that_disagrees_gives_way_to_the_cpu(spoil, sentence):
    notes = []
    for _ in range(2):  # a refusal is not remembered: a new driver may mend it
        devices.settle(model := FakeModel(spoil), GPU, notes.append)
        assert model.moves == ["cuda", "cpu"]
    assert len(notes) == 2
    assert notes[0].startswith("Pretend GPU " + sentence)
    assert notes[0].endswith("so the model “fake” runs on the CPU.")


def test_too_little_memory_is_said_so():
    def refuse(_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    notes = []
    devices.settle(FakeModel(refuse), GPU, notes.append)
    assert notes == ["Pretend GPU has too little free memory, so the model “fake” runs on the CPU."]


def test_a_known_device_may_still_lack_memory(monkeypatch):
    notes = []
    devices.settle(FakeModel(), GPU, notes.append)

    def refuse(self, device):
        self.moves.append(device.type)
        if device.type == "cuda":
            raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(FakeModel, "to", refuse)
    devices.settle(model := FakeModel(), GPU, notes.append)
    assert model.moves == ["cuda", "cpu"]
    assert notes == ["Pretend GPU has too little free memory, so the model “fake” runs on the CPU."]


def test_out_of_memory_is_told_from_other_errors():
    assert devices.is_out_of_memory(MemoryError())
    assert devices.is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated ...)"))
    assert not devices.is_out_of_memory(RuntimeError("shapes do not match"))
    assert not devices.is_out_of_memory(OSError("out of memory"))
