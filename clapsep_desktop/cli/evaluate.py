"""``clapsep evaluate``: how well a model separates, in figures, tables and pictures."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clapsep_desktop.cli.console import Progress, answer, warn
from clapsep_desktop.cli.options import AsJson, Device, OnDevice
from clapsep_desktop.errors import DataError

if TYPE_CHECKING:
    from rich.table import Table

    from clapsep_desktop.evaluation.collection import Listed
    from clapsep_desktop.evaluation.run import Evaluation, Options
    from clapsep_desktop.evaluation.summary import ConceptFigure, Group, Line

EXAMPLES = """\b
Examples:
  clapsep evaluate corpus/manifest.csv
  clapsep evaluate corpus/manifest.csv --split validation --split unseen --out results --report
  clapsep evaluate corpus/manifest.csv --mode example --shots 1 --shots 5 --shots 10
  clapsep evaluate --list audiocaps_eval.csv --audio AudioCaps --model base --out results
  clapsep evaluate --list esc_eval.csv --audio ESC-50 --samples esc_eval_samples.csv \
    --list fsd_eval.csv --audio FSDKaggle2018 --out results --report

The same options give the same figures. A run that was stopped goes on where it was when it is
started again with the same --out.
"""

_PIPE_WIDTH = 140  # characters of a table that no terminal limits


def evaluate(
    manifest: Annotated[
        Path | None,
        typer.Argument(metavar="[MANIFEST]", help="A CSV or folder of sounds, to be mixed."),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="mini, base, speech or a model's folder.")
    ] = "mini",
    device: OnDevice = Device.auto,
    split: Annotated[
        list[str] | None,
        typer.Option(metavar="SPLIT", help="validation (default), unseen or train; repeatable."),
    ] = None,
    pairs: Annotated[
        int | None,
        typer.Option(metavar="N", help="Mixtures of a split (200), or rows of a list (all)."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of the draw of mixtures.")] = 0,
    mode: Annotated[
        list[str] | None,
        typer.Option(metavar="MODE", help="A way of asking; repeatable. The common ones if none."),
    ] = None,
    shots: Annotated[
        list[int] | None,
        typer.Option(metavar="N", help="Examples shown of a sound (1); repeatable."),
    ] = None,
    example_seconds: Annotated[
        list[float] | None,
        typer.Option(metavar="S", help="Length of an example at most (4); repeatable."),
    ] = None,
    interferers: Annotated[
        int, typer.Option(metavar="N", help="Sounds beside the one that is asked for.")
    ] = 1,
    snr: Annotated[
        list[float] | None,
        typer.Option(metavar="DB", help="The target over all else (0); repeatable."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(metavar="S", help="Length of a mixture (5, or a list's own).")
    ] = None,
    targets: Annotated[
        str, typer.Option(metavar="WORD", help="Ask only for concepts that begin so, as “speech”.")
    ] = "",
    list_path: Annotated[
        list[Path] | None,
        typer.Option("--list", metavar="FILE", help="A published list of mixtures; repeatable."),
    ] = None,
    audio: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="The recordings of all lists, or of each in turn."),
    ] = None,
    samples: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Recordings to show for the list of that name."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep items.csv and summary.json here.")
    ] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Write report.html there as well.")
    ] = False,
    similarity: Annotated[
        bool,
        typer.Option("--similarity/--no-similarity", help="Compare results with the query too."),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Measure how well a model separates mixtures of known sounds.

    Ways of asking: both, positive, negative (in words), example, example-positive,
    example-negative, hybrid, hybrid-positive, absent (for a sound that is not there).
    """
    _check_report(report, out)
    with Progress() as progress:
        progress.show("choosing mixtures")  # names the wait for torch as well
        from clapsep_desktop.evaluation.collection import Mixing
        from clapsep_desktop.evaluation.run import Options

        mixing = Mixing(
            splits=tuple(split or Mixing.splits),
            count=pairs,
            seed=seed,
            interferers=interferers,
            snrs=tuple(snr or Mixing.snrs),
            seconds=seconds,
            targets=targets,
        )
        options = Options(
            manifest=manifest,
            mixing=mixing,
            lists=_lists(list_path or (), audio or (), samples or ()),
            modes=tuple(mode or ()),
            shots=tuple(shots or Options.shots),
            example_seconds=tuple(example_seconds or Options.example_seconds),
            similarity=similarity,
            out=out,
        )
        evaluation = _measured(model, device.value, options, progress)
        progress.show("measuring the speed")
        evaluation.write()
        if report:
            progress.show("drawing the report")
            evaluation.write_report()
    if as_json:
        answer(evaluation.to_dict())
        return
    _print(evaluation)
    for note in evaluation.notes():
        warn(note)


