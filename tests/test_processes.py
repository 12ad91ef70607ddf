import os
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from clapsep_desktop.processes import Owner

on_linux = sys.platform == "linux"


def test_this_process_lives_and_comes_back_from_json() -> None:
    owner = Owner.this()
    assert owner.is_live
    assert Owner.from_dict(owner.to_dict() | {"token": "of somebody"}) == owner


def test_one_that_ended_does_not() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        began = psutil.Process(child.pid).create_time()
        owner = replace(Owner.this(), pid=child.pid, started=began, birth="")
        assert owner.is_live
        assert not replace(owner, birth=Owner.this().birth).is_live or not on_linux
        child.communicate(b"\n")
    assert not owner.is_live


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="POSIX only")
def test_one_that_ended_unheard_does_not() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        began = psutil.Process(child.pid).create_time()
        owner = replace(Owner.this(), pid=child.pid, started=began, birth="")
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE
        assert not owner.is_live


def test_a_number_that_was_given_again_is_another_process() -> None:
    assert not replace(Owner.this(), started=Owner.this().started - 100, birth="").is_live
    assert not replace(Owner.this(), birth="another boot 17").is_live or not on_linux


@pytest.mark.skipif(not on_linux, reason="elsewhere the system keeps the time of the start")
def test_a_clock_that_was_set_makes_nobody_dead() -> None:
    assert replace(Owner.this(), started=Owner.this().started - 3_600).is_live


def test_what_tells_no_birth_is_read() -> None:
    value = Owner.this().to_dict()
    del value["birth"]
    assert Owner.from_dict(value) == replace(Owner.this(), birth="")


@pytest.mark.parametrize("change", [{"host": "renamed"}, {"machine": "0"}])
def test_a_computer_is_known_by_its_name_or_by_its_hardware(change: dict[str, str]) -> None:
    dead = replace(Owner.this(), pid=2**22 + 1, **change)
    assert dead.is_here
    assert not dead.is_live


def test_of_another_computer_nothing_is_known() -> None:
    elsewhere = replace(Owner.this(), pid=2**22 + 1, host="attic", machine="0")
    assert not elsewhere.is_here
    assert elsewhere.is_live


@pytest.mark.parametrize("value", [None, [], {}, {"pid": "1"}, {"pid": 1, "host": 2}])
def test_anything_else_is_no_process(value: object) -> None:
    with pytest.raises(ValueError, match="no process"):
        Owner.from_dict(value)
