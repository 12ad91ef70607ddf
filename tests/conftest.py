"""What every test runs under: no network, no screen, no downloads."""

from __future__ import annotations

import gc
import os
import socket
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import settings

# Set before any library reads them, and inherited by the processes that tests start.
os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    # Tests that run side by side share the cores; more threads would only wait for each other.
    _threads = (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ.setdefault("OMP_NUM_THREADS", str(max(_threads, 1)))
# No test looks at the sounds of whoever runs it.
os.environ["CLAPSEP_SOUNDS"] = str(Path(__file__).parent / "no-sounds-here")

# At home every run tries new examples; a submission is judged by the same ones each time.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")

# How long an example takes says more of the machine than of the code.
settings.register_profile("clapsep", deadline=None)
settings.load_profile("clapsep")

ROOT = Path(__file__).resolve().parent.parent
LOCAL_HOSTS = ("127.", "::1", "localhost")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the slow tests as well")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    without_slow = pytest.mark.skip(reason="slow; run with --slow")
    without_shared = pytest.mark.skip(reason="no shared recordings here; set CLAPSEP_SHARED")
    not_beside = pytest.mark.skip(reason="timed; run with -m alone and without -n")
    shared_present = shared_folder().is_dir()
    for item in items:
        if "slow" in item.keywords and not config.getoption("--slow"):
            item.add_marker(without_slow)
        if "shared" in item.keywords and not shared_present:
            item.add_marker(without_shared)
        if "alone" in item.keywords and "PYTEST_XDIST_WORKER" in os.environ:
            item.add_marker(not_beside)


def pytest_collection_finish() -> None:
    """Keep what is loaded by now, torch and all, out of every later walk over Python's objects.

    Every collection of garbage is such a walk, and every test of the GUI ends with one: it looks
    for what it left behind.
    """
    gc.collect()
    gc.freeze()


def shared_folder() -> Path:
    """The folder of recordings and reference numbers that are too large for the repository."""
    return Path(os.environ.get("CLAPSEP_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared folder, for tests marked ``shared``."""
    return shared_folder()


def _is_local(host: object) -> bool:
    return host in (None, "") or str(host).startswith(LOCAL_HOSTS)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail whatever looks up a name or opens a connection beyond this machine."""
    connect, connect_ex, look_up = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def check(sock: socket.socket, address: Any) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
            pytest.fail(f"a test tried to reach {address[0]}")

    def guarded_connect(sock: socket.socket, address: Any) -> None:
        check(sock, address)
        connect(sock, address)

    def guarded_connect_ex(sock: socket.socket, address: Any) -> int:
        check(sock, address)
        return connect_ex(sock, address)

    def guarded_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_local(host):
            pytest.fail(f"a test tried to look up {host}")
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)
