"""``clapsep batch``, ``recipe`` and ``sounds``, end to end."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import soundfile

from clapsep_desktop.batch import pool as pools
from clapsep_desktop.batch import versions
from clapsep_desktop.batch.jobs import Finished
from clapsep_desktop.batch.work import Worker
from clapsep_desktop.session.library import Library
from clapsep_desktop.session.recipe import Recipe, Step
from clapsep_desktop.session.session import Extraction, Recording, Session
from tests.cli.conftest import Clapsep
from tests.support.hearing import HearingModel


@pytest.fixture(autouse=True)
def here(model: HearingModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One model, a library of its own, and jobs done in this process."""
    model.name = "mini"
    monkeypatch.setattr(versions, "query_models", lambda: {"mini": "v1"})
    monkeypatch.setenv("CLAPSEP_SOUNDS", str(tmp_path / "sounds"))

    def run(self: object, jobs: list) -> object:
        worker = Worker("cpu")
        for job in jobs:
            yield Finished(job, worker.do(job, lambda *_: None))

    monkeypatch.setattr(pools.LocalPool, "run", run)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "calm.json"
    from clapsep_desktop.query import Query

    Recipe((Step(Query.of(remove=["low"])),), "Calm").save(path)
    return path


def test_a_recipe_over_a_folder(
    clapsep: Clapsep, recipe: Path, recording: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    outcome = clapsep("batch", recipe, recording.parent, "--out", out, "--write", "kept")
    assert outcome.code == 0, outcome.err
    assert soundfile.info(out / "tones.kept.wav").subtype == "PCM_24"
    assert "1 of 1 done, 0 failed" in outcome.out
    assert {path.name for path in out.iterdir()} == {
        "tones.kept.wav", "batch-report.csv", "batch-report.json", ".clapsep-batch",
    }  # fmt: skip
    again = clapsep("batch", recipe, recording.parent, "--out", out, "--write", "kept")
    assert "1 of 1 were done before." in again.out


def test_a_batch_gives_what_extract_gives(
    clapsep: Clapsep, recording: Path, tmp_path: Path
) -> None:
    made = tmp_path / "made.json"
    clapsep("extract", recording, "--remove", "low", "--start", "1", "--save-recipe", made)
    out = tmp_path / "out"
    assert clapsep("batch", made, recording, "--out", out).code == 0
    for kind in ("kept", "removed"):
        one, _ = soundfile.read(recording.with_name(f"tones.{kind}.wav"), dtype="int32")
        two, _ = soundfile.read(out / f"tones.{kind}.wav", dtype="int32")
        assert abs(one - two).max() <= 256  # one step of 24 bits


def test_a_manifest(clapsep: Clapsep, recording: Path) -> None:
    manifest = recording.with_name("jobs.csv")
    manifest.write_text("input,keep,remove,kept\ntones.wav,low,,low.flac\ntones.wav,,low,high.flac")
    answer = clapsep("batch", "--manifest", manifest, "--json", "--workers", 1).json
    assert [row["state"] for row in answer["results"]] == ["done", "done"]
    names = {path.name for path in recording.parent.iterdir()}
    assert {"low.flac", "high.flac", "jobs-report.csv", "jobs-report.json"} <= names


def test_bad_lines_stop_it_before_it_starts(clapsep: Clapsep, recording: Path) -> None:
    manifest = recording.with_name("jobs.csv")
    manifest.write_text("input,keep\ntones.wav,low\ngone.wav,low\ntones.wav,@fridge")
    outcome = clapsep("batch", "--manifest", manifest)
    assert outcome.code == 2
    assert "line 3: there is no file" in outcome.err
    assert "line 4: There is no saved sound “fridge”" in outcome.err
    assert {path.name for path in recording.parent.iterdir()} == {"tones.wav", "jobs.csv"}


def test_a_failure_is_told_and_coded(
    clapsep: Clapsep, recipe: Path, recording: Path, tmp_path: Path
) -> None:
    recording.with_name("bad.wav").write_text("no sound")
    outcome = clapsep("batch", recipe, recording.parent, "--out", tmp_path / "out")
    assert outcome.code == 1
    assert "bad.wav" in outcome.err
    assert "1 of 2 done, 1 failed" in outcome.out


@pytest.mark.parametrize("arguments", [[], ["calm.json"], ["calm.json", "x", "--manifest", "m"]])
def test_too_little_or_too_much_is_refused(clapsep: Clapsep, arguments: list[str]) -> None:
    outcome = clapsep("batch", *arguments)
    assert outcome.code == 2
    assert "manifest" in outcome.sentence


def test_sounds_are_saved_used_and_carried_on(
    clapsep: Clapsep, recording: Path, tmp_path: Path, model: HearingModel
) -> None:
    assert "No sound is saved yet" in clapsep("sounds", "list").out
    saved = clapsep("sounds", "add", "our hum", f"{recording}#0-1", recording)
    assert saved.code == 0, saved.err
    assert "@our hum is saved: 2 examples, 4.0 s" in saved.out
    refused = clapsep("sounds", "add", "Our Hum", recording)
    assert (refused.code, "saved already" in refused.err) == (2, True)
    assert clapsep("sounds", "add", "our hum", recording, "--more").code == 0
    listed = clapsep("sounds", "list", "--json").json["sounds"]
    assert listed[0]["examples"] == ["tones", "tones", "tones"]
    assert listed[0]["models"] == {"mini": "v1"}
    target = tmp_path / "k.wav"
    made = clapsep("extract", recording, "--keep", "@our hum", "-o", target)
    assert made.code == 0, made.err
    pack = tmp_path / "pack.clapsounds"
    assert clapsep("sounds", "export", pack).code == 0
    assert clapsep("sounds", "rename", "our hum", "hum").code == 0
    assert clapsep("sounds", "import", pack).code == 0
    assert Library().names() == ["hum", "our hum"]
    assert clapsep("sounds", "remove", "hum").code == 0
    missing = clapsep("extract", recording, "--keep", "@hum")
    assert missing.code == 2
    assert "no saved sound “hum”. Saved are: our hum." in missing.sentence


def test_a_saved_sound_is_learned_by_a_new_model(
    clapsep: Clapsep, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clapsep("sounds", "add", "hum", recording)
    monkeypatch.setattr(versions, "query_models", lambda: {"mini": "v2"})
    assert clapsep("extract", recording, "--keep", "@hum").code == 0
    assert Library().get("hum").is_known_to("mini", "v2")


def test_recipes_show_what_they_do(clapsep: Clapsep, recording: Path, tmp_path: Path) -> None:
    clapsep("sounds", "add", "hum", recording)
    path = tmp_path / "mine.json"
    command = ["extract", recording, "--remove", "@hum", "--keep-audio", f"{recording}#0-1"]
    made = clapsep(*command, "--save-recipe", path, "--recipe-audio", "--plan")
    assert made.code == 0, made.err
    shown = clapsep("recipe", "show", path).out
    assert "keep the saved sound “tones”; remove the saved sound “hum”" in shown
    assert "with the sound “hum”, 3.0 s, for mini" in shown
    value = clapsep("recipe", "show", path, "--json").json
    assert value["portable"]
    assert value["name"] == "mine"


def test_a_project_gives_a_recipe(clapsep: Clapsep, tmp_path: Path) -> None:
    from clapsep_desktop.query import Query
    from clapsep_desktop.session.history import History
    from clapsep_desktop.session.project import Project
    from clapsep_desktop.timebase import Span

    recording = Recording(tmp_path / "field.wav", 8_000, 1, 16_000)
    one = Extraction(Query.of(remove=["wind"]), Span(0, 8_000))
    project = Project(History.of(Session(recording, (one,))))
    path = tmp_path / "field.clapsep"
    path.write_text(json.dumps(project.to_dict(tmp_path)))
    target = tmp_path / "field.json"
    outcome = clapsep("recipe", "export", path, target)
    assert outcome.code == 0, outcome.err
    assert Recipe.load(target).steps[0].end == 1.0
    assert clapsep("recipe", "export", path, target, "--whole").code == 3
    clapsep("recipe", "export", path, target, "--whole", "--overwrite")
    assert Recipe.load(target).steps[0].end is None


def test_no_command_writes_over_what_is_there(
    clapsep: Clapsep, recording: Path, tmp_path: Path
) -> None:
    clapsep("sounds", "add", "hum", recording)
    project = tmp_path / "field.clapsep"
    project.write_text("a project")
    before = {path: path.read_bytes() for path in (recording, project)}
    ask = ["extract", recording, "--remove", "low", "--plan", "--save-recipe"]
    example = ["extract", project, "--remove-audio", recording, "--overwrite", "--save-recipe"]
    for command, said in (
        (["sounds", "export", recording], "there already"),
        (["sounds", "export", tmp_path, "--overwrite"], "is a folder"),
        (["recipe", "export", project, recording], "there already"),
        (["recipe", "export", project, project, "--overwrite"], "read by this very command"),
        ([*ask, project], "there already"),
        ([*ask, recording, "--overwrite"], "read by this very command"),
        ([*example, recording], "read by this very command"),
        ([*ask, tmp_path, "--overwrite"], "is a folder"),
    ):
        outcome = clapsep(*command)
        assert (outcome.code, said in outcome.sentence) == (3, True), outcome.err
    assert {path: path.read_bytes() for path in before} == before
    assert clapsep("sounds", "export", project, "--overwrite").code == 0
    assert "clapsep-sounds" in project.read_text()


def test_a_command_that_is_refused_leaves_no_recipe(clapsep: Clapsep, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    command = ["extract", tmp_path / "nowhere.wav", "--keep", "low", "--save-recipe"]
    outcome = clapsep(*command, path)
    assert (outcome.code, "There is no file" in outcome.sentence) == (3, True)
    assert not path.exists()
    outcome = clapsep(*command, tmp_path / "nowhere" / "mine.json")
    assert (outcome.code, "There is no folder" in outcome.sentence) == (3, True)


def test_a_sound_that_cannot_be_played_is_a_failure(
    clapsep: Clapsep, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        PortAudioError = type("PortAudioError", (Exception,), {})

        def play(self, *_: object, **__: object) -> None:
            raise self.PortAudioError("Error querying device -1")

    clapsep("sounds", "add", "hum", recording)
    monkeypatch.setitem(sys.modules, "sounddevice", Silent())
    outcome = clapsep("sounds", "play", "hum")
    assert (outcome.code, "Check the sound device" in outcome.sentence) == (5, True)
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    outcome = clapsep("sounds", "play", "hum")
    assert (outcome.code, "PortAudio library is missing" in outcome.sentence) == (5, True)


@pytest.mark.parametrize("option", [("--model", "mini"), ("--channels", "independent")])
def test_what_a_recipe_says_itself_is_not_ignored(
    clapsep: Clapsep, recipe: Path, recording: Path, option: tuple[str, str]
) -> None:
    outcome = clapsep("batch", recipe, recording, *option)
    assert (outcome.code, "A recipe says itself" in outcome.sentence) == (2, True)
