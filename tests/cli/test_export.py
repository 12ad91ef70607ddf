"""``clapsep export``: what a project holds becomes files, without a model."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import soundfile

from clapsep_desktop.audio.files import probe
from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.session.history import History
from clapsep_desktop.session.project import Project, save
from clapsep_desktop.session.session import Marker
from tests.support.sessions import FRAMES, RATE, make_history, make_recording
from tests.support.sounds import noisy_tone, write_sound


@pytest.fixture
def history(tmp_path):
    """Three steps over a recording, with a marker, saved as a project beside it."""
    folder = tmp_path / "home"
    folder.mkdir()
    with AudioStore(tmp_path / "store") as store:
        made = make_history(store, make_recording(folder / "field.wav"))
        session = made.current.marked(Marker(3_000, "gate"))
        made = History.of(session)
        save(folder / "field.clapsep", Project(made), store)
    return made


@pytest.fixture
def project(history, tmp_path):
    return tmp_path / "home" / "field.clapsep"


def read(path) -> np.ndarray:
    return soundfile.read(path, dtype="float64", always_2d=True)[0]


def test_a_pair_of_a_project_adds_up_to_its_recording(clapsep, project):
    outcome = clapsep("export", project, "--what", "both")
    assert outcome.code == 0
    assert "were too loud" in outcome.err  # as noise of three steps is
    names = ["field.kept.wav", "field.removed.wav"]
    assert outcome.out.split() == [str(project.with_name(name)) for name in names]
    kept, removed = (read(project.with_name(name)) for name in names)
    np.testing.assert_array_equal(kept + removed, read(project.with_name("field.wav")))
    assert removed.any()


def test_stems_of_a_part_in_another_form(clapsep, project, tmp_path):
    outcome = clapsep(
        "export", project, "-o", tmp_path / "out.flac", "--what", "stems", "--start", 0.1,
        "--end", 0.6, "--rate", 16_000, "--depth", 16, "--json",
    )  # fmt: skip
    files = outcome.json["files"]
    assert len(files) == 4
    for file in files:
        info = probe(file["path"])
        assert (info.container, info.bits, info.rate, info.frames) == ("FLAC", 16, 16_000, 8_000)
    names = [file["path"].removeprefix(str(tmp_path)) for file in files]
    assert names[0] == "/out.kept.flac"
    assert names[1] == "/out.1 Keep sound 1.flac"


def test_regions_and_loudness(clapsep, project, tmp_path):
    outcome = clapsep(
        "export", project, "-o", tmp_path / "out.wav", "--regions", "--loudness", "-23", "--json"
    )
    files = outcome.json["files"]
    assert [probe(file["path"]).frames for file in files] == [3_000, FRAMES - 3_000]
    assert files[1]["path"].endswith("out 2 gate.wav")
    assert b"gate" in (tmp_path / "out 2 gate.wav").read_bytes()  # its marker is carried over
    for file in files:
        before = file["loudness_before"]["integrated_lufs"]
        assert before + file["gain_db"] == pytest.approx(-23.0, abs=0.01)
        assert file["integrated_lufs"] == -23.0
    told = clapsep(
        "export", project, "-o", tmp_path / "out.wav", "--regions", "--loudness", "-23",
        "--overwrite",
    )  # fmt: skip
    assert told.out.count("-23.0 LUFS") == 2


def test_a_recording_is_converted(clapsep, tmp_path):
    source = write_sound(tmp_path / "rain.wav", noisy_tone(4_800), subtype="PCM_24")
    assert clapsep("export", source, "-o", tmp_path / "rain.flac").code == 0
    np.testing.assert_array_equal(read(tmp_path / "rain.flac"), read(source))


def test_no_model_is_loaded(clapsep, project, tmp_path):
    before = "torch" in sys.modules
    clapsep("export", project, "-o", tmp_path / "out.wav")
    assert ("torch" in sys.modules) == before


def test_nothing_is_replaced_unasked(clapsep, project):
    target = project.with_name("field.kept.wav")
    target.write_bytes(b"earlier")
    outcome = clapsep("export", project)
    assert outcome.code == 3
    assert "would be replaced" in outcome.sentence
    assert target.read_bytes() == b"earlier"
    assert clapsep("export", project, "--overwrite").code == 0
    assert probe(target).frames == FRAMES


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--regions", "--start", "0.1"], 2, "Choose either"),
        (["--start", "5"], 2, "ends at"),
        (["--what", "both", "--clipping", "soft"], 3, "cannot have their peaks softened"),
        (["-o", "field.docx"], 3, "says no format"),
        (["-o", "field.mp3", "--depth", "24"], 3, "no depth of 24"),
    ],
)
def test_what_cannot_be_done_is_told(clapsep, project, arguments, code, says, monkeypatch):
    monkeypatch.chdir(project.parent)
    outcome = clapsep("export", project, *arguments)
    assert outcome.code == code
    assert says in outcome.sentence
    assert len(list(project.parent.iterdir())) == 3  # recording, project and its results


def test_a_damaged_project_or_a_changed_recording_is_told(clapsep, project, history):
    sounds = project.with_name("field.clapsep-data")
    broken = next(sounds.iterdir())
    whole = broken.read_bytes()
    for damage in (lambda: broken.write_bytes(whole[:-400]), broken.unlink):
        damage()
        outcome = clapsep("export", project)
        assert outcome.code == 3
        assert "The sound of the step “Keep “sound" in outcome.sentence
        assert "render this step again" in outcome.sentence
    assert not list(project.parent.glob("*.kept.*"))
    soundfile.write(project.with_name("field.wav"), np.zeros((10, 2)), RATE)
    assert clapsep("export", project).code != 0
    project.write_text("{")
    outcome = clapsep("export", project)
    assert (outcome.code, "damaged" in outcome.sentence) == (3, True)
