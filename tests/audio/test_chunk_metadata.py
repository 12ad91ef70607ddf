"""Metadata chunks of WAV and AIFF: what is built is parsed again, and any bytes are met."""

from __future__ import annotations

import io
import struct

from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.audio import chunk_metadata
from clapsep_desktop.audio.chunk_metadata import Marker
from clapsep_desktop.audio.iff import read_chunks


def test_an_older_bext_has_no_loudness_to_unset():
    older = bytearray(602)
    older[346:348] = struct.pack("<H", 1)
    older[412:422] = b"reserved.."
    assert chunk_metadata.processed_bext(bytes(older), "A=PCM", "") == older
    assert chunk_metadata.processed_bext(b"short", "A=PCM", "x") == b"short"


MARKER_LISTS = st.lists(
    st.builds(
        Marker,
        number=st.integers(1, 30_000),
        frame=st.integers(0, 2**32 - 1),
        label=st.text(st.characters(exclude_categories=["C", "Z"]), max_size=40),
    ),
    max_size=20,
    unique_by=lambda marker: marker.number,
)


@given(MARKER_LISTS)
def test_markers_survive_cue_and_mark_chunks(markers):
    cue, *lists = chunk_metadata.build_cue(markers)
    assert chunk_metadata.parse_cue(cue[1], [data for _, data in lists]) == markers
    (mark,) = chunk_metadata.build_mark(markers)
    assert [(marker.frame, marker.label) for marker in chunk_metadata.parse_mark(mark[1])] == [
        (marker.frame, marker.label) for marker in markers
    ]


def test_a_label_too_long_for_aiff_ends_with_a_whole_character():
    (mark,) = chunk_metadata.build_mark([Marker(1, 5, "x" + "雨" * 100)])
    (found,) = chunk_metadata.parse_mark(mark[1])
    assert found.label == "x" + "雨" * 84


@given(st.binary(max_size=200))
def test_parsers_take_any_bytes(data):
    chunk_metadata.parse_cue(data, [b"adtl" + data])
    chunk_metadata.parse_mark(data)
    chunk_metadata.parse_info(b"INFO" + data)
    chunk_metadata.bext_tags(data)
    chunk_metadata.processed_bext(data, "A=PCM", "x")
    list(read_chunks(io.BytesIO(b"RIFF\0\0\0\0WAVE" + data)))
    list(read_chunks(io.BytesIO(b"FORM\0\0\0\0AIFF" + data)))
    list(read_chunks(io.BytesIO(b"riff" + bytes(36) + data)))
