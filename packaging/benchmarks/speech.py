"""The speech specialist, mini and auto on voices in noise: what is gained, heard and taken.

    python packaging/benchmarks/speech.py quality --manifest FILE [--each N] [--to FILE]
    python packaging/benchmarks/speech.py speed [--minutes N]

``quality`` mixes validation voices of a corpus (see `clapsep_desktop.evaluation.manifest`) with
validation recordings of other sounds, and asks by their captions to keep the voice, to remove it,
and to keep the other sound. SI-SDRi says how much nearer to the wanted sound the result is than
the mixture was; PESQ (wide band) and STOI, from the packages ``pesq`` and ``pystoi``, how a voice
sounds and how well it is understood. It also tries mini's mask together with the specialist's.

``speed`` runs the specialist over a long recording and prints the speed and the most memory.

PESQ, STOI and the published runtime that a test compares with are no part of the program:
``pip install -e ".[benchmarks]"`` in the checkout brings them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from process_memory import peak_memory  # noqa: E402

from clapsep_desktop.audio.source import ArraySource  # noqa: E402
from clapsep_desktop.evaluation.manifest import Sound, by_concept, by_split, read_manifest  # noqa: E402
from clapsep_desktop.evaluation.metrics import si_sdr  # noqa: E402
from clapsep_desktop.model import speech  # noqa: E402
from clapsep_desktop.model.interface import QueryModel, SeparationModel, SpectralFilter  # noqa: E402
from clapsep_desktop.query import Query  # noqa: E402
from clapsep_desktop.resources import resource as shipped  # noqa: E402
from clapsep_desktop.separation.engine import Separator, assemble  # noqa: E402
from clapsep_desktop.separation.models import Models, make_plan  # noqa: E402
from clapsep_desktop.separation.pipeline import Pipeline  # noqa: E402
from clapsep_desktop.separation.plan import Plan, Step, direct  # noqa: E402

RATE = 32_000
SECONDS = 8
RATIOS = (-5, 0, 5, 10)  # dB, voice to noise
NOISES = {
    "rain": ("rain",),
    "wind": ("wind", "wind_trees"),
    "keyboard": ("keyboard",),
    "traffic": ("traffic", "car_passing", "car_engine"),
    "music": ("music", "music_electronic"),
    "dog": ("dog_bark", "dog_growl"),
    "crowd": ("crowd_chatter",),
}
SEED = 11


@dataclass(frozen=True)
class Case:
    """A voice and a noise, with a caption of each."""

    noise_class: str
    ratio: int  # dB
    voice: np.ndarray  # (n,)
    noise: np.ndarray
    captions: tuple[str, str]

    @property
    def mixture(self) -> np.ndarray:
        """What is heard."""
        return np.asarray(self.voice + self.noise)


@dataclass(frozen=True)
class Score:
    """One result of one way."""

    task: str
    way: str
    noise_class: str
    ratio: int
    si_sdri: float
    pesq: float | None = None
    stoi: float | None = None


def cases(sounds: Sequence[Sound], each: int) -> list[Case]:
    """The same cases for the same sounds; ``each`` for every noise and ratio."""
    random = np.random.default_rng(SEED)
    validation = by_split(sounds, "validation")
    concepts = by_concept(validation)
    voices = [sound for sound in validation if sound.concept.startswith("speech")]
    found = []
    for name, members in NOISES.items():
        noises = [validation[index] for member in members for index in concepts.get(member, [])]
        if not noises:
            print(f"no validation recordings of {name}", flush=True)
            continue
        for ratio in RATIOS:
            for _ in range(each):
                voice, noise = (pool[random.integers(len(pool))] for pool in (voices, noises))
                found.append(mixed(name, ratio, voice, noise, random))
    return found


def mixed(name: str, ratio: int, voice: Sound, noise: Sound, random: np.random.Generator) -> Case:
    """A voice and a noise at a ratio, their sum peaking at half of full scale."""
    rows = [tiled(decoded(sound.path)) for sound in (voice, noise)]
    levels = [np.sqrt(np.mean(row**2)) + 1e-9 for row in rows]
    rows = [rows[0] / levels[0], rows[1] / levels[1] * 10 ** (-ratio / 20)]
    scale = 0.5 / np.abs(rows[0] + rows[1]).max()
    captions = tuple(str(random.choice(sound.captions)) for sound in (voice, noise))
    return Case(name, ratio, rows[0] * scale, rows[1] * scale, (captions[0], captions[1]))


def decoded(path: Path) -> np.ndarray:
    """Mono at `RATE`."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.asarray(soxr.resample(samples.mean(axis=1), rate, RATE))


