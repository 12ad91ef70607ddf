"""Running a model on as many windows at once as its device has memory for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial

import torch

from clapsep_desktop.errors import DeviceError
from clapsep_desktop.model.device import MovableModel, is_out_of_memory
from clapsep_desktop.model.interface import SeparationModel, SpectralFilter

_CPU = torch.device("cpu")


class Executor:
    """Asks a model for filters, batch by batch.

    A small model's windows run side by side on a CPU, each on one thread, which takes about half
    the time of all threads on each layer, and gives the same numbers on any number of cores.

    Where memory runs out the batch is halved; where one window is still too much the model moves
    to the CPU. What was computed before stays, and both findings hold for later calls.

    Args:
        model: the model to run.
        notify: told in a sentence when the model moves to the CPU.
    """

    def __init__(self, model: SeparationModel, notify: Callable[[str], None]) -> None:
        self.model = model
        self.batch = model.plan.batch
        self._notify = notify

    def filters(self, windows: torch.Tensor, condition: torch.Tensor | None) -> SpectralFilter:
        """The filters of any number of windows; see `SeparationModel.filters`."""
        parts: list[SpectralFilter] = []
        done = 0
        while done < len(windows):
            batch = windows[done : done + self.batch]
            part = self._attempt(batch, condition)
            if part is None:
                self._retreat(len(batch))
            else:
                parts.append(part)
                done += len(batch)
        return _join(parts, self.model.device)

    def _attempt(
        self, batch: torch.Tensor, condition: torch.Tensor | None
    ) -> SpectralFilter | None:
        """The filters of one batch, or None where memory ran out.

        Returning frees what the failed attempt still held by its traceback.
        """
        device = self.model.device
        try:
            here = None if condition is None else condition.to(device)
            if self.model.plan.single and device.type == "cpu":
                heard = partial(self.model.filters, condition=here)
                return _join(list(self._threads.map(heard, batch.split(1))), device)
            return self.model.filters(batch.to(device), here)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return None

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return single_threads(torch.get_num_threads())

    def _retreat(self, failed: int) -> None:
        """Prepares for less memory than ``failed`` windows at once need."""
        if self.model.device.type == "cuda":
            torch.cuda.empty_cache()
        elif self.model.device.type == "mps":
            torch.mps.empty_cache()
        if failed > 1:
            self.batch = failed // 2
            return
        if self.model.device.type == "cpu":
            raise DeviceError(
                f"There is too little memory to run the model “{self.model.name}”. "
                "Close other programs, or choose a smaller model."
            )
        if not isinstance(self.model, MovableModel):
            raise DeviceError(
                f"The device has too little memory for the model “{self.model.name}”. "
                "Choose the CPU instead."
            )
        self._notify(
            f"The device ran out of memory, so the model “{self.model.name}” goes on on the CPU."
        )
        self.model.to(_CPU)
        self.batch = self.model.plan.batch


def single_threads(count: int) -> ThreadPoolExecutor:
    """A pool of threads, in each of which torch uses that thread alone.

    Args:
        count: of the threads.
    """
    others = torch.get_num_threads()
    pool = ThreadPoolExecutor(count, "windows", initializer=_use_one_thread)
    started = threading.Barrier(count)
    for waiting in [pool.submit(started.wait) for _ in range(count)]:
        waiting.result()
    # What a thread sets for itself holds for all that begin after it, too: take that back.
    torch.set_num_threads(others)
    return pool


def _use_one_thread() -> None:
    torch.get_num_threads()  # the first call in a thread would set it anew
    torch.set_num_threads(1)


def _join(parts: list[SpectralFilter], device: torch.device) -> SpectralFilter:
    """One batch of filters from several, on one device."""
    if len(parts) == 1:
        return parts[0]
    parts = [part.to(device) for part in parts]
    gain = torch.cat([part.gain for part in parts])
    taps = [part.taps for part in parts if part.taps is not None]
    return SpectralFilter(gain, torch.cat(taps) if taps else None, parts[0].lookahead)
