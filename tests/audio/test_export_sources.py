"""Exports as settings ask: what adds up, dither, levels, parts, and nothing left behind."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.audio import staging
from clapsep_desktop.audio.chunk_metadata import Marker
from clapsep_desktop.audio.export_plan import (
    ExportMaterial,
    ExportSettings,
    Stem,
    plan_export,
    planned_files,
)
from clapsep_desktop.audio.export_sources import ExportReport, export_sources
from clapsep_desktop.audio.files import AudioFile, probe
from clapsep_desktop.audio.loudness import LoudnessMeter
from clapsep_desktop.audio.mix import Layer, MixSource
from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.errors import AudioFormatError, AudioWriteError, SpanError
from clapsep_desktop.timebase import Span
from tests.support.signals import noise, tone
from tests.support.sounds import LOSSLESS_FORMATS, LOSSY_FORMATS, noisy_tone, write_sound

RATE = 48_000


def material(path: Path, *, layers: int = 2, **more) -> ExportMaterial:
    """A recording of which each of some layers takes noise away, in spans of their own."""
    with AudioFile(path) as file:
        info, original = file.info, ArraySource(file.read(0, file.frames), file.rate)
    stems = []
    for index in range(layers):
        start = original.frames * index // (layers + 1)
        taken = noise(original.frames // 2, original.channels, seed=index, level=0.1)
        layer = Layer(ArraySource(taken, original.rate), start, 0.5 + 0.5 * (index % 2))
        stems.append(Stem(f"Remove “noise {index}”", layer))
    every = [stem.layer for stem in stems]
    kept, removed = (MixSource(original, every, role=role) for role in ("kept", "removed"))
    return ExportMaterial(info, original, kept, removed, stems, comment="a test", **more)


def run(material: ExportMaterial, settings: ExportSettings) -> ExportReport:
    steps = export_sources(material, settings)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def read(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float64", always_2d=True)[0]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def loudness(samples: np.ndarray, rate: int = RATE):
    meter = LoudnessMeter(rate, samples.shape[1])
    meter.add(samples)
    return meter.result()


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "out"
    made.mkdir()
    return made


@pytest.fixture
def source(tmp_path):
    return write_sound(tmp_path / "source.wav", noisy_tone(60_000), subtype="PCM_24")


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


# -- Levels ------------------------------------------------------------------------------------


@pytest.fixture
def loud(tmp_path):
    """A float recording with a few moments 6 dB above full scale."""
    samples = noise(96_000, 2, level=0.1)
    for start in (10_000, 50_000):
        samples[start : start + 1_000] = tone(1_000, RATE, 500, level=2.0)
    return write_sound(tmp_path / "loud.wav", samples, subtype="FLOAT")


def test_clipping_is_counted_lowered_or_softened(folder, loud):
    made, whole = material(loud, layers=0), read(loud)
    left = run(made, ExportSettings(folder, "left", depth="24", dither=False))
    assert left.files[0].clipped == np.count_nonzero((whole > 1 - 2.0**-24) | (whole < -1))
    assert "were too loud" in left.notes[0]
    lower = run(made, ExportSettings(folder, "lower", depth="24", clipping="lower"))
    assert (lower.files[0].clipped, lower.notes) == (0, ())
    assert lower.files[0].gain == pytest.approx(-6.02, abs=0.01)
    np.testing.assert_allclose(read(folder / "lower.wav"), whole / 2, atol=1e-4)
    soft = run(made, ExportSettings(folder, "soft", depth="24", clipping="soft"))
    assert (soft.files[0].clipped, soft.files[0].gain) == (0, 0.0)
    softened = read(folder / "soft.wav")
    assert 20 * np.log10(np.abs(softened).max()) == pytest.approx(-1.0, abs=0.2)
    np.testing.assert_allclose(softened[20_000:40_000], whole[20_000:40_000], atol=2.0**-22)


def test_floats_are_never_levelled_unasked(folder, loud):
    made = material(loud, layers=0)
    for clipping in ("leave", "lower", "soft"):
        report = run(made, ExportSettings(folder, clipping, clipping=clipping))
        np.testing.assert_array_equal(read(report.files[0].path), read(loud))


def test_a_lowered_pair_adds_up_to_the_recording_lowered(folder, loud):
    report = run(
        material(loud), ExportSettings(folder, "a", what="both", depth="24", clipping="lower")
    )
    kept, removed = (read(file.path) for file in report.files)
    assert [file.clipped for file in report.files] == [0, 0]
    gain = 10 ** (report.files[0].gain / 20)
    assert report.files[0].gain == report.files[1].gain < 0
    np.testing.assert_allclose(kept + removed, read(loud) * gain, atol=2.0**-23)


@pytest.mark.parametrize("target", [-16.0, -19.0, -23.0])
def test_a_loudness_is_met(folder, source, target):
    report = run(material(source), ExportSettings(folder, "a", loudness=target))
    assert loudness(read(report.files[0].path)).integrated == pytest.approx(target, abs=0.05)
    measured = report.files[0].loudness
    assert measured is not None
    assert measured.integrated + report.files[0].gain == pytest.approx(target)
    assert report.files[0].integrated == pytest.approx(target)
    assert report.notes == ()


def test_a_rare_sound_is_told_with_the_loudness_that_its_file_has(folder, tmp_path):
    """Made louder, the noise around it counts, and the file is not as loud as the sound."""
    samples = noise(300 * 8_000, level=10 ** (-76 / 20))
    samples[:4_000] += tone(4_000, 8_000, 997, level=0.02).astype(np.float32)
    path = write_sound(tmp_path / "rare.wav", samples, 8_000, subtype="FLOAT")
    for target in (-16.0, -30.0):
        asked = ExportSettings(folder, f"a{target:g}", loudness=target)
        report = run(material(path, layers=0), asked)
        heard = loudness(read(report.files[0].path), 8_000)
        assert report.files[0].integrated == pytest.approx(heard.integrated, abs=0.01)
        assert heard.true_peak == pytest.approx(-1.0, abs=0.01)
        assert f"has {heard.integrated:.1f} LUFS, not {target:g}" in report.notes[0]
        assert heard.integrated < target - 2


def test_a_loudness_that_peaks_forbid_is_told_or_met_by_softening(folder, loud):
    made = material(loud, layers=0)
    report = run(made, ExportSettings(folder, "a", loudness=-10.0))
    heard = loudness(read(report.files[0].path))
    assert heard.true_peak == pytest.approx(-1.0, abs=0.05)
    assert heard.integrated < -10.5
    assert "not -10: any louder, its peaks would exceed -1 dBTP" in report.notes[0]
    report = run(made, ExportSettings(folder, "b", loudness=-10.0, clipping="soft"))
    softened = loudness(read(folder / "b.wav"))
    assert report.files[0].integrated == pytest.approx(softened.integrated, abs=0.001)
    assert softened.integrated < -10.05
    assert f"{softened.integrated:.1f} LUFS, not -10: softening the peaks" in report.notes[0]
    assert softened.true_peak < -0.9
    assert softened.integrated > heard.integrated + 2


def test_a_pair_shares_the_gain_that_brings_the_kept_part_to_the_loudness(folder, source):
    report = run(material(source), ExportSettings(folder, "a", what="both", loudness=-23.0))
    kept, removed = (read(file.path) for file in report.files)
    assert loudness(kept).integrated == pytest.approx(-23.0, abs=0.05)
    gain = 10 ** (report.files[0].gain / 20)
    np.testing.assert_allclose(kept + removed, read(source) * gain, atol=2.0**-23)


def test_silence_has_no_loudness_to_meet(folder, tmp_path):
    path = write_sound(tmp_path / "silent.wav", np.zeros((1_000, 1)))
    report = run(material(path, layers=0), ExportSettings(folder, "a", loudness=-23.0))
    assert "is silent" in report.notes[0]
    assert not read(folder / "a.wav").any()


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
