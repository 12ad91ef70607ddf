"""Setting up: the right Python, once, and a clear word where something is missing."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from types import SimpleNamespace

import pytest

from tests.conftest import ROOT

SCRIPTS = ["_setup.py", "run.py", "test.py"]


class Commands:
    """Stands for subprocess.run: notes the commands and answers with return codes."""

    def __init__(self, answer=lambda _command: 0):
        self.answer = answer
        self.given: list[list[str]] = []

    def __call__(self, command, **_options):
        self.given.append(command)
        return SimpleNamespace(returncode=self.answer(command), stdout="", stderr="")


@pytest.mark.parametrize("name", SCRIPTS)
def test_only_the_standard_library_is_needed(name):
    tree = ast.parse((ROOT / "packaging" / name).read_text(encoding="utf-8"))
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        (node.module or "").split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    }
    assert imported <= set(sys.stdlib_module_names) | {"_setup"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_old_python_gets_as_far_as_being_told(name):
    source = (ROOT / "packaging" / name).read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 8))
    assert "from __future__ import annotations" in source


def test_the_supported_versions_are_those_of_the_project(load):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert load("_setup").SUPPORTED == ((3, 12), (3, 11))
    assert project["requires-python"] == ">=3.11,<3.13"


def test_the_running_python_is_preferred(setup, monkeypatch):
    monkeypatch.setattr(setup, "python_version", lambda *_: (3, 11))
    assert setup.find_python() == [sys.executable]


def test_another_python_on_the_path_is_found(setup, monkeypatch):
    answers = {"python3.11": (3, 11)}
    monkeypatch.setattr(setup, "python_version", lambda name, *_: answers.get(name, (3, 9)))
    assert setup.find_python() == ["python3.11"]


def test_without_a_suitable_python_the_user_is_told_what_to_get(setup, monkeypatch):
    monkeypatch.setattr(setup, "python_version", lambda *_: None)
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or 3\.12; this is 3\."):
        setup.find_python()


def test_versions_are_asked_of_the_interpreter_itself(setup, tmp_path):
    assert setup.python_version(sys.executable) == sys.version_info[:2]
    assert setup.python_version(str(tmp_path / "missing")) is None


def fake_environment(setup) -> None:
    setup.ENVIRONMENT.mkdir()
    (setup.ENVIRONMENT / "pyvenv.cfg").write_text("version = 3.11.7\n")


def test_the_second_time_nothing_is_installed(setup, monkeypatch):
    fake_environment(setup)
    commands = Commands()
    monkeypatch.setattr(setup.subprocess, "run", commands)
    monkeypatch.setattr(setup, "python_version", lambda *_: (3, 11))
    monkeypatch.setattr(setup, "check_system_libraries", lambda: None)
    setup.prepare(("dev",))
    (install,) = commands.given
    assert install[-2:] == ["-e", ".[dev]"]
    setup.prepare(("dev",))
    setup.prepare()
    assert len(commands.given) == 1


def test_a_new_requirement_another_extra_or_a_moved_folder_installs_again(setup, monkeypatch):
    fake_environment(setup)
    monkeypatch.setattr(setup.subprocess, "run", Commands())
    setup.install(setup.environment_python(setup.ENVIRONMENT), ())
    assert setup.is_installed(())
    assert not setup.is_installed(("dev",))
    with (setup.ROOT / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    assert not setup.is_installed(())
    setup.STAMP.write_text("not json")
    assert not setup.is_installed(())


def test_a_failed_installation_is_told_and_not_taken_for_done(setup, monkeypatch):
    fake_environment(setup)
    monkeypatch.setattr(setup.subprocess, "run", Commands(lambda _: 1))
    with pytest.raises(SystemExit, match="libraries could not be installed"):
        setup.install(setup.environment_python(setup.ENVIRONMENT), ("dev",))
    assert not setup.is_installed(("dev",))


def test_a_disk_too_small_is_told_before_the_download(setup, monkeypatch):
    fake_environment(setup)
    commands = Commands()
    monkeypatch.setattr(setup.subprocess, "run", commands)
    monkeypatch.setattr(setup.shutil, "disk_usage", lambda _: SimpleNamespace(free=2 * 1024**3))
    with pytest.raises(SystemExit, match=r"only 2\.0 GB are free"):
        setup.install(setup.environment_python(setup.ENVIRONMENT), ())
    assert commands.given == []


def test_debians_missing_venv_is_installed_or_named(setup, monkeypatch):
    monkeypatch.setattr(setup, "find_python", lambda: ["python3.11"])
    monkeypatch.setattr(setup, "python_version", lambda *_: (3, 11))
    monkeypatch.setattr(setup.subprocess, "run", Commands(lambda _: 1))
    monkeypatch.setattr(setup, "on_debian", lambda: True)
    asked = []
    monkeypatch.setattr(setup, "install_with_apt", asked.append)
    with pytest.raises(SystemExit, match=r"sudo apt-get install python3\.11-venv"):
        setup.create_environment()
    assert asked == [["python3.11-venv"]]


def test_missing_system_libraries_are_named_with_the_command(setup, monkeypatch, capsys):
    monkeypatch.setattr(setup.sys, "platform", "linux")
    monkeypatch.setattr(setup, "loads", lambda _: False)
    monkeypatch.setattr(setup, "on_debian", lambda: True)
    monkeypatch.setattr(setup, "install_with_apt", lambda _: False)
    setup.check_system_libraries()
    said = capsys.readouterr().out
    assert "libportaudio.so.2" in said
    assert "sudo apt-get install libportaudio2" in said


def test_nothing_is_said_where_all_is_there(setup, monkeypatch, capsys):
    monkeypatch.setattr(setup.sys, "platform", "linux")
    monkeypatch.setattr(setup, "loads", lambda _: True)
    setup.check_system_libraries()
    assert capsys.readouterr().out == ""


def test_only_root_installs_with_apt_and_an_old_package_list_is_renewed(setup, monkeypatch):
    tries = iter([100, 0, 0])
    commands = Commands(lambda _: next(tries))
    monkeypatch.setattr(setup.subprocess, "run", commands)
    monkeypatch.setattr(setup.os, "geteuid", lambda: 1_000, raising=False)
    assert not setup.install_with_apt(["libportaudio2"])
    assert commands.given == []
    monkeypatch.setattr(setup.os, "geteuid", lambda: 0, raising=False)
    assert setup.install_with_apt(["libportaudio2"])
    assert [command[1] for command in commands.given] == ["install", "update", "install"]


def test_a_library_that_cannot_be_loaded_is_found_missing(setup):
    assert not setup.loads("libnothing-of-that-name.so.7")


@pytest.mark.parametrize("name", ["run.py", "test.py"])
def test_help_sets_nothing_up(name):
    shown = subprocess.run(
        [sys.executable, ROOT / "packaging" / name, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"packaging/{name}" in shown.stdout
    assert shown.stderr == ""
