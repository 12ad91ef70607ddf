"""What a worker does with a job: results whole, noted, and not made twice."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import fsspec
import numpy as np
import pytest
import soundfile

from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.batch import places, work
from clapsep_desktop.batch.jobs import Job, Outcome
from clapsep_desktop.batch.work import Stopped, Worker, recorded
from clapsep_desktop.errors import AudioWriteError
from clapsep_desktop.separation.models import Models
from tests.batch.conftest import power_at, tones
from tests.support.batches import CALM
from tests.support.hearing import HearingModel


def _silent(phase: str, done: float, total: float | None) -> None:
    pass


@pytest.fixture
def worker(models: Models) -> Worker:
    return Worker("cpu", models)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    source = tones(tmp_path / "a.wav", 500, 7_500)
    out = tmp_path / "out"
    kept, removed = str(out / "a.kept.wav"), str(out / "a.removed.wav")
    return Job(1, str(source), CALM, kept, removed, record=str(out / "a.json"), key="k1")


def _names(job: Job) -> set[str]:
    assert job.kept is not None
    return {path.name for path in Path(job.kept).parent.iterdir()}


def test_the_pair_is_written_and_adds_up(worker: Worker, job: Job) -> None:
    phases = []
    outcome = worker.do(job, lambda phase, done, total: phases.append(phase))
    assert outcome.is_done, outcome.error
    assert _names(job) == {"a.kept.wav", "a.removed.wav", "a.json"}
    kept, removed = (soundfile.read(place, dtype="int32")[0] for place in job.targets)
    np.testing.assert_array_equal(kept + removed, soundfile.read(job.source, dtype="int32")[0])
    assert power_at(Path(job.targets[0]), 500) < 0.01
    assert power_at(Path(job.targets[0]), 7_500) > 0.19
    for kind, place in zip(("kept", "removed"), job.targets, strict=True):
        assert outcome.sha256[kind] == hashlib.sha256(Path(place).read_bytes()).hexdigest()
    assert (outcome.length, outcome.plans) == (3.0, ("mini: remove “low”",))
    assert list(dict.fromkeys(phases)) == ["loading the model", "opening", "separating", "writing"]


def test_a_replay_gives_the_same_bytes(worker: Worker, job: Job, tmp_path: Path) -> None:
    again = replace(job, kept=str(tmp_path / "b.wav"), removed=None, record="", key="k2")
    assert worker.do(job, _silent).sha256["kept"] == worker.do(again, _silent).sha256["kept"]


def test_the_recipe_is_noted_in_the_results(worker: Worker, job: Job) -> None:
    worker.do(job, _silent)
    content = Path(job.targets[0]).read_bytes()
    assert f"recipe {CALM.digest}, Calm: remove “low”".encode() in content


def test_a_job_that_is_done_is_not_done_again(
    worker: Worker, job: Job, model: HearingModel
) -> None:
    first = worker.do(job, _silent)
    calls = len(model.conditions)
    assert worker.do(job, _silent) == first
    assert recorded(job) == first
    assert len(model.conditions) == calls


def test_a_result_that_changed_is_made_again(worker: Worker, job: Job) -> None:
    first = worker.do(job, _silent)
    Path(job.targets[0]).write_bytes(b"other")
    assert recorded(job) is None
    assert worker.do(job, _silent).sha256 == first.sha256
    assert Path(job.targets[0]).stat().st_size > 5


@pytest.mark.parametrize("content", ["", "{}", '{"state": "done"}', "[]"])
def test_a_damaged_record_counts_as_none(job: Job, content: str) -> None:
    places.write_text(job.record, content)
    assert recorded(job) is None


def test_stopping_leaves_nothing(worker: Worker, job: Job) -> None:
    def stop(phase: str, done: float, total: float | None) -> None:
        if phase == "writing":
            raise Stopped

    with pytest.raises(Stopped):
        worker.do(job, stop)
    assert _names(job) == set()


def test_a_kill_between_both_results_is_mended(
    worker: Worker, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver = places.deliver

    def killed(files: list[tuple[Path, str]]) -> None:
        deliver(files[:1])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(work.places, "deliver", lambda files: killed(list(files)))
        patch.setattr(work, "_record", lambda job, outcome: None)
        with pytest.raises(KeyboardInterrupt):
            worker.do(job, _silent)
    assert _names(job) == {"a.kept.wav"}
    assert worker.do(job, _silent).is_done
    assert _names(job) == {"a.kept.wav", "a.removed.wav", "a.json"}


def test_what_is_about_to_be_placed_is_noted_first(
    worker: Worker, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(files: object) -> None:
        found = recorded(job)
        assert found is not None
        assert found.state == "placing"
        raise AudioWriteError("The disk is full.")

    monkeypatch.setattr(work.places, "deliver", full)
    outcome = worker.do(job, _silent)
    assert (outcome.state, outcome.error) == ("failed", "The disk is full.")


def test_results_that_cannot_be_noted_are_there_all_the_same(
    worker: Worker, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = work._record

    def full(job: Job, outcome: Outcome) -> None:
        if outcome.is_done:
            raise AudioWriteError("The disk is full.")
        record(job, outcome)

    monkeypatch.setattr(work, "_record", full)
    outcome = worker.do(job, _silent)
    assert outcome.is_done
    assert "another run of the batch makes them again: The disk is full." in outcome.notes[-1]
    assert _names(job) == {"a.kept.wav", "a.removed.wav", "a.json"}


def test_a_full_disk_is_told_with_the_folder_that_the_user_named(
    worker: Worker, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = SimpleNamespace(total=1, used=1, free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    outcome = worker.do(job, _silent)
    assert outcome.state == "failed"
    assert f"The disk of “{Path(job.targets[0]).parent}” has 0 MB free" in outcome.error
    assert _names(job) == set()


def test_what_cannot_be_read_fails_with_a_sentence(worker: Worker, job: Job) -> None:
    Path(job.source).write_text("no sound")
    outcome = worker.do(job, _silent)
    assert outcome.state == "failed"
    assert "a.wav" in outcome.error
    assert recorded(job) is None
    assert not Path(job.targets[0]).exists()


def test_urls_are_fetched_and_delivered(worker: Worker, tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    try:
        memory.pipe("/in/a.wav", tones(tmp_path / "a.wav", 500, 7_500).read_bytes())
        job = Job(
            1, "memory://in/a.wav", CALM, "memory://out/a.flac", None,
            record="memory://out/.records/k.json", key="k",
        )  # fmt: skip
        outcome = worker.do(job, _silent)
        assert outcome.is_done, outcome.error
        assert sorted(memory.find("/out")) == ["/out/.records/k.json", "/out/a.flac"]
        assert worker.do(job, _silent) == outcome
        target = tmp_path / "b.flac"
        target.write_bytes(memory.cat("/out/a.flac"))
        with AudioFile(target) as file:
            assert file.frames == 3 * 16_000
    finally:
        memory.store.clear()


def test_an_outcome_goes_through_its_record() -> None:
    import json

    outcome = Outcome("done", states={"a": (3, "x")}, plans=("p",), notes=("n",), clipped={"k": 1})
    assert Outcome.from_json(json.dumps(outcome.to_dict())) == outcome
