"""What the metadata chunks of WAV and AIFF files say, and how it is put into bytes.

Layouts: Microsoft's RIFF (LIST/INFO, cue, LIST/adtl), EBU Tech 3285 version 2 (bext), Apple's AIFF
1.3 (MARK and the text chunks).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Chunks = list[tuple[bytes, bytes]]  # name and content
Tags = list[tuple[str, str]]  # name, as Vorbis comments have it, and value; names may repeat

INFO_NAMES = {
    b"INAM": "title",
    b"IART": "artist",
    b"IPRD": "album",
    b"ICRD": "date",
    b"IGNR": "genre",
    b"ITRK": "tracknumber",
    b"ICOP": "copyright",
    b"ICMT": "comment",
}
AIFF_NAMES = {b"NAME": "title", b"AUTH": "artist", b"(c) ": "copyright", b"ANNO": "comment"}

_BEXT_FIXED = 602  # bytes before the coding history
_BEXT_VERSION = 346
_BEXT_LOUDNESS = slice(412, 422)  # five 16-bit values
_UNSET_LOUDNESS = struct.pack("<5h", *[0x7FFF] * 5)


@dataclass(frozen=True)
class Marker:
    """A named position."""

    number: int
    frame: int
    label: str = ""


def decode_text(data: bytes) -> str:
    """Text up to the first null: UTF-8 where it is valid, else the Windows code page."""
    text = data.split(b"\0", 1)[0]
    try:
        return text.decode("utf-8").strip()
    except UnicodeDecodeError:
        return text.decode("cp1252", errors="replace").strip()


# -- LIST/INFO and AIFF's text chunks ----------------------------------------------------------


def parse_info(data: bytes) -> Tags:
    """The tags of a LIST chunk of kind INFO; none for a list of another kind."""
    if data[:4] != b"INFO":
        return []
    return [
        (INFO_NAMES[name], text)
        for name, value in _sub_chunks(data[4:])
        if name in INFO_NAMES and (text := decode_text(value))
    ]


def info_with_comment(data: bytes, comment: str) -> bytes:
    """A LIST chunk of kind INFO with a note added to its comment, all else left as it is."""
    parts = list(_sub_chunks(data[4:]))
    earlier = [decode_text(value) for name, value in parts if name == b"ICMT"]
    others = [part for part in parts if part[0] != b"ICMT"]
    text = "; ".join(part for part in [*earlier, comment] if part)
    return b"INFO" + _join([*others, (b"ICMT", text.encode() + b"\0")], "<")


def build_info(tags: Tags) -> bytes:
    """A LIST chunk of kind INFO, with the values of a repeated name joined."""
    parts: Chunks = []
    for name, tag in INFO_NAMES.items():
        told = {tag, "description"} if tag == "comment" else {tag}
        values = [value for key, value in tags if key in told]
        if values:
            parts.append((name, "; ".join(values).encode() + b"\0"))
    return b"INFO" + _join(parts, "<")


def _sub_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 0
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        yield name, data[position + 8 : position + 8 + size]
        position += 8 + size + size % 2


def _join(parts: Iterable[tuple[bytes, bytes]], order: str) -> bytes:
    return b"".join(
        struct.pack(order + "4sI", name, len(data)) + data + b"\0" * (len(data) % 2)
        for name, data in parts
    )


# -- bext --------------------------------------------------------------------------------------


def bext_tags(data: bytes) -> Tags:
    """The description and date of a bext chunk as tags."""
    told = [("description", decode_text(data[:256])), ("date", decode_text(data[320:330]))]
    return [(name, value) for name, value in told if value]


def processed_bext(data: bytes, coding: str, comment: str) -> bytes:
    """A bext chunk for a processed recording.

    The loudness of the original is unset, for it is no longer true (EBU Tech 3285 v2, 2.3: 0x7FFF
    stands for no value), and a line joins the coding history (EBU R 98).

    Args:
        data: the original's chunk; one that is too short is returned as it is.
        coding: the new line's fields up to the text, for example ``A=PCM,F=48000,W=24,M=stereo``.
        comment: the new line's text.
    """
    if len(data) < _BEXT_FIXED:
        return data
    fixed = bytearray(data[:_BEXT_FIXED])
    if struct.unpack_from("<H", fixed, _BEXT_VERSION)[0] >= 2:
        fixed[_BEXT_LOUDNESS] = _UNSET_LOUDNESS
    history = data[_BEXT_FIXED:].rstrip(b"\0")
    if comment:
        if history and not history.endswith(b"\r\n"):
            history += b"\r\n"
        text = " ".join(comment.replace(",", ";").split())
        history += f"{coding},T={text}\r\n".encode("ascii", errors="replace")
    return bytes(fixed) + history


# -- Markers -----------------------------------------------------------------------------------


def parse_cue(data: bytes, lists: Iterable[bytes]) -> list[Marker]:
    """Markers of a RIFF ``cue`` chunk, with their labels from the file's LIST chunks."""
    labels = {
        struct.unpack_from("<I", value)[0]: decode_text(value[4:])
        for content in lists
        if content[:4] == b"adtl"
        for name, value in _sub_chunks(content[4:])
        if name == b"labl" and len(value) >= 4
    }
    count = struct.unpack_from("<I", data)[0] if len(data) >= 4 else 0
    points = [
        struct.unpack_from("<I16xI", data, start)
        for start in range(4, min(4 + 24 * count, len(data) - 23), 24)
    ]
    return [Marker(number, frame, labels.get(number, "")) for number, frame in points]


