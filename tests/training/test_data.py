from __future__ import annotations

import os

import numpy as np
import pytest
import soundfile

from clapsep_desktop.evaluation.manifest import Sound
from clapsep_desktop.training.data import RATE, SoundBank

TONE = (0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)


def write(path, samples, rate=RATE, subtype="FLOAT") -> Sound:
    soundfile.write(path, samples, rate, subtype)
    return Sound(path, path.stem, (path.stem,), path.stem)


@pytest.fixture
def tone(tmp_path) -> Sound:
    return write(tmp_path / "tone.wav", TONE)


def test_sounds_are_decoded_to_one_rate_and_one_channel(tmp_path, tone):
    stereo = write(tmp_path / "stereo.wav", np.stack([TONE, 0 * TONE], axis=1))
    slow = write(tmp_path / "slow.wav", TONE[:16_000], 16_000)
    bank = SoundBank([tone, stereo, slow], tmp_path / "cache")
    assert [bank.length(index) for index in range(len(bank))] == [RATE, RATE, RATE]
    np.testing.assert_allclose(bank.samples(0), TONE, atol=1e-4)
    np.testing.assert_allclose(bank.samples(1), TONE / 2, atol=1e-4)


def test_what_cannot_be_heard_is_left_out(tmp_path, tone):
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    unheard = [
        write(tmp_path / "empty.wav", TONE[:0]),
        write(tmp_path / "silent.wav", 0 * TONE),
        write(tmp_path / "broken.wav", np.where(TONE > 0.2, np.nan, TONE)),
        Sound(text, "text", ("text",), "text"),
        Sound(tmp_path / "missing.wav", "missing", ("missing",), "missing"),
    ]
    short = write(tmp_path / "short.wav", TONE[7:9])
    for _ in ("decoded", "from the cache"):
        bank = SoundBank([*unheard[:2], tone, *unheard[2:], short], tmp_path / "cache")
        assert bank.sounds == [tone, short]
        assert bank.left_out == unheard
        np.testing.assert_allclose(bank.samples(0), TONE, atol=1e-4)
        np.testing.assert_allclose(bank.samples(1), TONE[7:9], atol=1e-4)


def test_nothing_but_silence_is_no_bank(tmp_path):
    silent = write(tmp_path / "silent.wav", 0 * TONE)
    assert not SoundBank([silent], tmp_path / "cache").sounds


def test_a_sound_that_was_changed_is_decoded_anew(tmp_path, tone):
    assert SoundBank([tone], tmp_path / "cache").length(0) == RATE
    stamp = tone.path.stat().st_mtime_ns
    write(tone.path, TONE[: RATE // 2])
    os.utime(tone.path, ns=(stamp + 10**9, stamp + 10**9))
    assert SoundBank([tone], tmp_path / "cache").length(0) == RATE // 2
