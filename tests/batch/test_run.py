"""A batch from its orders to its report: refused early, resumed, never done twice."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from clapsep_desktop.batch import report
from clapsep_desktop.batch.jobs import Event, Finished, Job
from clapsep_desktop.batch.names import Template
from clapsep_desktop.batch.run import Batch, Options, Order, gathered
from clapsep_desktop.batch.work import Worker
from clapsep_desktop.errors import AudioFormatError, AudioWriteError, DataError, TargetExistsError
from clapsep_desktop.query import AudioPrompt, Query
from clapsep_desktop.separation.models import Models
from clapsep_desktop.session.recipe import Recipe, Step
from tests.batch.conftest import tones
from tests.support.batches import CALM


class Inline:
    """A pool of this process."""

    def __init__(self, models: Models) -> None:
        self._worker = Worker("cpu", models)
        self.begun: list[int] = []

    def run(self, jobs: list[Job]) -> Generator[Event, None, None]:
        for job in jobs:
            self.begun.append(job.number)
            yield Finished(job, self._worker.do(job, lambda phase, done, total: None))


@pytest.fixture
def pool(models: Models) -> Inline:
    return Inline(models)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        tones(folder / f"r{number}.wav", 500, 7_500, seconds=0.5)
    return folder


def _orders(folder: Path) -> list[Order]:
    return [Order(source, CALM) for source in gathered([str(folder)])]


def _batch(folder: Path, **options: object) -> Batch:
    out = str(folder.parent / "out")
    return Batch(_orders(folder), Options(out=out, **options), out)  # type: ignore[arg-type]


def _run(batch: Batch, pool: Inline) -> list[Event]:
    with closing(batch.run(pool)) as events:
        return list(events)


def test_a_folder_stands_for_its_sound_files(folder: Path) -> None:
    (folder / "notes.txt").write_text("")
    (folder / ".hidden.wav").write_text("")
    (folder / "sub.wav").mkdir()
    names = [Path(each).name for each in gathered([str(folder), str(folder / "r1.wav")])]
    assert names == ["r0.wav", "r1.wav", "r2.wav"]
    with pytest.raises(DataError, match="no sound file in the folder"):
        gathered([str(folder / "sub.wav")])
    with pytest.raises(DataError, match="nothing to do"):
        gathered([])


def test_a_folder_that_cannot_be_read_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match=r"could not be read: Permission denied\."):
        gathered([str(folder)])


def test_results_and_report(folder: Path, pool: Inline) -> None:
    batch = _batch(folder)
    _run(batch, pool)
    out = folder.parent / "out"
    assert {path.name for path in out.glob("*.wav")} == {
        f"r{number}.{kind}.wav" for number in range(3) for kind in ("kept", "removed")
    }
    table, stored = batch.report_paths
    with Path(table).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == ["done"] * 3
    assert tuple(rows[0]) == report.COLUMNS
    value = json.loads(Path(stored).read_text())
    assert (value["jobs"], value["done"], value["failed"]) == (3, 3, 0)
    assert value["results"][2]["kept"] == str(out / "r2.kept.wav")


def test_a_recording_whose_name_is_no_text_is_done_and_told(folder: Path, pool: Inline) -> None:
    name = os.fsdecode(b"caf\xe9 1.wav")
    try:
        shutil.copy(folder / "r1.wav", folder / name)
    except OSError:
        pytest.skip("this file system does not take the name")
    batch = _batch(folder, kinds="kept")
    _run(batch, pool)
    table, stored = batch.report_paths
    result = json.loads(Path(stored).read_text())["results"][0]
    assert (result["input"], result["state"]) == (str(folder / name), "done")
    assert Path(result["kept"]).is_file()
    assert r"caf\udce9 1.wav" in Path(table).read_text(encoding="utf-8")
    assert _batch(folder, kinds="kept").waiting == []


def test_a_report_of_other_results_stays(folder: Path, pool: Inline) -> None:
    first = _batch(folder, kinds="kept")
    _run(first, pool)
    second = _batch(folder, kinds="kept", template=Template("{name} calm"))
    _run(second, pool)
    assert [Path(place).name for place in second.report_paths] == [
        "batch-report 2.csv", "batch-report 2.json",
    ]  # fmt: skip
    told = json.loads(Path(first.report_paths[1]).read_text())["results"]
    assert [Path(each["kept"]).name for each in told] == [
        "r0.kept.wav",
        "r1.kept.wav",
        "r2.kept.wav",
    ]
    assert _batch(folder, kinds="kept").report_paths == first.report_paths
    assert _batch(folder, overwrite=True).report_paths == first.report_paths  # tells of more
    foreign = Path(first.report_paths[1])
    for text in ("notes", "[]", '{"results": [1]}'):
        foreign.write_text(text)
        assert Path(_batch(folder, kinds="kept").report_paths[1]).name == "batch-report 3.json"


def test_a_second_run_has_nothing_to_do(folder: Path, pool: Inline) -> None:
    _run(_batch(folder), pool)
    before = {path: path.stat().st_mtime_ns for path in (folder.parent / "out").glob("*.wav")}
    again = _batch(folder)
    assert again.waiting == []
    assert _run(again, pool) == []
    assert pool.begun == [1, 2, 3]
    assert all(outcome is not None and outcome.before for _, outcome in again.rows)
    assert before == {path: path.stat().st_mtime_ns for path in before}
    _run(_batch(folder, fresh=True, overwrite=True), pool)
    assert pool.begun == [1, 2, 3, 1, 2, 3]


def test_it_goes_on_where_it_stopped(folder: Path, pool: Inline) -> None:
    batch = _batch(folder)
    with closing(batch.run(pool)) as events:
        next(events)
    assert json.loads(Path(batch.report_paths[1]).read_text())["not_done"] == 2
    again = _batch(folder)
    assert [job.number for job in again.waiting] == [2, 3]
    _run(again, pool)
    assert pool.begun == [1, 2, 3]
    assert as_states(again) == ["done"] * 3


def as_states(batch: Batch) -> list[str]:
    return [report.row(job, outcome)["state"] for job, outcome in batch.rows]


def test_a_recording_that_changed_is_done_again(folder: Path, pool: Inline) -> None:
    _run(_batch(folder), pool)
    tones(folder / "r1.wav", 500, seconds=0.7)
    again = _batch(folder, overwrite=True)
    assert [job.number for job in again.waiting] == [2]


def test_failures_are_skipped_and_tried_again(folder: Path, pool: Inline) -> None:
    (folder / "r1.wav").write_text("damaged")
    batch = _batch(folder)
    _run(batch, pool)
    assert as_states(batch) == ["done", "failed", "done"]
    ((job, outcome),) = batch.failed
    assert "r1.wav" in outcome.error
    tones(folder / "r1.wav", 500, seconds=0.5)
    again = _batch(folder)
    _run(again, pool)
    assert as_states(again) == ["done"] * 3
    assert job.number == 2


def test_or_the_first_one_ends_it(folder: Path, pool: Inline) -> None:
    (folder / "r1.wav").write_text("damaged")
    batch = _batch(folder, on_error="stop")
    _run(batch, pool)
    assert as_states(batch) == ["done", "failed", "not done"]


def test_files_that_are_there_are_kept(folder: Path, pool: Inline) -> None:
    precious = folder.parent / "out" / "r1.kept.wav"
    precious.parent.mkdir()
    precious.write_text("precious")
    with pytest.raises(TargetExistsError, match=r"r1\.kept\.wav” is there already.*--overwrite"):
        _batch(folder)
    _run(_batch(folder, overwrite=True), pool)
    assert precious.stat().st_size > 100


def test_what_a_killed_run_was_placing_may_be_replaced(folder: Path, pool: Inline) -> None:
    batch = _batch(folder)
    _run(batch, pool)
    job = batch.jobs[0]
    record = json.loads(Path(job.record).read_text()) | {"state": "placing"}
    Path(job.record).write_text(json.dumps(record))
    again = _batch(folder)
    assert [job.number for job in again.waiting] == [1]


def test_what_a_killed_machine_left_is_swept(folder: Path, pool: Inline) -> None:
    batch = _batch(folder)
    left = folder.parent / "out" / f".clapsep-{batch.jobs[1].key[:16]}-0.part"
    left.mkdir(parents=True)
    (left / "steps").write_text("half")
    _run(batch, pool)
    assert not left.exists()


def test_one_side_in_another_format(folder: Path, pool: Inline) -> None:
    options = {"kinds": "removed", "extension": ".flac", "template": Template("{n}/{query}")}
    batch = _batch(folder, **options)
    _run(batch, pool)
    out = folder.parent / "out"
    assert sorted(map(str, out.rglob("*.flac"))) == [str(out / f"{n}/Calm.flac") for n in (1, 2, 3)]


def test_results_stay_beside_recordings_without_a_folder(folder: Path) -> None:
    batch = Batch(_orders(folder), Options(), str(folder))
    assert batch.jobs[0].targets == (str(folder / "r0.kept.wav"), str(folder / "r0.removed.wav"))


@pytest.mark.parametrize("template", ["{name}.{kind}", "{n} {query} {kind}"])
def test_results_beside_recordings_are_no_recordings_the_next_time(
    folder: Path, pool: Inline, template: str
) -> None:
    def batch() -> Batch:
        return Batch(_orders(folder), Options(template=Template(template)), str(folder))

    with closing(batch().run(pool)) as events:
        next(events)  # one is done, then it is stopped
    _run(batch(), pool)
    assert pool.begun == [1, 2, 3]
    assert batch().waiting == []
    other = Recipe((Step(Query.of(keep=["low"])),), "Low")
    orders = [Order(source, other) for source in gathered([str(folder)])]
    assert [Path(order.source).name for order in orders] == ["r0.wav", "r1.wav", "r2.wav"]


def test_a_recording_in_place_of_a_result_is_one_and_so_are_results_alone(
    folder: Path, pool: Inline
) -> None:
    _run(Batch(_orders(folder), Options(), str(folder)), pool)
    tones(folder / "r0.kept.wav", 400, seconds=0.3)
    names = [Path(each).name for each in gathered([str(folder)])]
    assert names == ["r0.kept.wav", "r0.wav", "r1.wav", "r2.wav"]
    alone = [str(folder / "r1.kept.wav"), str(folder / "r2.kept.wav")]
    assert gathered(alone) == alone


@pytest.mark.parametrize(
    ("target", "options", "error", "said"),
    [
        ("a.xyz", {}, AudioFormatError, "“a.xyz” ends in .xyz, which says no format"),
        ("a", {}, AudioFormatError, "“a” has no extension"),
        ("a.mp3", {"depth": "24"}, AudioFormatError, "MP3 has no depth of 24: “a.mp3”"),
        (".", {}, AudioWriteError, "is a folder"),
        ("r1.wav/a.wav", {}, AudioWriteError, "r1.wav” is a file, so it cannot hold results"),
    ],
)
def test_results_that_cannot_be_written_are_told_before_anything_runs(
    folder: Path, target: str, options: dict[str, str], error: type[Exception], said: str
) -> None:
    order = replace(_orders(folder)[0], kept=str(folder / target))
    with pytest.raises(error, match=said):
        Batch([order], Options(**options), str(folder))  # type: ignore[arg-type]


def test_a_report_goes_to_a_folder(folder: Path) -> None:
    with pytest.raises(AudioWriteError, match="is a file, so it cannot hold results"):
        Batch(_orders(folder), Options(), str(folder / "r0.wav"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"template": Template("{name}")}, "Put {kind}"),
        ({"template": Template("x"), "kinds": "kept"}, "Put {n}"),
        ({"template": Template("{query}.{kind}")}, "Put {n}"),
        ({"extension": ".xyz"}, "no kind of sound file"),
    ],
)
def test_names_that_collide_are_refused(
    folder: Path, options: dict[str, object], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        _batch(folder, **options)


def test_no_result_falls_on_a_recording_or_an_example(folder: Path) -> None:
    with pytest.raises(DataError, match="is a recording of the batch"):
        Batch(_orders(folder), Options(template=Template("{name}"), kinds="kept"), str(folder))
    example = AudioPrompt(folder / "r0.kept.wav")
    recipe = Recipe((Step(Query((example,))),))
    with pytest.raises(DataError, match="is a recording of the batch"):
        Batch([Order(str(folder / "r0.wav"), recipe)], Options(), str(folder))


def test_missing_recordings_are_named_before_anything_runs(folder: Path) -> None:
    orders = [Order(str(folder / f"gone{number}.wav"), CALM) for number in range(7)]
    with pytest.raises(DataError, match=r"gone0\.wav.*gone4\.wav” and 2 more"):
        Batch(orders, Options(), str(folder))


def test_named_targets_go_first(folder: Path, pool: Inline) -> None:
    order = replace(_orders(folder)[0], kept=str(folder / "mine.flac"))
    batch = Batch([order], Options(), str(folder))
    _run(batch, pool)
    assert batch.jobs[0].targets == (str(folder / "mine.flac"),)
    assert (folder / "mine.flac").exists()