def build_cue(markers: list[Marker]) -> Chunks:
    """A ``cue`` chunk and a LIST chunk with the labels."""
    points = [
        struct.pack("<II4sIII", marker.number, marker.frame, b"data", 0, 0, marker.frame)
        for marker in markers
    ]
    labels = [
        (b"labl", struct.pack("<I", marker.number) + marker.label.encode() + b"\0")
        for marker in markers
        if marker.label
    ]
    chunks = [(b"cue ", struct.pack("<I", len(points)) + b"".join(points))]
    if labels:
        chunks.append((b"LIST", b"adtl" + _join(labels, "<")))
    return chunks


def with_cue(chunks: Chunks, markers: list[Marker]) -> Chunks:
    """RIFF chunks with further markers, whose numbers none of theirs has."""
    (name, points), *labels = build_cue(markers)
    made: Chunks = []
    for other, data in chunks:
        if other == name and points:
            (said,) = struct.unpack("<I", data[:4].ljust(4, b"\0"))
            held = max(min(said, (len(data) - 4) // 24), 0)
            count = struct.pack("<I", held + len(markers))
            data, points = count + data[4 : 4 + 24 * held] + points[4:], b""
        elif other == b"LIST" and data[:4] == b"adtl" and labels:
            data += b"\0" * (len(data) % 2) + labels.pop()[1][4:]
        made.append((other, data))
    return made + ([(name, points)] if points else []) + labels


def parse_mark(data: bytes) -> list[Marker]:
    """Markers of an AIFF MARK chunk."""
    count = struct.unpack_from(">H", data)[0] if len(data) >= 2 else 0
    position, markers = 2, []
    for _ in range(count):
        if position + 7 > len(data):
            break
        number, frame, length = struct.unpack_from(">HIB", data, position)
        markers.append(Marker(number, frame, decode_text(data[position + 7 :][:length])))
        position += 7 + length + (1 + length) % 2
    return markers


def build_mark(markers: list[Marker]) -> Chunks:
    """An AIFF MARK chunk; markers are numbered anew, for AIFF allows only 1 to 32767."""
    parts = []
    for number, marker in enumerate(markers[:32_767], start=1):
        label = marker.label.encode()[:255].decode(errors="ignore").encode()  # whole characters
        pad = b"\0" * ((1 + len(label)) % 2)
        parts.append(struct.pack(">HIB", number, marker.frame, len(label)) + label + pad)
    return [(b"MARK", struct.pack(">H", len(parts)) + b"".join(parts))]
