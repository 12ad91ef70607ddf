"""Sound files in: every promised format, exact random access, and damaged files."""

from __future__ import annotations

import os
import struct
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.audio.files import AudioFile, probe
from clapsep_desktop.audio.source import AudioSource
from clapsep_desktop.errors import AudioFormatError, AudioReadError
from tests.support.damaged import CORPUS, Damaged
from tests.support.sounds import LOSSLESS_FORMATS, LOSSY_FORMATS, noisy_tone, write_sound


@pytest.mark.parametrize(("container", "subtype", "extension"), LOSSLESS_FORMATS + LOSSY_FORMATS)
def test_probe_tells_what_was_written(tmp_path, container, subtype, extension):
    path = write_sound(tmp_path / f"a{extension}", noisy_tone(5_000), 48_000, container, subtype)
    info = probe(path)
    assert (info.rate, info.channels, info.frames) == (48_000, 2, 5_000)
    assert (info.container, info.subtype) == (container, subtype)
    assert info.duration == 5_000 / 48_000
    assert not info.cut
    assert info.warning is None


@pytest.mark.parametrize(("container", "subtype", "extension"), LOSSY_FORMATS)
def test_a_frame_of_a_lossy_file_does_not_depend_on_how_it_is_reached(
    tmp_path, container, subtype, extension
):
    path = write_sound(tmp_path / f"a{extension}", noisy_tone(96_000), 48_000, container, subtype)
    straight, _ = soundfile.read(path, dtype="float32", always_2d=True)
    generator = np.random.default_rng(0)
    with AudioFile(path) as file:
        for start in [90_000, 0, *generator.integers(0, 95_000, 30)]:
            samples = file.read(int(start), int(start) + 1_000)
            # soundfile seeks around its whole read, which changes the last bit of some MP3s.
            np.testing.assert_allclose(samples, straight[start : start + 1_000], atol=1e-6)
            again = file.read(int(start) + 10, int(start) + 1_000)
            np.testing.assert_array_equal(again, samples[10:])


@given(
    form=st.sampled_from(LOSSLESS_FORMATS),
    channels=st.integers(1, 8),
    rate=st.integers(8_000, 384_000),
    frames=st.integers(1, 3_000),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_any_range_equals_the_samples_written(tmp_path_factory, form, channels, rate, frames, data):
    container, subtype, extension = form
    if container == "FLAC" and rate > 2**16:
        rate -= rate % 10
    path = tmp_path_factory.mktemp("round") / f"a{extension}"
    samples = noisy_tone(frames, channels, rate)
    write_sound(path, samples, rate, container, subtype)
    start = data.draw(st.integers(0, frames))
    stop = data.draw(st.integers(start, frames))
    with AudioFile(path) as file:
        got = file.read(start, stop)
    assert got.shape == (stop - start, channels)
    assert got.dtype == file.info.dtype
    step = 0.0 if file.info.bits is None else 2.0 ** (1 - file.info.bits)
    tolerance = {"FLOAT": 1e-7, "DOUBLE": 0.0}.get(subtype, step)
    np.testing.assert_allclose(got, samples[start:stop], atol=tolerance, rtol=0)


@pytest.mark.parametrize(("bits", "dtype"), [(16, np.float32), (24, np.float32), (32, np.float64)])
def test_integers_come_without_rounding(tmp_path, bits, dtype):
    extremes = np.array([-(2 ** (bits - 1)), -1, 0, 1, 2 ** (bits - 1) - 1], np.int64)
    path = tmp_path / "a.wav"
    soundfile.write(path, (extremes << (32 - bits)).astype(np.int32), 48_000, f"PCM_{bits}")
    with AudioFile(path) as file:
        samples = file.read(0, 5)
    assert samples.dtype == dtype
    np.testing.assert_array_equal(samples[:, 0].astype(np.float64) * 2.0 ** (bits - 1), extremes)


@pytest.mark.parametrize("channels", [1, 2, 6, 32])
@pytest.mark.parametrize("rate", [8_000, 44_100, 384_000])
def test_the_widest_promised_range_is_read(tmp_path, channels, rate):
    path = write_sound(tmp_path / "a.wav", noisy_tone(100, channels, rate), rate)
    with AudioFile(path) as file:
        assert isinstance(file, AudioSource)
        assert file.read(0, 100).shape == (100, channels)


def test_infinite_and_undefined_samples_come_through(tmp_path):
    samples = np.array([[np.nan], [np.inf], [-np.inf], [1e30]], np.float32)
    path = write_sound(tmp_path / "a.wav", samples, subtype="FLOAT")
    with AudioFile(path) as file:
        np.testing.assert_array_equal(file.read(0, 4), samples)


@pytest.mark.parametrize("damaged", CORPUS, ids=lambda damaged: damaged.name)
def test_damaged_files_are_read_as_far_as_they_go_or_refused(tmp_path, damaged: Damaged):
    path = tmp_path / damaged.name
    path.write_bytes(damaged.make(tmp_path))
    if damaged.error is not None:
        with pytest.raises(damaged.error) as caught:
            _read_all(path)
        assert damaged.name in str(caught.value)
        assert str(caught.value).endswith(".")
        return
    info = _read_all(path)
    assert info.frames in damaged.frames
    assert info.cut == damaged.cut
    assert (info.warning is not None) == damaged.cut


def _read_all(path: Path):
    with AudioFile(path) as file:
        assert np.isfinite(file.read(0, file.frames)).all()
        return file.info


@given(data=st.data(), form=st.sampled_from([*LOSSLESS_FORMATS[:1], *LOSSLESS_FORMATS[6:]]))
@settings(max_examples=80, deadline=None)
def test_a_file_with_any_byte_changed_never_escapes_the_audio_errors(tmp_path_factory, data, form):
    container, subtype, extension = form
    folder = tmp_path_factory.mktemp("flip")
    path = write_sound(folder / f"a{extension}", noisy_tone(500), 48_000, container, subtype)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, min(len(content) - 1, 200)))
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with suppress(AudioReadError, AudioFormatError), AudioFile(path) as file:
        file.read(0, min(file.frames, 5_000))


