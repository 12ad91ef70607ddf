"""Metadata carried from a recording to what is made of it, as far as the new format can hold it.

Between files of one family (RIFF, AIFF, Vorbis comments, ID3) everything is carried that stays
true: names, dates, bext, iXML, cue points, pictures, but no peaks, loudness or replay gain. Between
families the common tags and the markers are translated, and what is left behind is told.
"""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from mutagen import MutagenError
from mutagen import id3 as id3_frames
from mutagen.aiff import AIFF
from mutagen.flac import FLAC, Picture
from mutagen.id3 import ID3
from mutagen.mp3 import MP3
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis

from clapsep_desktop.audio.chunk_metadata import (
    AIFF_NAMES,
    INFO_NAMES,
    Chunks,
    Marker,
    Tags,
    bext_tags,
    build_cue,
    build_info,
    build_mark,
    decode_text,
    info_with_comment,
    parse_cue,
    parse_info,
    parse_mark,
    processed_bext,
    with_cue,
)
from clapsep_desktop.audio.excerpt import Excerpt
from clapsep_desktop.audio.formats import AudioInfo, TargetFormat
from clapsep_desktop.audio.iff import append_chunks, content, copy_channel_mask, read_chunks

_MOST_BYTES = 64 * 1024**2  # a longer chunk is left behind
_MOST_FRAMES = 2**32  # markers in WAV and AIFF lie before it

# Chunks that stay true whatever happens to the samples; others may hold peaks or hashes.
_RIFF_CHUNKS = frozenset(
    {b"bext", b"iXML", b"cue ", b"LIST", b"smpl", b"inst", b"acid", b"cart", b"axml", b"chna"}
    | {b"_PMX", b"id3 ", b"ID3 "}
)
_AIFF_CHUNKS = frozenset({*AIFF_NAMES, b"MARK", b"COMT", b"INST", b"MIDI", b"ID3 "})
_POSITIONS = frozenset({b"cue ", b"MARK", b"smpl", b"COMT", b"INST"})  # untrue for a part
_RIFF_ONLY = {b"bext": "broadcast data (bext)", b"iXML": "iXML data", b"cart": "cart data"}

