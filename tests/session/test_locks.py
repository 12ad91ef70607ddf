import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from clapsep_desktop.errors import ProjectInUseError
from clapsep_desktop.processes import Owner
from clapsep_desktop.session.locks import ProjectLock

DEAD = 2**22 + 1  # above what Linux gives out


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tmp_path / "field.clapsep"


def leave_lock(project: Path, **owner: object) -> None:
    lock = project.with_name(".field.clapsep.lock")
    lock.write_text(json.dumps(Owner.this().to_dict() | owner))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_second_is_told_and_the_third_gets_it_when_it_is_free(project: Path) -> None:
    with ProjectLock(project) as lock:
        assert lock.is_held
        with pytest.raises(ProjectInUseError, match="open in another window"):
            ProjectLock(project)
    with ProjectLock(project) as again:
        assert again.is_held
    assert names(project.parent) == []


def test_another_live_process_holds_its_lock(project: Path) -> None:
    held = (
        "import sys; from pathlib import Path\n"
        "from clapsep_desktop.session.locks import ProjectLock\n"
        "lock = ProjectLock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", held, str(project)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == b"held"
        with pytest.raises(ProjectInUseError):
            ProjectLock(project)
        child.kill()
        child.wait()
        with ProjectLock(project) as lock:
            assert lock.is_held
        assert child.stdin is not None
        child.stdin.close()


def test_a_lock_whose_process_is_gone_is_taken_over(project: Path) -> None:
    leave_lock(project, pid=DEAD)
    with ProjectLock(project) as lock:
        assert lock.is_held
    assert names(project.parent) == []


def test_a_number_that_now_belongs_to_a_younger_process_is_gone_too(project: Path) -> None:
    leave_lock(project, started=psutil.Process().create_time() - 1_000, birth="")
    assert ProjectLock(project).is_held


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"pid": "x"}', "\0"])
def test_a_damaged_lock_counts_as_left_behind(project: Path, damage: str) -> None:
    project.with_name(".field.clapsep.lock").write_text(damage)
    assert ProjectLock(project).is_held


def test_a_lock_of_another_computer_counts_until_the_user_takes_it(project: Path) -> None:
    leave_lock(project, host="attic", machine="0", pid=DEAD)
    with pytest.raises(ProjectInUseError, match="computer “attic”"):
        ProjectLock(project)
    with ProjectLock(project, force=True) as lock:
        assert lock.is_held


def test_one_who_lost_the_lock_leaves_the_new_holders_alone(project: Path) -> None:
    first = ProjectLock(project)
    second = ProjectLock(project, force=True)
    first.release()
    with pytest.raises(ProjectInUseError):
        ProjectLock(project)
    second.release()


def test_links_to_a_project_share_its_lock(project: Path, tmp_path: Path) -> None:
    project.touch()
    link = tmp_path / "link.clapsep"
    link.symlink_to(project)
    with ProjectLock(project), pytest.raises(ProjectInUseError):
        ProjectLock(link)


def test_where_nothing_can_be_written_a_project_can_be_seen_without_a_lock(tmp_path: Path) -> None:
    with ProjectLock(tmp_path / "missing" / "field.clapsep") as lock:
        assert not lock.is_held


def test_without_hard_links_there_is_still_one_holder(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    with ProjectLock(project) as lock:
        assert lock.is_held
        with pytest.raises(ProjectInUseError):
            ProjectLock(project)
    assert names(project.parent) == []


def test_of_many_that_try_at_once_over_a_stale_lock_one_gets_it(project: Path) -> None:
    leave_lock(project, pid=DEAD)
    attempt = (
        "import sys; from pathlib import Path\n"
        "from clapsep_desktop.session.locks import ProjectLock\n"
        "from clapsep_desktop.errors import ProjectInUseError\n"
        "sys.stdin.readline()\n"
        "try: lock = ProjectLock(Path(sys.argv[1])); print('held', flush=True)\n"
        "except ProjectInUseError: print('told', flush=True)\n"
        "sys.stdin.readline()"
    )
    command = [sys.executable, "-c", attempt, str(project)]
    children = [
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(4)
    ]
    try:
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
        answers = [child.stdout.readline().strip() for child in children if child.stdout]
        assert sorted(answers) == ["held", "told", "told", "told"]
    finally:
        for child in children:
            child.communicate("end\n")
