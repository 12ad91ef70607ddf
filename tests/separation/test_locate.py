"""Where a sound is heard, against recordings whose content is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from clapsep_desktop.audio.source import ArraySource
from clapsep_desktop.errors import AudioReadError, ModelDamagedError, ModelMismatchError
from clapsep_desktop.model import registry
from clapsep_desktop.query import EmbeddedPrompt, Query
from clapsep_desktop.resources import resource
from clapsep_desktop.separation import locate as locating
from clapsep_desktop.separation import tags as tagging
from clapsep_desktop.separation.locate import (
    FILE,
    STEP,
    Evidence,
    Located,
    Thresholds,
    Weights,
    judged,
    listen,
    locate,
)
from clapsep_desktop.separation.models import Models
from clapsep_desktop.separation.tags import tags, vocabulary
from clapsep_desktop.steps import carried_out
from clapsep_desktop.timebase import Span
from tests.support.along import AlongHearing, put_thresholds
from tests.support.hearing import HearingModel

RATE = 8_000


@pytest.fixture
def model() -> AlongHearing:
    return AlongHearing()


@pytest.fixture
def models(model: AlongHearing, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Models:
    folder = put_thresholds(tmp_path / "mini")
    only = registry.InstalledModel("mini", folder, shipped=True)
    monkeypatch.setattr(registry, "installed", lambda: [only])
    monkeypatch.setattr(registry, "find", lambda name: only)
    monkeypatch.setattr(registry, "load", lambda *_, **__: model)
    return Models("cpu")


def _recording(
    seconds: float, *parts: tuple[float, float, float], channels: int = 1
) -> ArraySource:
    """Faint noise with tones: from, to, hertz."""
    times = np.arange(round(seconds * RATE)) / RATE
    samples = 1e-4 * np.random.default_rng(0).standard_normal(len(times))
    for start, stop, hertz in parts:
        inside = (times >= start) & (times < stop)
        samples += np.where(inside, 0.3 * np.sin(2 * np.pi * hertz * times), 0.0)
    return ArraySource(np.repeat(samples[:, None], channels, axis=1).astype(np.float32), RATE)


def _found(source: ArraySource, query: Query, models: Models) -> Located:
    def told(step: tuple[float, float]) -> None:
        assert 0 < step[0] <= step[1] == source.frames / RATE

    return carried_out(locate(source, query, models), told)


LOW = 500  # Hz, in the lowest of the model's eight bands of 1 kHz


@pytest.mark.parametrize("channels", [1, 2])
def test_a_sound_is_found_where_it_is(models: Models, channels: int) -> None:
    source = _recording(30, (12.0, 15.0, LOW), (3.0, 20.0, 2_500), channels=channels)
    located = _found(source, Query.of(keep=["low"]), models)
    assert located.found
    (span,) = located.spans
    assert span.start / RATE == pytest.approx(12.0, abs=1.01)
    assert span.stop / RATE == pytest.approx(15.0, abs=1.01)
    assert len(located.curve) == 30 / STEP + 1
    assert located.curve.dtype == np.float32
    assert 0 <= located.curve.min() <= located.curve.max() <= 1
    assert located.score > 0.9


def test_every_place_is_found(models: Models) -> None:
    source = _recording(40, (2.0, 4.0, LOW), (20.0, 23.0, LOW), (36.0, 40.0, LOW))
    spans = _found(source, Query.of(remove=["low"]), models).spans
    assert [round(span.start / RATE) for span in spans] == pytest.approx([2, 20, 36], abs=1)
    assert spans[-1].stop == source.frames


def test_what_is_not_there_is_not_found(models: Models) -> None:
    source = _recording(20, (3.0, 18.0, 2_500))
    located = _found(source, Query.of(keep=["low"]), models)
    assert not located.found
    assert located.spans == ()
    assert located.score < 0.5


def test_a_saved_sound_is_looked_for_by_example(models: Models) -> None:
    source = _recording(12, (4.0, 8.0, LOW))
    saved = EmbeddedPrompt("hum", "mini", (1.0, *[0.0] * 7))
    assert _found(source, Query((saved,)), models).found


@pytest.mark.parametrize("seconds", [0.1, 0.5, 3.9, 4.0, 4.1, 9.0])
def test_any_length_has_a_value_for_each_step(model: AlongHearing, seconds: float) -> None:
    source = _recording(seconds, (0.0, seconds, LOW))
    vectors = np.eye(8, dtype=np.float32)[:2]
    evidence = carried_out(listen(source, vectors, model))
    assert evidence.similarity.shape == (2, int(seconds / STEP) + 1)
    assert evidence.loudness.shape == evidence.similarity.shape
    assert evidence.similarity[0].min() > 0.9
    assert evidence.loudness[0].max() == pytest.approx(0, abs=1.5)
    assert evidence.loudness[1].max() < -15


def test_loudness_is_against_what_is_nearby() -> None:
    powers = np.zeros((2, 100))
    powers[1] = 1e-4
    powers[1, 90] = 1.0
    powers[0] = powers[1] / 10
    loudness = locating._loudness(powers)[0]
    assert loudness[10] == pytest.approx(-10, abs=0.1)
    assert loudness[80] == -40


def test_the_curve_decides_by_both_thresholds() -> None:
    source = ArraySource(np.zeros((4 * RATE, 1), np.float32), RATE)
    weights = Weights(1.0, 0.0, 0.0, found=0.7, heard=0.6)
    similarity = np.array([[-5, -5, 2, 2, 0.5, -5, 0.6, -5, -5], [-5] * 6 + [0.5] * 3], np.float32)
    evidence = Evidence(similarity, np.zeros_like(similarity))
    half = RATE // 4
    sure = judged(evidence, 0, weights, source)
    assert sure.spans == (Span(3 * half, 9 * half), Span(11 * half, 13 * half))
    assert not judged(evidence, 1, weights, source).found


def test_thresholds_go_through_their_file(tmp_path: Path) -> None:
    folder = put_thresholds(tmp_path / "mini")
    stored = Thresholds.load(folder)
    assert stored.fit(folder)
    assert set(stored.tags) == set(vocabulary())
    (folder / "weights.safetensors").write_bytes(b"others")
    assert not stored.fit(folder)


def test_a_model_without_thresholds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelMismatchError, match="no thresholds were measured"):
        Thresholds.load(tmp_path)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_a_recording_with_samples_that_are_no_numbers_is_refused(
    models: Models, value: float
) -> None:
    source = _recording(6)
    source.samples[4 * RATE] = value
    with pytest.raises(AudioReadError, match=r"00:00:04\.000"):
        _found(source, Query.of(keep=["low"]), models)


@pytest.mark.parametrize("content", ["{", "{}", '{"format": 2}', "[]"])
def test_damaged_thresholds_are_told(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(ModelDamagedError, match="Install CLAPSep Desktop again"):
        Thresholds.load(tmp_path)


def test_a_model_that_cannot_hear_along_time_is_refused(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "load", lambda *_, **__: HearingModel())
    with pytest.raises(ModelMismatchError, match="cannot locate sounds"):
        _found(_recording(1), Query.of(keep=["low"]), models)


def test_tags_are_what_is_there(
    models: Models, model: AlongHearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"Hum": ("low",), "Hiss": ("high",), "Ring": ("band 3",)}
    monkeypatch.setattr(tagging, "vocabulary", lambda: names)
    stored = locating.Thresholds.load(registry.find("mini").folder)
    stored.tags.update(dict.fromkeys(names, (0.3, 0.1)))
    monkeypatch.setattr(locating.Thresholds, "load", lambda folder: stored)
    source = _recording(20, (2.0, 9.0, LOW), (11.0, 13.0, 3_500))
    progress: list[tuple[float, float]] = []
    found = carried_out(tags(source, models), progress.append)
    assert {tag.name for tag in found} == {"Hum", "Ring"}
    assert {tag.text for tag in found} == {"low", "band 3"}
    assert [tag.located.score for tag in found] == sorted(
        (tag.located.score for tag in found), reverse=True
    )
    assert progress == sorted(progress)
    assert progress[-1] == (20.0, 20.0)


def test_what_ships_fits_together() -> None:
    folder = resource("models", "mini")
    stored = Thresholds.load(folder)
    assert set(stored.tags) == set(vocabulary())
    assert 0 < stored.text.found < 1
    assert 0 < stored.text.heard < 1
    assert stored.text.similarity > 0
    assert stored.text.loudness > 0
    assert json.loads((folder / FILE).read_text())["measured"]


def test_thresholds_belong_to_the_weights_that_ship() -> None:
    folder = resource("models", "mini")
    assert Thresholds.load(folder).fit(folder), (
        "Mini's weights have changed: run packaging/benchmarks/locate.py --write."
    )
