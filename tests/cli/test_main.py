"""The program as a whole: help, versions, exit codes, interruption, and what it imports."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clapsep_desktop import __version__, errors
from clapsep_desktop.cli import extract
from clapsep_desktop.cli.exit_codes import MEANINGS, ExitCode, exit_code
from tests.cli.conftest import Clapsep
from tests.support.hearing import HearingModel

ROOT = Path(__file__).parents[2]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")


def _python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", "-c", code, *arguments]


def test_version(clapsep: Clapsep) -> None:
    outcome = clapsep("--version")
    assert (outcome.code, outcome.out) == (0, f"clapsep {__version__}\n")


@pytest.mark.parametrize("command", [(), ("extract",), ("models",), ("doctor",)])
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(clapsep: Clapsep, command: tuple[str, ...], option: str) -> None:
    outcome = clapsep(*command, option)
    assert outcome.code == 0
    assert " ".join(["Usage: clapsep", *command]) in outcome.out


def test_the_help_lists_every_exit_code(clapsep: Clapsep) -> None:
    assert set(MEANINGS) == set(ExitCode)
    out = clapsep("--help").out
    for code, meaning in MEANINGS.items():
        assert f"  {code.value:<4} {meaning}" in out


def test_every_error_of_the_tree_has_an_exit_code() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.__name__: exit_code(kind("a sentence")) for kind in kinds}
    assert codes["AudioWriteError"] is ExitCode.AUDIO
    assert codes["DownloadError"] is ExitCode.MODEL
    assert codes["SpanError"] is codes["QueryError"] is ExitCode.USAGE
    assert codes.pop("ClapSepError") is ExitCode.FAILED
    assert set(codes.values()).isdisjoint({ExitCode.DONE, ExitCode.FAILED})


def test_a_fault_of_the_program_is_one_line_unless_debugging(
    clapsep: Clapsep, recording: Path, model: HearingModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "embed_text", lambda _: 1 / 0)
    command = ("extract", recording, "--keep", "low")
    outcome = clapsep(*command)
    assert outcome.code == 1
    assert "ZeroDivisionError" in outcome.sentence
    monkeypatch.setenv("CLAPSEP_DEBUG", "0")
    assert clapsep(*command) == outcome
    assert "Traceback" in clapsep("--debug", *command).err
    monkeypatch.setenv("CLAPSEP_DEBUG", "1")
    assert "Traceback" in clapsep(*command).err
    assert [path.name for path in recording.parent.iterdir()] == ["tones.wav"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["extract", "--help"],
        ["models", "list"],
        ["extract", "nowhere.wav", "--keep", "rain"],
    ],
    ids=" ".join,
)
def test_torch_is_not_imported_before_a_model_is_needed(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from clapsep_desktop.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "finally:\n    assert not {'torch', 'transformers', 'rich'} & set(sys.modules)\n"
    )
    done = subprocess.run(_python(code, *arguments), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (0, 3), done.stderr
    assert "Assertion" not in done.stderr


def test_python_m_is_the_same_program() -> None:
    command = [sys.executable, "-m", "clapsep_desktop.cli", "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"clapsep {__version__}\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_terminal_without_the_characters(encoding: str) -> None:
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    arguments = ["extract", "雨\udcff.wav", "--keep", "rain"]
    command = [sys.executable, "-m", "clapsep_desktop.cli", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True)
    assert done.returncode == 3
    assert b"Traceback" not in done.stderr
    assert b".wav" in done.stderr


SLOW_MODEL = """
import sys, time
from clapsep_desktop.model import registry
from tests.support.hearing import HearingModel

class Slow(HearingModel):
    def filters(self, windows, condition):
        print("separating", flush=True)
        time.sleep(0.2)
        return super().filters(windows, condition)

registry.load = lambda *_: Slow()
from clapsep_desktop.cli.main import main
main([*sys.argv[1:], "--model", "slow"])
"""


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopped_midway_nothing_is_left(recording: Path, number: signal.Signals) -> None:
    soundfile.write(recording, np.random.default_rng(0).random(44_100 * 60) / 2, 44_100)
    code = _python(SLOW_MODEL, "extract", str(recording), "--keep", "low")
    with subprocess.Popen(
        code, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "separating\n"
        assert len(list(recording.parent.iterdir())) == 3  # two unfinished files
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert err == "Stopped. No unfinished file is left.\n"
    assert [path.name for path in recording.parent.iterdir()] == ["tones.wav"]


@POSIX
def test_a_terminal_sees_a_bar_and_a_pipe_does_not(recording: Path) -> None:
    import pty  # not on Windows

    code = _python(SLOW_MODEL, "extract", str(recording), "--keep", "low", "--overwrite")
    in_a_pipe = subprocess.run(code, cwd=ROOT, capture_output=True, text=True, check=True)
    assert in_a_pipe.stderr == ""
    assert "\x1b" not in in_a_pipe.stdout
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        code, cwd=ROOT, stdout=subprocess.PIPE, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65_536)
            except OSError:  # Linux's way to say that the other side is closed
                break
            if not part:
                break
            shown += part
    os.close(ours)
    assert process.returncode == 0
    for phase in ("loading the model", "slow: keep “low”", "separating", "writing"):
        assert phase in shown.decode()


def test_the_examples_of_the_help_are_commands(
    clapsep: Clapsep, recording: Path, model: HearingModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(recording.parent)
    examples = [
        line.split("clapsep ", 1)[1] for line in extract.EXAMPLES.splitlines() if "clapsep " in line
    ]
    assert len(examples) >= 3
    for example in examples:
        words = shlex.split(example)
        _long_recording(Path(words[1]))
        assert clapsep(*words).code == 0


def _long_recording(path: Path) -> None:
    if not path.exists():
        soundfile.write(path, np.random.default_rng(0).random(8_000 * 13) / 2, 8_000)


def test_no_library_reports_what_is_done(clapsep: Clapsep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_DISABLE_TELEMETRY", raising=False)
    clapsep("--version")
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"