def _check_report(report: bool, out: Path | None) -> None:
    """Refuses before anything is measured what would fail after it."""
    if report and out is None:
        raise DataError("A report needs a folder: say which one with --out.")
    if report and not (find_spec("matplotlib") and find_spec("sklearn")):
        raise DataError(
            "A report needs matplotlib and scikit-learn. Install them with: "
            "pip install 'clapsep-desktop[evaluate]'"
        )


def _lists(
    paths: Sequence[Path], audio: Sequence[Path], samples: Sequence[Path]
) -> tuple[Listed, ...]:
    """The lists, each with its folder and, by the first word of its name, what is to be shown."""
    from clapsep_desktop.evaluation.collection import Listed
    from clapsep_desktop.evaluation.lists import name_of

    if bool(paths) != bool(audio) or len(audio) not in (0, 1, len(paths)):
        raise DataError(
            "A list of mixtures and the folder of its recordings go together: give one --audio "
            "for all lists, or one for each."
        )
    shown = {name_of(path): path for path in samples}
    strangers = set(shown) - {name_of(path) for path in paths}
    if strangers:
        raise DataError(
            f"There is no list “{min(strangers)}” that “{shown[min(strangers)].name}” could "
            "belong to: both files begin with the same word."
        )
    folders = audio if len(audio) == len(paths) else [*audio] * len(paths)
    return tuple(
        Listed(path, folder, shown.get(name_of(path)))
        for path, folder in zip(paths, folders, strict=True)
    )


def _measured(model: str, device: str, options: Options, progress: Progress) -> Evaluation:
    """The evaluation, everything in it measured."""
    import platformdirs

    from clapsep_desktop.evaluation.run import Evaluation
    from clapsep_desktop.model import registry

    progress.show("loading the model")
    loaded = registry.load(model, device, progress.note)
    progress.show("choosing mixtures")
    cache = Path(platformdirs.user_cache_dir("clapsep-desktop", appauthor=False)) / "captions"
    folder = registry.find(model).folder
    evaluation = Evaluation(loaded, options, folder=folder, cache=cache)
    for step in evaluation.steps():
        length = step.item.seconds
        progress.show("separating", step.done * length, step.total * length)
    return evaluation


def _print(evaluation: Evaluation) -> None:
    """Tables, as wide as a terminal, or whole where nobody looks."""
    from rich.console import Console

    from clapsep_desktop.evaluation.tables import side_by_side

    summary = evaluation.summary
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)
    for group, lines in summary.groups.items():
        console.print(_table(group, lines))
        if summary.concept_ask is not None:
            for text in _concepts(summary.concepts.get(group, [])):
                console.print(text, markup=False)
    if len(summary.groups) > 1:
        console.print(_beside(*side_by_side(summary)))
    console.print(f"Separated at {evaluation.speed:.0f} × real time.")


def _table(group: Group, lines: Sequence[Line]) -> Table:
    from clapsep_desktop.evaluation.tables import COLUMNS, cells, published_cells

    table = _empty_table(group.title, COLUMNS)
    for line in lines:
        table.add_row(*cells(line), style="dim" if line.is_reference else None)
    for row in published_cells(group.split, group.snr):
        table.add_row(*row, style="italic")
    return table


def _beside(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = _empty_table("side by side", headings)
    for row in rows:
        table.add_row(*row)
    return table


def _empty_table(title: str, headings: Sequence[str]) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold")
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left", overflow="fold")
    return table


def _concepts(figures: Sequence[ConceptFigure]) -> Iterator[str]:
    """The best and the worst, with the number of items."""
    from clapsep_desktop.evaluation.summary import extremes

    if len(figures) < 2:
        return
    for name, shown in zip(("Best", "Worst"), extremes(figures), strict=True):
        listed = ", ".join(f"{f.concept} {f.si_sdri:.1f} ({f.count})" for f in shown)
        yield f"{name} concepts by SI-SDRi (items): {listed}"
