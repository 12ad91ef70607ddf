"""``clapsep train``: the two stages of mini, the adaptation of base, and a run's release."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import platformdirs
import typer

from clapsep_desktop.cli.console import say, warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clapsep_desktop.evaluation.concepts import Embed
    from clapsep_desktop.training.config import TrainingConfig
    from clapsep_desktop.training.runs import Place, Sounds

EXAMPLES = """\b
Examples:
  clapsep train joint corpus/manifest.csv runs/joint --steps 500
  clapsep train separation corpus/manifest.csv runs/mini --joint runs/joint --steps 5000
  clapsep train separation my-sounds runs/base --model base --config base.toml --devices 2
  clapsep train release runs/mini my-model

SOUNDS is a CSV with path, concept, captions and split_group, or a folder of recordings, each with
its captions in a text file of the same name. A run that was stopped goes on where it was, with
the settings it keeps, when it is started again with the same folder.
"""

app = typer.Typer(
    help="Train a model on labelled sounds.",
    epilog=EXAMPLES,
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Kind(StrEnum):
    """What is trained."""

    mini = "mini"
    base = "base"


class Accelerator(StrEnum):
    """On what it is trained."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


Source = Annotated[Path, typer.Argument(metavar="SOUNDS", help="A manifest, or a folder.")]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of the run.")]
Steps = Annotated[int | None, typer.Option(metavar="N", min=1, help="Steps in all.")]
Decay = Annotated[
    int | None, typer.Option(metavar="N", min=0, help="Last steps, in which the rate falls.")
]
Seed = Annotated[int | None, typer.Option(metavar="N", min=0, help="Of weights and batches.")]
Settings = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Settings as TOML or JSON; options here go first."
    ),
]
Cache = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Keeps decoded sounds; about 250 MB an hour of them."),
]
On = Annotated[Accelerator, typer.Option("--on", help="On what to train.")]
Devices = Annotated[
    int, typer.Option(metavar="N", min=1, help="Processes on each machine, one for each card.")
]
Nodes = Annotated[
    int, typer.Option(metavar="N", min=1, help="Machines; run the command on each of them.")
]


@app.command()
def joint(
    source: Source,
    run: Run,
    steps: Steps = None,
    decay: Decay = None,
    seed: Seed = None,
    config: Settings = None,
    cache: Cache = None,
    on: On = Accelerator.auto,
    devices: Devices = 1,
    nodes: Nodes = 1,
) -> None:
    """Stage one of mini: the audio encoder learns which sound goes with which caption."""
    from clapsep_desktop.training import runs
    from clapsep_desktop.training.config import TrainingConfig

    start = TrainingConfig(steps=500, decay=150, kind="joint")
    settings = _settings(run, start, config, steps=steps, decay=decay, seed=seed)
    machine = _Machine(on.value, devices, nodes)
    with machine.placed(run, settings) as place:
        runs.train_joint(_sounds(source, cache, place), settings, place)


@app.command()
def separation(
    source: Source,
    run: Run,
    model: Annotated[
        Kind, typer.Option(help="mini, or base, of which the decoder and LoRA learn.")
    ] = Kind.mini,
    joint_run: Annotated[
        Path | None,
        typer.Option("--joint", metavar="RUN", help="A finished run of stage one, for mini."),
    ] = None,
    scratch: Annotated[
        bool, typer.Option("--scratch", help="Begin base with a new decoder, as the paper does.")
    ] = False,
    steps: Steps = None,
    decay: Decay = None,
    seed: Seed = None,
    config: Settings = None,
    cache: Cache = None,
    on: On = Accelerator.auto,
    devices: Devices = 1,
    nodes: Nodes = 1,
) -> None:
    """The network learns to keep and remove: stage two of mini, or base."""
    from clapsep_desktop.training import runs
    from clapsep_desktop.training.config import BASE_RECIPE, TrainingConfig

    if model is Kind.base and joint_run is not None:
        raise typer.BadParameter("--joint is for mini only.")
    if model is Kind.mini and scratch:
        raise typer.BadParameter("--scratch is for base only.")
    start = BASE_RECIPE if model is Kind.base else TrainingConfig(steps=5_000, decay=1_000)
    settings = _settings(run, start, config, steps=steps, decay=decay, seed=seed)
    machine = _Machine(on.value, devices, nodes)
    with machine.placed(run, settings) as place:
        if model is Kind.base:
            sounds = _sounds(source, cache, place, runs.base_embedding(), runs.base_space())
            runs.train_base(sounds, settings, place, scratch=scratch)
        else:
            runs.train_separation(_sounds(source, cache, place), settings, place, joint_run)


@app.command()
def release(
    run: Run,
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="The model's folder.")],
    best: Annotated[
        bool, typer.Option("--best", help="The weights of the best validation, not the last.")
    ] = False,
) -> None:
    """Write the averaged weights of a run as a model that “--model FOLDER” can use."""
    from clapsep_desktop.training import runs

    difference = runs.release(run, target, best=best)
    say(f"The weights are in {target}; stored, they answer within {difference:.0f} dB.")


@dataclass(frozen=True)
class _Machine:
    """The processes of a run."""

    accelerator: str
    devices: int
    nodes: int

    @contextmanager
    def placed(self, run: Path, settings: TrainingConfig) -> Iterator[Place]:
        """Starts the other processes of a run, and in each tells where it is."""
        from clapsep_desktop.training.parallel import fabric
        from clapsep_desktop.training.runs import Place

        together = fabric(
            settings.precision,
            accelerator=self.accelerator,
            devices=self.devices,
            nodes=self.nodes,
        )
        together.launch()
        yield Place(run, together, say)


def _settings(
    run: Path, start: TrainingConfig, file: Path | None, **options: int | None
) -> TrainingConfig:
    """Those of the run or to start with, those of a file, and of the command line, in turn."""
    from clapsep_desktop.training import runs
    from clapsep_desktop.training.config import read

    settings = runs.continued(run, start)
    if file is not None:
        settings = read(file, settings)
    chosen: dict[str, Any] = {n: value for n, value in options.items() if value is not None}
    return replace(settings, **chosen)


def _sounds(
    source: Path,
    cache: Path | None,
    place: Place,
    embed: Embed | None = None,
    space: str = "",
) -> Sounds:
    """The sounds, decoded by one process while the others wait for what it leaves behind."""
    from clapsep_desktop.evaluation.tables import named
    from clapsep_desktop.training import runs

    assert place.fabric is not None
    with place.fabric.rank_zero_first():
        if place.fabric.is_global_zero:
            say("Reading the sounds; the first time takes a while.")
        sounds = runs.prepare(source, _cache(cache), embed, space=space)
    if sounds.left_out and place.fabric.is_global_zero:
        names = named([sound.path.name for sound in sounds.left_out])
        warn(f"Left out, for they cannot be read or hold no sound: {names}.")
    return sounds


def _cache(chosen: Path | None) -> Path:
    if chosen is not None:
        return chosen
    return Path(platformdirs.user_cache_dir("clapsep-desktop", appauthor=False)) / "training"
