"""A batch from its jobs to its report.

Everything that can be refused is refused before a worker starts: missing recordings, results
that would fall on each other, on a recording or on a file that is there. A batch that was stopped
goes on where it stopped when it is run again: what is done stands in records beside the report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import Literal

from clapsep_desktop.audio.formats import CONTAINERS, check_writable
from clapsep_desktop.audio.staging import folded
from clapsep_desktop.batch import places, report, versions
from clapsep_desktop.batch.jobs import RECORDS, Event, Finished, Job, Outcome, Pool
from clapsep_desktop.batch.names import Template
from clapsep_desktop.batch.work import recorded, results_of
from clapsep_desktop.errors import AudioWriteError, DataError, TargetExistsError
from clapsep_desktop.query import AudioPrompt, expanded
from clapsep_desktop.session.recipe import Recipe

Kinds = Literal["kept", "removed", "both"]
OnError = Literal["skip", "stop"]

EXTENSIONS = tuple(extension for one in CONTAINERS for extension in one.extensions)
"""What sound files end in."""

_NAMED = 5  # problems that one sentence tells


@dataclass(frozen=True)
class Options:
    """How a batch is done.

    Attributes:
        out: folder or URL of the results; empty for beside each recording.
        template: names of the results.
        kinds: which of the two sides is written.
        extension: such as ".flac"; empty for each recording's own.
        depth: a key of `clapsep_desktop.audio.formats.DEPTHS`; None for each recording's own.
        overwrite: whether files that are there may be replaced.
        fresh: whether what an earlier run did is done again.
        on_error: what follows a recording that failed.
    """

    out: str = ""
    template: Template = Template()  # noqa: RUF009 - frozen
    kinds: Kinds = "both"
    extension: str = ""
    depth: str | None = None
    overwrite: bool = False
    fresh: bool = False
    on_error: OnError = "skip"

    def __post_init__(self) -> None:
        if self.kinds == "both" and not self.template.tells_kinds_apart:
            raise DataError(
                "Kept and removed would get the same name. Put {kind} into the name template, or "
                "write one of the two."
            )
        if self.extension and self.extension.lower() not in EXTENSIONS:
            raise DataError(
                f"“{self.extension}” is no kind of sound file that can be written. Choose one of "
                f"{', '.join(EXTENSIONS)}."
            )


@dataclass(frozen=True)
class Order:
    """What a user asks to be done with one recording.

    Attributes:
        source: path or URL.
        recipe: what to do.
        kept: where what is kept goes, instead of what the options say; empty for those.
        removed: likewise.
    """

    source: str
    recipe: Recipe
    kept: str = ""
    removed: str = ""


def gathered(inputs: Iterable[str]) -> list[str]:
    """Recordings that some paths and URLs mean: a folder stands for the sound files in it.

    What an earlier batch made of one of them, and put beside it, is none.

    Raises:
        DataError: a folder holds no sound file or cannot be read, or there is nothing at all.
    """
    found: list[str] = []
    for text in inputs:
        if not places.is_folder(places.absolute(text)):
            found.append(text)
            continue
        path = expanded(text)
        try:
            inside = [each for each in sorted(path.iterdir()) if _is_sound(each)]
        except OSError as error:
            raise DataError(f"The folder “{path}” could not be read: {error.strerror}.") from error
        if not inside:
            raise DataError(f"There is no sound file in the folder “{path}”.")
        found += map(str, inside)
    if not found:
        raise DataError("There is nothing to do: name a recording.")
    return _without_results(list(dict.fromkeys(map(places.absolute, found))))


def _without_results(sources: Sequence[str]) -> list[str]:
    """Without what earlier batches made of others among them."""
    made: dict[str, str] = {}
    for folder in dict.fromkeys(map(places.parent, sources)):
        made |= results_of(folder)
    there = set(sources)
    return [source for source in sources if made.get(source) not in there]


class Batch:
    """Jobs, checked, and what came of each so far.

    Args:
        orders: what to do.
        options: how.
        home: folder or URL of the report and of the records.
        name: of the report's files, without extension; a number is added where a report of that
            name tells of results that are not this batch's.

    Attributes:
        jobs: in order.
        outcomes: by job number, of those that are finished.
        report_paths: where the CSV and the JSON report go.

    Raises:
        DataError: a recording is missing, or results would fall on each other or on a recording.
        AudioWriteError: a file is there and may not be replaced, or is where a folder should be.
        AudioFormatError: a result's name says no format, or one that lacks the depth.
    """

    def __init__(
        self, orders: Sequence[Order], options: Options, home: str, name: str = "batch-report"
    ) -> None:
        self.options = options
        self.home = places.absolute(home)
        self.outcomes: dict[int, Outcome] = {}
        models = versions.query_models()
        records = places.joined(self.home, RECORDS)
        self.jobs = [
            _keyed(_job(order, number, len(orders), options), models, records)
            for number, order in enumerate(orders, 1)
        ]
        _check_there(self.jobs)
        _check_writable(self.jobs, self.home)
        _check_apart(self.jobs)
        for job in self.jobs:
            if options.fresh:
                places.remove(job.record)
            earlier = recorded(job)
            if earlier is not None and earlier.is_done:
                self.outcomes[job.number] = replace(earlier, before=True)
        if not options.overwrite:
            _check_free([job for job in self.waiting if recorded(job) is None])
        names = chain([name], (f"{name} {number}" for number in count(2)))
        self.report_paths = next(paths for paths in map(self._report_paths, names) if paths)

    @property
    def waiting(self) -> list[Job]:
        """Jobs that are not done; those that failed before are tried again."""
        return [job for job in self.jobs if job.number not in self.outcomes]

    @property
    def rows(self) -> list[report.Row]:
        """Every job and what came of it."""
        return [(job, self.outcomes.get(job.number)) for job in self.jobs]

    @property
    def failed(self) -> list[tuple[Job, Outcome]]:
        """Jobs that failed."""
        return [(job, out) for job, out in self.rows if out is not None and not out.is_done]

    def run(self, pool: Pool) -> Generator[Event, None, None]:
        """Do what is not done yet; closing the generator stops it.

        The report is written whatever happens.

        Raises:
            AudioWriteError: the report cannot be written.
        """
        try:
            if not self.waiting:
                return
            for job in self.waiting:
                places.sweep(job.key, job.targets)
            with closing(pool.run(self.waiting)) as events:
                for event in events:
                    if isinstance(event, Finished):
                        self.outcomes[event.job.number] = event.outcome
                    yield event
                    if self._must_stop(event):
                        return
        finally:
            self.write_report()

    def write_report(self) -> None:
        """Write both reports; raises AudioWriteError."""
        for place, text in zip(
            self.report_paths, (report.as_csv(self.rows), report.as_json(self.rows)), strict=True
        ):
            places.write_text(place, text)

    def _report_paths(self, name: str) -> tuple[str, str] | None:
        """Where reports of a name go; None where that would lose a report of other results."""
        table, stored = (places.joined(self.home, f"{name}{end}") for end in (".csv", ".json"))
        if places.state(table) or places.state(stored):
            told = report.results_in(places.read_text(stored) or "")
            if told is None or not told <= {place for job in self.jobs for place in job.targets}:
                return None
        return table, stored

    def _must_stop(self, event: Event) -> bool:
        return (
            self.options.on_error == "stop"
            and isinstance(event, Finished)
            and not event.outcome.is_done
        )


def _job(order: Order, number: int, count: int, options: Options) -> Job:
    source = places.absolute(order.source)
    targets = {
        kind: _target(order, kind, source, number, count, options) for kind in ("kept", "removed")
    }
    return Job(number, source, order.recipe, targets["kept"], targets["removed"], options.depth)


def _target(
    order: Order, kind: str, source: str, number: int, count: int, options: Options
) -> str | None:
    """Where one side of a recording goes, if anywhere."""
    chosen = order.kept if kind == "kept" else order.removed
    if chosen:
        return places.absolute(chosen)
    if order.kept or order.removed or options.kinds not in (kind, "both"):
        return None
    name = options.template.names(source, order.recipe, kind, number, count)
    extension = options.extension or _extension(source)
    folder = places.absolute(options.out) if options.out else places.parent(source)
    return places.joined(folder, f"{name}{extension}")


def _extension(source: str) -> str:
    """The recording's own, or WAV where that cannot be written."""
    extension = Path(places.name_of(source)).suffix
    return extension if extension.lower() in EXTENSIONS else ".wav"