def tiled(samples: np.ndarray) -> np.ndarray:
    """The first `SECONDS`, a shorter sound again and again."""
    return np.asarray(np.resize(samples, SECONDS * RATE), np.float32)


class Combined:
    """The specialist, each of its gains combined with that of a model that takes queries.

    Args:
        specialist: gives filters at 48 kHz.
        general: gives gains at 32 kHz, with as many frames a second.
        combine: from both gains to a factor for the specialist's filters.
    """

    def __init__(
        self,
        specialist: speech.Speech,
        general: QueryModel,
        combine: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    ) -> None:
        self.name = "combined"
        self.grid, self.plan, self.device = specialist.grid, specialist.plan, specialist.device
        self.specialist, self.general, self.combine = specialist, general, combine

    def filters(self, windows: torch.Tensor, condition: torch.Tensor | None) -> SpectralFilter:
        """See `SeparationModel.filters`; for one window at a time."""
        own = self.specialist.filters(windows, None)
        slower = soxr.resample(windows[0].numpy(), self.grid.rate, self.general.grid.rate)
        heard = self.general.filters(torch.from_numpy(slower)[None], condition)
        hertz = torch.arange(self.grid.bins) * self.grid.rate / self.grid.n_fft
        step = self.general.grid.rate / self.general.grid.n_fft
        nearest = (hertz / step).round().long().clamp(max=heard.gain.shape[2] - 1)
        factor = self.combine(own.gain, heard.gain[:, :, nearest])
        assert own.taps is not None
        low = own.taps.shape[3]
        return SpectralFilter(own.gain * factor, own.taps * factor[:, :, None, :low], own.lookahead)


