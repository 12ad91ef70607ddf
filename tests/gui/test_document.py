from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clapsep_desktop.audio.formats import AudioInfo
from clapsep_desktop.audio.mix import Layer
from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.gui.document import Document, Material
from clapsep_desktop.gui.session_sound import changed_span
from clapsep_desktop.query import Query
from clapsep_desktop.session.history import History
from clapsep_desktop.session.session import Extraction, Marker, Recording, Session
from clapsep_desktop.timebase import Span
from tests.support.signals import noise

RATE, FRAMES = 8_000, 4_000
RECORDING = Recording(Path("rain.wav"), RATE, 1, FRAMES)
SAMPLES = noise(FRAMES)
SPAN = Span(1_000, 2_000)


@pytest.fixture
def document(tmp_path: Path) -> Iterator[Document]:
    document = Document(AudioStore(tmp_path / "store"))
    info = AudioInfo(RECORDING.path, "WAV", "FLOAT", RATE, 1, FRAMES)
    document.open(History.of(Session(RECORDING)), Material(info, ArraySource(SAMPLES, RATE)))
    yield document
    document.close()
    document.store.close()


def rendered(document: Document, span: Span = SPAN, seed: int = 1) -> Extraction:
    with document.store.create(RATE, 1, span.length) as writer:
        writer.write(0, noise(span.length, seed=seed))
        buffer = writer.seal()
    return Extraction(query=Query.of(remove=["rain"]), span=span, buffer=buffer)


def add(document: Document, extraction: Extraction) -> None:
    document.apply(extraction.title, document.session.added(extraction))


def read(document: Document, role: str) -> np.ndarray:
    return document.sources()[role].read(0, FRAMES)


def files(document: Document) -> set[str]:
    return {path.stem for path in document.store.folder.glob("*.wav")}


def test_an_untouched_recording_is_kept_whole(document):
    assert np.array_equal(read(document, "kept"), SAMPLES)
    assert not read(document, "removed").any()
    assert not document.is_dirty


def test_a_long_title_is_whole_in_the_list_of_steps_and_short_in_the_menu(document):
    title = "Keep “a horse & cart on a gravel road, far away, with a river behind it and birds”"
    document.apply(title, document.session.added(rendered(document)))
    assert document.undo_stack.text(0) == title
    assert document.undo_stack.undoText().startswith("Keep “a horse && cart on")
    assert document.undo_stack.undoText().endswith("…")


def test_an_extraction_is_heard_undone_and_redone(document, qtbot):
    extraction = rendered(document)
    with qtbot.waitSignal(document.audio_changed) as told:
        add(document, extraction)
    assert told.args == [SPAN]
    assert document.is_dirty
    assert document.undo_stack.undoText() == "Remove “rain”"
    taken = document.store.open(extraction.buffer).read(0, 1_000)
    kept = read(document, "kept")
    assert np.allclose(kept[1_000:2_000], SAMPLES[1_000:2_000] - taken, atol=1e-7)
    assert np.array_equal(kept[:1_000], SAMPLES[:1_000])
    assert np.array_equal(kept[2_000:], SAMPLES[2_000:])
    assert np.array_equal(read(document, "removed"), SAMPLES - kept)

    document.undo_stack.undo()
    assert np.array_equal(read(document, "kept"), SAMPLES)
    assert files(document) == {extraction.buffer}
    document.undo_stack.redo()
    assert np.array_equal(read(document, "kept"), kept)


def test_only_what_nothing_can_bring_back_is_deleted(document):
    first, second, third = (rendered(document, seed=seed) for seed in (1, 2, 3))
    document.hold([first.buffer, second.buffer, third.buffer])
    add(document, first)
    add(document, second)
    document.undo_stack.undo()
    document.release([first.buffer, second.buffer])
    assert files(document) == {first.buffer, second.buffer, third.buffer}
    add(document, third)  # the step that added the second can no longer be redone
    document.release([third.buffer])
    assert files(document) == {first.buffer, third.buffer}
    document.apply("Delete", document.session.without(first.id))
    assert files(document) == {first.buffer, third.buffer}
    assert document.forget_undo() > 0
    assert files(document) == {third.buffer}
    assert document.is_dirty


