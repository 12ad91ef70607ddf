# mypy: disable-error-code="no-any-return"
"""The published CLAPSep against its plain implementation: speed, memory, precision, golden numbers.

    python packaging/benchmarks/base.py [--windows N] [--threads N] [--folder FOLDER]

Weights are made up, so nothing is downloaded; they need 3 GB in FOLDER (a temporary one unless
given) and are those of the reference numbers in ../shared, which are compared when they are there.
The plain way, ours in float32 and ours in bfloat16 run in turns on the same windows, so other
programs slow all three alike. On a busy machine take --threads 1 and the processor's time, which
other programs hardly change.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from process_memory import peak_memory, status  # noqa: E402

from clapsep_desktop.model import checkpoint, clapsep, folder, precision  # noqa: E402
from clapsep_desktop.model.base_net import BaseNet, pair  # noqa: E402
from clapsep_desktop.model.config import BaseConfig  # noqa: E402
from clapsep_desktop.model.device import cpu_name  # noqa: E402
from tests.support.published import made_up_weights, tokenizer  # noqa: E402

CONFIG = BaseConfig()
WAYS = ("published", "float32", "bfloat16")
PUBLISHED_FILE = "published.pt"


def main() -> None:
    """Measures and prints all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=12, help="runs of each way")
    parser.add_argument("--threads", type=int, help="of this machine's, all of them if not given")
    parser.add_argument("--folder", type=Path, help="keeps the made-up weights for another time")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    if options.way:
        print(json.dumps(one_process(options.folder, options.way)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        place = options.folder or Path(temporary)
        if not (place / "config.json").is_file():
            print("making up weights ...", flush=True)
            make_up(place)
        print(f"{cpu_name()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
        print(f"programs waiting for a processor before this one: {os.getloadavg()[0]:.1f}")
        rates = precision.matrix_rates((torch.float32, torch.bfloat16))
        for dtype, rate in rates.items():
            print(f"matrix rate in {str(dtype)[6:]}: {rate / 1e9:.0f} GFLOP/s")
        golden(place)
        side_by_side(place, options.windows)
        parts(place, rates[torch.float32], options.windows)
        processes(place)


def make_up(place: Path) -> None:
    """Writes made-up weights, as one published file and as our folder."""
    place.mkdir(parents=True, exist_ok=True)
    weights = made_up_weights(CONFIG)
    torch.save(weights, place / PUBLISHED_FILE)
    for name, part in checkpoint.split(weights, CONFIG).items():
        checkpoint.write_weights(place / name, part, "fp32")
    tokenizer(place, CONFIG.text.vocabulary)
    described = {path.name: folder.describe(path) for path in place.glob("*.safetensors")}
    checkpoint.write_config(place, CONFIG, "fp32", described)


def golden(place: Path) -> None:
    """Prints the largest errors against the reference numbers, if they are there."""
    shared = Path(os.environ.get("CLAPSEP_SHARED", ROOT.parent / "shared"))
    path = shared / "reference" / "clapsep_base_golden.npz"
    if not path.is_file():
        print(f"no reference numbers at {path}")
        return
    with np.load(path) as arrays:
        known = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    net = our_net(place, torch.float32)
    heard, zero = known["mixture_48k"][None], torch.zeros_like(known["embed_positive"])
    print("largest error against the reference numbers:")
    for mode in ("both", "pos", "neg"):
        positive = zero if mode == "neg" else known["embed_positive"]
        negative = zero if mode == "pos" else known["embed_negative"]
        condition = pair(positive[None], negative[None])
        mask = net(known["mixture_32k"][None], condition, heard)[0, ::7, ::3]
        output = net.separate(known["mixture_32k"][None], condition, heard)[0]
        print(
            f"  {mode:<5} mask {largest(mask, known[f'mask_{mode}']):.1e}, "
            f"output {largest(output, known[f'out_{mode}']):.1e}"
        )
    audio = checkpoint.load_audio_embedder(place, CONFIG)(heard)
    text = checkpoint.load_text_embedder(place, CONFIG)(known["token_ids"])
    print(
        f"  audio embedding {largest(audio, known['audio_embedding']):.1e}, "
        f"text embedding {largest(text, known['text_embedding']):.1e}"
    )


def side_by_side(place: Path, windows: int) -> None:
    """Prints the time of one 10 s window, waveform to waveform, each way in turn."""
    runs = {way: prepared(place, way) for way in WAYS}
    sounds = [sound(seed) for seed in range(2)]
    condition = some_condition()
    outputs = {way: run(sounds[0], condition) for way, run in runs.items()}
    elapsed: dict[str, list[float]] = {way: [] for way in WAYS}
    worked: dict[str, list[float]] = {way: [] for way in WAYS}
    for turn in range(windows):
        for way, run in runs.items():
            start, start_work = time.perf_counter(), time.process_time()
            run(sounds[turn % 2], condition)
            elapsed[way].append(time.perf_counter() - start)
            worked[way].append(time.process_time() - start_work)
    print(f"one 10 s window, one at a time, {windows} turns:")
    for way in WAYS:
        print(
            f"  {way:<9} elapsed {_summary(elapsed, way)}; processor {_summary(worked, way)}; "
            f"output differs by {level(outputs[way], outputs['published']):.0f} dB"
        )


def parts(place: Path, rate: float, windows: int) -> None:
    """Prints where ours in float32 spends its time, beside what its operations need."""
    from torch.utils.flop_counter import FlopCounterMode

    net, mixture, condition = our_net(place, torch.float32), sound(0), some_condition()
    counted = FlopCounterMode(display=False, custom_mapping=_attention_on_cpu())
    with counted:
        net(mixture, condition)
    flops = counted.get_flop_counts()
    names = [
        *(f"audio.layers.{stage}" for stage in range(len(CONFIG.audio.depths))),
        "decoder.bottom",
        *(f"decoder.levels.{level}" for level in range(len(CONFIG.audio.depths))),
        "decoder.mask_net",
    ]
    best = dict.fromkeys((*names, "all"), float("inf"))
    for _ in range(windows):
        spent = timed(net, names, lambda: net(mixture, condition))
        best = {name: min(best[name], spent[name]) for name in best}
    print("ours in float32, part by part:          ms   GFLOP  ms at the matrix rate")
    rest_ms, rest_flops = best["all"], sum(flops["Global"].values())
    for name in names:
        done = sum(flops[f"BaseNet.{name}"].values())
        rest_ms, rest_flops = rest_ms - best[name], rest_flops - done
        _part_line(name, best[name], done, rate)
    _part_line("spectra, patches, rates, the rest", rest_ms, rest_flops, rate)
    _part_line("all", best["all"], sum(flops["Global"].values()), rate)


def processes(place: Path) -> None:
    """Prints load time and peak memory of a process that does nothing else."""
    print("a process of its own, one text and three windows:")
    for way in WAYS:
        command = [sys.executable, __file__, "--folder", str(place), "--way", way]
        command += ["--threads", str(torch.get_num_threads())]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(answer.stdout.splitlines()[-1])
        print(
            f"  {way:<9} loaded in {found['load']:.2f} s, peak {found['peak'] / 1e9:.2f} GB, "
            f"of it libraries {found['libraries'] / 1e9:.2f} GB; "
            f"without what is only mapped from files {found['own'] / 1e9:.2f} GB"
        )


def one_process(place: Path, way: str) -> dict[str, float]:
    """What `processes` shows of one way, ``own`` only on Linux: what no file could give back."""
    import transformers.models.roberta.modeling_roberta  # noqa: F401

    libraries = peak_memory()
    start = time.perf_counter()
    if way == "published":
        run = prepared(place, way)
        load = time.perf_counter() - start
    else:
        model = clapsep.ClapSep(place, CONFIG, torch.device("cpu"), getattr(torch, way))
        load = time.perf_counter() - start
        embedding = model.embed_text(["dog bark"])[0]
        condition = torch.from_numpy(np.concatenate([embedding, 0 * embedding]))

        def run(mixture: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
            return model.filters(mixture, condition).gain

    for seed in range(3):
        run(sound(seed), some_condition())
    return {"load": load, "peak": peak_memory(), "libraries": libraries, "own": status("RssAnon")}


def prepared(place: Path, way: str) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Mixture and condition to waveform, by one of `WAYS`."""
    if way != "published":
        return our_net(place, getattr(torch, way)).separate
    from published_style import PublishedStyle

    net = PublishedStyle(CONFIG).eval()
    weights = torch.load(place / PUBLISHED_FILE, weights_only=True)
    missing = net.load_state_dict(weights, strict=False).missing_keys
    weighty = [name for name in missing if name in checkpoint.expected(CONFIG)]
    if weighty:
        raise SystemExit(f"the plain implementation lacks {weighty[:3]}")
    resampler = BaseNet(CONFIG).resampler

    def run(mixture: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return net(mixture, condition, resampler(mixture))

    return run


def our_net(place: Path, dtype: torch.dtype) -> BaseNet:
    """Ours as `ClapSep` loads it."""
    net = checkpoint.load_separator(place, CONFIG)
    net.fix()
    net.set_precision(dtype)
    return net


def timed(net: BaseNet, names: list[str], run: Callable[[], Any]) -> dict[str, float]:
    """Milliseconds spent in some modules, and in all."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    spent, hooks = dict.fromkeys(names, 0.0), []
    started: dict[str, float] = {}
    for name in names:
        module = net.get_submodule(name)
        hooks.append(
            module.register_forward_pre_hook(
                lambda *_, name=name: started.__setitem__(name, clock())
            )
        )
        hooks.append(
            module.register_forward_hook(
                lambda *_, name=name: spent.__setitem__(
                    name, spent[name] + 1e3 * (clock() - started[name])
                )
            )
        )
    start = clock()
    run()
    spent["all"] = 1e3 * (clock() - start)
    for hook in hooks:
        hook.remove()
    return spent


def sound(seed: int) -> torch.Tensor:
    """Ten seconds of tones in noise, (1, n)."""
    seconds = torch.arange(CONFIG.samples) / CONFIG.rate
    generator = torch.Generator().manual_seed(seed)
    tones = torch.sin(6.2831853 * (200 + 40 * seed) * seconds * (1 + seconds))
    return (0.2 * tones + 0.05 * torch.randn(seconds.shape, generator=generator))[None]


def some_condition() -> torch.Tensor:
    """A pair of embeddings, (1, 2D)."""
    drawn = torch.randn(1, CONFIG.condition, generator=torch.Generator().manual_seed(3))
    return drawn / drawn.norm()


def largest(one: torch.Tensor, other: torch.Tensor) -> float:
    """The largest absolute difference."""
    return float((one - other).abs().max())


def level(one: torch.Tensor, other: torch.Tensor) -> float:
    """Energy of the difference relative to the second, dB."""
    error, energy = (one - other).square().sum(), other.square().sum()
    return float(10 * torch.log10(error / energy))


def _summary(times: dict[str, list[float]], way: str) -> str:
    ratios = [a / b for a, b in zip(times["published"], times[way], strict=True)]
    return (
        f"{1e3 * min(times[way]):4.0f} ms at best, {1e3 * statistics.median(times[way]):4.0f} ms "
        f"in the middle, {statistics.median(ratios):.2f} times as fast"
    )


def _part_line(name: str, milliseconds: float, flops: float, rate: float) -> None:
    print(f"  {name:<34} {milliseconds:6.1f}  {flops / 1e9:6.2f}  {1e3 * flops / rate:6.1f}")


def _attention_on_cpu() -> dict[Any, Any]:
    """Torch counts every attention but the CPU's own."""
    from torch.utils.flop_counter import sdpa_flop_count

    def count(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        return sdpa_flop_count(query, key, value)

    return {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: count}


if __name__ == "__main__":
    with torch.inference_mode():
        main()
