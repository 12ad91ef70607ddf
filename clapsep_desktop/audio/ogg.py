"""The pages of Ogg files (RFC 3533): whether the last one is there, and whose they are."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mutagen.ogg import OggPage

_LONGEST_PAGE = 27 + 255 + 255 * 255  # bytes


def breaks_off(path: Path) -> bool:
    """Whether an Ogg file lacks the end of its last page, or that page is not marked as the last.

    Ogg says no length beforehand, so that libsndfile takes what is there for the whole (RFC 3533,
    section 6: the flags lie in byte 5 of a page, the lengths of its segments from byte 27 on).
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 2 * _LONGEST_PAGE))
        tail = file.read()
    page = tail[max(tail.rfind(b"OggS"), 0) :]
    segments = page[27 : 27 + page[26]] if len(page) > 26 else b""
    whole = bool(segments) and len(page) >= 27 + len(segments) + sum(segments)
    return not (whole and page[5] & 4)


def settle_serial(path: Path) -> None:
    """Give the one stream of an Ogg file a serial number that follows from its content.

    libsndfile draws it by lot, so that the same sound would give other bytes each time.

    Raises:
        MutagenError: it is no Ogg file.
    """
    with path.open("r+b") as file:
        serial = 0
        for page in _pages(file):
            for packet in page.packets:
                serial = zlib.crc32(packet, serial)
        for page in _pages(file):
            page.serial = serial
            file.seek(page.offset)
            file.write(page.write())


def _pages(file: BinaryIO) -> Iterator[OggPage]:
    """Every page from the first on; the file stands behind it while it is worked on."""
    file.seek(0)
    while True:
        try:
            page = OggPage(file)
        except EOFError:
            return
        yield page
