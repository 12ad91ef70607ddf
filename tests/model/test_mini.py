from __future__ import annotations

import copy
import hashlib
import json

import numpy as np
import pytest
import torch
from safetensors.numpy import save as save_arrays
from torch import nn
from torch.nn import functional as F

from clapsep_desktop.errors import ModelDamagedError, ModelMismatchError, ModelMissingError
from clapsep_desktop.model import mini
from clapsep_desktop.model.interface import QueryModel
from clapsep_desktop.model.mini_net import MiniConfig, MiniNet, fold_norms
from clapsep_desktop.resources import resource

TINY = MiniConfig(
    mels=32,
    widths=(8, 8, 16, 16),
    context=16,
    context_blocks=2,
    decoder_blocks=1,
    condition=16,
    map_width=8,
    mask_channels=4,
    mask_width=16,
    mask_blocks=2,
    embedding=12,
)
CPU = torch.device("cpu")


@pytest.fixture
def net() -> MiniNet:
    """A tiny network whose normalisations have seen something."""
    torch.manual_seed(5)
    built = MiniNet(TINY)
    for module in built.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.normal_(0.0, 0.2)
            module.running_var.uniform_(0.5, 2.0)
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0.0, 0.2)
    return built.eval().requires_grad_(False)


@pytest.fixture
def model(net, tmp_path) -> mini.Mini:
    mini.save(net, tmp_path / "mine")
    return mini.load(tmp_path / "mine", CPU)


