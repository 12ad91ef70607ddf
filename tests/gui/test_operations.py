from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.errors import AudioWriteError, DeviceError, ModelMissingError
from clapsep_desktop.gui.document import Document
from clapsep_desktop.gui.jobs import JobRunner
from clapsep_desktop.gui.operations import rendering
from clapsep_desktop.gui.operations.operations import Operations
from clapsep_desktop.gui.requests import ExtractionRequest
from clapsep_desktop.query import Query
from clapsep_desktop.session.autosave import FinishedStep
from clapsep_desktop.session.session import Marker
from clapsep_desktop.timebase import Span
from tests.support.separating import TinyModels
from tests.support.sounds import noisy_tone, write_sound

RATE, FRAMES = 16_000, 48_000
SPAN = Span(8_000, 40_000)


class Bench:
    """A document with operations on it, as the main window has them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.document = Document(AudioStore(folder / "store"))
        self.runner = JobRunner()
        self.gate: threading.Event | None = None
        self.fail: dict[str, Exception] = {}
        self.made: list[str] = []
        self.operations = Operations(self.document, self.runner, models=self._models)
        self.troubles: list[object] = []
        self.operations.troubled.connect(self.troubles.append)

    def _models(self, device: str, notify: Callable[[str], None]) -> TinyModels:
        self.made.append(device)
        return TinyModels(notify, self.gate, self.fail)

    def close(self) -> None:
        if self.gate:
            self.gate.set()
        self.runner.close()
        self.document.close()
        self.document.store.close()

    def read(self, role: str) -> np.ndarray:
        return self.document.sources()[role].read(0, self.document.session.recording.frames)

    @property
    def stored(self) -> set[str]:
        files = (self.folder / "store").iterdir()
        return {path.name for path in files if path.suffix in (".wav", ".part")}

    @property
    def only(self):
        (extraction,) = self.document.session.extractions
        return extraction


def request(span: Span = SPAN, **changes: object) -> ExtractionRequest:
    fixed = ExtractionRequest(Query.of(keep=["a dog"]), span, model="mini")
    return replace(fixed, **changes)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_sound(tmp_path / "rain.wav", noisy_tone(FRAMES, 2, RATE), RATE)


@pytest.fixture
def bench(qtbot, tmp_path: Path, recording: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    with qtbot.waitSignal(bench.document.opened):
        bench.operations.open_file(recording)
    yield bench
    bench.close()


def extract(bench: Bench, qtbot, **changes: object) -> None:
    with qtbot.waitSignal(bench.operations.extracted, timeout=20_000):
        bench.operations.extract(request(**changes))


# -- Opening -----------------------------------------------------------------------------------


def test_opening_shows_a_recording(bench, recording):
    assert bench.document.session.recording.path == recording
    assert bench.document.session.recording.frames == FRAMES
    assert np.array_equal(bench.read("original"), bench.read("kept"))


def test_a_coded_file_is_decoded_once_and_read_anywhere(bench, qtbot, tmp_path):
    path = write_sound(tmp_path / "a.ogg", noisy_tone(80_000, 1), 16_000, "OGG", "VORBIS")
    with qtbot.waitSignal(bench.document.opened):
        bench.operations.open_file(path)
    source = bench.document.sources()["original"]
    whole = source.read(0, source.frames)
    assert np.array_equal(source.read(50_000, 50_100), whole[50_000:50_100])


def test_a_file_that_cannot_be_opened_leaves_the_one_that_is_shown(bench, qtbot, tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound at all")
    session = bench.document.session
    with qtbot.waitSignal(bench.operations.troubled) as told:
        bench.operations.open_file(broken)
    assert "broken.wav" in told.args[0].sentence
    assert told.args[0].ways[0].action == "open"
    assert bench.document.session is session
    assert bench.read("original").any()


# -- Extracting --------------------------------------------------------------------------------


def test_an_extraction_is_a_step_that_adds_up(bench, qtbot):
    plans, devices = [], []
    bench.operations.planned.connect(plans.append)
    bench.operations.computes_on.connect(devices.append)
    extract(bench, qtbot)
    extraction = bench.only
    assert extraction.is_rendered
    assert extraction.model == "mini"
    assert extraction.plan
    assert len(extraction.vectors) == 1
    assert extraction.seconds > 0
    assert plans == ["Mini: keep “a dog”"]
    assert devices == [("cpu",)]
    assert bench.document.undo_stack.undoText() == "Keep “a dog”"
    original, kept, removed = map(bench.read, ("original", "kept", "removed"))
    assert np.array_equal(kept + removed, original)
    assert np.abs(removed[SPAN.start : SPAN.stop]).max() > 0.01
    for outside in (slice(0, SPAN.start), slice(SPAN.stop, None)):
        assert np.array_equal(kept[outside], original[outside])
    assert bench.stored == {f"{extraction.buffer}.wav"}


def test_undo_and_redo_bring_the_same_samples(bench, qtbot):
    extract(bench, qtbot)
    kept = bench.read("kept")
    bench.document.undo_stack.undo()
    assert np.array_equal(bench.read("kept"), bench.read("original"))
    bench.document.undo_stack.redo()
    assert np.array_equal(bench.read("kept"), kept)


def test_the_models_stay_loaded(bench, qtbot):
    extract(bench, qtbot)
    extract(bench, qtbot)
    assert bench.made == ["auto"]


def test_a_band_limits_what_changes(bench, qtbot):
    extract(bench, qtbot, band=(1_000.0, 3_000.0))
    removed = bench.read("removed")[SPAN.start + 4_000 : SPAN.stop - 4_000, 0]
    power = np.abs(np.fft.rfft(removed * np.hanning(len(removed)))) ** 2
    hertz = np.fft.rfftfreq(len(removed), 1 / RATE)
    inside = (hertz > 900) & (hertz < 3_100)
    assert power[~inside].sum() < 1e-6 * power[inside].sum()
    assert np.array_equal(bench.read("kept") + bench.read("removed"), bench.read("original"))
    assert len(bench.stored) == 1  # what was heard while it ran is gone


def test_a_band_is_heard_until_its_step_takes_its_place(bench, qtbot):
    growing, read = [], []

    def listen() -> None:
        growing.append(bench.document.sources()["removed"])

    bench.document.audio_changed.connect(listen)
    bench.document.session_changed.connect(lambda: read.append(growing[-1].read(0, FRAMES)))
    extract(bench, qtbot, band=(1_000.0, 3_000.0))
    assert np.array_equal(read[0], bench.read("removed"))
    assert bench.stored == {f"{bench.only.buffer}.wav"}


def test_the_second_extraction_hears_what_the_first_left(bench, qtbot):
    extract(bench, qtbot)
    extract(bench, qtbot, query=Query.of(remove=["rain"]))
    first, second = bench.document.session.extractions
    assert [one.buffer for one in second.heard] == [first.buffer]
    assert not bench.document.session.is_outdated(second.id)


def test_results_are_heard_while_they_are_computed(bench, qtbot):
    bench.gate = threading.Event()
    spans = []
    bench.document.audio_changed.connect(spans.append)
    bench.operations.extract(request(), first=30_000)
    qtbot.waitUntil(lambda: bench.document.sources()["kept"] is not None and bench.made != [])
    bench.gate.set()
    with qtbot.waitSignal(bench.operations.extracted, timeout=20_000):
        pass
    assert len(spans) > 2
    assert spans[0].start > SPAN.start  # it began at the playhead
    assert all(SPAN.start <= span.start < span.stop <= SPAN.stop for span in spans)


def test_cancelling_leaves_everything_as_it_was(bench, qtbot):
    bench.gate = threading.Event()
    bench.operations.extract(request())
    with qtbot.waitSignal(bench.operations.planned, timeout=20_000):
        pass
    assert bench.stored
    with qtbot.waitSignal(bench.runner.stopped, timeout=20_000):
        bench.operations.cancel_all()
        assert np.array_equal(bench.read("kept"), bench.read("original"))  # at once
        bench.gate.set()
    assert bench.document.session.extractions == ()
    assert bench.document.undo_stack.count() == 0
    assert bench.stored == set()
    assert not bench.troubles


def test_an_edit_meanwhile_is_not_lost(bench, qtbot):
    bench.gate = threading.Event()
    bench.operations.extract(request())
    with qtbot.waitSignal(bench.operations.planned, timeout=20_000):
        pass
    bench.operations.toggle_marker(100)
    with qtbot.waitSignal(bench.operations.extracted, timeout=20_000):
        bench.gate.set()
    assert bench.document.session.markers[0].frame == 100
    assert len(bench.document.session.extractions) == 1


def test_a_missing_model_is_told_with_a_way_out(bench, qtbot):
    bench.fail = {"base": ModelMissingError("The model “base” is not installed.")}
    with qtbot.waitSignal(bench.operations.troubled, timeout=20_000) as told:
        bench.operations.extract(request(model="base"))
    trouble = told.args[0]
    assert trouble.sentence == "The model “base” is not installed."
    assert [way.label for way in trouble.ways] == ["Use Mini", "Get Base…"]
    with qtbot.waitSignal(bench.operations.extracted, timeout=20_000):
        bench.operations.extract(trouble.ways[0].request)
    assert bench.only.model == "mini"


@pytest.mark.parametrize("error", [DeviceError("Too little memory."), MemoryError()])
def test_too_little_memory_is_told_with_a_way_out(bench, qtbot, error):
    bench.fail = {"base": error}
    with qtbot.waitSignal(bench.operations.troubled, timeout=20_000) as told:
        bench.operations.extract(request(model="base"))
    assert "memory" in told.args[0].sentence
    assert told.args[0].ways[0].label == "Use Mini"
    assert bench.stored == set()


def test_a_full_store_is_told_with_a_way_out(bench, qtbot):
    bench.document.store.budget = 1_000
    with qtbot.waitSignal(bench.operations.troubled, timeout=20_000) as told:
        bench.operations.extract(request())
    assert "Clear Undo History" in [way.label for way in told.args[0].ways]
    assert bench.document.session.extractions == ()


# -- The stack ---------------------------------------------------------------------------------


def test_retuning_needs_no_model(bench, qtbot):
    extract(bench, qtbot)
    removed = bench.read("removed")
    jobs = []
    bench.runner.started.connect(jobs.append)
    for strength in (0.9, 0.6):
        bench.operations.retune(bench.only.id, strength, final=False)
    bench.operations.retune(bench.only.id, 0.5)
    assert np.allclose(bench.read("removed"), removed / 2, atol=1e-6)
    assert bench.document.undo_stack.count() == 2
    bench.operations.retune(bench.only.id, 0.25)
    assert bench.document.undo_stack.count() == 3
    assert jobs == []


def test_the_stack_is_edited_in_steps_that_can_be_undone(bench, qtbot):
    extract(bench, qtbot)
    extract(bench, qtbot, query=Query.of(remove=["rain"]))
    first, second = (one.id for one in bench.document.session)
    start = bench.document.session
    bench.operations.toggle(first, False)
    bench.operations.rename(first, "  the dog ")
    bench.operations.move(second, 0)
    assert bench.document.session.is_outdated(second)
    bench.operations.delete(first)
    assert [bench.document.undo_stack.text(index) for index in range(2, 6)] == [
        "Turn Off Keep “a dog”",
        "Rename Keep “a dog”",
        "Move Remove “rain”",
        "Delete “the dog”",
    ]
    for _ in range(4):
        bench.document.undo_stack.undo()
    assert bench.document.session == start


def test_rendering_again_hears_the_stack_as_it_is_now(bench, qtbot):
    extract(bench, qtbot)
    extract(bench, qtbot, query=Query.of(remove=["rain"]))
    first, second = bench.document.session
    bench.operations.toggle(first.id, False)
    assert bench.document.session.is_outdated(second.id)
    with qtbot.waitSignal(bench.runner.idle, timeout=20_000):
        bench.operations.rerender(second.id)
    renewed = bench.document.session.find(second.id)
    assert renewed.buffer != second.buffer
    assert not bench.document.session.is_outdated(second.id)
    bench.document.undo_stack.undo()
    assert bench.document.session.find(second.id) == second


def test_the_last_extraction_is_repeated_elsewhere(bench, qtbot):
    assert not bench.operations.can_repeat
    extract(bench, qtbot, channels="independent")
    with qtbot.waitSignal(bench.operations.extracted, timeout=20_000):
        bench.operations.repeat_last(Span(0, 4_000))
    first, second = bench.document.session
    assert second.span == Span(0, 4_000)
    assert (second.query, second.channels) == (first.query, "independent")


# -- Previews ----------------------------------------------------------------------------------


def test_a_preview_is_heard_and_no_step(bench, qtbot):
    with qtbot.waitSignal(bench.operations.previewed, timeout=20_000) as told:
        bench.operations.preview(request())
    assert told.args == [SPAN]
    assert bench.read("removed").any()
    assert bench.document.session.extractions == ()
    bench.operations.discard_preview()
    assert not bench.read("removed").any()
    assert bench.stored == set()


def test_a_preview_of_a_band_is_heard_until_it_is_discarded(bench, qtbot):
    with qtbot.waitSignal(bench.operations.previewed, timeout=20_000):
        bench.operations.preview(request(band=(1_000.0, 3_000.0)))
    assert bench.read("removed").any()
    assert np.array_equal(bench.read("kept") + bench.read("removed"), bench.read("original"))
    bench.operations.discard_preview()
    assert bench.stored == set()


def test_an_extraction_replaces_a_preview(bench, qtbot):
    with qtbot.waitSignal(bench.operations.previewed, timeout=20_000):
        bench.operations.preview(request())
    extract(bench, qtbot)
    assert bench.stored == {f"{bench.only.buffer}.wav"}


def test_closing_a_recording_discards_its_preview(bench, qtbot):
    with qtbot.waitSignal(bench.operations.previewed, timeout=20_000):
        bench.operations.preview(request())
    bench.operations.close_file()
    assert bench.stored == set()
    assert not bench.operations.has_preview


# -- Comparing and markers ---------------------------------------------------------------------


def test_a_step_is_compared_with_what_was_before_it(bench, qtbot):
    extract(bench, qtbot)
    bench.operations.retune(bench.only.id, 0.5)
    with qtbot.waitSignal(bench.operations.compared, timeout=20_000) as told:
        bench.operations.compare(bench.only.id)
    identity, comparison = told.args
    assert identity == bench.only.id
    removed = bench.read("removed")[SPAN.start : SPAN.stop].astype(np.float64)
    assert comparison.rms == pytest.approx(np.sqrt(np.square(removed).mean()), rel=1e-6)
    assert comparison.peak == pytest.approx(np.abs(removed).max(), rel=1e-6)
    assert comparison.null == 0
    assert comparison.outside_equal
    assert "dBFS" in comparison.sentences[0]


def test_a_marker_comes_and_goes(bench):
    bench.operations.toggle_marker(1_000)
    assert bench.document.session.markers == (Marker(1_000, "Marker 1"),)
    bench.operations.toggle_marker(1_000)
    assert bench.document.session.markers == ()


# -- Closing -----------------------------------------------------------------------------------


def test_closing_in_the_middle_leaves_nothing(qtbot, tmp_path, recording):
    bench = Bench(tmp_path)
    with qtbot.waitSignal(bench.document.opened):
        bench.operations.open_file(recording)
    bench.gate = threading.Event()
    bench.operations.extract(request())
    with qtbot.waitSignal(bench.operations.planned, timeout=20_000):
        pass
    bench.close()
    assert not (tmp_path / "store").exists()


def test_a_finished_result_is_noted_before_the_session_knows_of_it(
    bench: Bench, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[tuple[str, str, bool]] = []

    def note(folder: Path, step: FinishedStep) -> None:
        known = step.extraction.buffer in bench.document.session.buffers
        noted.append((step.title, step.extraction.buffer, known))

    monkeypatch.setattr(rendering, "note_finished", note)
    with qtbot.waitSignal(bench.operations.previewed):
        bench.operations.preview(request())
    assert noted == []
    extract(bench, qtbot)
    first = bench.only
    assert noted == [(first.title, first.buffer, False)]
    with qtbot.waitSignal(bench.runner.idle):
        bench.operations.rerender(first.id)
    assert noted[1:] == [(f"Re-render {first.title}", bench.only.buffer, False)]


def test_a_full_disk_that_takes_no_note_does_not_cost_the_result(
    bench: Bench, qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path, step: FinishedStep) -> None:
        raise AudioWriteError("The disk is full.")

    monkeypatch.setattr(rendering, "note_finished", full)
    extract(bench, qtbot)
    assert bench.only.is_rendered
    assert bench.troubles == []
