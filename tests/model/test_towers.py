"""The encoders against those they come from."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from clapsep_desktop.model import checkpoint, laion
from clapsep_desktop.model.config import AudioTowerConfig
from clapsep_desktop.model.towers import (
    PAD_TOKEN,
    AudioTower,
    TextEmbedder,
    fold,
    unfold,
)
from tests.support.published import made_up, tiny_config

CONFIG = tiny_config()
# LAION's head needs a larger image than the tiny model has.
AUDIO = AudioTowerConfig(mels=32, image=128, width=8, depths=(2, 2, 4, 2), heads=(1, 2, 2, 4))


def fill(module):
    weights = {
        name: made_up(name, weight.shape)
        for name, weight in checkpoint.stored(module).items()
        if weight.is_floating_point() and "extractor" not in name and "attn_mask" not in name
    }
    module.load_state_dict(weights, strict=False)
    return module.eval()


@pytest.fixture(scope="module")
def towers():
    """LAION's tower and ours, of the same weights."""
    theirs = fill(laion.whole_tower(AUDIO, classes=5))
    ours = AudioTower(AUDIO).eval()
    shared = {name: theirs.state_dict()[name] for name in checkpoint.stored(ours)}
    ours.load_state_dict(shared, strict=False)
    return theirs, ours


@pytest.fixture
def waveform():
    generator = torch.Generator().manual_seed(5)
    return 0.2 * torch.randn(2, 2 * AUDIO.rate, generator=generator)


def test_the_embedding_is_laions(towers, waveform):
    theirs, ours = towers
    with torch.inference_mode():
        expected = theirs({"waveform": waveform})["embedding"]
        torch.testing.assert_close(ours.embedding(waveform), expected, rtol=1e-4, atol=1e-5)


def test_every_level_is_laions(towers, waveform):
    theirs, ours = towers
    levels = []
    theirs.patch_embed.register_forward_hook(lambda _m, _i, out: levels.append(out))
    for stage in theirs.layers:
        stage.register_forward_hook(lambda _m, _i, out: levels.append(out[0]))
    silence = AUDIO.frames
    theirs.spectrogram_extractor.register_forward_hook(
        lambda _m, _i, out: F.pad(out, (0, 0, 0, silence - out.shape[2]))
    )
    with torch.inference_mode():
        theirs({"waveform": waveform})
        features = ours.features(waveform)
    found = [features.patches, *features.stages]
    assert [tuple(level.shape) for level in found] == [
        (2, 1024, 8), (2, 256, 16), (2, 64, 32), (2, 16, 64), (2, 16, 64)
    ]  # fmt: skip
    for level, expected in zip(found, levels, strict=True):
        torch.testing.assert_close(level, expected, rtol=1e-4, atol=1e-4)


@settings(deadline=None)
@given(folds=st.integers(1, 4), mels=st.integers(1, 5), width=st.integers(1, 6))
def test_unfold_undoes_fold(folds, mels, width):
    bands = torch.arange(2.0 * mels * folds * width).view(2, mels, folds * width)
    image = fold(bands, folds)
    assert image.shape == (2, folds * mels, width)
    assert torch.equal(image[:, :mels], bands[..., :width])
    assert torch.equal(unfold(image, folds), bands)


def test_padding_does_not_change_a_text():
    embedder = fill(TextEmbedder(CONFIG.text, CONFIG.embedding))
    short = torch.tensor([[0, 17, 2]])
    padded = F.pad(short, (0, 9), value=PAD_TOKEN)
    together = torch.cat([padded, torch.arange(12)[None] + 5])
    with torch.inference_mode():
        alone = embedder(short)
        torch.testing.assert_close(embedder(padded), alone)
        torch.testing.assert_close(embedder(together)[:1], alone)
    torch.testing.assert_close(alone.norm(dim=1), torch.ones(1))