def windows(count: int = 2, seconds: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return 0.1 * torch.randn(count, int(seconds * TINY.rate), generator=generator)


def condition(seed: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(2 * TINY.embedding, generator=generator), dim=0)


def test_it_offers_what_the_engine_and_queries_need(model):
    assert isinstance(model, QueryModel)
    assert model.name == "mine"


@pytest.mark.parametrize("seconds", [0.1, 1.0, 3.21])
def test_masks_have_one_row_per_frame_and_lie_between_zero_and_one(model, seconds):
    answer = model.filters(windows(2, seconds), condition())
    frames = int(seconds * TINY.rate) // TINY.hop + 1
    assert answer.gain.shape == (2, frames, TINY.bins)
    assert float(answer.gain.min()) >= 0.0
    assert float(answer.gain.max()) <= 1.0


def test_windows_do_not_hear_each_other(model):
    together = model.filters(windows(3), condition()).gain
    alone = torch.cat([model.filters(row[None], condition()).gain for row in windows(3)])
    assert torch.allclose(together, alone, atol=1e-5)


def test_a_query_does_not_depend_on_loudness(model):
    quiet, loud = (model.filters(windows() * gain, condition()).gain for gain in (0.001, 3.0))
    assert torch.allclose(quiet, loud, atol=1e-4)


def test_silence_gives_an_answer(model):
    assert torch.isfinite(model.filters(torch.zeros(1, 32_000), condition()).gain).all()
    assert np.isfinite(model.embed_audio([np.zeros(100, np.float32)])).all()


def test_the_query_matters(model):
    one, other = (model.filters(windows(), condition(seed)).gain for seed in (2, 3))
    assert float((one - other).abs().max()) > 1e-3


def test_what_a_query_keeps_is_what_the_opposite_one_removes(model):
    keep, remove = condition().chunk(2)
    kept = model.filters(windows(), torch.cat([keep, remove])).gain
    removed = model.filters(windows(), torch.cat([remove, keep])).gain
    assert torch.allclose(kept + removed, torch.ones_like(kept), atol=1e-6)


def test_the_mask_is_the_mean_of_both_ways_to_ask(model, net):
    asked = condition()
    heard, frames = model._hear(windows(1))
    both = torch.stack([asked, asked.roll(TINY.embedding)])
    straight, opposite = model._net.mask_logits(heard, both)[:, :, :frames]
    expected = torch.sigmoid((straight - opposite) / 2).T
    assert torch.allclose(model.filters(windows(1), asked).gain[0], expected, atol=1e-6)


def test_several_queries_of_one_mixture_equal_each_alone(net):
    heard = net.hear(net.spectrum(windows(2)).abs())
    queries = torch.stack([condition(seed) for seed in range(4)])  # two for each mixture
    together = net.mask_logits(heard, queries)
    for row in range(4):
        alone = net.hear(net.spectrum(windows(2)[row // 2 : row // 2 + 1]).abs())
        assert torch.allclose(
            together[row], net.mask_logits(alone, queries[row : row + 1])[0], atol=1e-4
        )


def test_hearing_along_gives_the_same_filters_and_embeddings_as_alone(model):
    queries = torch.stack([condition(seed) for seed in range(3)])
    embeddings, filters = model.hear_along(windows(2), [0.25, 0.5], 4.0, queries)
    assert torch.allclose(filters.gain, model.filters_of_each(windows(2), queries).gain)
    alone = model.embed_audio(list(windows(2).numpy()))
    for moment in range(2):  # wider than the window: all of it
        assert embeddings[:, moment] == pytest.approx(alone, abs=1e-5)
    assert model.hear_along(windows(1), [0.5], 2.0, None)[1] is None


def test_folding_the_normalisations_changes_nothing(net):
    folded = fold_norms(copy.deepcopy(net))
    magnitude = net.spectrum(windows()).abs()
    query = condition().expand(2, -1)
    whole = net.mask_logits(net.hear(magnitude), query)
    assert torch.allclose(whole, folded.mask_logits(folded.hear(magnitude), query), atol=1e-4)
    norms = (nn.BatchNorm1d, nn.BatchNorm2d)
    left = [name for name, module in folded.named_modules() if isinstance(module, norms)]
    assert left == ["encoder.input_norm", "mask_net.spectrum_norm"]


def test_embeddings_have_unit_length_whatever_the_length_of_a_clip(model):
    clips = [windows(1, seconds)[0].numpy() for seconds in (0.01, 0.7, 2.5)]
    embedded = model.embed_audio(clips)
    assert embedded.shape == (3, TINY.embedding)
    assert np.linalg.norm(embedded, axis=1) == pytest.approx([1.0, 1.0, 1.0], abs=1e-5)
    assert model.embed_audio([]).shape == (0, TINY.embedding)


def test_weights_in_another_order_of_memory_are_stored_as_they_are(net, model, tmp_path):
    mini.save(copy.deepcopy(net).to(memory_format=torch.channels_last), tmp_path)
    other = mini.load(tmp_path, CPU)
    for name, weight in model._net.state_dict().items():
        assert torch.equal(other._net.state_dict()[name], weight), name


def test_large_matrices_take_a_byte_a_weight(tmp_path):
    net = MiniNet(MiniConfig())
    mini.save(net, tmp_path)
    weights = sum(weight.numel() for weight in net.parameters())
    assert (tmp_path / mini.WEIGHTS_FILE).stat().st_size < 1.12 * weights
    assert (tmp_path / mini.WEIGHTS_FILE).stat().st_size < 10 * 2**20


def test_weights_in_half_precision_as_earlier_versions_wrote_them_are_read(net, model, tmp_path):
    folder = tmp_path / "early"
    mini.save(net, folder)
    halves = {name: w.numpy().astype(np.float16) for name, w in net.state_dict().items()}
    data = save_arrays(halves)
    (folder / mini.WEIGHTS_FILE).write_bytes(data)
    description = json.loads((folder / mini.CONFIG_FILE).read_text())
    description["format"] = 1
    description["files"][mini.WEIGHTS_FILE]["sha256"] = hashlib.sha256(data).hexdigest()
    (folder / mini.CONFIG_FILE).write_text(json.dumps(description))
    early = mini.load(folder, CPU)
    for name, weight in net.state_dict().items():
        near = early._net.state_dict().get(name)
        assert near is None or near.shape == weight.shape
    difference = (
        early.filters(windows(), condition()).gain - model.filters(windows(), condition()).gain
    )
    assert float(difference.square().mean().sqrt()) < 1e-2


def test_what_is_stored_stays_near(net, model):
    exact = mini.Mini(copy.deepcopy(net), model._text).filters(windows(), condition()).gain
    stored = model.filters(windows(), condition()).gain
    # A network that was never trained hangs on every weight; a trained one loses 0.00 dB.
    assert float((exact - stored).square().mean().sqrt()) < 1e-2
    assert float((exact - stored).abs().max()) < 5e-2


# Of the network below; a change here is a change of the model, and needs new weights.
PINNED = [0.00396, 0.20743, -0.05618]


def test_a_seeded_network_gives_the_same_numbers_as_ever(net):
    logits = net.mask_logits(net.hear(net.spectrum(windows(1)).abs()), condition()[None])
    summary = [float(logits.mean()), float(logits.std()), float(logits[0, 7, 50])]
    assert summary == pytest.approx(PINNED, abs=2e-4)


def test_loading_draws_no_random_numbers(net, tmp_path):
    mini.save(net, tmp_path)
    before = torch.random.get_rng_state()
    mini.load(tmp_path, CPU)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_missing_file_is_named(net, tmp_path):
    with pytest.raises(ModelMissingError, match="it has no config"):
        mini.load(tmp_path, CPU)
    mini.save(net, tmp_path)
    (tmp_path / mini.WEIGHTS_FILE).unlink()
    with pytest.raises(ModelMissingError, match="Install the model again"):
        mini.load(tmp_path, CPU)


def test_altered_weights_are_refused(net, tmp_path):
    mini.save(net, tmp_path)
    path = tmp_path / mini.WEIGHTS_FILE
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelDamagedError, match="not the file"):
        mini.load(tmp_path, CPU)


@pytest.mark.parametrize("change", [{"widths": [8, 8, 16, 24]}, {"mels": 48}, {"odd": 1}])
def test_weights_of_another_shape_are_refused(net, tmp_path, change):
    mini.save(net, tmp_path)
    path = tmp_path / mini.CONFIG_FILE
    description = json.loads(path.read_text())
    description["sizes"].update(change)
    path.write_text(json.dumps(description))
    with pytest.raises(ModelMismatchError):
        mini.load(tmp_path, CPU)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 99}'])
def test_a_damaged_description_is_refused(net, tmp_path, text):
    mini.save(net, tmp_path)
    (tmp_path / mini.CONFIG_FILE).write_text(text)
    with pytest.raises((ModelDamagedError, ModelMismatchError)):
        mini.load(tmp_path, CPU)


shipped = pytest.mark.skipif(
    not resource("models", "mini", mini.CONFIG_FILE).exists(), reason="no weights shipped yet"
)


@shipped
def test_the_shipped_model_places_a_sound_near_its_words():
    model = mini.load(resource("models", "mini"), CPU)
    random = np.random.default_rng(0)
    noise = random.standard_normal(64_000).astype(np.float32) * 0.1
    words = model.embed_text(["white noise", "a man speaking", "a piano playing"])
    likeness = words @ model.embed_audio([noise])[0]
    assert int(np.argmax(likeness)) == 0
