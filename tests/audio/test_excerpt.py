"""What metadata says of positions stays true for a part of a recording and at another rate."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.audio import chunk_metadata
from clapsep_desktop.audio.chunk_metadata import Marker
from clapsep_desktop.audio.excerpt import Excerpt
from clapsep_desktop.audio.export_plan import ExportMaterial, ExportSettings
from clapsep_desktop.audio.export_sources import export_sources
from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.audio.iff import append_chunks, read_chunks
from clapsep_desktop.audio.rendition import SilentSource
from clapsep_desktop.timebase import Span
from tests.support.sounds import noisy_tone, write_sound

RATE = 48_000
IXML = (
    b"<BWFXML><SPEED><FILE_SAMPLE_RATE>48000</FILE_SAMPLE_RATE>"
    b"<TIMESTAMP_SAMPLE_RATE>48000</TIMESTAMP_SAMPLE_RATE>"
    b"<DIGITIZER_SAMPLE_RATE>48000</DIGITIZER_SAMPLE_RATE>"
    b"<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>1</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>"
    b"<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>100</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO></SPEED>"
    b"<SCENE>4</SCENE></BWFXML>"
)
MARKERS = [Marker(1, 100, "before"), Marker(2, 12_000, "inside"), Marker(3, 40_000, "behind")]


def bext(start: int) -> bytes:
    fixed = bytearray(602)
    fixed[338:346] = struct.pack("<Q", start)
    fixed[346] = 1
    return bytes(fixed)


def exported(tmp_path, extension=".wav", source=".wav", **settings) -> dict[bytes, bytes]:
    """The chunks of a file that holds the frames 10 000 to 20 000 of a tagged one."""
    path = tmp_path / f"source{source}"
    kind = {".wav": "WAV", ".aiff": "AIFF"}[source]
    write_sound(path, noisy_tone(48_000, 1), RATE, kind, "PCM_16")
    if kind == "WAV":
        cues = chunk_metadata.build_cue(MARKERS)
        append_chunks(path, [(b"bext", bext(1_000)), (b"iXML", IXML), *cues, (b"smpl", bytes(36))])
    else:
        append_chunks(path, chunk_metadata.build_mark(MARKERS))
    with AudioFile(path) as file:
        made = ExportMaterial(
            file.info, file, file, SilentSource(file), selection=Span(10_000, 20_000), comment="x"
        )
        asked = ExportSettings(tmp_path, "out", extension, **{"range": "selection", **settings})
        for _ in export_sources(made, asked):
            pass
    data = (tmp_path / f"out{extension}").read_bytes()
    return {
        chunk.name if data[chunk.offset :][:4] != b"adtl" else b"adtl": data[
            chunk.offset : chunk.offset + chunk.size
        ]
        for chunk in read_chunks(io.BytesIO(data))
    }


def cues(found: dict[bytes, bytes]) -> list[Marker]:
    return chunk_metadata.parse_cue(found[b"cue "], [found[b"adtl"]])


def test_markers_and_times_of_a_part(tmp_path):
    found = exported(tmp_path)
    assert cues(found) == [Marker(2, 2_000, "inside")]
    assert struct.unpack_from("<Q", found[b"bext"], 338) == (11_000,)
    assert b"_LO>10100</" in found[b"iXML"]
    assert b"_HI>1</" in found[b"iXML"]
    assert b"<SCENE>4</SCENE>" in found[b"iXML"]
    assert b"smpl" not in found


def test_markers_and_times_at_another_rate(tmp_path):
    found = exported(tmp_path, rate=96_000)
    assert cues(found) == [Marker(2, 4_000, "inside")]
    assert struct.unpack_from("<Q", found[b"bext"], 338) == (22_000,)
    since_midnight = 2 * ((1 << 32) + 10_100)
    assert b"_HI>%d</" % (since_midnight >> 32) in found[b"iXML"]
    assert b"_LO>%d</" % (since_midnight & 0xFFFF_FFFF) in found[b"iXML"]
    assert found[b"iXML"].count(b">96000</") == 2  # the digitizer's stays


def test_the_whole_at_its_own_rate_keeps_every_chunk(tmp_path):
    found = exported(tmp_path, range="all")
    assert cues(found) == MARKERS
    assert found[b"iXML"] == IXML
    assert found[b"smpl"] == bytes(36)


def test_markers_of_aiff(tmp_path):
    found = exported(tmp_path, ".aiff", ".aiff", rate=24_000)
    assert chunk_metadata.parse_mark(found[b"MARK"]) == [Marker(1, 1_000, "inside")]


def test_without_metadata_only_the_note_is_there(tmp_path):
    found = exported(tmp_path, metadata=False)
    assert not {b"bext", b"iXML", b"cue ", b"smpl"} & set(found)
    assert chunk_metadata.parse_info(found[b"LIST"]) == [("comment", "x")]


@given(st.binary(max_size=700), st.integers(0, 2**64 - 1))
def test_whatever_a_chunk_holds_it_keeps_its_form(data, start):
    excerpt = Excerpt(Span(5, 10), RATE, 96_000)
    assert len(excerpt.bext(data)) == len(data)
    excerpt.ixml(data)
    assert len(excerpt.bext(bext(start))) == 602
    assert b"99" not in excerpt.ixml(b"<FILE_SAMPLE_RATE>48000</FILE_SAMPLE_RATE>")


@pytest.mark.parametrize("number", [b"-1", b"1e5", b"", b"9" * 5_000])
def test_times_that_are_no_numbers_are_left_alone(number):
    name = b"TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO"
    data = b"<%s>%s</%s>" % (name, number, name)
    assert Excerpt(Span(5, 10), RATE, RATE).ixml(data) == data