def test_steps_of_one_drag_become_one(document):
    extraction = rendered(document)
    add(document, extraction)
    for strength in (0.9, 0.7, 0.4):
        session = document.session.edited(extraction.id, strength=strength)
        document.apply("Strength", session, merge="drag 1")
    session = document.session.edited(extraction.id, strength=0.2)
    document.apply("Strength", session, merge="drag 2")
    assert document.undo_stack.count() == 3
    document.undo_stack.undo()
    assert document.session.find(extraction.id).strength == 0.4
    document.undo_stack.undo()
    assert document.session.find(extraction.id).strength == 1.0


def test_a_drag_that_ends_where_it_began_is_no_step(document):
    extraction = rendered(document)
    add(document, extraction)
    before, steps = document.session, []
    document.history_changed.connect(lambda: steps.append(document.history.titles))
    for strength in (0.9, 1.0):
        session = document.session.edited(extraction.id, strength=strength)
        document.apply("Strength", session, merge="drag 1")
    assert document.session == before
    assert document.undo_stack.undoText() == "Remove “rain”"
    assert steps[-1] == ("Remove “rain”",)
    session = document.session.edited(extraction.id, strength=0.5)
    document.apply("Strength", session, merge="drag 1")  # the drag goes on
    document.undo_stack.undo()
    assert document.session == before


def test_a_session_whose_sound_is_gone_changes_nothing(document):
    lost = Extraction(query=Query.of(remove=["rain"]), span=Span(0, 10), buffer="gone")
    with pytest.raises(KeyError):
        add(document, lost)
    assert document.undo_stack.count() == 0
    assert document.session.extractions == ()


def test_markers_change_no_sound(document, qtbot):
    with qtbot.assertNotEmitted(document.audio_changed):
        document.apply("Add Marker", document.session.marked(Marker(100)))
    assert document.session.markers == (Marker(100),)


def test_a_growing_result_is_heard_until_it_is_finished(document, qtbot):
    with document.store.create(RATE, 1, 1_000) as writer:
        document.grow(Layer(writer, 500, 1.0))
        writer.write(0, SAMPLES[500:1_000])
        with qtbot.waitSignal(document.audio_changed) as told:
            document.grown(Span(500, 1_000))
        assert told.args == [Span(500, 1_000)]
        assert not read(document, "kept")[500:1_000].any()
        with qtbot.waitSignal(document.audio_changed) as told:
            document.stop_growing()
        assert told.args == [Span(500, 1_500)]
    assert np.array_equal(read(document, "kept"), SAMPLES)


def test_an_extraction_hears_what_those_below_it_left(document):
    first, second = rendered(document, seed=1), rendered(document, seed=2)
    document.hold([first.buffer, second.buffer])
    add(document, first)
    after_first = read(document, "kept")
    add(document, second)
    assert np.array_equal(document.heard_by(first.id).read(0, FRAMES), SAMPLES)
    assert np.array_equal(document.heard_by(second.id).read(0, FRAMES), after_first)
    assert np.array_equal(document.heard_by().read(0, FRAMES), read(document, "kept"))


def test_closing_deletes_all_and_lets_the_file_go(document, qtbot):
    closed = []
    document.material = replace(document.material, close=lambda: closed.append(True))
    add(document, rendered(document))
    with qtbot.waitSignals([document.closed, document.dirty_changed]):
        document.close()
    assert closed == [True]
    assert files(document) == set()
    assert not document.sources()
    assert not document.is_dirty


def test_another_recording_waits_for_no_file_to_be_closed(document):
    gate, closed = threading.Event(), []

    def close() -> None:
        assert gate.wait(20)
        closed.append(threading.current_thread())

    material = document.material
    document.material = replace(material, close=close)
    document.open(History.of(Session(RECORDING)), material)
    assert document.is_open
    assert closed == []
    gate.set()
    document.close()
    assert len(closed) == 1
    assert closed[0] is not threading.main_thread()


def test_the_sources_stay_the_same_while_nothing_changes(document):
    before = document.sources()
    assert document.sources() is before
    add(document, rendered(document))
    assert document.sources() is not before


def test_saving_makes_it_clean_and_undo_dirty_again(document):
    add(document, rendered(document))
    document.undo_stack.setClean()
    assert not document.is_dirty
    document.undo_stack.undo()
    assert document.is_dirty
    document.undo_stack.redo()
    assert not document.is_dirty