_ID3_TEXTS = {
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
_UNTRUE_ID3 = ("RVA2", "RVAD", "RGAD", "TLEN", "TSSE", "TXXX:replaygain", "TXXX:REPLAYGAIN")
_UNTRUE_TAGS = ("replaygain_", "r128_", "encoder", "metadata_block_picture", "waveformatextensible")

_FAMILIES = {
    "WAV": "riff",
    "WAVEX": "riff",
    "RF64": "riff",
    "AIFF": "aiff",
    "FLAC": "vorbis",
    "OGG": "vorbis",
    "MP3": "id3",
}


@dataclass
class _Metadata:
    """What a recording carries besides its samples."""

    family: str
    tags: Tags = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    markers: list[Marker] = field(default_factory=list)
    chunks: Chunks = field(default_factory=list)  # RIFF or AIFF, in order
    id3: ID3 | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to carry over."""
        return not (self.tags or self.pictures or self.markers or self.chunks or self.id3)


def carry_metadata(
    info: AudioInfo,
    target: Path,
    chosen: TargetFormat,
    comment: str,
    excerpt: Excerpt | None = None,
    markers: Sequence[Marker] = (),
    *,
    carry: bool = True,
) -> list[str]:
    """Carry over what the target's format can hold, and add a note on the processing.

    Args:
        info: the recording, but with the target's rate.
        target: a complete sound file, to be changed in place.
        chosen: the target's format.
        comment: the note; nothing is added where it is empty.
        excerpt: which part of the recording the target holds, where it is not the whole.
        markers: further ones, in frames of the recording; one that is there already stays once.
        carry: whether anything but the note is wanted.

    Returns:
        Sentences for the user on what was left behind.
    """
    name = info.path.name
    try:
        found = _read(info) if carry else _Metadata(family="")
    except (MutagenError, OSError, ValueError, struct.error):
        found = _Metadata(family="")
        notes = [f"The tags of “{name}” could not be read and are not carried over."]
    else:
        notes = []
    if carry:
        found = _marked(found, markers)
    found = found if excerpt is None else _part_of(found, excerpt)
    notes += _left_behind(found, chosen, name)
    write = _WRITERS.get(_FAMILIES.get(chosen.major, ""))
    if write is None:
        return notes
    try:
        write(found, info, target, chosen, comment)
    except (MutagenError, ValueError, struct.error):
        notes.append(
            f"The tags of “{name}” could not be carried over into {chosen.container.title}."
        )
    return notes


def _marked(found: _Metadata, markers: Sequence[Marker]) -> _Metadata:
    """With further markers, under numbers that are free."""
    there = {(one.frame, one.label) for one in found.markers}
    taken = {one.number for one in found.markers}
    free = (number for number in count(1) if number not in taken)
    new = [
        Marker(next(free), one.frame, one.label)
        for one in markers
        if (one.frame, one.label) not in there and one.frame < _MOST_FRAMES
    ]
    if not new:
        return found
    every = [*found.markers, *new]
    chunks = found.chunks
    if found.family == "riff":
        chunks = with_cue(chunks, new)
    elif found.family == "aiff":
        chunks = [chunk for chunk in chunks if chunk[0] != b"MARK"] + build_mark(every)
    return replace(found, markers=every, chunks=chunks)


def _part_of(found: _Metadata, excerpt: Excerpt) -> _Metadata:
    """What is true of a part of a recording."""
    markers = excerpt.markers(found.markers)
    chunks: Chunks = []
    for name, data in found.chunks:
        if name == b"bext":
            data = excerpt.bext(data)
        elif name == b"iXML":
            data = excerpt.ixml(data)
        if name not in _POSITIONS and not (name == b"LIST" and data[:4] == b"adtl"):
            chunks.append((name, data))
    if markers and found.family in {"riff", "aiff"}:
        chunks += {"riff": build_cue, "aiff": build_mark}[found.family](markers)
    return replace(found, markers=markers, chunks=chunks)


def _left_behind(found: _Metadata, chosen: TargetFormat, name: str) -> list[str]:
    family = _FAMILIES.get(chosen.major, "")
    if found.empty:
        return []
    if not family:
        return [f"{chosen.container.title} has no place for the tags and markers of “{name}”."]
    alike = found.family == family
    held = {} if alike else dict(found.chunks)
    lost = [title for chunk, title in _RIFF_ONLY.items() if chunk in held]
    if found.markers and family not in {"riff", "aiff"}:
        lost.append("markers")
    if not alike:
        if found.pictures and family in {"riff", "aiff"}:
            lost.append("pictures")
        lost += sorted(_untranslated(found, family))
    if not lost:
        return []
    return [f"{chosen.container.title} has no place for what “{name}” holds of: {', '.join(lost)}."]


def _untranslated(found: _Metadata, family: str) -> set[str]:
    """Tags that have no name in another family."""
    own = set()
    if found.id3 is not None:
        known = {*_ID3_TEXTS, "COMM", "APIC"}
        own = {key for key in found.id3 if key[:4] not in known and not key.startswith(_UNTRUE_ID3)}
    if family == "vorbis":  # takes any name
        return own
    held = set(INFO_NAMES.values() if family == "riff" else _ID3_TEXTS.values())
    return own | {key for key, _ in found.tags} - held - {"comment", "description"}


# -- Reading -----------------------------------------------------------------------------------


def _read(info: AudioInfo) -> _Metadata:
    family = _FAMILIES.get(info.container, "")
    if family == "riff":
        return _read_riff(info.path)
    if family == "aiff":
        return _read_aiff(info.path)
    if family == "vorbis":
        return _read_vorbis(info)
    if family == "id3":
        return _from_id3(MP3(info.path).tags)
    return _Metadata(family)


def _read_chunks(path: Path, wanted: frozenset[bytes]) -> Chunks:
    chunks: Chunks = []
    with path.open("rb") as file:
        for chunk in read_chunks(file):
            if chunk.name in wanted:
                data = content(file, chunk, _MOST_BYTES)
                if data is not None:
                    chunks.append((chunk.name, data))
    return chunks


def _read_riff(path: Path) -> _Metadata:
    found = _Metadata("riff", chunks=_read_chunks(path, _RIFF_CHUNKS))
    lists = [data for name, data in found.chunks if name == b"LIST"]
    for name, data in found.chunks:
        if name == b"LIST":
            found.tags += parse_info(data)
        elif name == b"cue ":
            found.markers += parse_cue(data, lists)
        elif name in {b"id3 ", b"ID3 "}:
            _add_id3_chunk(found, data)
    for name, data in found.chunks:
        if name == b"bext":
            known = {key for key, _ in found.tags}
            found.tags += [(key, value) for key, value in bext_tags(data) if key not in known]
    return found


def _read_aiff(path: Path) -> _Metadata:
    found = _Metadata("aiff", chunks=_read_chunks(path, _AIFF_CHUNKS))
    for name, data in found.chunks:
        if name == b"MARK":
            found.markers += parse_mark(data)
        elif name == b"ID3 ":
            _add_id3_chunk(found, data)
        elif name in AIFF_NAMES:
            found.tags.append((AIFF_NAMES[name], decode_text(data)))
    return found


def _read_vorbis(info: AudioInfo) -> _Metadata:
    file = _open_vorbis(info.path, info.subtype)
    found = _Metadata("vorbis")
    for key, value in file.tags or []:
        if not key.lower().startswith(_UNTRUE_TAGS):
            found.tags.append((key.lower(), value))
        elif key.lower() == "metadata_block_picture":
            found.pictures.append(Picture(base64.b64decode(value)))
    if isinstance(file, FLAC):
        found.pictures += file.pictures
    return found


def _open_vorbis(path: Path, subtype: str) -> Any:
    kind = {"VORBIS": OggVorbis, "OPUS": OggOpus}.get(subtype, FLAC)
    return kind(path)


def _from_id3(tags: ID3 | None) -> _Metadata:
    found = _Metadata("id3", id3=tags)
    if tags is not None:
        _add_id3(found, tags)
    return found


def _add_id3_chunk(found: _Metadata, data: bytes) -> None:
    with suppress(MutagenError):  # the chunk itself is carried as it is
        _add_id3(found, ID3(io.BytesIO(data)))


def _add_id3(found: _Metadata, tags: ID3) -> None:
    known = {key for key, _ in found.tags}
    for frame, tag in _ID3_TEXTS.items():
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


# -- Writing -----------------------------------------------------------------------------------


def _with_comment(tags: Tags, comment: str) -> Tags:
    return [*tags, ("comment", comment)] if comment else tags


def _write_riff(
    found: _Metadata, info: AudioInfo, target: Path, chosen: TargetFormat, comment: str
) -> None:
    if found.family != "riff":
        tags = _with_comment(found.tags, comment)
        chunks = [(b"LIST", build_info(tags))] if tags else []
        append_chunks(target, chunks + (build_cue(found.markers) if found.markers else []))
        return
    copy_channel_mask(info.path, target)
    chunks = []
    noted = not comment
    for name, data in found.chunks:
        if name == b"bext":
            data = processed_bext(data, _coding_history(info, chosen), comment)
        elif name == b"LIST" and data[:4] == b"INFO" and not noted:
            data, noted = info_with_comment(data, comment), True
        chunks.append((name, data))
    if not noted:
        chunks.append((b"LIST", info_with_comment(b"INFO", comment)))
    append_chunks(target, chunks)


def _coding_history(info: AudioInfo, chosen: TargetFormat) -> str:
    width = info.sample_bits if chosen.bits is None else chosen.bits
    mode = {1: "mono", 2: "stereo"}.get(info.channels, "multitrack")
    return f"A=PCM,F={info.rate},W={width or 32},M={mode}"


def _write_aiff(
    found: _Metadata, _info: AudioInfo, target: Path, _chosen: TargetFormat, comment: str
) -> None:
    note = [(b"ANNO", comment.encode())] if comment else []
    if found.family == "aiff":
        append_chunks(target, found.chunks + note)
        return
    append_chunks(target, (build_mark(found.markers) if found.markers else []) + note)
    if found.tags:
        file = AIFF(target)
        file.add_tags()
        _fill_id3(file.tags, found, pictures=False)
        file.save()


def _write_vorbis(
    found: _Metadata, _info: AudioInfo, target: Path, chosen: TargetFormat, comment: str
) -> None:
    tags = _with_comment(found.tags, comment)
    if not tags and not found.pictures:
        return
    file = _open_vorbis(target, chosen.subtype)
    if file.tags is None:
        file.add_tags()
    for name in {key for key, _ in tags}:
        file.tags[name] = [value for key, value in tags if key == name]
    for picture in found.pictures:
        if isinstance(file, FLAC):
            file.add_picture(picture)
        else:
            encoded = base64.b64encode(picture.write()).decode("ascii")
            file.tags.append(("metadata_block_picture", encoded))
    file.save()


def _write_id3(
    found: _Metadata, _info: AudioInfo, target: Path, _chosen: TargetFormat, comment: str
) -> None:
    file = MP3(target)
    if file.tags is None:
        file.add_tags()
    if found.id3 is not None:
        for key, frame in found.id3.items():
            if not key.startswith(_UNTRUE_ID3):
                file.tags.add(frame)
    else:
        _fill_id3(file.tags, found, pictures=True)
    if comment:
        file.tags.add(
            id3_frames.COMM(encoding=3, lang="eng", desc="CLAPSep Desktop", text=[comment])
        )
    file.save()


def _fill_id3(tags: ID3, found: _Metadata, *, pictures: bool) -> None:
    for frame, tag in _ID3_TEXTS.items():
        values = [value for key, value in found.tags if key == tag]
        if values:
            tags.add(getattr(id3_frames, frame)(encoding=3, text=values))
    comments = [value for key, value in found.tags if key in {"comment", "description"}]
    if comments:
        tags.add(id3_frames.COMM(encoding=3, lang="eng", desc="", text=["; ".join(comments)]))
    for picture in found.pictures if pictures else []:
        tags.add(
            id3_frames.APIC(
                encoding=3,
                mime=picture.mime,
                type=picture.type,
                desc=picture.desc,
                data=picture.data,
            )
        )


_Writer = Callable[[_Metadata, AudioInfo, Path, TargetFormat, str], None]
_WRITERS: dict[str, _Writer] = {
    "riff": _write_riff,
    "aiff": _write_aiff,
    "vorbis": _write_vorbis,
    "id3": _write_id3,
}
