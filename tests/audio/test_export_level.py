"""How loud exports become: clipping, softened peaks, a loudness that is met or told."""

from __future__ import annotations

import numpy as np
import pytest

from clapsep_desktop.audio.export_plan import ExportSettings
from tests.support.exports import RATE, loudness, material, read, run
from tests.support.signals import noise, tone
from tests.support.sounds import write_sound


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
