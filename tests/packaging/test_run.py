"""packaging/run.py: the demo's question becomes a command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile

from clapsep_desktop.resources import resource


@pytest.fixture
def script(load):
    load("_setup")
    return load("run")


def test_the_shipped_demo_is_complete(script):
    demo = script.read_demo(resource("demo"))
    assert demo.title
    assert demo.keep or demo.remove
    info = soundfile.info(demo.recording)
    assert 20 <= info.duration <= 30
    assert (resource("demo") / "CREDITS.md").is_file()


def test_the_demo_becomes_the_command_a_user_would_type(script, tmp_path):
    told = {"file": "a.flac", "title": "Rain", "keep": "a man", "remove": ["rain", "a dog"]}
    (tmp_path / "demo.json").write_text(json.dumps(told))
    demo = script.read_demo(tmp_path)
    arguments = script.demo_arguments(demo, Path("out"))
    asked = "extract RECORDING --keep|a man|--remove|rain|--remove|a dog".replace(" ", "|", 2)
    assert "|".join(arguments).replace(str(tmp_path / "a.flac"), "RECORDING").startswith(asked)
    assert arguments[-5:-1] == [
        "-o",
        str(Path("out") / "kept.wav"),
        "--removed",
        str(Path("out") / "removed.wav"),
    ]


def test_an_incomplete_copy_is_told(script, tmp_path):
    with pytest.raises(SystemExit, match="demo recording is missing"):
        script.read_demo(tmp_path)


def test_arguments_are_handed_to_the_command_line_and_its_exit_code_back(script, monkeypatch):
    given = []

    class Done:
        returncode = 4

    monkeypatch.setattr(script, "prepare", lambda *_: None)
    monkeypatch.setattr(script.subprocess, "run", lambda command: given.append(command) or Done)
    assert script.main(["doctor"]) == 4
    assert Path(given[0][0]).stem == "clapsep"
    assert given[0][1:] == ["doctor"]


def test_a_failed_extraction_promises_no_results(script, monkeypatch, tmp_path, capsys):
    class Failed:
        returncode = 3

    monkeypatch.setattr(script, "has_display", lambda: False)
    monkeypatch.setattr(script, "RESULTS", tmp_path / "out")
    monkeypatch.setattr(script, "prepare", lambda *_: None)
    monkeypatch.setattr(script.subprocess, "run", lambda *_args, **_options: Failed)
    assert script.main([]) == 3
    assert "Listen to" not in capsys.readouterr().out


def test_the_editor_opens_where_there_is_a_screen(script, monkeypatch):
    given = []

    class Done:
        returncode = 0

    monkeypatch.setattr(script, "has_display", lambda: True)
    monkeypatch.setattr(script, "prepare", lambda *_: None)
    monkeypatch.setattr(
        script.subprocess, "run", lambda command, **_: given.append(command) or Done
    )
    assert script.main([]) == 0
    assert given[0][1:] == ["gui", str(script.DEMO / "demo.flac")]