def _product(own: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    del own
    return other


def _root(own: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    del own
    return other.sqrt()


def _minimum(own: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return (other / own.clamp_min(1e-4)).clamp(max=1.0)


def _high(own: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    hertz = torch.linspace(0, 24_000, own.shape[2])
    return torch.where(hertz >= 4_000, other, 1.0)


COMBINATIONS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "product": _product,
    "product with the root": _root,
    "minimum": _minimum,
    "product above 4 kHz": _high,
}


def ways(case: Case, models: Models) -> dict[str, dict[str, Callable[[np.ndarray], np.ndarray]]]:
    """What to run for each task: ways by task and name."""
    voice, noise = case.captions
    keep, remove = Query.of([voice], [noise]), Query.of([], [voice])
    other = Query.of([noise], [voice])
    specialist, general = models.model("speech"), models.model("mini")
    assert isinstance(specialist, speech.Speech)
    assert isinstance(general, QueryModel)
    vector = models.conditioner("mini").condition(keep).vector
    published = speech.load(shipped("models", "speech"), torch.device("cpu"))
    published.as_published = True
    combined = {
        f"speech x mini, {name}": through(Combined(specialist, general, combine), vector)
        for name, combine in COMBINATIONS.items()
    }
    return {
        "keep the voice": {
            "speech": planned(Plan((Step("speech"),)), models),
            "speech, as published": through(published),
            "speech, as published, 20 dB down": quieter(through(published)),
            "mini": planned(direct(keep, "mini"), models),
            "auto": planned(make_plan(keep, models), models),
            **combined,
        },
        "remove the voice": {
            "mini": planned(direct(remove, "mini"), models),
            "auto": planned(make_plan(remove, models), models),
        },
        "keep the other sound, remove the voice": {
            "mini": planned(direct(other, "mini"), models),
            "auto": planned(make_plan(other, models), models),
        },
    }


def planned(plan: Plan, models: Models) -> Callable[[np.ndarray], np.ndarray]:
    """A plan as a function of a mono signal."""
    pipeline = Pipeline(plan, models)
    return lambda samples: assemble(pipeline.extract(ArraySource(samples[:, None], RATE)))[:, 0]


def through(
    model: SeparationModel, vector: np.ndarray | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """A model as a function of a mono signal."""
    separator = Separator(model)
    return lambda samples: assemble(
        separator.extract(ArraySource(samples[:, None], RATE), None, vector)
    )[:, 0]


def quieter(way: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """The same of a quieter recording, brought back to its level."""
    return lambda samples: 10 * way(0.1 * samples)


def heard_as(estimate: np.ndarray, voice: np.ndarray) -> tuple[float, float]:
    """PESQ, 1 to 4.6, and STOI, 0 to 1."""
    try:
        from pesq import pesq
        from pystoi import stoi
    except ImportError as error:
        raise SystemExit(f"{error.name} is missing: pip install -e '.[benchmarks]'") from error

    one, other = (soxr.resample(signal, RATE, 16_000) for signal in (voice, estimate))
    return float(pesq(16_000, one, other, "wb")), float(stoi(one, other, 16_000))


def measure(case: Case, models: Models) -> list[Score]:
    """Every way on one case."""
    scores = []
    mixture = case.mixture
    for task, named in ways(case, models).items():
        target = case.voice if task == "keep the voice" else case.noise
        before = float(si_sdr(mixture, target))
        results = {"mixture": mixture} | {name: way(mixture) for name, way in named.items()}
        for name, result in results.items():
            gained = float(si_sdr(result, target)) - before
            heard: tuple[float | None, float | None] = (None, None)
            if target is case.voice:
                heard = heard_as(result, target)
            scores.append(Score(task, name, case.noise_class, case.ratio, gained, *heard))
    return scores


def table(scores: Sequence[Score]) -> str:
    """Markdown: means over cases."""
    lines = []
    for task in dict.fromkeys(score.task for score in scores):
        some = [score for score in scores if score.task == task]
        for title, key in (("noise", "noise_class"), ("voice to noise, dB", "ratio")):
            columns = list(dict.fromkeys(getattr(score, key) for score in some))
            lines += [
                f"\n**{task}**, SI-SDRi in dB by {title}\n",
                "| way | all | improved | PESQ | STOI | " + " | ".join(map(str, columns)) + " |",
                "|---|" + "---|" * (4 + len(columns)),
            ]
            for way in dict.fromkeys(score.way for score in some):
                own = [score for score in some if score.way == way]
                groups = defaultdict(list)
                for score in own:
                    groups[getattr(score, key)].append(score.si_sdri)
                gains = [score.si_sdri for score in own]
                cells = [
                    f"{np.mean(gains):.2f}",
                    f"{np.mean(np.array(gains) > 0):.0%}",
                    _mean([score.pesq for score in own], 2),
                    _mean([score.stoi for score in own], 3),
                    *(f"{np.mean(groups[column]):.2f}" for column in columns),
                ]
                lines.append(f"| {way} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _mean(values: Sequence[float | None], digits: int) -> str:
    known = [value for value in values if value is not None]
    return f"{np.mean(known):.{digits}f}" if known else ""


def quality(options: argparse.Namespace) -> None:
    """Measure all cases, print and perhaps save."""
    models = Models("cpu")
    scores = []
    todo = cases(read_manifest(options.manifest), options.each)
    for number, case in enumerate(todo, 1):
        scores += measure(case, models)
        if number % 10 == 0:
            print(f"{number} of {len(todo)}", flush=True)
    if options.to:
        options.to.write_text(json.dumps([asdict(score) for score in scores]), encoding="utf-8")
    print(table(scores))


class Talk:
    """The demo again and again, as long as wanted, without being stored; 48 kHz stereo."""

    def __init__(self, minutes: float) -> None:
        self._samples, self.rate = soundfile.read(
            shipped("demo", "demo.flac"), dtype="float32", always_2d=True
        )
        self.channels = self._samples.shape[1]
        self.frames = int(minutes * 60 * self.rate)

    def read(self, start: int, stop: int) -> np.ndarray:
        """See `clapsep_desktop.audio.source.AudioSource.read`."""
        return np.asarray(self._samples[np.arange(start, stop) % len(self._samples)])


def speed(options: argparse.Namespace) -> None:
    """Run the specialist over a long recording."""
    source = Talk(options.minutes)
    pipeline = Pipeline(Plan((Step("speech"),)), Models("cpu"))
    before = peak_memory() / 2**20
    start, busy = time.perf_counter(), time.process_time()
    for block in pipeline.extract(source):
        print(f"\r{block.progress:.0%}", end="", flush=True)
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    most = peak_memory() / 2**20
    length = options.minutes * 60
    print(
        f"\r{options.minutes:g} min of stereo at 48 kHz: {length / seconds:.1f} x real time, "
        f"{length / busy:.1f} x per busy core; most memory {most:.0f} MiB, {before:.0f} at start"
    )


def main() -> None:
    """Choose what to measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("quality")
    command.add_argument("--manifest", type=Path, required=True)
    command.add_argument("--each", type=int, default=6, help="cases for each noise and ratio")
    command.add_argument("--to", type=Path, help="JSON file for every single score")
    command.set_defaults(run=quality)
    command = commands.add_parser("speed")
    command.add_argument("--minutes", type=float, default=10.0)
    command.set_defaults(run=speed)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
