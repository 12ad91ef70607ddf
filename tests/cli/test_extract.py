"""``clapsep extract`` end to end: what it writes, what it says, and what it leaves alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clapsep_desktop.model import registry
from clapsep_desktop.query import Prompt, Query
from clapsep_desktop.separation import models
from clapsep_desktop.separation.condition import Condition, Conditioner
from clapsep_desktop.separation.plan import Plan, direct
from tests.cli.conftest import Clapsep
from tests.support.hearing import HearingModel
from tests.support.models import FakeModel, constant

pytestmark = pytest.mark.usefixtures("model")


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _read(path: Path) -> np.ndarray:
    samples, _ = soundfile.read(path, dtype="int32", always_2d=True)
    return samples


def test_the_pair_goes_beside_the_recording_and_adds_up(clapsep: Clapsep, recording: Path) -> None:
    outcome = clapsep("extract", recording, "--keep", "low", "--remove", "high")
    assert outcome.err == ""
    assert outcome.code == 0
    kept, removed = (recording.with_name(f"tones.{role}.wav") for role in ("kept", "removed"))
    assert _names(recording.parent) == {"tones.wav", kept.name, removed.name}
    np.testing.assert_array_equal(_read(kept) + _read(removed), _read(recording))
    assert soundfile.info(kept).subtype == "PCM_24"
    assert str(kept) in outcome.out
    assert "kept + removed = the recording, exactly" in outcome.out


def test_what_is_asked_for_happens(clapsep: Clapsep, recording: Path) -> None:
    clapsep("extract", recording, "--keep", "low")
    kept, _ = soundfile.read(recording.with_name("tones.kept.wav"))
    spectrum = np.abs(np.fft.rfft(kept[:, 0]))
    assert spectrum[1_500] > 1e3 * spectrum[22_500]


def test_only_the_named_output_is_written(
    clapsep: Clapsep, recording: Path, tmp_path: Path
) -> None:
    for option in ("-o", "--removed"):
        target = tmp_path / f"{option.strip('-')}.flac"
        assert clapsep("extract", recording, "--keep", "low", option, target).code == 0
        assert soundfile.info(target).format == "FLAC"
    assert _names(recording.parent) == {"tones.wav"}


def test_both_outputs_are_the_same_pair(clapsep: Clapsep, recording: Path, tmp_path: Path) -> None:
    names = ["-o", tmp_path / "a.wav", "--removed", tmp_path / "b.wav"]
    clapsep("extract", recording, "--remove", "low", *names)
    total = _read(tmp_path / "a.wav") + _read(tmp_path / "b.wav")
    np.testing.assert_array_equal(total, _read(recording))


def test_outside_the_selection_nothing_changes(clapsep: Clapsep, recording: Path) -> None:
    options = ["--start", "0:01", "--end", "2.5", "--keep", "low"]
    answer = clapsep("extract", recording, *options, "--json").json
    source, kept = _read(recording), _read(Path(answer["kept"]["path"]))
    inside = slice(44_100, 110_250)
    assert (answer["selection"]["first_frame"], answer["selection"]["end_frame"]) == (
        inside.start,
        inside.stop,
    )
    np.testing.assert_array_equal(kept[: inside.start], source[: inside.start])
    np.testing.assert_array_equal(kept[inside.stop :], source[inside.stop :])
    assert not np.array_equal(kept[inside], source[inside])
    assert answer["null_test"] == {"exact": True, "depth_dbfs": None, "outside_unchanged": True}


def test_the_json_answer_tells_all(clapsep: Clapsep, recording: Path, model: HearingModel) -> None:
    example = recording.with_name("example.wav")
    soundfile.write(example, 0.1 * np.sin(np.arange(16_000)), 16_000)
    answer = clapsep(
        "extract", recording, "--keep", "low", "--keep", "chirp", "--remove", "rain",
        "--keep-audio", example, "--remove-audio", f"{example}#0.2-0.8",
        "--blend", "0.25", "--strength", "0.75", "--json",
    ).json  # fmt: skip
    query = Query.from_dict(answer["query"])
    assert str(query).startswith("keep “low”, “chirp” and the example example.wav; remove “rain”")
    assert (query.blend, query.strength) == (0.25, 0.75)
    assert query.remove[1].to_dict()["start"] == 0.2
    assert Plan.from_dict(answer["plan"]) == direct(query, "mini")
    (condition,) = map(Condition.from_dict, answer["conditions"])
    assert condition == Conditioner(model).condition(query)
    assert model.conditions[0].tobytes() == condition.vector.tobytes()
    for part in ("source", "kept", "removed"):
        content = Path(answer[part]["path"]).read_bytes()
        assert answer[part]["sha256"] == hashlib.sha256(content).hexdigest()
    assert answer["kept"]["clipped_samples"] == 0
    assert -20 < answer["kept"]["peak_dbfs"] < 0
    assert answer["source"]["frames"] == 3 * 44_100
    assert set(answer["seconds"]) >= {"loading the model", "separating", "writing"}
    assert answer["speed"] > 0
    assert answer["devices"] == {"mini": "cpu"}


def test_the_same_command_writes_the_same_bytes(
    clapsep: Clapsep, recording: Path, tmp_path: Path
) -> None:
    contents = []
    for name in ("a.wav", "b.wav"):
        clapsep("extract", recording, "--keep", "low", "-o", tmp_path / name)
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]


def test_strength_zero_changes_nothing(clapsep: Clapsep, recording: Path) -> None:
    clapsep("extract", recording, "--keep", "low", "--strength", "0")
    np.testing.assert_array_equal(_read(recording.with_name("tones.kept.wav")), _read(recording))
    assert not _read(recording.with_name("tones.removed.wav")).any()


def test_another_depth(clapsep: Clapsep, recording: Path, tmp_path: Path) -> None:
    for name, depth, subtype in (
        ("a.wav", "float", "FLOAT"),
        ("b.aiff", "8", "PCM_S8"),
        ("c.wav", "8", "PCM_U8"),
        ("d.flac", "16", "PCM_16"),
    ):
        outcome = clapsep(
            "extract", recording, "--keep", "low", "-o", tmp_path / name, "--depth", depth
        )
        assert outcome.code == 0, outcome.err
        assert soundfile.info(tmp_path / name).subtype == subtype


def test_a_depth_holds_for_both_files_whatever_each_container_calls_it(
    clapsep: Clapsep, recording: Path, tmp_path: Path
) -> None:
    kept, removed = tmp_path / "kept.wav", tmp_path / "removed.aiff"
    command = ["extract", recording, "--keep", "low", "-o", kept, "--removed", removed]
    assert clapsep(*command, "--depth", "8").code == 0
    assert soundfile.info(kept).subtype == "PCM_U8"
    assert soundfile.info(removed).subtype == "PCM_S8"


def test_clipping_is_told(clapsep: Clapsep, recording: Path, tmp_path: Path) -> None:
    source = tmp_path / "loud.wav"
    samples = 1.4 * soundfile.read(recording)[0] / 0.4
    soundfile.write(source, samples, 44_100, subtype="FLOAT")
    options = ["--strength", "0.1", "--depth", "16", "--json"]
    outcome = clapsep("extract", source, "--keep", "low", *options)
    clipped = outcome.json["kept"]["clipped_samples"]
    assert clipped > 0
    assert f"{clipped:,} samples" in outcome.err
    assert "--depth float" in outcome.err
    assert outcome.json["notes"] == outcome.err.splitlines()


def test_a_format_that_cannot_be_written_becomes_wav(clapsep: Clapsep, recording: Path) -> None:
    source = recording.with_suffix(".caf")
    samples, rate = soundfile.read(recording, dtype="int32")
    soundfile.write(source, samples, rate, subtype="PCM_24", format="CAF")
    assert clapsep("extract", source, "--keep", "low").code == 0
    assert soundfile.info(source.with_name("tones.kept.wav")).subtype == "PCM_24"


def test_lossy_results_have_no_null_test(clapsep: Clapsep, recording: Path, tmp_path: Path) -> None:
    names = ["-o", tmp_path / "a.ogg", "--removed", tmp_path / "b.ogg"]
    answer = clapsep("extract", recording, "--keep", "low", *names, "--json").json
    assert answer["null_test"] is None


def test_files_are_replaced_only_when_allowed(clapsep: Clapsep, recording: Path) -> None:
    target = recording.with_name("tones.kept.wav")
    target.write_text("precious")
    outcome = clapsep("extract", recording, "--keep", "low")
    assert outcome.code == 3
    assert "--overwrite" in outcome.sentence
    assert target.read_text() == "precious"
    assert _names(recording.parent) == {"tones.wav", target.name}
    assert clapsep("extract", recording, "--keep", "low", "--overwrite").code == 0
    assert soundfile.info(target).frames == 3 * 44_100


def test_an_example_may_be_a_part_of_the_recording(
    clapsep: Clapsep, recording: Path, model: HearingModel
) -> None:
    clapsep("extract", recording, "--keep-audio", f"{recording}#1-2.5")
    clapsep("extract", recording, "--keep-audio", f"{recording}#2-", "--overwrite")
    assert [len(clip) for clip in model.clips] == [24_000, 16_000]


def test_a_file_whose_name_looks_like_a_part_is_a_file(
    clapsep: Clapsep, recording: Path, model: HearingModel
) -> None:
    odd = recording.with_name("take#1-2")
    odd.write_bytes(recording.read_bytes())
    assert clapsep("extract", recording, "--keep-audio", odd).code == 0
    assert [len(clip) for clip in model.clips] == [48_000]


def test_names_of_any_script(clapsep: Clapsep, recording: Path) -> None:
    source = recording.rename(recording.with_name("雨 🌧 'été'\n.wav"))
    outcome = clapsep("extract", source, "--keep", "鳥のさえずり", "--remove", "дождь", "--json")
    assert outcome.code == 0, outcome.err
    assert Path(outcome.json["kept"]["path"]).exists()
    assert outcome.json["query"]["keep"][0]["text"] == "鳥のさえずり"


# -- The plan ----------------------------------------------------------------------------------


class _Judge:
    """Takes texts that say “speech” for texts about speech."""

    def __init__(self, *_: object) -> None: ...

    def about_speech(self, prompts: Sequence[Prompt]) -> list[bool]:
        return ["speech" in str(prompt) for prompt in prompts]


@pytest.fixture
def specialist(model: HearingModel, monkeypatch: pytest.MonkeyPatch) -> FakeModel:
    """A speech model that takes a quarter of everything for speech, installed beside mini."""
    quarter = FakeModel(constant(0.25))
    both = [registry.InstalledModel(name, Path(name), shipped=True) for name in ("mini", "speech")]
    monkeypatch.setattr(registry, "installed", lambda: both)
    monkeypatch.setattr(registry, "load", lambda name, *_: quarter if name == "speech" else model)
    monkeypatch.setattr(models, "SpeechJudge", _Judge)
    return quarter


@pytest.mark.usefixtures("specialist")
@pytest.mark.parametrize("model_name", ["auto", "speech"])
@pytest.mark.parametrize(("asked", "kept_share"), [("--keep", 0.25), ("--remove", 0.75)])
def test_speech_goes_to_the_specialist(
    clapsep: Clapsep, recording: Path, model_name: str, asked: str, kept_share: float
) -> None:
    outcome = clapsep("extract", recording, asked, "speech", "--model", model_name)
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith("speech: ")
    assert "speech on cpu" in outcome.out
    source, kept = (_read(recording.with_name(f"tones{part}.wav")) for part in ("", ".kept"))
    assert np.abs(kept / 2**31 - kept_share * source / 2**31).max() < 1e-4


def test_one_switch_turns_specialists_off(
    clapsep: Clapsep, recording: Path, specialist: FakeModel
) -> None:
    command = ("extract", recording, "--remove", "speech", "--no-specialists", "--json")
    assert clapsep(*command).json["devices"] == {"mini": "cpu"}
    assert specialist.calls == []


@pytest.mark.usefixtures("specialist")
def test_a_query_for_two_models_runs_through_both(clapsep: Clapsep, recording: Path) -> None:
    answer = clapsep("extract", recording, "--keep", "low", "--remove", "speech", "--json").json
    assert answer["devices"] == {"speech": "cpu", "mini": "cpu"}
    assert [step["model"] for step in answer["plan"]["steps"]] == ["speech", "mini"]
    assert answer["conditions"][0] is None
    assert answer["null_test"]["exact"]


@pytest.mark.usefixtures("specialist")
def test_the_plan_alone(clapsep: Clapsep, recording: Path) -> None:
    command = ("extract", recording, "--keep", "low", "--remove", "speech", "--plan")
    outcome = clapsep(*command)
    assert (outcome.code, outcome.err) == (0, "")
    first, second = outcome.out.splitlines()
    assert "speech: remove the voices" in first
    assert "mini: keep “low”" in second
    plan = Plan.from_dict(clapsep(*command, "--json").json["plan"])
    assert plan.models == ("speech", "mini")
    assert _names(recording.parent) == {"tones.wav"}


@pytest.mark.usefixtures("specialist")
def test_the_specialist_does_nothing_but_speech(clapsep: Clapsep, recording: Path) -> None:
    outcome = clapsep("extract", recording, "--keep", "rain", "--model", "speech")
    assert outcome.code == 2
    assert "only parts speech" in outcome.sentence
    assert _names(recording.parent) == {"tones.wav"}


def test_a_band_limits_what_is_removed(
    clapsep: Clapsep, model: HearingModel, recording: Path, tmp_path: Path
) -> None:
    """The recording holds 500 and 7,500 Hz, and all of both would be removed."""
    removed = tmp_path / "removed.wav"
    for band, heard in (("200-1000", 500), ("4000-", 7_500), ("-4000", 500)):
        outcome = clapsep(
            "extract", recording, "--remove", "low", "--remove", "high", "--band", band,
            "--removed", removed, "--overwrite", "--json",
        )  # fmt: skip
        assert outcome.code == 0, outcome.err
        samples, rate = soundfile.read(removed)
        spectrum = np.abs(np.fft.rfft(samples[rate // 2 : -rate // 2, 0]))
        assert np.argmax(spectrum) * rate / (len(samples) - rate) == pytest.approx(heard, abs=2)
    assert outcome.json["selection"]["band"] == [0, 4000]


@pytest.mark.parametrize(
    ("band", "sentence"),
    [
        ("200", "“200” is no band"),
        ("-", "“-” is no band"),
        ("low-high", "“low-high” is no band"),
        ("4000-200", "Give the lower frequency first"),
        ("30000-", "Choose a lower band"),
        ("30000-40000", "The recording ends at 22050 Hz"),
    ],
)
def test_a_band_that_makes_no_sense_is_refused_before_a_model_is_loaded(
    clapsep: Clapsep, model: HearingModel, recording: Path, band: str, sentence: str
) -> None:
    outcome = clapsep("extract", recording, "--keep", "low", "--band", band)
    assert outcome.code == 2
    assert sentence in outcome.sentence
    assert not model.texts
    assert [path.name for path in recording.parent.iterdir()] == [recording.name]
