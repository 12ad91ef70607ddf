"""The kept and the removed part: adding up, untouched outside the selection, never half there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.audio import staging
from clapsep_desktop.audio.export import PairWriter, export_pair
from clapsep_desktop.audio.files import AudioFile, probe
from clapsep_desktop.audio.quantize import to_integers
from clapsep_desktop.errors import AudioFormatError, AudioWriteError
from clapsep_desktop.timebase import Span
from tests.conftest import ROOT
from tests.support.sounds import LOSSLESS_FORMATS, LOSSY_FORMATS, noisy_tone, write_sound

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX file systems only")


def halves(file: AudioFile, span: Span, size: int = 1_000):
    """Blocks over a span whose kept part fades from nothing to everything."""
    for start in range(span.start, span.stop, size):
        part = Span(start, min(start + size, span.stop))
        samples = file.read(part.start, part.stop)
        position = (np.arange(part.start, part.stop) - span.start) / span.length
        yield part, samples, samples * position[:, None].astype(samples.dtype)


def export(source: Path, span: Span, **targets) -> tuple[np.ndarray, ...]:
    """Source, kept and removed as float64 after an export."""
    with AudioFile(source) as file:
        result = export_pair(file, file.info, halves(file, span), **targets)
        paths = [source, result.kept, result.removed]
    return tuple(read(path) for path in paths if path is not None)


def read(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        return soundfile.read(file, dtype="float64", always_2d=True)[0]


@given(
    form=st.sampled_from(LOSSLESS_FORMATS),
    channels=st.sampled_from([1, 2, 6]),
    rate=st.sampled_from([8_000, 22_050, 44_100, 96_000]),
    frames=st.integers(1, 4_000),
    data=st.data(),
)
@settings(max_examples=40, deadline=None)
def test_parts_add_up_and_nothing_changes_outside_the_selection(
    tmp_path_factory, form, channels, rate, frames, data
):
    container, subtype, extension = form
    folder = tmp_path_factory.mktemp("pair")
    source = folder / f"source{extension}"
    write_sound(source, noisy_tone(frames, channels, rate), rate, container, subtype)
    start = data.draw(st.integers(0, frames - 1))
    span = Span(start, data.draw(st.integers(start + 1, frames)))
    kept_path, removed_path = folder / f"kept{extension}", folder / f"removed{extension}"
    whole, kept, removed = export(source, span, kept=kept_path, removed=removed_path)

    before, after = probe(source), probe(kept_path)
    assert (after.rate, after.channels, after.frames) == (rate, channels, frames)
    assert (after.container, after.subtype) == (before.container, before.subtype)
    outside = np.r_[0 : span.start, span.stop : frames]
    np.testing.assert_array_equal(kept[outside], whole[outside])
    assert not removed[outside].any()
    # Floats add up to their own precision, -149 dBFS; integers and doubles exactly.
    tolerance = 2.0**-24 if subtype == "FLOAT" else 2.0**-52 if subtype == "DOUBLE" else 0.0
    np.testing.assert_allclose(kept + removed, whole, atol=tolerance, rtol=0)


@pytest.mark.parametrize("extension", [".flac", ".aiff", ".w64", ".rf64"])
def test_another_container_changes_no_sample(tmp_path, extension):
    source = write_sound(tmp_path / "a.wav", noisy_tone(5_000), subtype="PCM_24")
    kept_path, removed_path = tmp_path / f"k{extension}", tmp_path / "r.wav"
    whole, kept, removed = export(source, Span(1_000, 4_000), kept=kept_path, removed=removed_path)
    np.testing.assert_array_equal(kept + removed, whole)
    np.testing.assert_array_equal(kept[:1_000], whole[:1_000])


@pytest.mark.parametrize(("container", "subtype", "extension"), LOSSY_FORMATS)
def test_lossy_formats_are_written_again(tmp_path, container, subtype, extension):
    source = tmp_path / f"a{extension}"
    tone = 0.4 * np.sin(2 * np.pi * 440 * np.arange(96_000) / 48_000)[:, None]
    write_sound(source, tone, 48_000, container, subtype)
    whole, kept, removed = export(
        source, Span(0, 48_000), kept=tmp_path / f"k{extension}", removed=tmp_path / f"r{extension}"
    )
    assert len(whole) == len(kept) == len(removed) == 96_000
    assert probe(tmp_path / f"k{extension}").subtype == subtype
    error = kept[50_000:] - whole[50_000:]
    assert 10 * np.log10(np.mean(whole[50_000:] ** 2) / np.mean(error**2)) > 30


def test_a_wav_of_a_lossy_source_is_float_so_that_nothing_clips(tmp_path):
    loud = np.clip(noisy_tone(20_000) * 4, -1, 1)
    source = write_sound(tmp_path / "a.ogg", loud, container="OGG", subtype="VORBIS")
    whole, kept, removed = export(
        source, Span(0, 10_000), kept=tmp_path / "k.wav", removed=tmp_path / "r.wav"
    )
    assert probe(tmp_path / "k.wav").subtype == "FLOAT"
    assert np.abs(whole).max() > 1.0
    np.testing.assert_allclose(kept + removed, whole, atol=2.0**-23)


def test_clipping_is_counted_and_the_rest_left_alone(tmp_path):
    source = write_sound(tmp_path / "a.wav", np.full((100, 1), 0.5))
    with AudioFile(source) as file:
        samples = file.read(0, 100)
        kept = np.where(np.arange(100)[:, None] < 7, 1.5, 0.25).astype(np.float32)
        block = (Span(0, 100), samples, kept)
        result = export_pair(file, file.info, [block], kept=tmp_path / "k.wav")
    assert result.clipped_kept == 7
    assert result.clipped_removed == 0
    assert result.removed is None
    np.testing.assert_array_equal(read(tmp_path / "k.wav")[7:], 0.25)


@pytest.mark.parametrize(("container", "subtype", "extension"), [*LOSSLESS_FORMATS, *LOSSY_FORMATS])
def test_the_same_sound_gives_the_same_bytes(tmp_path, container, subtype, extension):
    source, target = tmp_path / f"a{extension}", tmp_path / f"k{extension}"
    write_sound(source, noisy_tone(20_000), container=container, subtype=subtype)
    for _ in range(2):
        export(
            source, Span(0, 10_000), kept=target, removed=tmp_path / f"r{extension}", comment="x"
        )
        target.rename(tmp_path / f"{len(list(tmp_path.iterdir()))}.made")
    first, second = (path.read_bytes() for path in tmp_path.glob("*.made"))
    assert first == second
    if b"PEAK" in first[:400]:
        place = first.index(b"PEAK")
        assert first[place + 12 : place + 16] == bytes(4)  # no time of day
    assert len(read(tmp_path / f"r{extension}")) == 20_000


def test_one_part_alone_equals_that_part_of_the_pair(tmp_path):
    source = write_sound(tmp_path / "a.wav", noisy_tone(3_000))
    span = Span(500, 2_500)
    _, kept, removed = export(source, span, kept=tmp_path / "k.wav", removed=tmp_path / "r.wav")
    _, kept_alone = export(source, span, kept=tmp_path / "k1.wav")
    _, removed_alone = export(source, span, removed=tmp_path / "r1.wav")
    np.testing.assert_array_equal(kept_alone, kept)
    np.testing.assert_array_equal(removed_alone, removed)


@pytest.mark.parametrize("extension", [".flac", ".ogg", ".opus", ".mp3"])
@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_samples_that_are_no_numbers_pass_into_floats_and_are_refused_otherwise(
    tmp_path, extension, odd
):
    samples = noisy_tone(100).astype(np.float32)
    samples[90] = odd
    source = write_sound(tmp_path / "a.wav", samples, subtype="FLOAT")
    with AudioFile(source) as file:
        block = (Span(0, 10), file.read(0, 10), file.read(0, 10))
        targets = {"kept": tmp_path / "k.wav", "removed": tmp_path / "r.wav"}
        export_pair(file, file.info, [block], **targets)
        np.testing.assert_array_equal(read(tmp_path / "k.wav")[10:], samples[10:])
        with pytest.raises(AudioWriteError, match="not numbers"):
            export_pair(file, file.info, [block], kept=tmp_path / f"k{extension}")
    assert not (tmp_path / f"k{extension}").exists()


# -- Targets that must not be written ----------------------------------------------------------


@pytest.fixture
def source(tmp_path):
    return write_sound(tmp_path / "source.wav", noisy_tone(3_000))


def refuse(source: Path, match: str, **targets: Path) -> None:
    """The export is refused in words, and nothing is changed or left behind."""
    folder = source.parent
    before = {path.name: path.stat().st_size for path in folder.iterdir()}
    content = source.read_bytes()
    with AudioFile(source) as file, pytest.raises(AudioWriteError, match=match):
        export_pair(file, file.info, halves(file, Span(0, 3_000)), **targets)
    assert {path.name: path.stat().st_size for path in folder.iterdir()} == before
    assert source.read_bytes() == content


def test_the_source_is_never_its_own_target(source):
    refuse(source, "is the recording itself", kept=source)
    refuse(source, "is the recording itself", kept=source.with_name("k.wav"), removed=source)


@posix
def test_nor_by_another_name(source, tmp_path):
    (tmp_path / "link.wav").symlink_to(source)
    os.link(source, tmp_path / "hard.wav")
    refuse(source, "is the recording itself", kept=tmp_path / "link.wav")
    refuse(source, "is the recording itself", removed=tmp_path / "hard.wav")


def test_both_parts_in_one_file_are_refused(source, tmp_path):
    refuse(source, "both", kept=tmp_path / "k.wav", removed=tmp_path / "k.wav")
    refuse(source, "both", kept=tmp_path / "k.wav", removed=tmp_path / "K.WAV")


def test_folders_and_missing_folders_are_refused(source, tmp_path):
    (tmp_path / "folder.wav").mkdir()
    refuse(source, "is a folder", kept=tmp_path / "folder.wav")
    refuse(source, "no folder", kept=tmp_path / "missing" / "k.wav")
    refuse(source, "Name a file")


@pytest.mark.parametrize("name", ["x" * 300 + ".wav", "a\0b.wav"])
def test_impossible_names_are_refused_before_the_work(source, tmp_path, name):
    refuse(source, "could not be written|not a file name", kept=tmp_path / name)


@posix
def test_devices_are_refused(source):
    refuse(source, "not a regular file", kept=Path("/dev/null"))


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_protected_files_and_folders_are_refused(source, tmp_path):
    protected = write_sound(tmp_path / "k.wav", noisy_tone(5))
    protected.chmod(0o444)
    refuse(source, "write-protected", kept=protected)
    (tmp_path / "shut").mkdir(mode=0o555)
    refuse(source, "may not be written", kept=tmp_path / "shut" / "k.wav")


def test_a_missing_right_is_told(source, tmp_path, monkeypatch):
    def deny(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(staging.os, "open", deny)
    refuse(source, "may not be written", kept=tmp_path / "k.wav")


def test_a_disk_without_room_is_told_before_the_work(source, tmp_path, monkeypatch):
    monkeypatch.setattr(staging.shutil, "disk_usage", lambda _: SimpleNamespace(free=5_000_000))
    refuse(source, "has 5 MB free, but the result needs about 17 MB", kept=tmp_path / "k.wav")


@posix
@pytest.mark.parametrize("extension", [".wav", ".flac", ".ogg"])
def test_a_disk_that_fills_up_meanwhile_leaves_nothing(source, tmp_path, extension):
    """A limit on the size of files stands for the full disk."""
    import resource

    write_sound(source, noisy_tone(300_000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    earlier = tmp_path / f"k{extension}"
    earlier.write_bytes(b"what was there before")
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with AudioFile(source) as file, pytest.raises(AudioWriteError, match=f"k{extension}"):
            export_pair(file, file.info, halves(file, Span(0, 300_000)), kept=earlier)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert earlier.read_bytes() == b"what was there before"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([earlier.name, source.name])


def test_unknown_formats_are_refused_before_anything_is_made(source, tmp_path):
    with AudioFile(source) as file, pytest.raises(AudioFormatError, match="Use one of"):
        PairWriter(file, file.info, kept=tmp_path / "k.wav", removed=tmp_path / "r.docx")
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


# -- Interruptions -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError, GeneratorExit])
def test_an_interruption_leaves_what_was_there(source, tmp_path, kind):
    earlier = write_sound(tmp_path / "k.wav", noisy_tone(7))
    content = earlier.read_bytes()

    def interrupted(file):
        yield from halves(file, Span(0, 1_000))
        raise kind

    with AudioFile(source) as file, pytest.raises(kind):
        export_pair(file, file.info, interrupted(file), kept=earlier, removed=tmp_path / "r.wav")
    assert earlier.read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["k.wav", "source.wav"]


def test_leaving_the_writer_unfinished_leaves_nothing(source, tmp_path):
    with AudioFile(source) as file:
        with PairWriter(file, file.info, kept=tmp_path / "k.wav") as writer:
            writer.write(Span(0, 5), file.read(0, 5), file.read(0, 5))
        assert [path.name for path in tmp_path.iterdir()] == [source.name]


def test_where_the_second_file_fails_the_first_is_taken_back(source, tmp_path, monkeypatch):
    earlier = write_sound(tmp_path / "k.wav", noisy_tone(7))
    content = earlier.read_bytes()
    replace = Path.replace

    def fail_for_removed(self, target):
        if Path(target).name == "r.wav":
            raise PermissionError(13, "Permission denied")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fail_for_removed)
    with AudioFile(source) as file, pytest.raises(AudioWriteError, match=r"r\.wav"):
        export_pair(file, file.info, [], kept=earlier, removed=tmp_path / "r.wav")
    assert earlier.read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["k.wav", "source.wav"]


@posix
def test_ctrl_c_while_writing_leaves_no_file(tmp_path, source):
    script = f"""
