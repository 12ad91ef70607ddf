from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch

from clapsep_desktop.errors import DeviceError
from clapsep_desktop.model.interface import SpectralFilter, SpectralGrid, WindowPlan
from clapsep_desktop.separation.executor import Executor, single_threads
from tests.support.models import FakeModel, TapsModel

LENGTH = 4 * 32_000


def level(windows: torch.Tensor, grid: SpectralGrid) -> torch.Tensor:
    """A gain that tells the windows apart."""
    return windows[:, :1, None]


def numbered(count: int) -> torch.Tensor:
    windows = torch.zeros(count, LENGTH)
    windows[:, 0] = torch.arange(count) / 10
    return windows


def gains(answer: SpectralFilter) -> list[float]:
    return [round(float(value), 3) for value in answer.gain[:, 0, 0]]


class SmallMemory(FakeModel):
    """A model whose device has room for ``room`` windows at once."""

    def __init__(self, room: int, error: Exception, batch: int = 8) -> None:
        super().__init__(level, plan=WindowPlan(length=4, overlap=1, batch=batch))
        self.room = room
        self.error = error
        self.tried: list[int] = []

    def filters(self, windows: torch.Tensor, condition: torch.Tensor | None) -> SpectralFilter:
        self.tried.append(len(windows))
        if len(windows) > self.room:
            raise self.error
        return super().filters(windows, condition)


class OnSmallDevice(SmallMemory):
    """One on what poses as another device; it can move to the CPU, where there is room for all."""

    def __init__(self, room: int, error: Exception, batch: int = 8) -> None:
        super().__init__(room, error, batch)
        self.device = torch.device("meta")

    def filters(self, windows: torch.Tensor, condition: torch.Tensor | None) -> SpectralFilter:
        assert windows.device == self.device
        if self.device.type == "meta":
            windows = numbered(8)[: len(windows)]  # meta tensors hold no values
        return super().filters(windows, condition)

    def to(self, device: torch.device) -> None:
        self.device = device
        self.room = 100


CUDA_ERROR = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
MPS_ERROR = RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)")


def silent(sentence: str) -> None:
    pytest.fail(f"nothing was to be told: {sentence}")


@pytest.mark.parametrize("count", [1, 3, 4, 9])
def test_windows_go_through_in_batches_and_in_order(count: int) -> None:
    model = FakeModel(level, plan=WindowPlan(length=4, overlap=1, batch=4))
    answer = Executor(model, silent).filters(numbered(count), None)
    assert gains(answer) == [round(i / 10, 3) for i in range(count)]
    assert max(call[0] for call in model.calls) <= 4
    assert sum(call[0] for call in model.calls) == count


class Watched(FakeModel):
    """A small model that notes with how many threads torch computes its windows, and on which."""

    def __init__(self) -> None:
        super().__init__(level, plan=WindowPlan(length=4, overlap=1, batch=4, single=True))
        self.threads: list[tuple[int, str]] = []

    def filters(self, windows: torch.Tensor, condition: torch.Tensor | None) -> SpectralFilter:
        self.threads.append((torch.get_num_threads(), threading.current_thread().name))
        return super().filters(windows, condition)


def test_a_small_models_windows_run_side_by_side_on_a_thread_each() -> None:
    model = Watched()
    answer = Executor(model, silent).filters(numbered(6), None)
    assert gains(answer) == [i / 10 for i in range(6)]
    assert [call[0] for call in model.calls] == [1] * 6
    assert {count for count, _ in model.threads} == {1}
    assert threading.current_thread().name not in {name for _, name in model.threads}


def test_threads_of_its_own_leave_torchs_threads_elsewhere_as_they_were() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with single_threads(2) as pool:
            assert list(pool.map(lambda _: torch.get_num_threads(), range(4))) == [1] * 4
            with ThreadPoolExecutor(1) as later:
                assert later.submit(torch.get_num_threads).result() == 3
            assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_too_little_memory_on_a_thread_is_a_sentence() -> None:
    model = SmallMemory(0, MemoryError())
    model.plan = replace(model.plan, single=True)
    with pytest.raises(DeviceError, match="too little memory"):
        Executor(model, silent).filters(numbered(2), None)


@pytest.mark.parametrize("error", [CUDA_ERROR, MPS_ERROR, MemoryError()])
def test_too_little_memory_halves_the_batch(error: Exception) -> None:
    model = SmallMemory(2, error)
    executor = Executor(model, silent)
    answer = executor.filters(numbered(7), None)
    assert gains(answer) == [i / 10 for i in range(7)]
    assert model.tried == [7, 3, 1, 1, 1, 1, 1, 1, 1]
    executor.filters(numbered(2), None)
    assert model.tried[9:] == [1, 1]  # it remembers


def test_no_window_is_computed_twice() -> None:
    model = SmallMemory(2, CUDA_ERROR, batch=4)
    Executor(model, silent).filters(numbered(6), None)
    assert model.tried == [4, 2, 2, 2]


def test_where_one_window_is_too_much_the_model_moves_to_the_cpu() -> None:
    told: list[str] = []
    model = OnSmallDevice(0, MPS_ERROR, batch=2)
    executor = Executor(model, told.append)
    answer = executor.filters(numbered(4), torch.ones(3))
    assert gains(answer) == [0.0, 0.1, 0.2, 0.3]
    assert model.tried == [2, 1, 2, 2]
    assert [condition.device.type for condition in model.conditions if condition is not None] == [
        "cpu",
        "cpu",
    ]
    assert len(told) == 1
    assert "CPU" in told[0]


def test_a_model_that_cannot_move_says_so() -> None:
    model = SmallMemory(0, CUDA_ERROR)
    model.device = torch.device("meta")
    with pytest.raises(DeviceError, match="Choose the CPU"):
        Executor(model, silent).filters(numbered(2), None)


def test_too_little_memory_on_the_cpu_is_a_sentence() -> None:
    with pytest.raises(DeviceError, match="too little memory to run the model “fake”"):
        Executor(SmallMemory(0, MemoryError()), silent).filters(numbered(2), None)


def test_other_errors_are_not_swallowed() -> None:
    with pytest.raises(RuntimeError, match="shape mismatch"):
        Executor(SmallMemory(0, RuntimeError("shape mismatch")), silent).filters(numbered(2), None)


def test_taps_are_joined_as_well() -> None:
    model = TapsModel(level, (0.5, 0.5j, 0.0), lookahead=1)
    model.plan = WindowPlan(length=4, overlap=1, batch=2)
    windows = torch.zeros(3, 4 * model.grid.rate)
    answer = Executor(model, silent).filters(windows, None)
    assert answer.taps is not None
    assert answer.taps.shape[:3] == (3, 401, 3)
    assert answer.lookahead == 1
