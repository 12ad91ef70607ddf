"""Buffers on disk: written, sealed, deleted; budget, owners, and what a dead process left."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.audio import buffers as buffer_files
from clapsep_desktop.audio import staging, store
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.audio.store import AudioStore, remove_orphans
from clapsep_desktop.errors import AudioReadError, AudioWriteError
from clapsep_desktop.timebase import Span
from tests.conftest import ROOT
from tests.support.signals import noise

RATE = 48_000
posix = pytest.mark.skipif(os.name != "posix", reason="POSIX file systems only")


@pytest.fixture
def buffers(tmp_path):
    with AudioStore(tmp_path / "buffers") as made:
        yield made


def stored(buffers: AudioStore, samples: np.ndarray, identity: str | None = None) -> str:
    writer = buffers.create(RATE, samples.shape[1], len(samples), identity)
    writer.write(0, samples)
    return writer.seal()


@given(frames=st.integers(1, 2_000), channels=st.sampled_from([1, 2, 6]), data=st.data())
@settings(max_examples=30)
def test_what_is_written_is_read_and_the_rest_is_silent(tmp_path_factory, frames, channels, data):
    buffers = AudioStore(tmp_path_factory.mktemp("store"))
    expected = np.zeros((frames, channels), np.float32)
    reached = np.zeros(frames, bool)
    writer = buffers.create(RATE, channels, frames)
    for seed in range(data.draw(st.integers(0, 6))):
        start = data.draw(st.integers(0, frames))
        stop = data.draw(st.integers(start, frames))
        expected[start:stop] = noise(stop - start, channels, seed=seed, level=3.0)
        writer.write(start, expected[start:stop])
        reached[start:stop] = True
        np.testing.assert_array_equal(writer.read(0, frames), expected)
    marks = np.flatnonzero(np.diff(np.concatenate(([False], reached, [False])))).tolist()
    assert writer.written == tuple(map(Span, marks[::2], marks[1::2]))
    source = buffers.open(writer.seal())
    start = data.draw(st.integers(0, frames))
    stop = data.draw(st.integers(start, frames))
    np.testing.assert_array_equal(source.read(start, stop), expected[start:stop])
    np.testing.assert_array_equal(writer.read(start, stop), expected[start:stop])
    heard, rate = soundfile.read(buffers.path(writer.identity), dtype="float32", always_2d=True)
    np.testing.assert_array_equal(heard, expected)
    assert rate == RATE
    buffers.close()


def test_a_buffer_is_an_audio_source(buffers):
    source = buffers.open(stored(buffers, noise(100, 2)))
    assert isinstance(source, AudioSource)
    assert (source.rate, source.channels, source.frames) == (RATE, 2, 100)
    for start, stop in ((-1, 5), (5, 4), (0, 101)):
        with pytest.raises(ValueError, match="lie outside"):
            source.read(start, stop)


def test_only_sealed_buffers_can_be_opened(buffers):
    writer = buffers.create(RATE, 1, 10)
    for ask in (buffers.open, buffers.size, buffers.path):
        with pytest.raises(KeyError):
            ask(writer.identity)
    assert writer.identity not in buffers
    assert writer.seal() in buffers
    with pytest.raises(AudioWriteError, match="takes no more"):
        writer.write(0, noise(1))
    writer.discard()  # does nothing to a sealed one
    assert buffers.open(writer.identity).read(0, 10).shape == (10, 1)


def test_a_sweep_waits_for_no_disk_but_what_needs_the_room_does(buffers, monkeypatch):
    gate, remove = threading.Event(), store._remove

    def late(files):
        assert gate.wait(20)
        remove(files)

    monkeypatch.setattr(store, "_remove", late)
    identity = stored(buffers, noise(1_000))
    source = buffers.open(identity)
    assert buffers.sweep(()) > 4_000  # bytes
    assert buffers.used == 0
    with pytest.raises(AudioReadError, match="deleted"):
        source.read(0, 10)
    assert [path.suffix for path in buffers.folder.glob(f"{identity}*")] == [".gone"]
    gate.set()
    buffers.create(RATE, 2, 10, identity)
    assert [path.suffix for path in buffers.folder.glob(f"{identity}*")] == [".part"]


def test_sizes_add_up_and_a_sweep_frees_them(buffers):
    first, second = stored(buffers, noise(1_000, 2)), stored(buffers, noise(500))
    growing = buffers.create(RATE, 1, 100)
    taken = [path.stat().st_size for path in buffers.folder.glob(f"*{first}*")]
    assert buffers.size(first) == taken[0]
    assert buffers.used == buffers.size(first) + buffers.size(second) + growing.size
    kept, gone = buffers.open(second), buffers.open(first)
    assert buffers.sweep({second}) == taken[0]
    assert kept.read(0, 500).any()
    with pytest.raises(AudioReadError, match="was deleted"):
        gone.read(0, 1)
    with pytest.raises(KeyError):
        buffers.open(first)
    growing.write(0, noise(100))  # a sweep leaves what is being written
    growing.seal()


def test_discarding_leaves_no_file(buffers):
    with buffers.create(RATE, 1, 100) as writer:
        writer.write(0, noise(50))
        assert writer.path.exists()
    assert buffers.used == 0
    assert [path.name for path in buffers.folder.iterdir()] == ["process.json"]
    with pytest.raises(AudioWriteError, match="closed"):
        writer.write(0, noise(1))
    with pytest.raises(AudioWriteError, match="discarded"):
        writer.seal()


def test_the_budget_is_kept(tmp_path):
    other = tmp_path / "other.wav"
    soundfile.write(other, noise(2_000), RATE, "FLOAT")
    with AudioStore(tmp_path / "buffers", budget=10_000) as buffers:
        first = stored(buffers, noise(2_000))
        with pytest.raises(AudioWriteError, match="Delete steps that are no longer needed"):
            buffers.create(RATE, 1, 1_000)
        with pytest.raises(AudioWriteError, match="allowed for results"):
            buffers.adopt("other", other)
        buffers.sweep(())
        assert first not in buffers
        buffers.create(RATE, 1, 1_000)


def test_a_disk_without_room_is_told_before_the_work(buffers, monkeypatch):
    monkeypatch.setattr(staging.shutil, "disk_usage", lambda _: SimpleNamespace(free=5_000_000))
    with pytest.raises(AudioWriteError, match="has 5 MB free"):
        buffers.create(RATE, 1, 1_000)
    assert buffers.used == 0


@posix
def test_a_disk_whose_files_may_not_be_so_long_keeps_nothing_of_one(buffers):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, hard))
    try:
        with pytest.raises(AudioWriteError, match="could not be stored"):
            buffers.create(RATE, 1, 2_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in buffers.folder.iterdir()] == ["process.json"]
    assert buffers.used == 0


@posix
def test_a_disk_that_fills_up_meanwhile_is_told(buffers):
    """A limit on the size of files stands for the full disk."""
    import resource

    writer = buffers.create(RATE, 1, 2_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, hard))
    try:
        writer.write(0, noise(500))
        with pytest.raises(AudioWriteError, match="disk is full"):
            writer.write(500, noise(1_500))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    np.testing.assert_array_equal(writer.read(0, 500), noise(500))
    writer.discard()
    assert stored(buffers, noise(10))


def test_ids_that_are_taken_or_lead_elsewhere_are_refused(buffers, tmp_path):
    stored(buffers, noise(5), "mine")
    for identity in ("mine", "../mine", "a/b", "x" * 65):
        with pytest.raises(ValueError, match="cannot be the id"):
            buffers.create(RATE, 1, 5, identity)
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(5), RATE, "FLOAT")
    with pytest.raises(AudioReadError, match="cannot be used"):
        buffers.adopt("../a", path)


@pytest.mark.parametrize("container", ["WAV", "RF64", "W64", "WAVEX"])
def test_a_projects_files_are_taken_in(buffers, tmp_path, container):
    samples = noise(1_000, 2, level=2.0)
    path = tmp_path / "take.wav"
    soundfile.write(path, samples, RATE, "FLOAT", format=container)
    buffers.adopt("take", path)
    path.unlink()  # the project's own file may go
    np.testing.assert_array_equal(buffers.open("take").read(0, 1_000), samples)
    buffers.adopt("take", tmp_path / "missing.wav")  # known already


def test_without_links_files_are_copied(buffers, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(store.os, "link", refuse)
    path = tmp_path / "take.wav"
    soundfile.write(path, noise(1_000), RATE, "FLOAT")
    buffers.adopt("take", path)
    assert not buffers.path("take").samefile(path)
    np.testing.assert_array_equal(buffers.open("take").read(0, 1_000), noise(1_000))


def test_others_read_while_a_long_file_is_copied(buffers, tmp_path, monkeypatch):
    identity = stored(buffers, noise(100))
    path = tmp_path / "take.wav"
    soundfile.write(path, noise(1_000), RATE, "FLOAT")
    copy = store._link_or_copy

    def slow(*paths):
        with ThreadPoolExecutor(1) as thread:
            heard = thread.submit(lambda: buffers.open(identity).read(0, 100)).result(10)
        np.testing.assert_array_equal(heard, noise(100))
        copy(*paths)

    monkeypatch.setattr(store, "_link_or_copy", slow)
    buffers.adopt("take", path)
    assert "take" in buffers


def test_damaged_files_are_not_taken_in(buffers, tmp_path):
    path = tmp_path / "take.wav"
    soundfile.write(path, noise(1_000), RATE, "PCM_16")
    with pytest.raises(AudioReadError, match="32-bit floats"):
        buffers.adopt("take", path)
    soundfile.write(path, noise(1_000), RATE, "FLOAT")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(AudioReadError, match="cut off"):
        buffers.adopt("take", path)
    path.write_bytes(b"nonsense")
    for bad in (path, tmp_path / "missing.wav"):
        with pytest.raises(AudioReadError, match="missing or damaged"):
            buffers.adopt("take", bad)
    assert [one.name for one in buffers.folder.iterdir()] == ["process.json"]


def test_buffers_over_4_gb_are_rf64(buffers):
    frames = 700_000_000
    if shutil.disk_usage(buffers.folder).free < 4 * frames + 64 * 1024**2:
        pytest.skip("no room for a sparse file of 6 GB")
    writer = buffers.create(96_000, 2, frames)
    writer.write(frames - 10, noise(10, 2))
    path = buffers.path(writer.seal())
    info = soundfile.info(path)
    assert (info.format, info.frames, info.samplerate) == ("RF64", frames, 96_000)
    buffers.adopt("again", path)
    np.testing.assert_array_equal(buffers.open("again").read(frames - 10, frames), noise(10, 2))


# -- Threads -----------------------------------------------------------------------------------


def test_threads_read_while_another_writes(buffers):
    samples = noise(50_000, 2)
    writer = buffers.create(RATE, 2, 50_000)
    wrong: list[int] = []

    def listen():
        generator = np.random.default_rng(threading.get_ident())
        for _ in range(200):
            start = int(generator.integers(0, 49_000))
            heard = writer.read(start, start + 1_000)
            same = (heard == samples[start : start + 1_000]).all(axis=1)
            wrong.extend(np.flatnonzero(~same & heard.any(axis=1)))

    threads = [threading.Thread(target=listen) for _ in range(3)]
    for thread in threads:
        thread.start()
    for start in range(0, 50_000, 500):
        writer.write(start, samples[start : start + 500])
    writer.seal()
    for thread in threads:
        thread.join()
    assert not wrong
    np.testing.assert_array_equal(writer.read(0, 50_000), samples)


def test_a_long_history_keeps_few_files_open(buffers):
    count = buffer_files._MOST_OPEN + 20
    every = [buffers.open(stored(buffers, noise(100, seed=seed))) for seed in range(count)]
    before = psutil.Process().num_fds() if os.name == "posix" else 0

    def listen(step):
        for seed in range(0, count, step):
            np.testing.assert_array_equal(every[seed].read(0, 100), noise(100, seed=seed))

    with ThreadPoolExecutor(4) as threads:
        for _ in threads.map(listen, [1, 3, 1, 2] * 5):
            pass
    listen(1)
    assert sum(one._file is not None for one in every) == buffer_files._MOST_OPEN
    if os.name == "posix":
        assert psutil.Process().num_fds() - before <= buffer_files._MOST_OPEN


# -- Owners ------------------------------------------------------------------------------------

LEAVE = """
import os, sys, numpy as np
from pathlib import Path
from clapsep_desktop.audio.store import AudioStore
buffers = AudioStore(Path(sys.argv[1]))
writer = buffers.create(48_000, 1, 100, "done")
writer.write(0, np.full((100, 1), 0.5))
writer.seal()
buffers.create(48_000, 1, 100, "half").write(0, np.ones((50, 1)))
os._exit(9)
"""


def killed(folder) -> None:
    """A store as a process leaves it that dies while it writes."""
    result = subprocess.run([sys.executable, "-c", LEAVE, str(folder)], cwd=ROOT)
    assert result.returncode == 9


def test_orphans_are_removed_and_others_stay(tmp_path, buffers):
    stored(buffers, noise(10))
    for name in ("orphan", "wanted"):
        killed(tmp_path / name)
    (tmp_path / "stranger").mkdir()
    freed = remove_orphans(tmp_path, lambda folder: folder.name == "wanted")
    assert freed > 400
    assert sorted(path.name for path in tmp_path.iterdir()) == ["buffers", "stranger", "wanted"]
    assert remove_orphans(tmp_path / "missing") == 0


def test_the_folder_of_another_store_is_not_taken(buffers, tmp_path):
    killed(tmp_path / "dead")
    for folder in (buffers.folder, tmp_path / "dead"):
        with pytest.raises(AudioWriteError, match="of another window"):
            AudioStore(folder)
    assert (tmp_path / "dead" / "done.wav").exists()


def test_a_lock_that_cannot_be_read_for_now_is_left_alone(tmp_path, monkeypatch):
    killed(tmp_path / "store")

    def fail(*_args, **_kwargs):
        raise OSError(116, "Stale file handle")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", fail)
        assert remove_orphans(tmp_path) == 0
    assert remove_orphans(tmp_path) > 0


def test_an_id_of_a_process_that_came_again_is_no_owner(tmp_path):
    killed(tmp_path / "buffers")
    lock = tmp_path / "buffers" / "process.json"
    owner = json.loads(lock.read_text())
    lock.write_text(json.dumps({**owner, "pid": psutil.Process().pid}))
    assert remove_orphans(tmp_path) > 0
    killed(tmp_path / "buffers")
    lock.write_text(json.dumps({**owner, "host": "elsewhere", "machine": "0"}))
    assert remove_orphans(tmp_path) == 0
    lock.write_text("{")
    assert remove_orphans(tmp_path) > 0


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(AudioWriteError, match="could not be stored"):
        AudioStore(tmp_path / "file" / "buffers")
