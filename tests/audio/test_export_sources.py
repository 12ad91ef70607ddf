"""Exports as settings ask: what adds up, dither, levels, parts, and nothing left behind."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.audio import staging
from clapsep_desktop.audio.chunk_metadata import Marker
from clapsep_desktop.audio.export_plan import (
    ExportSettings,
    plan_export,
    planned_files,
)
from clapsep_desktop.audio.export_sources import export_sources
from clapsep_desktop.audio.files import probe
from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.errors import AudioFormatError, AudioWriteError, SpanError
from clapsep_desktop.timebase import Span
from tests.support.exports import RATE, material, names, read, run
from tests.support.signals import noise, tone
from tests.support.sounds import LOSSLESS_FORMATS, LOSSY_FORMATS, noisy_tone, write_sound

# -- What adds up ------------------------------------------------------------------------------


@given(
    form=st.sampled_from(LOSSLESS_FORMATS),
    what=st.sampled_from(["both", "stems"]),
    where=st.sampled_from(["all", "selection", "regions"]),
    data=st.data(),
)
@settings(max_examples=40)
def test_integers_add_up_to_the_source_bit_for_bit(tmp_path_factory, form, what, where, data):
    container, subtype, extension = form
    folder = tmp_path_factory.mktemp("out")
    path = folder / f"source{extension}"
    frames = data.draw(st.integers(10, 3_000))
    write_sound(path, noisy_tone(frames), RATE, container, subtype)
    edges = sorted(data.draw(st.sets(st.integers(1, frames - 1), min_size=2, max_size=4)))
    made = material(
        path,
        selection=Span(*edges[:2]),
        markers=[Marker(number, edge) for number, edge in enumerate(edges)],
    )
    asked = ExportSettings(folder, "result", extension, what=what, range=where)
    report = run(made, asked)
    whole = read(path)
    spans = {
        "all": [Span(0, frames)],
        "selection": [Span(*edges[:2])],
        "regions": [Span(*edge) for edge in zip([0, *edges], [*edges, frames], strict=True)],
    }[where]
    files = [file.path for file in report.files]
    together = len(files) // len(spans)
    assert together == (2 if what == "both" else 3)
    for index, span in enumerate(spans):
        parts = [read(path) for path in files[index * together : (index + 1) * together]]
        # Floats add up to their own precision; integers and doubles exactly.
        tolerance = {"FLOAT": 2.0**-22, "DOUBLE": 2.0**-22}.get(subtype, 0.0)
        np.testing.assert_allclose(
            sum(parts), whole[span.start : span.stop], atol=tolerance, rtol=0
        )
    for file in report.files:
        assert probe(file.path).subtype == subtype
        assert (file.clipped, file.gain, file.loudness) == (0, 0.0, None)


def test_a_pair_at_another_rate_and_depth_adds_up_to_the_recording_converted(folder, source):
    made = material(source)
    report = run(made, ExportSettings(folder, "r", what="both", rate=44_100, depth="16"))
    kept, removed = (read(file.path) for file in report.files)
    assert [probe(file.path).rate for file in report.files] == [44_100] * 2
    run(replace(made, kept=made.original), ExportSettings(folder, "whole", rate=44_100, depth="24"))
    whole = read(folder / "whole.wav")
    assert np.abs(kept + removed - whole).max() <= 2.0**-15 / 2 + 2.0**-22
    assert len(kept) == -(-60_000 * 44_100 // 48_000)


def test_one_side_alone_equals_that_side_of_the_pair(folder, source):
    made = material(source)
    pair = run(made, ExportSettings(folder, "pair", what="both"))
    for what, expected in zip(("kept", "removed"), pair.files, strict=True):
        run(made, ExportSettings(folder, what, what=what))
        np.testing.assert_array_equal(read(folder / f"{what}.wav"), read(expected.path))


def test_what_no_step_reaches_is_unchanged_even_alone(folder, source):
    made = material(source, layers=1)
    run(made, ExportSettings(folder, "kept", depth="24"))
    np.testing.assert_array_equal(read(folder / "kept.wav")[30_000:], read(source)[30_000:])


def test_regions_at_another_rate_join_without_a_seam(folder, source):
    made = material(source, markers=[Marker(1, 20_001, "one"), Marker(2, 40_003, "two")])
    run(made, ExportSettings(folder, "whole", ".wav", rate=44_100, depth="double"))
    report = run(
        made, ExportSettings(folder, "part", ".wav", range="regions", rate=44_100, depth="double")
    )
    parts = np.concatenate([read(file.path) for file in report.files])
    np.testing.assert_allclose(parts, read(folder / "whole.wav"), atol=1e-6)


# -- Names -------------------------------------------------------------------------------------


def test_files_are_named_after_what_they_hold(folder, source):
    made = material(source, markers=[Marker(1, 100, "a/b: “c”"), Marker(2, 60_001, "outside")])
    run(made, ExportSettings(folder, "rain", ".flac", what="stems"))
    assert names(folder) == [
        "rain.1 Remove noise 0.flac",
        "rain.2 Remove noise 1.flac",
        "rain.kept.flac",
    ]
    plan = plan_export(made, ExportSettings(folder, "rain", what="both", range="regions"))
    assert [file.target.name for file in planned_files(plan)] == [
        "rain 1.kept.wav",
        "rain 1.removed.wav",
        "rain 2 a b c.kept.wav",
        "rain 2 a b c.removed.wav",
    ]


def test_what_cannot_be_planned_is_told(folder, source):
    made = material(source)
    with pytest.raises(SpanError, match="Nothing is selected"):
        plan_export(made, ExportSettings(folder, "a", range="selection"))
    with pytest.raises(SpanError, match="no markers"):
        plan_export(made, ExportSettings(folder, "a", range="regions"))
    with pytest.raises(AudioFormatError, match="Use one of"):
        plan_export(made, ExportSettings(folder, "a", ".docx"))
    with pytest.raises(AudioFormatError, match="cannot hold a rate"):
        plan_export(made, ExportSettings(folder, "a", ".mp3", rate=96_000))
    with pytest.raises(AudioWriteError, match="no folder"):
        plan_export(made, ExportSettings(folder / "missing", "a"))
    with pytest.raises(AudioWriteError, match="is the recording itself"):
        plan_export(made, ExportSettings(source.parent, "source"))
    for name in ("a/b", " ", "..\\b", "a:b"):
        with pytest.raises(AudioWriteError, match="not a file name"):
            ExportSettings(folder, name)
    with pytest.raises(AudioWriteError, match="cannot have their peaks softened"):
        ExportSettings(folder, "a", what="both", clipping="soft")
    for rate in (-5, 0, 1, 10**9):
        with pytest.raises(AudioFormatError, match=r"cannot be written\. Choose one from 8,000"):
            ExportSettings(folder, "a", rate=rate)
    for level in (math.nan, math.inf, 1.0, -200.0):
        with pytest.raises(AudioWriteError, match="LUFS cannot be met"):
            ExportSettings(folder, "a", loudness=level)
        with pytest.raises(AudioWriteError, match="Peaks cannot be kept below"):
            ExportSettings(folder, "a", loudness=-16.0, ceiling=level)


def test_files_that_are_there_stay_unless_allowed(folder, source):
    made, earlier = material(source), folder / "a.wav"
    earlier.write_bytes(b"earlier")
    with pytest.raises(AudioWriteError, match=r"“a\.wav” in .* would be replaced"):
        run(made, ExportSettings(folder, "a"))
    assert earlier.read_bytes() == b"earlier"
    run(made, ExportSettings(folder, "a", overwrite=True))
    assert probe(earlier).frames == 60_000


# -- Depth, rate, format -----------------------------------------------------------------------


@pytest.mark.parametrize(("container", "subtype", "extension"), LOSSY_FORMATS)
def test_lossy_formats(folder, source, container, subtype, extension):
    made = material(source)
    report = run(made, ExportSettings(folder, "a", extension))
    info = probe(report.files[0].path)
    assert (info.subtype, info.rate, info.channels) == (subtype, RATE, 2)
    heard, expected = read(report.files[0].path)[:60_000], made.kept.read(0, 60_000)
    assert np.corrcoef(heard[20_000:40_000, 0], expected[20_000:40_000, 0])[0, 1] > 0.9


def test_a_reduced_depth_is_dithered_and_an_equal_one_is_not(folder, tmp_path):
    quiet = tone(48_000, RATE, 1_000, level=0.9 * 2.0**-15)  # less than a step of 16 bits
    path = write_sound(tmp_path / "source.wav", quiet, subtype="FLOAT")
    made = material(path, layers=0)
    run(made, ExportSettings(folder, "plain", depth="16", dither=False))
    run(made, ExportSettings(folder, "dithered", depth="16"))
    run(made, ExportSettings(folder, "pair", depth="16", what="both"))

    def spectrum(name):
        return np.abs(np.fft.rfft(read(folder / name)[:, 0] * np.hanning(48_000)))

    plain, dithered = spectrum("plain.wav"), spectrum("dithered.wav")
    # Rounded alone, the tone becomes pulses; dithered it stands alone in noise.
    assert plain[3_000] > 0.05 * plain[1_000]
    assert dithered[3_000] < 0.05 * dithered[1_000]
    np.testing.assert_array_equal(read(folder / "pair.kept.wav"), read(folder / "plain.wav"))
    same = write_sound(tmp_path / "same.wav", quiet * 300, subtype="PCM_16")
    run(material(same, layers=0), ExportSettings(folder, "same"))
    np.testing.assert_array_equal(read(folder / "same.wav"), read(same))


def test_another_rate_carries_the_sound(folder, tmp_path):
    path = write_sound(tmp_path / "source.wav", tone(96_000, RATE, 1_000), subtype="FLOAT")
    report = run(material(path, layers=0), ExportSettings(folder, "a", rate=96_000))
    heard = read(report.files[0].path)[:, 0]
    np.testing.assert_allclose(
        heard[10_000:-10_000], tone(192_000, 96_000, 1_000)[10_000:-10_000, 0], atol=1e-4
    )


# -- Progress, cancelling, failing -------------------------------------------------------------


def test_progress_tells_phases_in_seconds_of_sound(folder, source):
    asked = ExportSettings(folder, "a", what="stems", loudness=-20.0)
    steps = list(export_sources(material(source), asked))
    assert [step.phase for step in steps] == sorted(step.phase for step in steps)
    for phase, total in (("measuring the loudness", 3 * 1.25), ("writing", 1.25)):
        done = [step.done for step in steps if step.phase == phase]
        assert done == sorted(done)
        assert done[-1] == pytest.approx(total)
        assert {round(step.total, 9) for step in steps if step.phase == phase} == {total}


@pytest.mark.parametrize("stop_after", range(1, 6))
@pytest.mark.parametrize("what", ["both", "stems"])
def test_closing_leaves_everything_as_it_was(folder, source, stop_after, what):
    earlier = folder / "a.kept.wav"
    earlier.write_bytes(b"earlier")
    asked = ExportSettings(folder, "a", what=what, loudness=-20.0, overwrite=True)
    steps = export_sources(material(source), asked)
    for _ in range(stop_after):
        next(steps)
    steps.close()
    assert earlier.read_bytes() == b"earlier"
    assert names(folder) == ["a.kept.wav"]


def test_an_error_while_reading_leaves_nothing(folder, source):
    made = material(source)

    class Broken(ArraySource):
        def read(self, start, stop):
            if stop > 40_000:
                raise AudioWriteError("broken")
            return super().read(start, stop)

    broken = Broken(made.original.read(0, 60_000), RATE)
    with pytest.raises(AudioWriteError, match="broken"):
        run(replace(made, kept=broken), ExportSettings(folder, "a", what="stems"))
    assert names(folder) == []


def test_a_disk_without_room_for_all_files_is_told_before_the_work(folder, source, monkeypatch):
    room = 16 * 1024**2 + 2 * 60_000 * 6  # enough for two of the three
    monkeypatch.setattr(staging.shutil, "disk_usage", lambda _: SimpleNamespace(free=room))
    run(material(source), ExportSettings(folder, "a", what="both"))
    with pytest.raises(AudioWriteError, match="free, but the result needs"):
        next(export_sources(material(source), ExportSettings(folder, "b", what="stems")))


@pytest.mark.skipif(os.name != "posix", reason="POSIX file systems only")
@pytest.mark.parametrize("what", ["both", "stems"])
def test_a_disk_that_fills_up_meanwhile_leaves_nothing(folder, source, what):
    """A limit on the size of files stands for the full disk."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(AudioWriteError, match=r"a\..*wav"):
            run(material(source), ExportSettings(folder, "a", what=what))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(folder) == []


def test_samples_that_are_no_numbers_are_refused_but_for_floats(folder, tmp_path):
    samples = noise(1_000)
    samples[900] = np.nan
    path = write_sound(tmp_path / "source.wav", samples, subtype="FLOAT")
    for what in ("kept", "stems"):
        with pytest.raises(AudioWriteError, match="not numbers"):
            run(material(path), ExportSettings(folder, "a", what=what, depth="16"))
        with pytest.raises(AudioWriteError, match="not numbers"):
            run(material(path), ExportSettings(folder, "a", ".mp3", what=what))
    assert names(folder) == []
    run(material(path, layers=0), ExportSettings(folder, "a"))
    np.testing.assert_array_equal(read(folder / "a.wav"), samples)