import sys
from pathlib import Path
from clapsep_desktop.audio.export import export_pair
from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.timebase import Span

def endless(file):
    for start in range(2_000):
        part = file.read(start, start + 1)
        yield Span(start, start + 1), part, part
        if start == 5:
            print("writing", flush=True)
            sys.stdin.read()

with AudioFile({str(source)!r}) as file:
    export_pair(file, file.info, endless(file), kept=Path({str(tmp_path / "k.wav")!r}))
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        assert len(list(tmp_path.iterdir())) == 2  # the source and the part being written
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in said
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


# -- Small print -------------------------------------------------------------------------------


def test_blocks_must_follow_each_other_and_match_their_span(source, tmp_path):
    with AudioFile(source) as file:
        samples = file.read(0, 10)
        with PairWriter(file, file.info, kept=tmp_path / "k.wav") as writer:
            writer.write(Span(10, 20), samples, samples)
            with pytest.raises(ValueError, match="does not follow"):
                writer.write(Span(15, 25), samples, samples)
            with pytest.raises(ValueError, match="does not match"):
                writer.write(Span(20, 25), samples, samples)


@posix
def test_new_files_have_the_usual_rights_and_old_ones_keep_theirs(source, tmp_path):
    old = write_sound(tmp_path / "old.wav", noisy_tone(5))
    old.chmod(0o640)
    plain = tmp_path / "plain"
    plain.touch()
    export(source, Span(0, 10), kept=old, removed=tmp_path / "new.wav")
    assert old.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "new.wav").stat().st_mode == plain.stat().st_mode