def test_a_folder_a_missing_file_and_an_impossible_name_are_refused(tmp_path):
    with pytest.raises(AudioReadError, match="is a folder"):
        probe(tmp_path)
    with pytest.raises(AudioReadError, match=r"There is no file .*nothing\.wav"):
        probe(tmp_path / "nothing.wav")
    with pytest.raises(AudioReadError, match="not a file name"):
        probe("a\0b.wav")


@pytest.mark.parametrize("name", ["Пёс 🐕 雨.wav", "e\u0301 \u00e9.wav", "a\tb.wav", "'\"&;.wav"])
def test_any_unicode_file_name(tmp_path, name):
    path = write_sound(tmp_path / "plain.wav", noisy_tone(10))
    path.rename(tmp_path / name)
    assert probe(tmp_path / name).frames == 10


@pytest.mark.skipif(os.name != "posix", reason="names are text on Windows")
def test_a_name_that_is_no_text(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    try:
        write_sound(tmp_path / "plain.wav", noisy_tone(10)).rename(path)
    except OSError:
        pytest.skip("this file system takes only valid text")
    assert probe(path).frames == 10


@pytest.mark.skipif(os.name != "posix", reason="needs a sparse file")
def test_an_rf64_file_is_read_beyond_4_gb(tmp_path):
    """The samples between the first and the last are a hole that takes no room on the disk."""
    path = write_sound(tmp_path / "a.rf64", noisy_tone(100), container="RF64")
    head = path.read_bytes()
    samples = head.index(b"data") + 8
    frames = 1_200_000_000
    length = samples + frames * 4
    last = struct.pack("<2h", 16_384, -16_384)
    with path.open("r+b") as file:
        file.seek(20)
        file.write(struct.pack("<QQQ", length - 8, frames * 4, frames))
        file.seek(length - 4)
        file.write(last)
    with AudioFile(path) as file:
        assert file.frames == frames
        assert not file.info.cut
        np.testing.assert_array_equal(file.read(frames - 2, frames), [[0, 0], [0.5, -0.5]])
        np.testing.assert_allclose(file.read(0, 100), noisy_tone(100), atol=1e-4)


def test_reads_outside_the_recording_are_a_mistake_of_the_caller(tmp_path):
    with AudioFile(write_sound(tmp_path / "a.wav", noisy_tone(10))) as file:
        for start, stop in [(-1, 5), (0, 11), (6, 5)]:
            with pytest.raises(ValueError, match="lie outside"):
                file.read(start, stop)


def test_a_file_shortened_while_open_is_reported(tmp_path):
    path = write_sound(tmp_path / "a.wav", noisy_tone(50_000))
    with AudioFile(path) as file:
        with path.open("r+b") as handle:
            handle.truncate(10_000)
        with pytest.raises(AudioReadError, match=r"a\.wav"):
            file.read(40_000, 50_000)


def test_threads_may_share_a_file(tmp_path):
    samples = noisy_tone(40_000)
    path = write_sound(tmp_path / "a.wav", samples, subtype="DOUBLE")
    wrong = []

    def read_many(seed: int) -> None:
        starts = np.random.default_rng(seed).integers(0, 39_000, 50)
        wrong.extend(
            start
            for start in starts
            if not np.array_equal(file.read(int(start), int(start) + 100), samples[start:][:100])
        )

    with AudioFile(path) as file:
        threads = [threading.Thread(target=read_many, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_str_is_a_line_for_people(tmp_path):
    path = write_sound(tmp_path / "a.wav", noisy_tone(72_000), subtype="PCM_24")
    assert str(probe(path)) == "WAV, 24-bit, 48 kHz, stereo, 00:00:01.500"
