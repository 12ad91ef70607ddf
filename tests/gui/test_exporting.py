"""Exporting a document: what there is to export, and the job."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clapsep_desktop.audio.export_plan import ExportSettings
from clapsep_desktop.audio.export_sources import ExportReport
from clapsep_desktop.audio.files import AudioFile
from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.audio.store import AudioStore
from clapsep_desktop.gui.document import Document, Material
from clapsep_desktop.gui.jobs import Job, JobRunner
from clapsep_desktop.gui.operations.exporting import export_steps, material_of
from clapsep_desktop.query import Query
from clapsep_desktop.session.history import History
from clapsep_desktop.session.session import Extraction, Marker, Recording, Session
from clapsep_desktop.timebase import Span
from tests.support.signals import noise
from tests.support.sounds import noisy_tone, write_sound

RATE, FRAMES = 16_000, 32_000


@pytest.fixture
def document(tmp_path: Path) -> Iterator[Document]:
    path = write_sound(tmp_path / "rain.wav", noisy_tone(FRAMES), RATE)
    file = AudioFile(path)
    document = Document(AudioStore(tmp_path / "store"))
    recording = Recording(path, RATE, 2, FRAMES)
    document.open(History.of(Session(recording)), Material(file.info, file, file.close))
    yield document
    document.close()
    document.store.close()


def extracted(document: Document, words: str, span: Span, strength: float) -> None:
    with document.store.create(RATE, 2, span.length) as writer:
        writer.write(0, noise(span.length, 2, seed=len(words), level=0.1))
        buffer = writer.seal()
    extraction = Extraction(Query.of(remove=[words]), span, strength=strength, buffer=buffer)
    document.apply(extraction.title, document.session.added(extraction))


def run(qtbot, job: Job[ExportReport]) -> ExportReport:
    runner = JobRunner()
    try:
        with qtbot.waitSignal(runner.finished) as blocker:
            runner.submit(job)
    finally:
        runner.close()
    return blocker.args[1]


def test_what_is_heard_is_what_is_exported(document, qtbot, tmp_path):
    extracted(document, "wind", Span(1_000, 20_000), 0.5)
    extracted(document, "dog", Span(10_000, 32_000), 1.0)
    document.apply("Add Marker", document.session.marked(Marker(9_000, "gust")))
    material = material_of(document, Span(500, 700))
    asked = ExportSettings(tmp_path, "rain", what="stems", depth="float")
    report = run(qtbot, Job("Exporting", lambda: export_steps(material, asked)))
    names = ["rain.kept.wav", "rain.1 Remove wind.wav", "rain.2 Remove dog.wav"]
    assert [file.path.name for file in report.files] == names
    kept, wind, dog = (soundfile.read(file.path, dtype="float32")[0] for file in report.files)
    np.testing.assert_array_equal(kept, document.sources()["kept"].read(0, FRAMES))
    np.testing.assert_allclose(wind + dog, document.sources()["removed"].read(0, FRAMES), atol=1e-6)
    assert (material.selection, material.markers[0].label) == (Span(500, 700), "gust")
    with soundfile.SoundFile(report.files[0].path) as file:
        assert "recipe" in file.comment
        assert "wind" in file.comment


def test_an_untouched_recording_is_exported_without_a_recipe(document, qtbot, tmp_path):
    material = material_of(document, None)
    asked = ExportSettings(tmp_path, "copy")
    run(qtbot, Job("Exporting", lambda: export_steps(material, asked)))
    assert "recipe" not in material.comment
    np.testing.assert_array_equal(
        soundfile.read(tmp_path / "copy.wav", dtype="int16")[0],
        soundfile.read(tmp_path / "rain.wav", dtype="int16")[0],
    )


def test_a_cancelled_export_leaves_nothing(document, qtbot, tmp_path):
    reading = threading.Event()

    class Slow(ArraySource):
        """Is read no further until the job is to stop."""

        def read(self, start, stop):
            reading.set()
            job.cancelled.wait(5)
            return super().read(start, stop)

    slow = Slow(noise(FRAMES, 2), RATE)
    material = replace(material_of(document, None), kept=slow)
    job = Job("Exporting", lambda: export_steps(material, ExportSettings(tmp_path, "copy")))
    runner = JobRunner()
    with qtbot.waitSignal(runner.stopped):
        runner.submit(job)
        qtbot.waitUntil(reading.is_set)
        assert len(list(tmp_path.glob(".copy*"))) == 1  # what is being written
        runner.cancel()
    runner.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rain.wav", "store"]
