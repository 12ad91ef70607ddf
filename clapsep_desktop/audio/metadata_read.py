"""What a recording carries besides its samples: chunks, tags, pictures and markers, as read."""

from __future__ import annotations

import base64
import io
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mutagen import MutagenError
from mutagen.flac import FLAC, Picture
from mutagen.id3 import ID3
from mutagen.mp3 import MP3
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis

from clapsep_desktop.audio.chunk_metadata import (
    AIFF_NAMES,
    Chunks,
    Marker,
    Tags,
    bext_tags,
    decode_text,
    parse_cue,
    parse_info,
    parse_mark,
)
from clapsep_desktop.audio.formats import AudioInfo
from clapsep_desktop.audio.iff import content, read_chunks

FAMILIES = {
    "WAV": "riff",
    "WAVEX": "riff",
    "RF64": "riff",
    "AIFF": "aiff",
    "FLAC": "vorbis",
    "OGG": "vorbis",
    "MP3": "id3",
}
"""Which containers hold metadata in one and the same way."""

ID3_TEXTS = {
    "TIT2": "title",
    "TPE1": "artist",
    "TPE2": "albumartist",
    "TALB": "album",
    "TDRC": "date",
    "TCON": "genre",
    "TRCK": "tracknumber",
    "TPOS": "discnumber",
    "TCOM": "composer",
    "TCOP": "copyright",
    "TSRC": "isrc",
}
"""The texts of ID3 that other families have as well, with their names in Vorbis comments."""

ID3_CHUNKS = frozenset({b"id3 ", b"ID3 "})

_MOST_BYTES = 64 * 1024**2  # a longer chunk is left behind

# Chunks that stay true whatever happens to the samples; others may hold peaks or hashes.
_RIFF_CHUNKS = frozenset(
    {b"bext", b"iXML", b"cue ", b"LIST", b"smpl", b"inst", b"acid", b"cart", b"axml", b"chna"}
    | {b"_PMX", *ID3_CHUNKS}
)
_AIFF_CHUNKS = frozenset({*AIFF_NAMES, *ID3_CHUNKS, b"MARK", b"COMT", b"INST", b"MIDI"})
_UNTRUE_ID3 = ("RVA2", "RVAD", "RGAD", "TLEN", "TSSE", "TXXX:replaygain", "TXXX:REPLAYGAIN")
_UNTRUE_TAGS = ("replaygain_", "r128_", "encoder", "metadata_block_picture", "waveformatextensible")


