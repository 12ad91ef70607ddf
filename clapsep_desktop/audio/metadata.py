"""Metadata carried from a recording to what is made of it, as far as the new format can hold it.

Between files of one family (RIFF, AIFF, Vorbis comments, ID3) everything is carried that stays
true: names, dates, bext, iXML, cue points, pictures, but no peaks, loudness or replay gain. Between
families the common tags and the markers are translated, and what is left behind is told.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

from mutagen import MutagenError

from clapsep_desktop.audio.chunk_metadata import (
    INFO_NAMES,
    Chunks,
    Marker,
    build_cue,
    build_mark,
    with_cue,
)
from clapsep_desktop.audio.excerpt import Excerpt
from clapsep_desktop.audio.formats import AudioInfo, TargetFormat
from clapsep_desktop.audio.iff import channel_mask, set_channel_mask
from clapsep_desktop.audio.metadata_read import (
    FAMILIES,
    ID3_CHUNKS,
    ID3_TEXTS,
    Metadata,
    read,
    remove_frames,
    without_frames,
)
from clapsep_desktop.audio.metadata_write import WRITERS

_MOST_FRAMES = 2**32  # markers in WAV and AIFF lie before it
_POSITIONS = frozenset({b"cue ", b"MARK", b"smpl", b"COMT", b"INST"})  # untrue for a part
_TIMED_ID3 = ("CHAP", "CTOC", "SYLT", "SYTC", "ETCO", "MLLT", "POSS", "SEEK", "ASPI")
_TIMED_TAGS = ("chapter", "cuesheet")
_RIFF_ONLY = {b"bext": "broadcast data (bext)", b"iXML": "iXML data", b"cart": "cart data"}


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
    _carry_loudspeakers(info.path, target)
    try:
        found = read(info) if carry else Metadata(family="")
    except (MutagenError, OSError, ValueError, struct.error):
        found = Metadata(family="")
        notes = [f"The tags of “{name}” could not be read and are not carried over."]
    else:
        notes = []
    if carry:
        found = _marked(found, markers)
    if excerpt is not None:
        if not excerpt.is_whole and _remove_chapters(found):
            notes.append(f"The chapters of “{name}” are not carried over into a part of it.")
        found = _part_of(found, excerpt)
    notes += _left_behind(found, chosen, name)
    write = WRITERS.get(FAMILIES.get(chosen.major, ""))
    if write is None:
        return notes
    try:
        write(found, info, target, chosen, comment)
    except (MutagenError, ValueError, struct.error):
        notes.append(
            f"The tags of “{name}” could not be carried over into {chosen.container.title}."
        )
    return notes


def _carry_loudspeakers(source: Path, target: Path) -> None:
    """Tell which loudspeakers the channels are for, which is no matter of tags."""
    mask = None
    with suppress(OSError):
        mask = channel_mask(source)
    if mask is not None:
        set_channel_mask(target, mask)


def _marked(found: Metadata, markers: Sequence[Marker]) -> Metadata:
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


def _part_of(found: Metadata, excerpt: Excerpt) -> Metadata:
    """What is true of a part of a recording, or of all of it at another rate."""
    markers = [one for one in excerpt.markers(found.markers) if one.frame < _MOST_FRAMES]
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


def _remove_chapters(found: Metadata) -> bool:
    """Take out what speaks of times in the whole recording; whether there was anything."""
    tags = [(key, value) for key, value in found.tags if not key.startswith(_TIMED_TAGS)]
    chunks = [
        (name, without_frames(data, _TIMED_ID3) if name in ID3_CHUNKS else data)
        for name, data in found.chunks
    ]
    are_gone = (tags, chunks) != (found.tags, found.chunks)
    found.tags, found.chunks = tags, chunks
    return (found.id3 is not None and remove_frames(found.id3, _TIMED_ID3)) or are_gone


def _left_behind(found: Metadata, chosen: TargetFormat, name: str) -> list[str]:
    family = FAMILIES.get(chosen.major, "")
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


def _untranslated(found: Metadata, family: str) -> set[str]:
    """Tags that have no name in another family."""
    own = set()
    if found.id3 is not None:
        known = {*ID3_TEXTS, "COMM", "APIC"}
        own = {key for key in found.id3 if key[:4] not in known}
    if family == "vorbis":  # takes any name
        return own
    held = set(INFO_NAMES.values() if family == "riff" else ID3_TEXTS.values())
    return own | {key for key, _ in found.tags} - held - {"comment", "description"}
