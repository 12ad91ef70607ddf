"""What a target's name asks for, and what formats can hold."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from clapsep_desktop.audio.formats import AudioInfo, choose_format
from clapsep_desktop.errors import AudioFormatError

WAV_24 = AudioInfo(Path("a.wav"), "WAV", "PCM_24", rate=48_000, channels=2, frames=48_000)
MP3 = dataclasses.replace(WAV_24, container="MP3", subtype="MPEG_LAYER_III")


@pytest.mark.parametrize(
    ("name", "subtype", "expected"),
    [
        ("k.wav", "PCM_24", ("WAV", "PCM_24")),
        ("k.WAVE", "PCM_16", ("WAV", "PCM_16")),
        ("k.aif", "PCM_24", ("AIFF", "PCM_24")),
        ("k.aiff", "PCM_U8", ("AIFF", "PCM_S8")),
        ("k.wav", "PCM_S8", ("WAV", "PCM_U8")),
        ("k.flac", "PCM_16", ("FLAC", "PCM_16")),
        ("k.flac", "PCM_32", ("FLAC", "PCM_24")),
        ("k.flac", "FLOAT", ("FLAC", "PCM_24")),
        ("k.w64", "DOUBLE", ("W64", "DOUBLE")),
        ("k.wav", "VORBIS", ("WAV", "FLOAT")),
        ("k.wav", "ULAW", ("WAV", "FLOAT")),
        ("k.ogg", "PCM_16", ("OGG", "VORBIS")),
        ("k.ogg", "OPUS", ("OGG", "OPUS")),
        ("k.opus", "PCM_16", ("OGG", "OPUS")),
        ("k.mp3", "PCM_16", ("MP3", "MPEG_LAYER_III")),
    ],
)
def test_the_extension_names_the_container_and_the_source_the_depth(name, subtype, expected):
    chosen = choose_format(Path(name), dataclasses.replace(WAV_24, subtype=subtype))
    assert (chosen.major, chosen.subtype) == expected


def test_an_asked_for_depth_wins_where_the_container_has_it():
    assert choose_format(Path("k.wav"), WAV_24, "float").subtype == "FLOAT"
    assert choose_format(Path("k.wav"), WAV_24, "8").subtype == "PCM_U8"
    assert choose_format(Path("k.aiff"), WAV_24, "8").subtype == "PCM_S8"
    with pytest.raises(AudioFormatError, match=r"FLAC has no depth of float.* 8, 16, 24,"):
        choose_format(Path("k.flac"), WAV_24, "float")
    with pytest.raises(AudioFormatError, match=r"MP3 has no depth of 16.* Leave the depth out"):
        choose_format(Path("k.mp3"), WAV_24, "16")


def test_an_extensible_wav_stays_one():
    extensible = dataclasses.replace(WAV_24, container="WAVEX")
    assert choose_format(Path("k.wav"), extensible).major == "WAVEX"


def test_a_wav_that_outgrows_4_gb_becomes_rf64_and_an_aiff_is_refused():
    long = dataclasses.replace(WAV_24, frames=48_000 * 3_600 * 5)
    assert choose_format(Path("k.wav"), long).major == "RF64"
    with pytest.raises(AudioFormatError, match="4 GB"):
        choose_format(Path("k.aiff"), long)


@pytest.mark.parametrize("name", ["k.xyz", "k", "k.", ".wav", "k.wav.txt"])
def test_an_unknown_extension_is_answered_with_those_there_are(name):
    with pytest.raises(AudioFormatError) as caught:
        choose_format(Path(name), WAV_24)
    assert name in str(caught.value)
    assert ".wav" in str(caught.value).split("Use one of")[1]
    assert ".mp3" in str(caught.value).split("Use one of")[1]


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("k.opus", 44_100),
        ("k.mp3", 96_000),
        ("k.ogg", 384_000),
        ("k.flac", 65_537),
        ("k.mp3", 8_001),
    ],
)
def test_rates_a_format_cannot_hold_are_refused(name, rate):
    with pytest.raises(AudioFormatError, match=f"{rate:,} Hz"):
        choose_format(Path(name), dataclasses.replace(WAV_24, rate=rate))


@pytest.mark.parametrize(("name", "channels"), [("k.flac", 9), ("k.mp3", 3)])
def test_channels_a_format_cannot_hold_are_refused(name, channels):
    with pytest.raises(AudioFormatError, match=f"has {channels}"):
        choose_format(Path(name), dataclasses.replace(WAV_24, channels=channels))


def test_sizes_are_estimated_from_the_samples():
    assert choose_format(Path("k.wav"), WAV_24).bytes_needed(WAV_24) == 48_000 * 2 * 3
    lossy = choose_format(Path("k.mp3"), WAV_24)
    assert 0 < lossy.bytes_needed(WAV_24) < 48_000 * 2 * 2


def test_lossy_sources_have_no_depth():
    assert MP3.lossy
    assert MP3.bits is None
    assert not WAV_24.lossy
