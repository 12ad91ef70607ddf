"""What the engine costs and how exact it is, apart from any model.

    python packaging/benchmarks/engine.py identity   largest error over rates, channels, lengths
    python packaging/benchmarks/engine.py speed      time per second of sound, stage by stage
    python packaging/benchmarks/engine.py memory     peak memory for 10 and 60 minutes

``speed`` and ``memory`` take ``--model mini`` (or any installed model's name or folder) to run
that model instead of one that keeps everything; the query is then a fixed random direction.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from process_memory import peak_memory  # noqa: E402

from clapsep_desktop.audio.source import ArraySource  # noqa: E402
from clapsep_desktop.model.interface import (  # noqa: E402
    QueryModel,
    SeparationModel,
    SpectralFilter,
    SpectralGrid,
    WindowPlan,
)
from clapsep_desktop.separation.engine import Separator, assemble  # noqa: E402

RATES = (8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000, 44_101)
STAGES = {
    "_read": "reading and checking",
    "to_model": "to the model's rate",
    "_listen": "the model",
    "_cross_faded": "cross-fading filters",
    "_filtered": "applying filters",
    "from_model": "to the recording's rate",
    "_blended": "strength and edges",
    "removed": "complement",
}


class Flat:
    """A model with one gain for everything: all that is left to measure is the engine."""

    name = "flat"
    grid = SpectralGrid(rate=32_000, n_fft=1024, hop=320)
    plan = WindowPlan(length=10, overlap=1)
    device = torch.device("cpu")

    def __init__(self, gain: float) -> None:
        self.gain = gain

    def filters(
        self,
        windows: torch.Tensor,
        condition: torch.Tensor | None,  # noqa: ARG002
    ) -> SpectralFilter:
        """See `SeparationModel.filters`."""
        shape = (len(windows), windows.shape[1] // self.grid.hop + 1, self.grid.bins)
        return SpectralFilter(torch.full(shape, self.gain))


class Repeated:
    """A recording of any length at 48 kHz in stereo that takes no memory."""

    rate = 48_000
    channels = 2

    def __init__(self, seconds: int) -> None:
        self.frames = seconds * self.rate
        self._sound = _noise(10 * self.rate, 2)

    def read(self, start: int, stop: int) -> np.ndarray:
        """See `AudioSource.read`."""
        return np.take(self._sound, np.arange(start, stop), axis=0, mode="wrap")


def identity() -> None:
    """Prints the largest error of a mask of ones, and what is left by a mask of zeros."""
    print("rate Hz  channels  frames     ones, dBFS  zeros, dBFS")
    for rate in RATES:
        for channels in (1, 2, 6):
            for frames in (1, 7, rate // 3, 12 * rate + 5):
                samples = _noise(frames, channels)
                source = ArraySource(samples, rate)
                ones = assemble(Separator(Flat(1.0)).extract(source)) - samples
                zeros = assemble(Separator(Flat(0.0)).extract(source))
                print(
                    f"{rate:7d} {channels:9d} {frames:7d} {_peak_db(ones):13.1f} "
                    f"{_peak_db(zeros):12.1f}"
                )


def speed(model: SeparationModel, seconds: int) -> None:
    """Prints the time per second of 48 kHz stereo and its parts."""
    condition = _condition(model)
    source = Repeated(seconds)

    def run() -> None:
        for block in Separator(model).extract(source, None, condition):
            _ = block.removed

    for _ in range(2):  # the second time, everything is warm
        wall, processor = time.perf_counter(), time.process_time()
        run()
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"{model.name}, {torch.get_num_threads()} threads, 48 kHz stereo, {seconds} s")
    print(f"{seconds / wall:.1f} times real time; per second of sound:")
    print(
        f"{1e3 * wall / seconds:8.2f} ms elapsed, {1e3 * processor / seconds:.2f} ms of processor"
    )
    profile = cProfile.Profile()
    profile.runcall(run)
    entries = pstats.Stats(profile).get_stats_profile().func_profiles
    for function, stage in STAGES.items():
        print(f"{1e3 * entries[function].cumtime / seconds:8.2f} ms {stage}")


def memory(name: str | None) -> None:
    """Prints the peak memory of whole processes that differ in the recording's length only."""
    peaks = []
    for minutes in (10, 60):
        command = [sys.executable, __file__, "run", "--seconds", str(60 * minutes)]
        if name:
            command += ["--model", name]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        result = json.loads(answer.stdout)
        peaks.append(result["peak"])
        print(
            f"{minutes} min of 48 kHz stereo: {result['peak'] / 2**20:.0f} MiB at most, "
            f"{60 * minutes / result['elapsed']:.1f} times real time"
        )
    print(f"difference {100 * (peaks[1] / peaks[0] - 1):+.1f} %")


def run(model: SeparationModel, seconds: int) -> None:
    """Runs one extraction and prints its peak memory in bytes and its time in seconds, as JSON."""
    started = time.perf_counter()
    for block in Separator(model).extract(Repeated(seconds), None, _condition(model)):
        _ = block.removed
    elapsed = time.perf_counter() - started
    print(json.dumps({"peak": peak_memory(), "elapsed": elapsed}))


def _model(name: str | None) -> SeparationModel:
    if name is None:
        return Flat(1.0)
    from clapsep_desktop.model import registry

    return registry.load(name, "cpu")


def _condition(model: SeparationModel) -> np.ndarray | None:
    if not isinstance(model, QueryModel):
        return None
    pair = np.random.default_rng(0).standard_normal(2 * model.embedding_size, np.float32)
    return np.asarray(pair / np.linalg.norm(pair))


def _noise(frames: int, channels: int) -> np.ndarray:
    samples = np.random.default_rng(frames).uniform(-0.9, 0.9, (frames, channels))
    return samples.astype(np.float32)


def _peak_db(samples: np.ndarray) -> float:
    with np.errstate(divide="ignore"):
        return float(20 * np.log10(np.abs(samples).max()))


def main() -> None:
    """Runs what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["identity", "speed", "memory", "run"])
    parser.add_argument("--model", help="an installed model's name or folder")
    parser.add_argument("--seconds", type=int, default=60, help="of sound, for speed and run")
    options = parser.parse_args()
    if options.what == "identity":
        identity()
    elif options.what == "speed":
        speed(_model(options.model), options.seconds)
    elif options.what == "memory":
        memory(options.model)
    else:
        run(_model(options.model), options.seconds)


if __name__ == "__main__":
    main()
