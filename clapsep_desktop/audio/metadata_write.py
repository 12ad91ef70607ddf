"""Metadata put into a complete sound file of another family or of its own."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

from mutagen import id3 as id3_frames
from mutagen.aiff import AIFF
from mutagen.flac import FLAC
from mutagen.id3 import ID3
from mutagen.mp3 import MP3

from clapsep_desktop.audio.chunk_metadata import (
    Tags,
    build_cue,
    build_info,
    build_mark,
    info_with_comment,
    processed_bext,
)
from clapsep_desktop.audio.formats import AudioInfo, TargetFormat
from clapsep_desktop.audio.iff import append_chunks
from clapsep_desktop.audio.metadata_read import ID3_TEXTS, Metadata, open_vorbis


def _with_comment(tags: Tags, comment: str) -> Tags:
    return [*tags, ("comment", comment)] if comment else tags


def _write_riff(
    found: Metadata, info: AudioInfo, target: Path, chosen: TargetFormat, comment: str
) -> None:
    if found.family != "riff":
        tags = _with_comment(found.tags, comment)
        chunks = [(b"LIST", build_info(tags))] if tags else []
        append_chunks(target, chunks + (build_cue(found.markers) if found.markers else []))
        return
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
    found: Metadata, _info: AudioInfo, target: Path, _chosen: TargetFormat, comment: str
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
    found: Metadata, _info: AudioInfo, target: Path, chosen: TargetFormat, comment: str
) -> None:
    tags = _with_comment(found.tags, comment)
    if not tags and not found.pictures:
        return
    file = open_vorbis(target, chosen.subtype)
    if file.tags is None:
        file.add_tags()
    for name in dict.fromkeys(key for key, _ in tags):  # in one order, for one file
        file.tags[name] = [value for key, value in tags if key == name]
    for picture in found.pictures:
        if isinstance(file, FLAC):
            file.add_picture(picture)
        else:
            encoded = base64.b64encode(picture.write()).decode("ascii")
            file.tags.append(("metadata_block_picture", encoded))
    file.save()


def _write_id3(
    found: Metadata, _info: AudioInfo, target: Path, _chosen: TargetFormat, comment: str
) -> None:
    file = MP3(target)
    if file.tags is None:
        file.add_tags()
    if found.id3 is not None:
        for frame in found.id3.values():
            file.tags.add(frame)
    else:
        _fill_id3(file.tags, found, pictures=True)
    if comment:
        file.tags.add(
            id3_frames.COMM(encoding=3, lang="eng", desc="CLAPSep Desktop", text=[comment])
        )
    file.save()


def _fill_id3(tags: ID3, found: Metadata, *, pictures: bool) -> None:
    for frame, tag in ID3_TEXTS.items():
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


_Writer = Callable[[Metadata, AudioInfo, Path, TargetFormat, str], None]
WRITERS: dict[str, _Writer] = {
    "riff": _write_riff,
    "aiff": _write_aiff,
    "vorbis": _write_vorbis,
    "id3": _write_id3,
}
