"""``clapsep batch``: a recipe or a manifest over many recordings, here or on a cluster."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from clapsep_desktop.batch import places
from clapsep_desktop.batch.jobs import Advanced, Finished, Job, Pool
from clapsep_desktop.batch.names import FIELDS, Template
from clapsep_desktop.batch.report import as_dict
from clapsep_desktop.batch.run import Batch, Options, Order, gathered
from clapsep_desktop.cli.console import Progress, answer, say, warn
from clapsep_desktop.cli.exit_codes import ExitCode
from clapsep_desktop.cli.options import Channels, Depth, Device, OnDevice, Overwrite
from clapsep_desktop.cli.sounds import prompt_of
from clapsep_desktop.errors import DataError
from clapsep_desktop.query import Query
from clapsep_desktop.session.recipe import Recipe, Step

EXAMPLES = """\b
Examples:
  clapsep batch calm.json recordings/ --out calm
  clapsep batch calm.json a.wav b.flac --out calm --name "{n} {name} {kind}" --write kept
  clapsep batch --manifest jobs.csv --workers 2
  clapsep batch calm.json s3://archive/a.flac --out s3://results --cluster tcp://10.0.0.5:8786

A batch that was stopped goes on where it was when the same command is given again.
"""


class Write(StrEnum):
    """Which side is written."""

    kept = "kept"
    removed = "removed"
    both = "both"


class OnError(StrEnum):
    """What follows a recording that failed."""

    skip = "skip"
    stop = "stop"


def batch(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECIPE FILES...]", help="A recipe, then recordings, folders or URLs."
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A CSV with the columns input, keep, remove, keep_audio, remove_audio, kept, "
            "removed, start, end, blend, strength.",
        ),
    ] = None,
    out: Annotated[
        str,
        typer.Option(metavar="DIR", help="Folder or URL of the results; beside each recording."),
    ] = "",
    name: Annotated[
        str,
        typer.Option(
            metavar="TEMPLATE",
            help="Names of the results, of " + ", ".join(f"{{{field}}}" for field in FIELDS) + ".",
        ),
    ] = Template.text,
    write: Annotated[Write, typer.Option(help="Which side is written.")] = Write.both,
    kind: Annotated[
        str, typer.Option("--format", metavar="EXT", help="Such as flac; as each recording.")
    ] = "",
    depth: Annotated[
        Depth | None, typer.Option(help="Sample format of the results; each recording's own.")
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="For a manifest: auto, mini, base or a folder.")
    ] = "auto",
    channels: Annotated[
        Channels, typer.Option(help="For a manifest: one filter for all channels or one for each.")
    ] = Channels.linked,
    on_error: Annotated[
        OnError, typer.Option(help="Go on or stop after a recording that failed.")
    ] = OnError.skip,
    overwrite: Overwrite = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Do again what an earlier run did.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Processes; one for each GPU, or as many as cores carry."
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Of each worker; all cores are divided. The same number gives the same bytes.",
        ),
    ] = None,
    device: OnDevice = Device.auto,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Let a Dask cluster do it: its scheduler's address."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer with the report.")] = False,
) -> None:
    """Do the same with many recordings.

    A report (CSV and JSON) is written to DIR, or beside the manifest. On a cluster every worker
    must reach recordings and results by the same paths or URLs, and have CLAPSep installed.
    """
    options = Options(
        out=out,
        template=Template(name),
        kinds=write.value,
        extension=f".{kind.lower().lstrip('.')}" if kind else "",
        depth=depth.value if depth else None,
        overwrite=overwrite,
        fresh=fresh,
        on_error=on_error.value,
    )
    if manifest is not None:
        orders = _listed(manifest, arguments, model, channels)
        home = out or places.parent(places.absolute(str(manifest)))
        todo = Batch(orders, options, home, f"{manifest.stem}-report")
    else:
        if model != "auto" or channels is not Channels.linked:
            raise DataError(
                "A recipe says itself which model each step takes, and how it treats channels. "
                "Leave --model and --channels out, or make another recipe."
            )
        orders = _repeated(arguments or [])
        todo = Batch(orders, options, out or places.parent(places.absolute(orders[0].source)))
    pool = _pool(cluster, device.value, workers, threads, len(todo.waiting))
    _run(todo, pool, as_json)


def _listed(
    manifest: Path, arguments: list[str] | None, model: str, channels: Channels
) -> list[Order]:
    from clapsep_desktop.batch import manifest as manifests

    if arguments:
        raise DataError("Name either a manifest or a recipe with recordings, not both.")

    def make(query: Query) -> Step:
        mode = Step.channels if channels is Channels.linked else "independent"
        return Step(query, model=model, channels=mode)

    return manifests.read(manifest, prompt_of, make)


def _repeated(arguments: list[str]) -> list[Order]:
    if len(arguments) < 2:
        raise DataError(
            "Name a recipe and at least one recording, or a manifest with --manifest. "
            "“clapsep extract … --save-recipe FILE” makes a recipe."
        )
    recipe = Recipe.load(Path(arguments[0]))
    return [Order(source, recipe) for source in gathered(arguments[1:])]


def _pool(
    cluster: str | None, device: str, workers: int | None, threads: int | None, count: int
) -> Pool:
    if cluster is not None:
        from clapsep_desktop.batch.cluster import ClusterPool

        return ClusterPool(cluster, device)
    from clapsep_desktop.batch.devices import shares
    from clapsep_desktop.batch.pool import LocalPool

    return LocalPool(shares(device, min(workers, max(count, 1)) if workers else None, threads))


def _run(todo: Batch, pool: Pool, as_json: bool) -> None:
    before = len(todo.jobs) - len(todo.waiting)
    if before and not as_json:
        say(f"{before} of {len(todo.jobs)} were done before.")
    with Progress() as progress, closing(todo.run(pool)) as events:
        watch = _Watch(progress, todo, quiet=as_json)
        for event in events:
            watch(event)
    rows = todo.rows
    if as_json:
        answer(as_dict(rows))
    else:
        summary = as_dict(rows)
        say(
            f"{summary['done']} of {summary['jobs']} done, {summary['failed']} failed. "
            f"Report: {todo.report_paths[0]}"
        )
    if todo.failed:
        sys.exit(ExitCode.FAILED)


class _Watch:
    """Shows how all jobs together come on."""

    def __init__(self, progress: Progress, todo: Batch, quiet: bool) -> None:
        self._progress = progress
        self._todo = todo
        self._quiet = quiet
        self._parts: dict[int, float] = {}  # of each job that runs, 0 to 1

    def __call__(self, event: Advanced | Finished) -> None:
        job = event.job
        if isinstance(event, Finished):
            self._parts[job.number] = 1.0
            self._tell(job, event)
        elif event.phase == "separating" and event.total:
            self._parts[job.number] = 0.95 * event.done / event.total
        jobs = len(self._todo.jobs)
        before = (
            jobs
            - len(self._todo.waiting)
            - sum(1 for number in self._todo.outcomes if number in self._parts)
        )
        done = before + sum(self._parts.values())
        finished = len(self._todo.outcomes)
        self._progress.show(f"{finished} of {jobs} done", done, jobs, "recordings")

    def _tell(self, job: Job, event: Finished) -> None:
        if not event.outcome.is_done:
            warn(f"{job.source}: {event.outcome.error}")
        elif not self._quiet:
            say(f"{job.number:>4}  {_shown(job.targets)}")


def _shown(targets: Iterable[str]) -> str:
    return "  ".join(targets)
