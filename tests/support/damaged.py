"""A small corpus of damaged, mislabelled and absurd files, each with what should come of it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from clapsep_desktop.errors import AudioError, AudioFormatError, AudioReadError
from tests.support.sounds import noisy_tone, write_sound

FRAMES = 48_000


class Damaged(NamedTuple):
    """A file and what happens to whoever opens and reads it."""

    name: str
    make: Callable[[Path], bytes]  # given a folder to work in
    error: type[AudioError] | None  # None: it is read, as far as it goes
    frames: range = range(1)  # how many frames, where it is read
    cut: bool = False


def _whole(folder: Path, container: str, subtype: str) -> bytes:
    path = folder / f"whole-{container}-{subtype}"
    return write_sound(path, noisy_tone(FRAMES), 48_000, container, subtype).read_bytes()


def _wav(folder: Path) -> bytes:
    return _whole(folder, "WAV", "PCM_24")


def _patched(offset: int, value: bytes) -> Callable[[Path], bytes]:
    """A WAV file with some bytes of its header replaced."""

    def make(folder: Path) -> bytes:
        data = _wav(folder)
        return data[:offset] + value + data[offset + len(value) :]

    return make


def _data_length(length: int) -> Callable[[Path], bytes]:
    """A WAV file whose data chunk claims another length."""

    def make(folder: Path) -> bytes:
        data = _wav(folder)
        place = data.index(b"data") + 4
        return data[:place] + struct.pack("<I", length) + data[place + 4 :]

    return make


def _first(share: float, container: str, subtype: str) -> Callable[[Path], bytes]:
    """The beginning of a file, as an interrupted download leaves it."""

    def make(folder: Path) -> bytes:
        data = _whole(folder, container, subtype)
        return data[: int(len(data) * share)]

    return make


def _shortened(by: int, container: str, subtype: str) -> Callable[[Path], bytes]:
    """A file whose last bytes are missing."""
    return lambda folder: _whole(folder, container, subtype)[:-by]


def _tagged(folder: Path) -> bytes:
    """A whole Ogg file with an ID3 tag behind it, as some programs leave it."""
    return _whole(folder, "OGG", "VORBIS") + b"TAG".ljust(128, b"\0")


def _scrambled(container: str, subtype: str) -> Callable[[Path], bytes]:
    """A file with noise in its middle."""

    def make(folder: Path) -> bytes:
        data = bytearray(_whole(folder, container, subtype))
        middle = len(data) // 2
        data[middle : middle + 2_000] = np.random.default_rng(0).bytes(2_000)
        return bytes(data)

    return make


def _flac_length(frames: int) -> Callable[[Path], bytes]:
    """A FLAC file that claims another length; 0 stands for one not known."""

    def make(folder: Path) -> bytes:
        data = bytearray(_whole(folder, "FLAC", "PCM_16"))
        packed = int.from_bytes(data[18:26], "big")  # rate, channels, bits, then 36 bits of length
        data[18:26] = ((packed >> 36 << 36) | frames).to_bytes(8, "big")
        return bytes(data)

    return make


def _noise(head: bytes) -> Callable[[Path], bytes]:
    def make(_: Path) -> bytes:
        return head + np.random.default_rng(1).bytes(20_000)

    return make


def _just(data: bytes) -> Callable[[Path], bytes]:
    return lambda _: data


def _without_samples(folder: Path) -> bytes:
    return write_sound(folder / "none.wav", np.zeros((0, 2))).read_bytes()


ALL = range(FRAMES, FRAMES + 1)
PART = range(1, FRAMES)  # Ogg loses whole pages
HALF = range(FRAMES // 2 - 6_000, FRAMES // 2 + 100)

CORPUS = [
    Damaged("empty.wav", _just(b""), AudioReadError),
    Damaged("text.wav", _just(b"Das ist kein Klang. " * 500), AudioReadError),
    Damaged("zeros.wav", _just(bytes(50_000)), AudioReadError),
    Damaged("archive.mp3", _noise(b"PK\x03\x04"), AudioReadError),
    Damaged("picture.flac", _noise(b"\x89PNG\r\n\x1a\n"), AudioReadError),
    Damaged("noise.ogg", _noise(b"OggS"), AudioReadError),
    Damaged("header only.wav", _just(b"RIFF\x04\0\0\0WAVE"), AudioReadError),
    Damaged("20 bytes.wav", lambda folder: _wav(folder)[:20], AudioReadError),
    Damaged("no samples.wav", _without_samples, AudioReadError),
    Damaged("bare.raw", _just(bytes(4_000)), AudioFormatError),
    Damaged("0 Hz.wav", _patched(24, struct.pack("<I", 0)), AudioReadError),
    Damaged("4 kHz.wav", _patched(24, struct.pack("<I", 4_000)), AudioFormatError),
    Damaged("10 MHz.wav", _patched(24, struct.pack("<I", 10_000_000)), AudioFormatError),
    Damaged("2 GHz.wav", _patched(24, struct.pack("<I", 2**31)), AudioReadError),
    Damaged("no channels.wav", _patched(22, struct.pack("<H", 0)), AudioReadError),
    Damaged("33 channels.wav", _patched(22, struct.pack("<H", 33)), AudioFormatError),
    Damaged("65535 channels.wav", _patched(22, struct.pack("<H", 65_535)), AudioReadError),
    Damaged("99 bits.wav", _patched(34, struct.pack("<H", 99)), AudioReadError),
    Damaged("cut.wav", _first(0.5, "WAV", "PCM_24"), None, HALF, cut=True),
    Damaged("cut.rf64", _first(0.5, "RF64", "PCM_16"), None, HALF, cut=True),
    Damaged("cut.w64", _first(0.5, "W64", "PCM_16"), None, HALF, cut=True),
    Damaged("cut.aiff", _first(0.5, "AIFF", "PCM_16"), None, HALF, cut=True),
    Damaged("cut.flac", _first(0.5, "FLAC", "PCM_16"), None, HALF, cut=True),
    Damaged("cut.mp3", _first(0.5, "MP3", "MPEG_LAYER_III"), None, HALF, cut=True),
    Damaged("cut.ogg", _first(0.5, "OGG", "VORBIS"), None, PART, cut=True),
    Damaged("cut.opus", _first(0.5, "OGG", "OPUS"), None, PART, cut=True),
    Damaged("cut by a byte.ogg", _shortened(1, "OGG", "VORBIS"), None, PART, cut=True),
    Damaged("tagged at its end.ogg", _tagged, None, ALL),
    Damaged("cut to its head.ogg", _first(0.02, "OGG", "VORBIS"), AudioReadError),
    Damaged("cut to its head.opus", _first(0.02, "OGG", "OPUS"), AudioReadError),
    Damaged("cut to its head.mp3", _first(0.02, "MP3", "MPEG_LAYER_III"), AudioReadError),
    Damaged("scrambled.flac", _scrambled("FLAC", "PCM_16"), AudioReadError),
    Damaged("1 GB claimed.wav", _data_length(10**9), None, ALL, cut=True),
    Damaged("streamed.wav", _data_length(0xFFFF_FFFF), None, ALL),
    Damaged("huge.flac", _flac_length(2**36 - 1), None, ALL, cut=True),
    Damaged("streamed.flac", _flac_length(0), None, ALL),
    Damaged("flac named.wav", lambda folder: _whole(folder, "FLAC", "PCM_16"), None, ALL),
    Damaged("wav named.mp3", _wav, None, ALL),
    Damaged("mp3 named.wav", lambda f: _whole(f, "MP3", "MPEG_LAYER_III"), None, ALL),
    Damaged("no extension", _wav, None, ALL),
    Damaged(
        "samples, then junk.w64",
        lambda folder: _whole(folder, "W64", "PCM_16") + bytes(range(256)),
        None,
        ALL,
    ),
]