@posix
def test_a_link_is_followed(source, tmp_path):
    real = write_sound(tmp_path / "real.wav", noisy_tone(5))
    (tmp_path / "link.wav").symlink_to(real)
    export(source, Span(0, 10), kept=tmp_path / "link.wav")
    assert (tmp_path / "link.wav").is_symlink()
    assert probe(real).frames == 3_000


@pytest.mark.parametrize("name", ["Пёс 🐕 雨 'kept'.wav", os.fsdecode(b"caf\xe9.wav")])
def test_any_target_name(source, tmp_path, name):
    target = tmp_path / name
    try:
        target.touch()
    except (OSError, UnicodeError):
        pytest.skip("this file system does not take the name")
    export(source, Span(0, 10), kept=target)
    assert probe(target).frames == 3_000


def test_a_32_bit_integer_source_keeps_its_last_bit(tmp_path):
    values = np.random.default_rng(0).integers(-(2**31), 2**31, (2_000, 2)).astype(np.int32)
    source = tmp_path / "a.wav"
    soundfile.write(source, values, 48_000, "PCM_32")
    export(source, Span(500, 1_500), kept=tmp_path / "k.wav", removed=tmp_path / "r.wav")
    kept = soundfile.read(tmp_path / "k.wav", dtype="int32")[0].astype(np.int64)
    removed = soundfile.read(tmp_path / "r.wav", dtype="int32")[0].astype(np.int64)
    np.testing.assert_array_equal(kept + removed, values)
    np.testing.assert_array_equal(kept[:500], values[:500])
    assert to_integers(values[:5] / 2.0**31, 32)[0].tolist() == values[:5].tolist()