@dataclass
class Metadata:
    """What a recording carries besides its samples.

    Attributes:
        family: one of `FAMILIES`; empty where nothing is known or wanted.
        tags: by their names in Vorbis comments.
        pictures: of covers and the like.
        markers: places in it.
        chunks: of RIFF or AIFF, in order.
        id3: of an MP3.
    """

    family: str
    tags: Tags = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    markers: list[Marker] = field(default_factory=list)
    chunks: Chunks = field(default_factory=list)
    id3: ID3 | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to carry over."""
        return not (self.tags or self.pictures or self.markers or self.chunks or self.id3)


def read(info: AudioInfo) -> Metadata:
    """What a recording's file says of it, but for what is not true of anything made of it.

    Raises:
        MutagenError, OSError, ValueError, struct.error: it cannot be read.
    """
    family = FAMILIES.get(info.container, "")
    if family == "riff":
        return _read_riff(info.path)
    if family == "aiff":
        return _read_aiff(info.path)
    if family == "vorbis":
        return _read_vorbis(info)
    if family == "id3":
        return _from_id3(MP3(info.path).tags)
    return Metadata(family)


def _read_chunks(path: Path, wanted: frozenset[bytes]) -> Chunks:
    chunks: Chunks = []
    with path.open("rb") as file:
        for chunk in read_chunks(file):
            if chunk.name in wanted:
                data = content(file, chunk, _MOST_BYTES)
                if data is not None and chunk.name in ID3_CHUNKS:
                    data = without_frames(data, _UNTRUE_ID3)
                if data is not None:
                    chunks.append((chunk.name, data))
    return chunks


def _read_riff(path: Path) -> Metadata:
    found = Metadata("riff", chunks=_read_chunks(path, _RIFF_CHUNKS))
    lists = [data for name, data in found.chunks if name == b"LIST"]
    for name, data in found.chunks:
        if name == b"LIST":
            found.tags += parse_info(data)
        elif name == b"cue ":
            found.markers += parse_cue(data, lists)
        elif name in ID3_CHUNKS:
            _add_id3_chunk(found, data)
    for name, data in found.chunks:
        if name == b"bext":
            known = {key for key, _ in found.tags}
            found.tags += [(key, value) for key, value in bext_tags(data) if key not in known]
    return found


def _read_aiff(path: Path) -> Metadata:
    found = Metadata("aiff", chunks=_read_chunks(path, _AIFF_CHUNKS))
    for name, data in found.chunks:
        if name == b"MARK":
            found.markers += parse_mark(data)
        elif name in ID3_CHUNKS:
            _add_id3_chunk(found, data)
        elif name in AIFF_NAMES:
            found.tags.append((AIFF_NAMES[name], decode_text(data)))
    return found


def _read_vorbis(info: AudioInfo) -> Metadata:
    file = open_vorbis(info.path, info.subtype)
    found = Metadata("vorbis")
    for key, value in file.tags or []:
        if not key.lower().startswith(_UNTRUE_TAGS):
            found.tags.append((key.lower(), value))
        elif key.lower() == "metadata_block_picture":
            found.pictures.append(Picture(base64.b64decode(value)))
    if isinstance(file, FLAC):
        found.pictures += file.pictures
    return found


def open_vorbis(path: Path, subtype: str) -> Any:
    """A file of Vorbis comments as mutagen has it; raises MutagenError."""
    kind = {"VORBIS": OggVorbis, "OPUS": OggOpus}.get(subtype, FLAC)
    return kind(path)


def _from_id3(tags: ID3 | None) -> Metadata:
    found = Metadata("id3", id3=tags)
    if tags is not None:
        remove_frames(tags, _UNTRUE_ID3)
        _add_id3(found, tags)
    return found


def remove_frames(tags: ID3, names: tuple[str, ...]) -> bool:
    """Take the frames out whose keys begin with one of some names; whether there were any."""
    gone = [key for key in tags if key.startswith(names)]
    for key in gone:
        del tags[key]
    return bool(gone)


def without_frames(data: bytes, names: tuple[str, ...]) -> bytes:
    """An ID3 chunk without some frames; as it is where it has none of them or cannot be read."""
    try:
        tags = ID3(io.BytesIO(data))
    except MutagenError:
        return data
    if not remove_frames(tags, names):
        return data
    version = 3 if tags.version < (2, 4) else 4
    if version == 3:
        tags.update_to_v23()
    made = io.BytesIO()
    tags.save(made, v2_version=version, padding=lambda _: 0)
    return made.getvalue()


def _add_id3_chunk(found: Metadata, data: bytes) -> None:
    with suppress(MutagenError):  # the chunk itself is carried as it is
        _add_id3(found, ID3(io.BytesIO(data)))


def _add_id3(found: Metadata, tags: ID3) -> None:
    known = {key for key, _ in found.tags}
    for frame, tag in ID3_TEXTS.items():
        if frame in tags and tag not in known:
            found.tags += [(tag, str(value)) for value in tags[frame].text if str(value)]
    if "comment" not in known:
        comments = [str(value) for frame in tags.getall("COMM") for value in frame.text]
        found.tags += [("comment", value) for value in comments if value]
    for frame in tags.getall("APIC"):
        picture = Picture()
        picture.type, picture.mime, picture.desc = frame.type, frame.mime, frame.desc
        picture.data = frame.data
        found.pictures.append(picture)