def test_a_history_comes_back_with_its_undo_steps(document, qtbot):
    first, second = rendered(document, seed=1), rendered(document, seed=2)
    document.hold([first.buffer, second.buffer])
    add(document, first)
    add(document, second)
    document.undo_stack.undo()
    history, kept = document.history, read(document, "kept")
    with qtbot.waitSignals([document.closed, document.opened]):
        document.open(history, document.material, Path("rain.clapsep"))
    document.release([first.buffer, second.buffer])
    assert document.history == history
    assert not document.is_dirty
    assert np.array_equal(read(document, "kept"), kept)
    document.undo_stack.redo()
    assert document.session.extractions == (first, second)
    document.undo_stack.undo()
    document.undo_stack.undo()
    assert np.array_equal(read(document, "kept"), SAMPLES)


def test_a_history_whose_sound_is_gone_leaves_what_is_open(document):
    lost = Extraction(query=Query.of(remove=["rain"]), span=SPAN, buffer="gone")
    history = History.of(Session(RECORDING, (lost,)))
    with pytest.raises(KeyError):
        document.open(history, document.material)
    assert document.session == Session(RECORDING)


# -- Where two sessions differ -----------------------------------------------------------------

spans = st.tuples(st.integers(0, 18), st.integers(1, 5)).map(
    lambda pair: Span(pair[0], min(pair[0] + pair[1], 20))
)
extractions = st.builds(
    Extraction,
    query=st.just(Query.of(remove=["rain"])),
    span=spans,
    strength=st.sampled_from([0.0, 0.5, 1.0]),
    enabled=st.booleans(),
    buffer=st.sampled_from(["a", "b", "c"]),
)
sessions = st.lists(extractions, max_size=4).map(
    lambda some: Session(Recording(Path("x.wav"), 10, 1, 20), tuple(some))
)


@given(sessions, sessions)
def test_two_sessions_sound_the_same_outside_what_differs(before, after):
    def parts(session: Session, frame: int) -> list[tuple[str, int, float]]:
        return [
            (one.buffer, frame - one.span.start, one.strength)
            for one in session.below()
            if one.span.start <= frame < one.span.stop
        ]

    span = changed_span(before, after)
    assert span == changed_span(after, before)
    for frame in range(20):
        if span is None or not span.start <= frame < span.stop:
            assert parts(before, frame) == parts(after, frame)


@given(sessions)
def test_a_session_does_not_differ_from_itself(session):
    assert changed_span(session, session) is None


def deleted_steps(document: Document, count: int) -> None:
    """Extractions that were deleted again: only undo needs their buffers."""
    for seed in range(count):
        extraction = rendered(document, seed=seed)
        add(document, extraction)
        document.apply("Delete", document.session.without(extraction.id))


def test_undo_steps_make_room_for_a_result(document, qtbot):
    deleted_steps(document, 3)
    kept = rendered(document, seed=9)
    add(document, kept)
    heard, one = read(document, "kept"), document.store.size(kept.buffer)
    document.store.budget = 4 * one
    with qtbot.waitSignal(document.history_changed):
        assert document.make_room(2 * one) > 0
    assert document.store.used <= 2 * one
    assert document.is_dirty
    assert np.array_equal(read(document, "kept"), heard)
    assert kept.buffer in files(document)
    document.undo_stack.undo()
    assert document.session.extractions == ()


def test_where_there_is_room_no_step_goes(document):
    deleted_steps(document, 2)
    assert document.make_room(1 << 40) == 0
    document.store.budget = 1 << 30
    assert document.make_room(1_000) == 0
    assert document.undo_stack.count() == 4


def test_where_all_steps_would_not_be_enough_none_goes(document):
    deleted_steps(document, 2)
    document.store.budget = document.store.used
    assert document.make_room(document.store.budget + 1) == 0
    assert document.undo_stack.count() == 4


def test_a_saved_state_stays_saved_when_room_is_made(document):
    deleted_steps(document, 2)
    document.undo_stack.setClean()
    document.store.budget = document.store.used
    assert document.make_room(1_000) > 0
    assert not document.is_dirty


def test_results_can_lie_in_another_store(document, tmp_path, qtbot):
    extraction = rendered(document)
    add(document, extraction)
    heard, old = read(document, "kept"), document.store
    other = AudioStore(tmp_path / "other")
    other.adopt(extraction.buffer, old.path(extraction.buffer))
    with qtbot.waitSignal(document.audio_changed):
        document.use_store(other)
    old.close()
    assert np.array_equal(read(document, "kept"), heard)
    document.undo_stack.undo()
    document.undo_stack.redo()
    assert np.array_equal(read(document, "kept"), heard)
