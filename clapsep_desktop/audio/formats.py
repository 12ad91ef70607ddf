"""What each kind of sound file can hold, and which kind a file name asks for.

The names of containers and subtypes are libsndfile's, as soundfile gives them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clapsep_desktop.errors import AudioFormatError
from clapsep_desktop.timebase import format_time

MIN_RATE = 8_000  # Hz
MAX_RATE = 384_000  # Hz
MAX_CHANNELS = 32

INTEGER_BITS = {
    "PCM_U8": 8,
    "PCM_S8": 8,
    "PCM_16": 16,
    "PCM_24": 24,
    "PCM_32": 32,
    "ALAC_16": 16,
    "ALAC_20": 20,
    "ALAC_24": 24,
    "ALAC_32": 32,
}
FLOAT_BITS = {"FLOAT": 32, "DOUBLE": 64}
DEPTHS = {
    "8": ("PCM_U8", "PCM_S8"),
    "16": ("PCM_16",),
    "24": ("PCM_24",),
    "32": ("PCM_32",),
    "float": ("FLOAT",),
    "double": ("DOUBLE",),
}
"""Depths as a user names them; of the subtypes behind each, a container has one or none."""

_SUBTYPE_NAMES = {
    "FLOAT": "32-bit float",
    "DOUBLE": "64-bit float",
    "MPEG_LAYER_I": "MPEG layer 1",
    "MPEG_LAYER_II": "MPEG layer 2",
    "MPEG_LAYER_III": "MPEG layer 3",
    "VORBIS": "Vorbis",
    "OPUS": "Opus",
    "ULAW": "µ-law",
    "ALAW": "A-law",
}


@dataclass(frozen=True)
class AudioInfo:
    """What a sound file says of itself."""

    path: Path
    container: str  # "WAV", "WAVEX", "RF64", "W64", "AIFF", "FLAC", "OGG", "MP3" and rarer ones
    subtype: str  # "PCM_16", "FLOAT", "VORBIS", ...
    rate: int  # Hz
    channels: int
    frames: int
    cut: bool = False  # the file ends before its header says; what is there can be read

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.frames / self.rate

    @property
    def bits(self) -> int | None:
        """Bits of one integer sample; None for floats and for lossy coding."""
        return INTEGER_BITS.get(self.subtype)

    @property
    def sample_bits(self) -> int | None:
        """Bits of one sample, integer or float; None for lossy coding."""
        return self.bits or FLOAT_BITS.get(self.subtype)

    @property
    def warning(self) -> str | None:
        """A sentence for the user where the file can be used but is not whole."""
        if not self.cut:
            return None
        return (
            f"“{self.path.name}” is cut off: it promises more than it holds. Its first "
            f"{format_time(self.duration)} can be used."
        )

    @property
    def lossy(self) -> bool:
        """Whether the coding threw something away, so that there is no sample depth to keep."""
        return self.subtype not in INTEGER_BITS and self.subtype not in FLOAT_BITS

    @property
    def dtype(self) -> np.dtype:
        """float64 where float32 would round the file's samples, else float32."""
        deep = self.subtype in {"PCM_32", "ALAC_32", "DOUBLE"}
        return np.dtype(np.float64 if deep else np.float32)

    def __str__(self) -> str:
        """One line for people: container, depth, rate, channels, length."""
        coding = _SUBTYPE_NAMES.get(self.subtype, self.subtype)
        depth = f"{self.bits}-bit" if self.bits else coding
        channels = {1: "mono", 2: "stereo"}.get(self.channels, f"{self.channels} channels")
        container = "WAV" if self.container == "WAVEX" else self.container
        parts = [container, depth, f"{self.rate / 1000:g} kHz", channels]
        return ", ".join([*parts, format_time(self.duration)])


@dataclass(frozen=True)
class Container:
    """What a kind of file can hold."""

    title: str
    subtypes: tuple[str, ...]  # that are offered for writing
    extensions: tuple[str, ...]
    major: str  # libsndfile's name
    max_channels: int = MAX_CHANNELS
    holds_rate: Callable[[int], bool] = lambda rate: rate <= MAX_RATE  # given Hz
    max_bytes: int | None = None


_GIB = 1024**3
_RIFF_SUBTYPES = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
_MPEG_RATES = frozenset({8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000})
_OPUS_RATES = frozenset({8_000, 12_000, 16_000, 24_000, 48_000})

CONTAINERS = (
    Container("WAV", _RIFF_SUBTYPES, (".wav", ".wave", ".bwf"), "WAV"),
    Container("RF64", _RIFF_SUBTYPES, (".rf64",), "RF64"),
    Container("W64", _RIFF_SUBTYPES, (".w64",), "W64"),
    Container(
        "AIFF",
        ("PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"),
        (".aiff", ".aif", ".aifc"),
        "AIFF",
        max_bytes=4 * _GIB,
    ),
    Container(
        "FLAC",
        ("PCM_S8", "PCM_16", "PCM_24"),
        (".flac",),
        "FLAC",
        max_channels=8,
        # A frame's header has 16 bits for the rate, in Hz or in tens of Hz (RFC 9639, 9.1.2).
        holds_rate=lambda rate: rate < 2**16 or rate % 10 == 0,
    ),
    # libvorbis accepts no higher rate; libsndfile crashes where one is asked for.
    Container(
        "Ogg Vorbis",
        ("VORBIS",),
        (".ogg", ".oga"),
        "OGG",
        holds_rate=lambda rate: rate <= 200_000,
    ),
    Container("Opus", ("OPUS",), (".opus",), "OGG", holds_rate=_OPUS_RATES.__contains__),
    Container(
        "MP3",
        ("MPEG_LAYER_III",),
        (".mp3",),
        "MP3",
        max_channels=2,
        holds_rate=_MPEG_RATES.__contains__,
    ),
)


