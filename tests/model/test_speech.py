from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.errors import ModelDamagedError, ModelMismatchError, ModelMissingError
from clapsep_desktop.model import registry, speech
from clapsep_desktop.model.interface import QueryModel, SeparationModel, SpectralFilter
from clapsep_desktop.resources import resource
from tests.support.signals import noise, tone

CPU = torch.device("cpu")
RATE = 48_000
FOLDER = resource("models", "speech")


@pytest.fixture(scope="module")
def model() -> speech.Speech:
    return speech.load(FOLDER, CPU)


@pytest.fixture(scope="module")
def talk() -> np.ndarray:
    """Six seconds of a man speaking in the rain, mono."""
    samples, rate = soundfile.read(resource("demo", "demo.flac"), stop=6 * RATE, dtype="float32")
    assert rate == RATE
    return np.ascontiguousarray(samples.mean(axis=1))


def heard(model: speech.Speech, samples: np.ndarray) -> SpectralFilter:
    return model.filters(torch.from_numpy(samples.astype(np.float32))[None], None)


def difference_db(one: SpectralFilter, other: SpectralFilter) -> float:
    """Energy of the taps' difference relative to the taps, in dB."""
    assert one.taps is not None
    assert other.taps is not None
    error = (one.taps - other.taps).abs().square().sum()
    return float(10 * torch.log10(error / other.taps.abs().square().sum()))


def kept_share_db(answer: SpectralFilter, samples: np.ndarray) -> float:
    """Power of what a filter keeps, relative to the signal, in dB."""
    assert answer.taps is not None
    padded = torch.nn.functional.pad(torch.from_numpy(samples.astype(np.float32)), (480, 480))
    spectra = torch.fft.rfft(padded.unfold(0, 960, 480) * torch.hann_window(960))  # (K, F)
    kept = answer.gain[0] * spectra
    around = torch.nn.functional.pad(spectra[:, :96], (0, 0, 2, 2))
    kept[:, :96] = sum(
        answer.taps[0, :, tap] * around[4 - tap : 4 - tap + len(spectra)] for tap in range(5)
    )
    return float(10 * torch.log10(kept.abs().square().sum() / spectra.abs().square().sum()))


def test_it_is_the_model_called_speech(model) -> None:
    assert registry.load("speech", "cpu").name == "speech"
    assert isinstance(model, SeparationModel)
    assert not isinstance(model, QueryModel)


@pytest.mark.parametrize("frames", [1, 2, 1001])
def test_filters_fit_the_window(model, frames: int) -> None:
    windows = torch.from_numpy(noise(frames * 480, 2).T.copy())
    answer = model.filters(windows, None)
    assert answer.gain.shape == (2, frames + 1, model.grid.bins)
    assert answer.gain.dtype == torch.float32
    assert answer.gain.min() >= 0.0
    assert answer.gain.max() <= 1.0
    assert answer.taps is not None
    assert answer.taps.shape == (2, frames + 1, 5, 96)
    assert answer.taps.dtype == torch.complex64
    assert answer.lookahead == 2


def test_windows_of_a_batch_do_not_meet(model, talk) -> None:
    other = noise(len(talk))[:, 0]
    both = model.filters(torch.from_numpy(np.stack([talk, other])), None)
    assert difference_db(both.rows(0, 1), heard(model, talk)) < -120
    assert difference_db(both.rows(1, 2), heard(model, other)) < -120


@settings(max_examples=5, deadline=None)
@given(piece=st.integers(1, 400))
def test_answers_do_not_depend_on_the_pieces_a_window_is_heard_in(model, talk, piece: int) -> None:
    whole = heard(model, talk[: 2 * RATE])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speech, "_PIECE", piece)
        assert difference_db(heard(model, talk[: 2 * RATE]), whole) < -90


@pytest.mark.parametrize("level", [1e-6, 1e-4, 1e-2, 30.0])
def test_answers_do_not_depend_on_loudness(model, talk, level: float) -> None:
    assert difference_db(heard(model, level * talk), heard(model, talk)) < -60


def test_the_published_way_is_lost_where_speech_is_quiet(model, talk) -> None:
    published = speech.load(FOLDER, CPU)
    published.as_published = True
    quiet = 0.01 * talk
    assert kept_share_db(heard(published, quiet), quiet) < -15
    assert kept_share_db(heard(model, quiet), quiet) > -6


def test_speech_stays_and_noise_goes(model, talk) -> None:
    hiss = noise(len(talk))[:, 0]
    assert kept_share_db(heard(model, talk), talk) > -6
    assert kept_share_db(heard(model, hiss), hiss) < -25


SECONDS = 4 * RATE
AWKWARD = {
    "silence": np.zeros(SECONDS),
    "one sample": np.eye(1, SECONDS, SECONDS // 2)[0],
    "direct current": np.full(SECONDS, 0.5),
    "a low tone": tone(SECONDS, RATE, 50)[:, 0],
    "a tone": tone(SECONDS, RATE, 1_000)[:, 0],
    "a high tone": tone(SECONDS, RATE, 23_000)[:, 0],
    "clipped noise": np.sign(noise(SECONDS)[:, 0]),
    "noise after silence": np.append(np.zeros(SECONDS // 2), noise(SECONDS // 2)[:, 0]),
    "a millionth": 1e-6 * noise(SECONDS)[:, 0],
    "far too loud": 1e6 * noise(SECONDS)[:, 0],
    "a denormal": np.full(SECONDS, 1e-40),
}


@pytest.mark.parametrize("samples", AWKWARD.values(), ids=AWKWARD)
def test_any_signal_gets_filters_that_add_nothing(model, samples: np.ndarray) -> None:
    answer = heard(model, samples)
    assert answer.taps is not None
    assert torch.isfinite(answer.gain).all()
    assert torch.isfinite(torch.view_as_real(answer.taps)).all()
    if np.square(samples).sum() > 1e-30:
        assert kept_share_db(answer, samples / np.abs(samples).max()) < 0.5


# The folder.


@pytest.fixture
def copy(tmp_path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "speech"))


def test_a_missing_network_is_named(copy) -> None:
    (copy / "enc.onnx").unlink()
    with pytest.raises(ModelDamagedError, match=r"enc\.onnx is missing"):
        speech.load(copy, CPU)


def test_an_altered_network_is_named(copy) -> None:
    with (copy / "df_dec.onnx").open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"\0" * 16)
    with pytest.raises(ModelDamagedError, match=r"df_dec\.onnx is altered"):
        speech.load(copy, CPU)


def test_a_folder_without_description_is_no_model(tmp_path) -> None:
    with pytest.raises(ModelMissingError):
        speech.load(tmp_path, CPU)


@pytest.mark.parametrize(
    "change",
    [{"architecture": "clapsep-mini"}, {"format": 99}, {"sizes": {"rate": 48_000, "x": 1}}],
)
def test_another_kind_of_model_is_refused(copy, change: dict[str, object]) -> None:
    path = copy / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ModelMismatchError):
        speech.load(copy, CPU)


def test_something_else_than_a_network_is_damage(copy) -> None:
    data = b"not a network"
    (copy / "enc.onnx").write_bytes(data)
    path = copy / "config.json"
    description = json.loads(path.read_text())
    description["files"]["enc.onnx"] = speech.folders.describe(copy / "enc.onnx")
    path.write_text(json.dumps(description))
    with pytest.raises(ModelDamagedError, match="cannot be read"):
        speech.load(copy, CPU)
