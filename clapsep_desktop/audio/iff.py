"""The chunks of RIFF, RF64, W64 and AIFF files: found, copied, appended.

The layouts are those of EA IFF 85 (AIFF), Microsoft's RIFF, EBU Tech 3306 (RF64) and Sonic
Foundry's Wave64. Only headers are read; sound data is stepped over.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_UNSET = 0xFFFF_FFFF  # a 32-bit size that RF64's ds64 chunk gives in 64 bits
# Writers that cannot go back to fill in a length leave one of these, or a value near them.
_STREAMED = 0x7FFF_0000
_MOST_CHUNKS = 100_000  # a file of nothing but empty chunks must not hold us up
_W64_DATA = b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"


@dataclass(frozen=True)
class Chunk:
    """One chunk of a file: its four-letter name and where its content lies."""

    name: bytes
    offset: int  # bytes from the start of the file to the content
    size: int  # bytes of content, as declared


def sound_chunk(path: Path) -> Chunk | None:
    """The chunk that holds an uncompressed file's samples; None for other kinds of file."""
    with path.open("rb") as file:
        for chunk in read_chunks(file):
            if chunk.name in {b"data", b"SSND"}:
                return chunk
    return None


def is_cut(path: Path, chunk: Chunk) -> bool:
    """Whether the file ends before the end of a chunk.

    A length that a streaming writer could not fill in is no cut.
    """
    length = path.stat().st_size
    missing = chunk.offset + chunk.size > length
    return missing and not (chunk.size >= _STREAMED and length < _STREAMED)


def read_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """The top-level chunks of a RIFF, RF64, W64 or AIFF file in order; nothing for other files."""
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(40)
    if head[:4] == b"riff" and len(head) == 40:
        yield from _read_w64_chunks(file, length)
    elif head[:4] in {b"RIFF", b"RF64", b"BW64"} and head[8:12] == b"WAVE":
        yield from _read_iff_chunks(file, length, "<")
    elif head[:4] == b"FORM" and head[8:12] in {b"AIFF", b"AIFC"}:
        yield from _read_iff_chunks(file, length, ">")


def _read_iff_chunks(file: BinaryIO, length: int, order: str) -> Iterator[Chunk]:
    position = 12
    data_size = 0  # of RF64's data chunk, from ds64
    for _ in range(_MOST_CHUNKS):
        if position + 8 > length:
            return
        file.seek(position)
        head = file.read(8)
        name, size = struct.unpack(order + "4sI", head)
        if name == b"ds64":
            sizes = file.read(16)
            data_size = struct.unpack("<QQ", sizes)[1] if len(sizes) == 16 else 0
        elif name == b"data" and size == _UNSET and data_size:
            size = data_size
        yield Chunk(name, position + 8, size)
        position += 8 + size + size % 2


def _read_w64_chunks(file: BinaryIO, length: int) -> Iterator[Chunk]:
    position = 40
    for _ in range(_MOST_CHUNKS):
        if position + 24 > length:
            return
        file.seek(position)
        head = file.read(24)
        identity, size = struct.unpack("<16sQ", head)  # the size counts this head
        if size < 24:
            return
        name = b"data" if identity == _W64_DATA else identity[:4]
        yield Chunk(name, position + 24, size - 24)
        position += size + -size % 8


def content(file: BinaryIO, chunk: Chunk, limit: int) -> bytes | None:
    """A chunk's content, or None where it is longer than ``limit`` bytes or cut off."""
    if chunk.size > limit:
        return None
    file.seek(chunk.offset)
    data = file.read(chunk.size)
    return data if len(data) == chunk.size else None


def append_chunks(path: Path, chunks: list[tuple[bytes, bytes]]) -> None:
    """Add chunks, each a name and its content, at the end of a complete RIFF, RF64 or AIFF file."""
    if not chunks:
        return
    with path.open("r+b") as file:
        kind = file.read(4)
        order = ">" if kind == b"FORM" else "<"
        file.seek(0, os.SEEK_END)
        if file.tell() % 2:
            file.write(b"\0")
        for name, data in chunks:
            file.write(struct.pack(order + "4sI", name, len(data)) + data + b"\0" * (len(data) % 2))
        whole = file.tell() - 8
        if kind == b"RF64":
            file.seek(20)  # ds64 comes first: RF64 size WAVE ds64 size riffSize
            file.write(struct.pack("<Q", whole))
        else:
            file.seek(4)
            file.write(struct.pack(order + "I", whole))


def correct_aiff_length(path: Path, frames: int, frame_bytes: int) -> None:
    """Make an AIFF file declare the samples it holds, not the byte that rounds them to even.

    libsndfile counts that byte as a frame where an odd number of 8-bit samples was written.
    """
    with path.open("r+b") as file:
        for chunk in list(read_chunks(file)):
            if chunk.name == b"COMM":
                file.seek(chunk.offset + 2)
                file.write(struct.pack(">I", frames))
            elif chunk.name == b"SSND":
                file.seek(chunk.offset - 4)
                file.write(struct.pack(">I", 8 + frames * frame_bytes))


def clear_peak_time(path: Path) -> None:
    """Take out when the peaks of a WAV or AIFF file of floats were noted, to the second.

    libsndfile writes it, so that the same sound would give other bytes a second later.
    """
    with path.open("r+b") as file:
        for chunk in read_chunks(file):
            if chunk.name == b"PEAK":
                file.seek(chunk.offset + 4)  # behind the version
                file.write(bytes(4))
                return


def channel_mask(path: Path) -> bytes | None:
    """The bytes by which an extensible WAV file tells which loudspeakers its channels are for.

    They lie 20 bytes into the content of an extensible ``fmt`` chunk, which has 40.
    """
    with path.open("rb") as file:
        return next(
            (_mask(file, chunk) for chunk in read_chunks(file) if chunk.name == b"fmt "), None
        )


def set_channel_mask(path: Path, mask: bytes) -> None:
    """Tell in an extensible WAV file which loudspeakers its channels are for; not in others."""
    with path.open("r+b") as file:
        for chunk in read_chunks(file):
            if chunk.name == b"fmt " and _mask(file, chunk) is not None:
                file.seek(chunk.offset + 20)
                file.write(mask)
                return


def _mask(file: BinaryIO, chunk: Chunk) -> bytes | None:
    data = content(file, chunk, limit=1_024)
    extensible = data is not None and len(data) >= 40 and data[:2] == b"\xfe\xff"
    return data[20:24] if data is not None and extensible else None
