"""What a recording says of itself survives, as far as the new file can hold it."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile
from mutagen import id3
from mutagen.flac import FLAC, Picture
from mutagen.mp3 import MP3
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis

from clapsep_desktop.audio import chunk_metadata, metadata
from clapsep_desktop.audio.chunk_metadata import Marker
from clapsep_desktop.audio.excerpt import Excerpt
from clapsep_desktop.audio.export import ExportResult, PairWriter, export_pair
from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.audio.iff import append_chunks, read_chunks
from clapsep_desktop.timebase import Span
from tests.support.sounds import noisy_tone, write_sound

NOTE = 'kept "a dog, barking"'
MARKERS = [Marker(1, 100, "Anfang"), Marker(2, 2_000, ""), Marker(7, 2_500, "Ende, 終わり")]
PICTURE_DATA = b"\x89PNG\r\n\x1a\n" + bytes(100)


def bext() -> bytes:
    """A bext chunk as a field recorder writes it, with a loudness."""
    fixed = bytearray(602)
    fixed[:12] = b"Waldrand, 5h"
    fixed[256:264] = b"Recorder"
    fixed[320:330] = b"2024-05-01"
    fixed[338:346] = struct.pack("<Q", 1_728_000_000)
    fixed[346:348] = struct.pack("<H", 2)
    fixed[412:422] = struct.pack("<5h", -2_300, 500, -100, -2_000, -2_100)
    return bytes(fixed) + b"A=PCM,F=48000,W=24,M=stereo,T=Recorder\r\n"


def info_chunk() -> bytes:
    return chunk_metadata.build_info([("title", "Wald"), ("artist", "Jürgen"), ("comment", "früh")])


WAV_CHUNKS = [
    (b"bext", bext()),
    (b"iXML", b'<?xml version="1.0"?><BWFXML><SCENE>4</SCENE></BWFXML>'),
    *chunk_metadata.build_cue(MARKERS),
    (b"LIST", info_chunk()),
    (b"JUNK", bytes(10)),
]


def tagged_wav(path: Path, container: str = "WAV", channels: int = 1) -> Path:
    write_sound(path, noisy_tone(3_001, channels), container=container, subtype="PCM_24")
    append_chunks(path, WAV_CHUNKS)
    return path


def export(source: Path, target: Path, comment: str = NOTE) -> ExportResult:
    with AudioFile(source) as file:
        return export_pair(file, file.info, [], kept=target, comment=comment)


def chunks(path: Path) -> list[tuple[bytes, bytes]]:
    data = path.read_bytes()
    return [
        (chunk.name, data[chunk.offset : chunk.offset + chunk.size])
        for chunk in read_chunks(io.BytesIO(data))
    ]


@pytest.mark.parametrize(("container", "extension"), [("WAV", ".wav"), ("RF64", ".rf64")])
def test_wav_to_wav_keeps_chunks_byte_for_byte(tmp_path, container, extension):
    source = tagged_wav(tmp_path / f"a{extension}", container)
    result = export(source, tmp_path / f"k{extension}")
    found = dict(chunks(tmp_path / f"k{extension}"))
    assert found[b"iXML"] == dict(WAV_CHUNKS)[b"iXML"]
    assert found[b"cue "] == dict(WAV_CHUNKS)[b"cue "]
    assert b"JUNK" not in found
    assert result.notes == ()
    labels = [data for name, data in chunks(result.kept) if data[:4] == b"adtl"]
    assert chunk_metadata.parse_cue(found[b"cue "], labels) == MARKERS


OWN = [Marker(1, 50, "gate"), Marker(2, 2_000, ""), Marker(3, 2_600, "狗"), Marker(4, 2**33, "")]
"""Markers of a session: the second is in `MARKERS` as well, the last where no file can hold it."""


def with_own(source: Path, target: Path, **options: object) -> ExportResult:
    with AudioFile(source) as file:
        writer = PairWriter(file, file.info, kept=target, markers=OWN, comment=NOTE, **options)
        with writer:
            whole = file.read(0, file.frames)
            writer.write(Span(0, file.frames), whole, whole)
            return writer.finish()


def test_markers_of_a_session_stand_beside_those_of_the_file(tmp_path):
    with_own(tagged_wav(tmp_path / "a.wav"), tmp_path / "k.wav")
    found = chunks(tmp_path / "k.wav")
    labels = [data for _, data in found if data[:4] == b"adtl"]
    assert len(labels) == len([name for name, _ in found if name == b"cue "]) == 1
    every = chunk_metadata.parse_cue(dict(found)[b"cue "], labels)
    assert every == [*MARKERS, Marker(3, 50, "gate"), Marker(4, 2_600, "狗")]


@pytest.mark.parametrize("broken", [b"", b"\xff\xff\xff", struct.pack("<I", 9) + bytes(30)])
def test_a_broken_list_of_markers_hides_no_further_ones(tmp_path, broken):
    path = write_sound(tmp_path / "a.wav", noisy_tone(3_000), subtype="PCM_16")
    append_chunks(path, [(b"cue ", broken)])
    with_own(path, tmp_path / "k.wav")
    found = chunks(tmp_path / "k.wav")
    labels = [data for _, data in found if data[:4] == b"adtl"]
    every = chunk_metadata.parse_cue(dict(found)[b"cue "], labels)
    assert [one.frame for one in every if one.label] == [50, 2_600]


def test_markers_of_a_session_go_into_other_formats_or_are_told(tmp_path):
    path = write_sound(tmp_path / "a.wav", noisy_tone(3_000), subtype="PCM_16")
    assert with_own(path, tmp_path / "k.aiff").notes == ()
    marks = chunk_metadata.parse_mark(dict(chunks(tmp_path / "k.aiff"))[b"MARK"])
    assert [(one.frame, one.label) for one in marks] == [(50, "gate"), (2_000, ""), (2_600, "狗")]
    (note,) = with_own(path, tmp_path / "k.flac").notes
    assert "no place for what “a.wav” holds of: markers" in note
    (again,) = with_own(tmp_path / "k.flac", tmp_path / "again.flac").notes
    assert "markers" in again
    with_own(tmp_path / "k.flac", tmp_path / "back.wav")
    assert b"cue " in dict(chunks(tmp_path / "back.wav"))
    with_own(path, tmp_path / "bare.wav", metadata=False)
    assert b"cue " not in dict(chunks(tmp_path / "bare.wav"))


def test_a_file_with_chunks_reads_the_same_and_declares_its_true_length(tmp_path):
    source = tagged_wav(tmp_path / "a.wav")
    export(source, tmp_path / "k.wav")
    for path in (source, tmp_path / "k.wav"):
        assert struct.unpack_from("<I", path.read_bytes(), 4)[0] == path.stat().st_size - 8
    np.testing.assert_array_equal(
        soundfile.read(source, dtype="int32")[0],
        soundfile.read(tmp_path / "k.wav", dtype="int32")[0],
    )


def test_bext_stays_true(tmp_path):
    export(tagged_wav(tmp_path / "a.wav"), tmp_path / "k.wav")
    data = dict(chunks(tmp_path / "k.wav"))[b"bext"]
    assert data[:412] == bext()[:412]
    assert struct.unpack_from("<5h", data, 412) == (0x7FFF,) * 5
    first, second, rest = data[602:].split(b"\r\n")
    assert first.endswith(b"T=Recorder")
    assert second == b'A=PCM,F=48000,W=24,M=mono,T=kept "a dog; barking"'
    assert rest == b""


def test_the_note_joins_the_comment_and_leaves_the_other_tags(tmp_path):
    export(tagged_wav(tmp_path / "a.wav"), tmp_path / "k.wav")
    lists = [data for _, data in chunks(tmp_path / "k.wav") if data[:4] == b"INFO"]
    assert len(lists) == 1
    assert dict(chunk_metadata.parse_info(lists[0])) == {
        "title": "Wald",
        "artist": "Jürgen",
        "comment": f"früh; {NOTE}",
    }


def test_a_plain_wav_gets_the_note_and_no_note_leaves_it_plain(tmp_path):
    source = write_sound(tmp_path / "a.wav", noisy_tone(10))
    export(source, tmp_path / "k.wav")
    assert chunk_metadata.parse_info(dict(chunks(tmp_path / "k.wav"))[b"LIST"]) == [
        ("comment", NOTE)
    ]
    export(source, tmp_path / "k.wav", comment="")
    assert [name for name, _ in chunks(tmp_path / "k.wav")] == [b"fmt ", b"data"]


def test_loudspeaker_positions_are_kept(tmp_path):
    source = write_sound(tmp_path / "a.wav", noisy_tone(50, 6), container="WAVEX")
    data = bytearray(source.read_bytes())
    place = data.index(b"fmt ") + 8 + 20
    data[place : place + 4] = struct.pack("<I", 0x60F)
    source.write_bytes(data)
    for metadata_too in (True, False):
        with_own(source, tmp_path / "k.wav", metadata=metadata_too)
        assert dict(chunks(tmp_path / "k.wav"))[b"fmt "][20:24] == struct.pack("<I", 0x60F)


def test_aiff_to_aiff_keeps_texts_and_markers(tmp_path):
    source = write_sound(tmp_path / "a.aiff", noisy_tone(3_001, 1), container="AIFF")
    told = [(b"NAME", b"Wald"), (b"(c) ", b"2024"), *chunk_metadata.build_mark(MARKERS)]
    append_chunks(source, told)
    result = export(source, tmp_path / "k.aiff")
    found = chunks(tmp_path / "k.aiff")
    assert [entry for entry in found if entry[0] not in {b"COMM", b"SSND", b"FVER"}] == [
        *told,
        (b"ANNO", NOTE.encode()),
    ]
    assert result.notes == ()
    np.testing.assert_array_equal(soundfile.read(source)[0], soundfile.read(tmp_path / "k.aiff")[0])


def test_markers_cross_between_wav_and_aiff(tmp_path):
    export(tagged_wav(tmp_path / "a.wav"), tmp_path / "b.aiff")
    marks = chunk_metadata.parse_mark(dict(chunks(tmp_path / "b.aiff"))[b"MARK"])
    assert [(mark.frame, mark.label) for mark in marks] == [
        (mark.frame, mark.label) for mark in MARKERS
    ]
    assert str(mutagen.File(tmp_path / "b.aiff").tags["TIT2"]) == "Wald"
    export(tmp_path / "b.aiff", tmp_path / "c.wav", comment="")
    found = chunks(tmp_path / "c.wav")
    labels = [data for name, data in found if name == b"LIST"]
    again = chunk_metadata.parse_cue(dict(found)[b"cue "], labels)
    assert [(mark.frame, mark.label) for mark in again] == [
        (mark.frame, mark.label) for mark in MARKERS
    ]
    assert ("title", "Wald") in chunk_metadata.parse_info(labels[0])


def test_wav_to_flac_translates_tags_and_tells_what_stays_behind(tmp_path):
    result = export(tagged_wav(tmp_path / "a.wav"), tmp_path / "k.flac")
    tags = FLAC(tmp_path / "k.flac").tags
    assert tags["title"] == ["Wald"]
    assert tags["comment"] == ["früh", NOTE]
    assert tags["description"] == ["Waldrand, 5h"]
    assert tags["date"] == ["2024-05-01"]
    assert len(result.notes) == 1
    for lost in ("bext", "iXML", "markers"):
        assert lost in result.notes[0]


def picture() -> Picture:
    made = Picture()
    made.type, made.mime, made.desc, made.data = 3, "image/png", "Hülle", PICTURE_DATA
    return made


@pytest.fixture
def flac(tmp_path) -> Path:
    path = write_sound(tmp_path / "a.flac", noisy_tone(3_001), container="FLAC")
    file = FLAC(path)
    file["title"] = ["Wald"]
    file["artist"] = ["Jürgen", "雨"]
    file["mood"] = "calm"
    file["replaygain_track_gain"] = "-3 dB"
    file.add_picture(picture())
    file.save()
    return path


@pytest.mark.parametrize("extension", [".flac", ".ogg", ".opus"])
def test_vorbis_comments_and_pictures_are_kept_but_no_replay_gain(tmp_path, flac, extension):
    target = tmp_path / f"k{extension}"
    export(flac, target)
    kind = {".flac": FLAC, ".ogg": OggVorbis, ".opus": OggOpus}[extension]
    file = kind(target)
    names = [name for name, _ in file.tags if name in ("title", "artist", "mood", "comment")]
    assert names == ["title", "artist", "artist", "mood", "comment"]
    assert file["artist"] == ["Jürgen", "雨"]
    assert file["mood"] == ["calm"]
    assert file["comment"] == [NOTE]
    assert "replaygain_track_gain" not in file
    # And back again: the picture must have survived the way.
    export(target, tmp_path / "back.flac", comment="")
    (found,) = FLAC(tmp_path / "back.flac").pictures
    assert (found.data, found.desc, found.type) == (PICTURE_DATA, "Hülle", 3)


def test_id3_is_kept_whole_and_translated(tmp_path, flac):
    export(flac, tmp_path / "a.mp3")
    file = MP3(tmp_path / "a.mp3")
    assert file.tags["TPE1"].text == ["Jürgen", "雨"]
    assert file.tags.getall("APIC")[0].data == PICTURE_DATA
    assert [str(frame) for frame in file.tags.getall("COMM")] == [NOTE]
    file.tags.add(id3.TXXX(encoding=3, desc="mood", text=["calm"]))
    file.tags.add(id3.TXXX(encoding=3, desc="replaygain_track_gain", text=["-3 dB"]))
    file.save()
    export(tmp_path / "a.mp3", tmp_path / "b.mp3", comment="second")
    tags = MP3(tmp_path / "b.mp3").tags
    assert tags["TXXX:mood"].text == ["calm"]
    assert "TXXX:replaygain_track_gain" not in tags
    assert tags["TIT2"].text == ["Wald"]
    assert "second" in [str(frame) for frame in tags.getall("COMM")]
    result = export(tmp_path / "a.mp3", tmp_path / "c.wav", comment="")
    found = dict(chunk_metadata.parse_info(dict(chunks(tmp_path / "c.wav"))[b"LIST"]))
    assert found["artist"] == "Jürgen; 雨"
    assert "pictures" in result.notes[0]


def id3_chunk(*frames: id3.Frame, version: int = 4) -> bytes:
    tags = id3.ID3()
    tags.add(id3.TIT2(encoding=3, text=["Wald"]))
    for frame in frames:
        tags.add(frame)
    if version == 3:
        tags.update_to_v23()
    made = io.BytesIO()
    tags.save(made, v2_version=version, padding=lambda _: 0)
    return made.getvalue()


GAIN = id3.TXXX(encoding=3, desc="replaygain_track_gain", text=["-3 dB"])
CHAPTER = id3.CHAP(element_id="one", start_time=0, end_time=20, start_offset=0, end_offset=0)


@pytest.mark.parametrize("container", ["WAV", "AIFF"])
@pytest.mark.parametrize("version", [3, 4])
def test_tags_in_a_chunk_are_carried_as_they_are_but_for_replay_gain(tmp_path, container, version):
    extension = f".{container.lower()}"
    source = write_sound(tmp_path / f"a{extension}", noisy_tone(3_000), container=container)
    mood = id3.TXXX(encoding=3, desc="mood", text=["calm"])
    for frames in ((mood,), (mood, GAIN)):
        append_chunks(source, [(b"ID3 ", id3_chunk(*frames, version=version))])
        export(source, tmp_path / f"k{extension}")
        found = [data for name, data in chunks(tmp_path / f"k{extension}") if name == b"ID3 "]
        tags = id3.ID3(io.BytesIO(found[-1]))
        assert (tags.version[1], set(tags)) == (version, {"TIT2", "TXXX:mood"})
    assert found[0] == id3_chunk(mood, version=version)


def test_chapters_are_true_of_the_whole_alone(tmp_path, flac):
    source = write_sound(tmp_path / "a.wav", noisy_tone(3_000), subtype="PCM_16")
    append_chunks(source, [(b"id3 ", id3_chunk(CHAPTER))])
    file = FLAC(flac)
    file["chapter001"], file["CUESHEET"] = "00:00:00.000", "FILE"
    file.save()
    export(flac, tmp_path / "a.mp3")
    mp3 = MP3(tmp_path / "a.mp3")
    mp3.tags.add(CHAPTER)
    mp3.save()

    def said(path: Path, excerpt: Excerpt) -> str:
        with_own(path, tmp_path / f"k{path.suffix}", excerpt=excerpt)
        return (tmp_path / f"k{path.suffix}").read_bytes().decode("latin-1")

    for path, word in ((source, "CHAP"), (flac, "chapter001"), (tmp_path / "a.mp3", "CHAP")):
        assert word in said(path, Excerpt(Span(0, 3_001), 48_000, 44_100, is_whole=True))
        assert word not in said(path, Excerpt(Span(0, 3_001), 48_000, 48_000))
        part = Excerpt(Span(0, 3_001), 48_000, 48_000)
        notes = with_own(path, tmp_path / f"k{path.suffix}", excerpt=part).notes
        assert f"The chapters of “{path.name}” are not carried over into a part of it." in notes


@pytest.mark.parametrize("extension", [".wav", ".aiff", ".mp3"])
def test_tags_that_another_family_has_no_name_for_are_told(tmp_path, flac, extension):
    result = export(flac, tmp_path / f"k{extension}")
    assert [note for note in result.notes if "mood" in note]
    assert not [note for note in result.notes if "artist" in note or "replaygain" in note]


def test_tags_of_an_mp3_that_have_no_name_elsewhere_are_told(tmp_path, flac):
    export(flac, tmp_path / "a.mp3")
    file = MP3(tmp_path / "a.mp3")
    file.tags.add(id3.TXXX(encoding=3, desc="mood", text=["calm"]))
    file.tags.add(id3.TXXX(encoding=3, desc="replaygain_track_gain", text=["-3 dB"]))
    file.save()
    (note,) = export(tmp_path / "a.mp3", tmp_path / "k.flac").notes
    assert "TXXX:mood" in note
    assert "gain" not in note


def test_a_description_is_a_comment_where_there_is_no_other_place(tmp_path, flac):
    file = FLAC(flac)
    file["description"] = "at dawn"
    file.save()
    export(flac, tmp_path / "k.wav", comment="")
    (info,) = [data for name, data in chunks(tmp_path / "k.wav") if name == b"LIST"]
    assert ("comment", "at dawn") in chunk_metadata.parse_info(info)


def test_a_format_without_metadata_says_so_once_for_the_pair(tmp_path):
    source = tagged_wav(tmp_path / "a.wav")
    with AudioFile(source) as file:
        result = export_pair(
            file, file.info, [], kept=tmp_path / "k.w64", removed=tmp_path / "r.w64", comment=NOTE
        )
    assert result.notes == ("W64 has no place for the tags and markers of “a.wav”.",)


def test_damaged_tags_cost_no_sound(tmp_path):
    source = write_sound(tmp_path / "a.wav", noisy_tone(100))
    broken = [(b"id3 ", b"ID3\x04\0\0\0\0\x7f\x7fbroken"), (b"cue ", b"\xff\xff\xff")]
    append_chunks(source, [*broken, (b"iXML", b"<BWFXML/>")])
    export(source, tmp_path / "k.wav")
    assert soundfile.info(tmp_path / "k.wav").frames == 100
    assert dict(chunks(tmp_path / "k.wav"))[b"iXML"] == b"<BWFXML/>"


def test_tags_that_cannot_be_read_are_told_and_cost_no_sound(tmp_path, flac, monkeypatch):
    def fail(*_args):
        raise mutagen.MutagenError("broken")

    monkeypatch.setattr(metadata, "read", fail)
    result = export(flac, tmp_path / "k.flac")
    assert result.notes == ("The tags of “a.flac” could not be read and are not carried over.",)
    assert FLAC(tmp_path / "k.flac")["comment"] == [NOTE]
