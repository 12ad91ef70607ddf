import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from clapsep_desktop.processes import Owner


def test_this_process_lives_and_comes_back_from_json() -> None:
    owner = Owner.this()
    assert owner.is_live
    assert Owner.from_dict(owner.to_dict() | {"token": "of somebody"}) == owner


def test_one_that_ended_does_not() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        began = psutil.Process(child.pid).create_time()
        owner = replace(Owner.this(), pid=child.pid, started=began)
        assert owner.is_live
        child.communicate(b"\n")
    assert not owner.is_live


def test_a_number_that_was_given_again_is_another_process() -> None:
    assert not replace(Owner.this(), started=Owner.this().started - 100).is_live


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
