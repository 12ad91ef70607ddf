import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from clapsep_desktop.audio.files import probe
from clapsep_desktop.errors import AudioReadError, SourceChangedError
from clapsep_desktop.session.history import History
from clapsep_desktop.session.session import Recording, Session
from clapsep_desktop.session.source import check, fits, found_at, hash_of, hashing
from tests.support.sessions import make_recording


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    recording = make_recording(tmp_path / "field.wav")
    return replace(recording, digest=hash_of(recording.path))


def test_the_hash_is_that_of_all_bytes_and_can_be_stopped_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "large"
    data = bytes(range(256)) * (40 << 12)  # 40 MiB
    path.write_bytes(data)
    assert hash_of(path) == hashlib.sha256(data).hexdigest()
    steps = hashing(path)
    assert next(steps) == 16 << 20
    steps.close()


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(AudioReadError, match="There is no file"):
        hash_of(tmp_path / "gone.wav")


def test_the_same_file_elsewhere_is_the_recording(recording: Recording, tmp_path: Path) -> None:
    copy = tmp_path / "renamed.wav"
    copy.write_bytes(recording.path.read_bytes())
    check(recording, probe(copy), hash_of(copy))
    history = found_at(History.of(Session(recording)), copy, recording.digest)
    assert history.recording.path == copy


def test_one_that_changed_is_told_and_may_stand_in(recording: Recording) -> None:
    make_recording(recording.path, seed=1)
    info = probe(recording.path)
    with pytest.raises(SourceChangedError, match="use it as it is"):
        check(recording, info, hash_of(recording.path))
    assert fits(recording, info)


@pytest.mark.parametrize("digest", ["", "0" * 64])
def test_one_of_another_shape_may_not(recording: Recording, digest: str) -> None:
    older = replace(recording, frames=recording.frames + 1, digest=digest)
    info = probe(recording.path)
    with pytest.raises(SourceChangedError, match=r"Look for (it|the recording)"):
        check(older, info, hash_of(recording.path))
    assert not fits(older, info)


def test_where_no_hash_is_known_the_shape_decides(recording: Recording) -> None:
    make_recording(recording.path, seed=1)
    check(replace(recording, digest=""), probe(recording.path), hash_of(recording.path))
