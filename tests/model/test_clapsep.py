"""The published CLAPSep as the engine sees it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.model import checkpoint, clapsep, precision
from clapsep_desktop.model.base_net import BaseNet
from clapsep_desktop.model.clapsep import heard_pieces
from clapsep_desktop.model.interface import QueryModel, SpectralGrid
from clapsep_desktop.model.tokenizer import TextTokenizer
from tests.support.published import condition, sound

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model(tiny):
    return clapsep.load(tiny[1], CPU)


def test_it_is_a_query_model_on_the_published_grid(model):
    assert isinstance(model, QueryModel)
    assert model.name == "tiny"
    assert model.grid == SpectralGrid(32_000, 1024, 320, "hann")
    assert (model.plan.length, model.plan.batch) == (2, 1)
    assert model.device == CPU
    assert model.precision == torch.float32


def test_filters_are_the_networks_mask(tiny, model):
    config, place = tiny
    net = checkpoint.load_separator(place, config)
    windows = torch.cat([sound(1), sound(2)])
    with torch.inference_mode():
        expected = net(windows, condition())
    found = model.filters(windows, condition()[0])
    assert found.taps is None
    torch.testing.assert_close(found.gain, expected, rtol=0, atol=1e-6)
    assert model.filters(windows[:, :32_000], condition()[0]).gain.shape == (2, 101, 513)


def test_a_window_too_long_is_refused_not_cropped(model):
    with pytest.raises(ValueError, match="longer than 2 seconds"):
        model.filters(torch.zeros(1, 64_320), condition()[0])
    with pytest.raises(ValueError, match="condition"):
        model.filters(torch.zeros(1, 64_000), None)


def test_texts_are_embedded_alike_alone_and_together(model):
    texts = ["dog bark", "rain and wind and speech and birds and cars", "dog bark"]
    together = model.embed_text(texts)
    assert together.shape == (3, 16)
    assert together.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(together[0], together[2])
    np.testing.assert_allclose(model.embed_text(texts[:1]), together[:1], atol=1e-6)
    assert np.abs(together[0] - together[1]).max() > 0.01
    assert model.embed_text([]).shape == (0, 16)


def test_examples_of_any_length_are_embedded(tiny, model):
    config, place = tiny
    clips = [sound(seed, seconds)[0].numpy() for seed, seconds in enumerate((0.01, 0.7, 2, 5.3))]
    found = model.embed_audio(clips)
    assert found.shape == (4, 16)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    embedder = checkpoint.load_audio_embedder(place, config)
    with torch.inference_mode():
        resampled = checkpoint.load_separator(place, config).resampler(torch.tensor(clips[2])[None])
        np.testing.assert_allclose(found[2:3], embedder(resampled), atol=1e-6)
    assert model.embed_audio([]).shape == (0, 16)
    with pytest.raises(ValueError, match="at least one sample"):
        model.embed_audio([np.zeros(0, np.float32)])


@pytest.mark.parametrize("keep", [False, True])
def test_claps_two_sides_are_kept_by_choice(tiny, monkeypatch, keep):
    model = clapsep.load(tiny[1], CPU)
    model.keep_embedders = keep
    loads = []
    for name in ("load_text_embedder", "load_audio_embedder"):
        load = getattr(checkpoint, name)
        monkeypatch.setattr(
            checkpoint, name, lambda *args, load=load, name=name: loads.append(name) or load(*args)
        )
    for _ in range(2):
        model.embed_text(["dog"])
        model.embed_audio([sound()[0].numpy()])
    assert len(loads) == (2 if keep else 4)


@settings(deadline=None)
@given(length=st.integers(1, 400), samples=st.integers(1, 50))
def test_pieces_cover_a_clip_evenly(length, samples):
    clip = torch.arange(1.0, length + 1)
    pieces = heard_pieces(clip, samples)
    assert all(piece.shape == (samples,) for piece in pieces)
    if length <= samples:
        times = samples // length
        expected = torch.cat([clip.repeat(times), torch.zeros(samples - times * length)])
        assert len(pieces) == 1
        assert torch.equal(pieces[0], expected)
    else:
        assert len(pieces) == -(-length // samples)
        assert set(torch.cat(pieces).tolist()) == set(clip.tolist())


def test_texts_are_cut_to_what_the_encoder_knows(tiny, model):
    config, place = tiny
    tokenizer = TextTokenizer(
        place / "vocab.json", place / "merges.txt",
        config.text.vocabulary, config.text.max_tokens,
    )  # fmt: skip
    assert tokenizer(["dog " * 5000]).shape == (1, config.text.max_tokens)
    assert np.isfinite(model.embed_text(["dog " * 5000, "🐕", "\0"])).all()


def test_half_precision_comes_and_goes_with_the_device(tiny, monkeypatch):
    model = clapsep.load(tiny[1], CPU)
    exact = model.filters(sound(), condition()[0]).gain
    model.to(CPU, torch.bfloat16)
    assert model.precision == torch.bfloat16
    half = model.filters(sound(), condition()[0]).gain
    assert half.dtype == torch.float32
    assert not torch.equal(half, exact)
    torch.testing.assert_close(half, exact, rtol=0, atol=0.02)
    monkeypatch.setattr(precision, "bfloat16_gain", lambda: 0.9)
    model.to(CPU)
    assert torch.equal(model.filters(sound(), condition()[0]).gain, exact)


def test_a_device_that_fails_leaves_the_model_where_it_was(tiny, monkeypatch):
    model = clapsep.load(tiny[1], CPU)

    def refuse(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(BaseNet, "to", refuse)
    with pytest.raises(torch.OutOfMemoryError):
        model.to(torch.device("cuda", 0))
    assert (model.device, model.plan.batch) == (CPU, 1)
    model.filters(sound(), condition()[0])
