"""``clapsep train``: the two stages of a mini model, and its release."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import platformdirs
import typer

from clapsep_desktop.cli.console import say

EXAMPLES = """\b
Examples:
  clapsep train joint corpus/manifest.csv runs/joint --steps 500
  clapsep train separation corpus/manifest.csv runs/mini --joint runs/joint --steps 5000
  clapsep train release runs/mini resources/models/mini

A run that was stopped goes on where it was when it is started again with the same folder.
"""

app = typer.Typer(
    help="Train a mini model on labelled sounds.",
    epilog=EXAMPLES,
    no_args_is_help=True,
    rich_markup_mode=None,
)

Manifest = Annotated[
    Path,
    typer.Argument(metavar="MANIFEST", help="A CSV with path, concept, captions and split_group."),
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of the run.")]
Steps = Annotated[int, typer.Option(metavar="N", min=1, help="Steps in all.")]
Decay = Annotated[
    int, typer.Option(metavar="N", min=0, help="Last steps, in which the learning rate falls.")
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="Of weights and batches.")]
Cache = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Keeps decoded sounds; about 250 MB an hour of them."),
]


@app.command()
def joint(
    manifest: Manifest,
    run: Run,
    steps: Steps = 500,
    decay: Decay = 150,
    seed: Seed = 1,
    cache: Cache = None,
) -> None:
    """Stage one: the audio encoder learns which sound goes with which caption."""
    from clapsep_desktop.training import runs
    from clapsep_desktop.training.config import TrainingConfig

    sounds = runs.prepare(manifest, _cache(cache))
    runs.train_joint(sounds, TrainingConfig(steps=steps, decay=decay, seed=seed), run)


@app.command()
def separation(
    manifest: Manifest,
    run: Run,
    joint_run: Annotated[
        Path | None,
        typer.Option("--joint", metavar="RUN", help="A finished run of stage one to begin with."),
    ] = None,
    steps: Steps = 5_000,
    decay: Decay = 1_000,
    seed: Seed = 1,
    cache: Cache = None,
) -> None:
    """Stage two: the whole network learns to keep and remove."""
    from clapsep_desktop.training import runs
    from clapsep_desktop.training.config import TrainingConfig

    sounds = runs.prepare(manifest, _cache(cache))
    config = TrainingConfig(steps=steps, decay=decay, seed=seed)
    runs.train_separation(sounds, config, run, joint_run)


@app.command()
def release(
    run: Run,
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="The model's folder.")],
) -> None:
    """Write the averaged weights of a run as a model that “--model FOLDER” can use."""
    from clapsep_desktop.training import runs

    runs.release(run, target)
    say(f"The weights are in {target}.")


def _cache(chosen: Path | None) -> Path:
    if chosen is not None:
        return chosen
    return Path(platformdirs.user_cache_dir("clapsep-desktop", appauthor=False)) / "training"
