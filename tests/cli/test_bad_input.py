"""Whatever is wrong with what is asked: one sentence, an exit code, and no file touched or left."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.conftest import Clapsep, Outcome
from tests.support.damaged import CORPUS, Damaged

pytestmark = pytest.mark.usefixtures("model")

HIDDEN_STATE = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def refused(clapsep: Clapsep, recording: Path) -> Callable[..., str]:
    """Runs a command that must fail; its sentence, once nothing was touched or left."""

    def run(code: int, *arguments: object) -> str:
        before = _contents(recording.parent)
        outcome = clapsep("extract", *arguments)
        assert outcome.code == code, outcome.err
        assert outcome.out == ""
        assert _contents(recording.parent) == before
        return outcome.sentence

    return run


Refused = Callable[..., str]
KEEP = ("--keep", "low")


# -- The recording -----------------------------------------------------------------------------


@pytest.mark.parametrize("damaged", CORPUS, ids=lambda damaged: damaged.name)
def test_damaged_files(clapsep: Clapsep, recording: Path, tmp_path: Path, damaged: Damaged) -> None:
    source = recording.with_name(damaged.name)
    source.write_bytes(damaged.make(tmp_path))
    before = _contents(recording.parent)
    outcome = clapsep("extract", source, *KEEP, "-o", recording.with_name("out.wav"))
    after = _contents(recording.parent)
    written = after.pop("out.wav", None)
    assert after == before
    if damaged.error is None:
        assert outcome.code == 0, outcome.err
        assert written is not None
        assert soundfile.info(recording.with_name("out.wav")).frames in damaged.frames
        assert bool(outcome.err) == damaged.cut
    else:
        assert outcome.code == 3
        assert written is None
        assert damaged.name in outcome.sentence


def test_a_missing_file(refused: Refused, recording: Path) -> None:
    assert "There is no file" in refused(3, recording.with_name("nowhere.wav"), *KEEP)


def test_a_folder(refused: Refused, recording: Path) -> None:
    assert "is a folder" in refused(3, recording.parent, *KEEP)


@pytest.mark.parametrize("name", ["a" * 5_000, "", "\udcff.wav"])
def test_names_that_no_file_has(refused: Refused, name: str) -> None:
    refused(3, name, *KEEP)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("frame", [0, 70_000, 132_299])
def test_samples_that_are_not_numbers(
    refused: Refused, recording: Path, value: float, frame: int
) -> None:
    samples, rate = soundfile.read(recording)
    samples[frame, 1] = value
    source = recording.with_name("broken.wav")
    soundfile.write(source, samples, rate, subtype="FLOAT")
    assert "not a number" in refused(3, source, *KEEP)


# -- The query ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "Nothing is asked for"),
        (("--keep", ""), "is empty"),
        (("--keep", "  \n\t "), "is empty"),
        (("--keep", "x" * 100_000), "100,000 characters"),
        (("--keep", "ring\a"), "control character"),
        (("--keep", "dog \udce4"), "broken character"),
        (("--keep", "rain", "--remove", "Rain"), "both to keep and to remove"),
        (("--keep", "rain", "--strength", "1.5"), "strength must lie between 0 and 1"),
        (("--keep", "rain", "--strength", "nan"), "strength"),
        (("--keep", "rain", "--blend", "-0.1"), "blend must lie between 0 and 1"),
        (("--keep-audio", ""), "path of a sound file"),
        (("--keep-audio", "dog.wav#2-1"), "is empty"),
        (("--keep-audio", "dog.wav#1:2:3:4-"), "not a time"),
    ],
)
def test_queries_that_ask_for_nothing_possible(
    refused: Refused, recording: Path, options: tuple[str, ...], sentence: str
) -> None:
    assert sentence in refused(2, recording, *options)


def test_examples_that_cannot_be_heard(refused: Refused, recording: Path) -> None:
    hush, short, notes = (recording.with_name(f"{name}.wav") for name in ("hush", "short", "notes"))
    soundfile.write(hush, np.zeros(16_000), 16_000)
    soundfile.write(short, np.ones(100) / 2, 16_000)
    notes.write_text("no sound")
    assert "hush.wav is silent" in refused(2, recording, "--keep-audio", hush)
    assert "short.wav is too short" in refused(2, recording, "--keep-audio", short)
    assert "notes.wav" in refused(3, recording, "--remove-audio", notes)
    assert "nowhere.wav" in refused(3, recording, "--keep-audio", "nowhere.wav")


@HIDDEN_STATE
@given(text=st.text(min_size=1, max_size=400), verb=st.sampled_from(["--keep", "--remove"]))
def test_any_text_is_answered_or_refused(
    clapsep: Clapsep, recording: Path, text: str, verb: str
) -> None:
    _lawful(clapsep("extract", recording, f"{verb}={text}", "--overwrite"), recording)


def _lawful(outcome: Outcome, recording: Path) -> None:
    """Done, or refused in one sentence; either way no unfinished file."""
    names = {path.name for path in recording.parent.iterdir()}
    assert names <= {"tones.wav", "tones.kept.wav", "tones.removed.wav"}
    assert outcome.code in (0, 2)
    if outcome.code:
        assert outcome.sentence.isprintable()
        assert len(outcome.sentence) < 400


# -- The selection -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--start", "1", "--end", "1"), "is empty"),
        (("--start", "2", "--end", "1"), "is empty"),
        (("--start", "3"), "the recording ends at"),
        (("--start", "99:00:00"), "the recording ends at"),
        (("--end", "0"), "is empty"),
        (("--start", "-1"), "not a time"),
        (("--start", "soon"), "not a time"),
        (("--end", "nan"), "not a time"),
        (("--end", "9" * 400), ""),
        (("--start", "0.00000001", "--end", "0.00000002"), "is empty"),
    ],
)
def test_selections_that_hold_nothing(
    refused: Refused, recording: Path, options: tuple[str, ...], sentence: str
) -> None:
    assert sentence in refused(2, recording, *KEEP, *options)


@HIDDEN_STATE
@given(
    start=st.floats(-1, 4).map(str) | st.text("0123456789:.-e", max_size=8),
    end=st.floats(-1, 4).map(str) | st.text("0123456789:.-e", max_size=8),
)
def test_any_selection_is_answered_or_refused(
    clapsep: Clapsep, recording: Path, start: str, end: str
) -> None:
    options = (f"--start={start}", f"--end={end}", "--overwrite")
    _lawful(clapsep("extract", recording, *KEEP, *options), recording)


# -- The target --------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["-o", "--removed"])
def test_the_recording_itself(refused: Refused, recording: Path, option: str) -> None:
    for target in (recording, recording.parent / ".." / recording.parent.name / recording.name):
        for overwrite in ([], ["--overwrite"]):
            assert "is the recording itself" in refused(
                3, recording, *KEEP, option, target, *overwrite
            )


def test_a_link_to_the_recording(refused: Refused, recording: Path) -> None:
    link, hard = recording.with_name("link.wav"), recording.with_name("hard.wav")
    try:
        link.symlink_to(recording)
        hard.hardlink_to(recording)
    except OSError:
        pytest.skip("this system makes no links here")
    for target in (link, hard):
        sentence = refused(3, recording, *KEEP, "-o", target, "--overwrite")
        assert "is the recording itself" in sentence


def test_an_example_of_the_query(refused: Refused, recording: Path) -> None:
    example = recording.with_name("dog.wav")
    soundfile.write(example, np.sin(np.arange(16_000)) / 2, 16_000)
    options = ("--keep-audio", example, "-o", example, "--overwrite")
    assert "is an example of the query" in refused(3, recording, *options)


def test_one_target_for_both(refused: Refused, recording: Path) -> None:
    target = recording.with_name("out.wav")
    assert "Choose two names" in refused(3, recording, *KEEP, "-o", target, "--removed", target)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (".", "is a folder"),
        ("nowhere/out.wav", "There is no folder"),
        ("tones.wav/out.wav", "There is no folder"),
        ("out.xyz", ".xyz"),
        ("out", "no extension"),
        ("a" * 300 + ".wav", ""),
    ],
)
def test_targets_that_cannot_be_written(
    refused: Refused, recording: Path, target: str, sentence: str
) -> None:
    assert sentence in refused(3, recording, *KEEP, "-o", f"{recording.parent}/{target}")


def test_a_write_protected_folder(refused: Refused, recording: Path) -> None:
    if not hasattr(os, "geteuid") or os.geteuid() == 0:
        pytest.skip("every folder can be written here")
    recording.parent.chmod(0o555)
    try:
        assert "may not be written" in refused(3, recording, *KEEP)
    finally:
        recording.parent.chmod(0o755)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_place_where_no_file_can_be(refused: Refused, recording: Path) -> None:
    refused(3, recording, *KEEP, "-o", "/proc/out.wav")


def test_a_disk_with_too_little_room(
    refused: Refused, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(recording.parent)._replace(free=1_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert "Make room" in refused(3, recording, *KEEP)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of this kind")
def test_a_disk_that_fills_up_while_writing(refused: Refused, recording: Path) -> None:
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        sentence = refused(3, recording, *KEEP)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert "tones.kept.wav" in sentence


def test_former_results_survive_a_failure(clapsep: Clapsep, recording: Path) -> None:
    assert clapsep("extract", recording, *KEEP).code == 0
    before = _contents(recording.parent)
    samples, rate = soundfile.read(recording)
    samples[100_000] = np.nan
    soundfile.write(recording, samples, rate, subtype="FLOAT")
    before[recording.name] = recording.read_bytes()
    assert clapsep("extract", recording, *KEEP, "--overwrite").code == 3
    assert _contents(recording.parent) == before


# -- The command line --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("extract",),
        ("extract", "a.wav", "--keep", "rain", "--device", "abacus"),
        ("extract", "a.wav", "--keep", "rain", "--strength", "much"),
        ("extract", "a.wav", "b.wav", "--keep", "rain"),
        ("extract", "a.wav", "--loud"),
        ("extract", "a.wav", "--keep"),
        ("sing",),
    ],
)
def test_what_is_no_command(clapsep: Clapsep, arguments: tuple[str, ...]) -> None:
    outcome = clapsep(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert "Traceback" not in outcome.err


def test_a_refusal_in_json(clapsep: Clapsep, recording: Path) -> None:
    outcome = clapsep("extract", recording, "--keep", "", "--json")
    error = outcome.json["error"]
    assert (error["kind"], error["exit_code"], outcome.code) == ("QueryError", 2, 2)
    assert error["sentence"] == outcome.sentence