@dataclass(frozen=True)
class TargetFormat:
    """How a result will be written."""

    container: Container
    major: str  # libsndfile's container; "RF64" for a WAV that outgrows 4 GB
    subtype: str

    @property
    def bits(self) -> int | None:
        """Bits of one integer sample; None for floats and for lossy coding."""
        return INTEGER_BITS.get(self.subtype)

    @property
    def is_float(self) -> bool:
        """Whether samples are stored as floats: louder than full scale, NaN and infinite ones too.

        A lossy coder is given floats as well, but answers such samples by noise or by the end of
        the process: libmp3lame aborts.
        """
        return self.subtype in FLOAT_BITS

    @property
    def lossy(self) -> bool:
        """Whether what is read back differs from what was written."""
        return self.bits is None and not self.is_float

    def bytes_needed(self, info: AudioInfo) -> int:
        """An estimate of the file's size, exact for uncompressed formats but for the header."""
        bits = self.bits or FLOAT_BITS.get(self.subtype) or 6
        whole = info.frames * info.channels * bits // 8
        return whole // 4 if self.container.title == "FLAC" else whole


def choose_format(target: Path, info: AudioInfo, depth: str | None = None) -> TargetFormat:
    """The format that a target's extension asks for, as close to the source as it can be.

    Args:
        target: where the result goes; its extension names the container.
        info: the source, whose rate, channels and depth are kept.
        depth: a key of `DEPTHS`, to use instead of the source's own.

    Raises:
        AudioFormatError: an unknown extension, or a container that cannot hold the source's
            rate, channels or length, or the asked-for depth.
    """
    container = _container_of(target, info)
    _check_limits(container, target, info)
    subtype = closest_subtype(container, info) if depth is None else _deep(container, depth, target)
    chosen = TargetFormat(container, container.major, subtype)
    if container.title == "WAV":
        return TargetFormat(container, _wav_major(chosen, info), subtype)
    if container.max_bytes and chosen.bytes_needed(info) > container.max_bytes - _HEADROOM:
        raise AudioFormatError(
            f"“{target.name}” would grow over 4 GB, which {container.title} cannot hold. "
            "Choose .wav, .w64 or .flac."
        )
    return chosen


def check_writable(target: Path, depth: str | None = None) -> None:
    """Whether some recording could be written under a name.

    Args:
        target: its extension names the container.
        depth: a key of `DEPTHS`, or None for the recording's own.

    Raises:
        AudioFormatError: an unknown extension, or a container that cannot hold the depth.
    """
    container = _container_of(target)
    if depth is not None:
        _deep(container, depth, target)


def _deep(container: Container, depth: str, target: Path) -> str:
    """The container's subtype of a depth."""
    subtypes = [name for name in DEPTHS[depth] if name in container.subtypes]
    if subtypes:
        return subtypes[0]
    held = [key for key, names in DEPTHS.items() if set(names) & set(container.subtypes)]
    choice = f"Choose one of {', '.join(held)}" if held else "Leave the depth out"
    raise AudioFormatError(
        f"{container.title} has no depth of {depth}: “{target.name}” cannot be written. "
        f"{choice}, or use another format."
    )


_HEADROOM = 64 * 1024**2  # bytes left for metadata below a container's limit


def _wav_major(chosen: TargetFormat, info: AudioInfo) -> str:
    if chosen.bytes_needed(info) > 4 * _GIB - _HEADROOM:
        return "RF64"
    return "WAVEX" if info.container == "WAVEX" else "WAV"


def _container_of(target: Path, info: AudioInfo | None = None) -> Container:
    extension = target.suffix.lower()
    if info and info.subtype == "OPUS" and extension in {".ogg", ".oga"}:
        extension = ".opus"  # Opus lives in Ogg files of either name
    for container in CONTAINERS:
        if extension in container.extensions:
            return container
    known = ", ".join(container.extensions[0] for container in CONTAINERS)
    what = f"ends in {extension}" if extension else "has no extension"
    raise AudioFormatError(f"“{target.name}” {what}, which says no format. Use one of {known}.")


def _check_limits(container: Container, target: Path, info: AudioInfo) -> None:
    if info.channels > container.max_channels:
        raise AudioFormatError(
            f"{container.title} holds at most {container.max_channels} channels, but the recording "
            f"has {info.channels}: “{target.name}” cannot be written. Choose .wav or .aiff."
        )
    if not container.holds_rate(info.rate):
        raise AudioFormatError(
            f"{container.title} cannot hold a rate of {info.rate:,} Hz: “{target.name}” cannot be "
            "written. Choose .wav or .aiff."
        )


def closest_subtype(container: Container, info: AudioInfo) -> str:
    """The container's subtype that holds the source's samples unchanged, or comes closest.

    Lossy sources decode to fractions that can exceed full scale, so floats are closest to them.
    """
    if len(container.subtypes) == 1:
        return container.subtypes[0]
    if info.bits is None:
        wanted = info.subtype if info.subtype in FLOAT_BITS else "FLOAT"
        return wanted if wanted in container.subtypes else container.subtypes[-1]
    integers = [name for name in container.subtypes if name in INTEGER_BITS]
    holding = [name for name in integers if INTEGER_BITS[name] >= info.bits]
    return holding[0] if holding else integers[-1]