def _keyed(job: Job, models: dict[str, str], records: str) -> Job:
    key = job.identity(places.state(job.source), models)
    return replace(job, key=key, record=places.joined(records, f"{key}.json"))


def _check_there(jobs: Sequence[Job]) -> None:
    missing = [job.source for job in jobs if places.state(job.source) is None]
    if missing:
        raise DataError(f"There is no {_listed(missing)}. Nothing was done.")


def _check_writable(jobs: Sequence[Job], home: str) -> None:
    """Every result has a format, a name that no folder has, and a folder that is no file."""
    for job in jobs:
        for place in job.targets:
            if places.is_folder(place):
                raise AudioWriteError(f"“{place}” is a folder. Add a file name.")
            check_writable(Path(places.name_of(place)), job.depth)
    targets = (place for job in jobs for place in job.targets)
    for folder in dict.fromkeys([home, *map(places.parent, targets)]):
        if not places.is_url(folder) and Path(folder).is_file():
            raise AudioWriteError(
                f"“{folder}” is a file, so it cannot hold results. Name a folder."
            )


def _check_apart(jobs: Sequence[Job]) -> None:
    """No result on another one, on a recording or on an example."""
    targets = Counter(_folded(place) for job in jobs for place in job.targets)
    for job in jobs:
        for place in job.targets:
            if targets[_folded(place)] > 1:
                raise DataError(
                    f"Several results would be named “{place}”. Put {{n}} into the name template, "
                    "or name them one by one."
                )
    read = {_folded(job.source) for job in jobs}
    for job in jobs:
        for prompt in job.recipe.prompts:
            if isinstance(prompt, AudioPrompt):
                read.add(_folded(places.absolute(str(prompt.path))))
    for job in jobs:
        for place in job.targets:
            if _folded(place) in read:
                raise DataError(
                    f"“{place}” is a recording of the batch, so no result may have that name. "
                    "Choose another name template or folder."
                )


def _check_free(jobs: Sequence[Job]) -> None:
    there = [place for job in jobs for place in job.targets if places.state(place) is not None]
    if there:
        verb = "is" if len(there) == 1 else "are"
        raise TargetExistsError(
            f"{_listed(there)} {verb} there already. Choose another folder or name, or allow "
            "files to be replaced with --overwrite.",
            tuple(there),
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(f"“{name}”" for name in names[:_NAMED]) + more


def _folded(place: str) -> str:
    return place if places.is_url(place) else folded(Path(place).resolve())


def _is_sound(path: Path) -> bool:
    own = path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")
    return own and path.is_file()
