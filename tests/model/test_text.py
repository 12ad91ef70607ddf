"""The shipped sentence encoder, and the ways in which its folder can be wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clapsep_desktop.errors import ModelDamagedError, ModelMismatchError, ModelMissingError
from clapsep_desktop.model.text import CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE, SentenceEncoder

SHIPPED = Path(__file__).parents[2] / "resources" / "models" / "mini" / "text"


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder.load(SHIPPED)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return shutil.copytree(SHIPPED, tmp_path / "text")


def test_embeddings_have_length_one(encoder: SentenceEncoder) -> None:
    embeddings = encoder.embed(["a dog barks", "wind", ""])
    assert embeddings.shape == (3, encoder.embedding_size)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)


def test_like_meanings_lie_near(encoder: SentenceEncoder) -> None:
    dog, dogs, speech = encoder.embed(["a dog barking", "dogs bark loudly", "a man speaking"])
    assert dog @ dogs > 0.6 > 0.4 > dog @ speech


def test_numbers_of_the_original(encoder: SentenceEncoder) -> None:
    """Cosines that the uncompressed all-MiniLM-L6-v2 gives, within what rounding may change."""
    queries = ["a dog barking", "a man speaking", "rain on a tin roof", "church bells ringing"]
    original = [0.2561, 0.1800, 0.2334, 0.0278, 0.0475, 0.2228]
    embeddings = encoder.embed(queries)
    pairs = (embeddings @ embeddings.T)[np.triu_indices(4, 1)]
    np.testing.assert_allclose(pairs, original, atol=0.04)


def test_no_texts_give_no_embeddings(encoder: SentenceEncoder) -> None:
    assert encoder.embed([]).shape == (0, encoder.embedding_size)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=40), min_size=1, max_size=5))
def test_a_text_does_not_depend_on_its_neighbours(
    encoder: SentenceEncoder, texts: list[str]
) -> None:
    together = encoder.embed(texts)
    alone = np.concatenate([encoder.embed([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_case_and_accents_do_not_matter(encoder: SentenceEncoder) -> None:
    plain, shouted = encoder.embed(["a cafe", "A CAFÉ"])
    np.testing.assert_allclose(plain, shouted, atol=1e-6)


def test_what_follows_the_longest_input_is_not_heard(encoder: SentenceEncoder) -> None:
    full = "rain " * (encoder.max_tokens - 2)
    longest, longer = encoder.embed([full, full + "thunder"])
    np.testing.assert_array_equal(longest, longer)


@pytest.mark.parametrize("name", [CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE])
def test_an_absent_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ModelMissingError, match=name):
        SentenceEncoder.load(copy)


@pytest.mark.parametrize("name", [CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_truncated_file_is_damaged(copy: Path, name: str, share: float) -> None:
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelDamagedError, match=name):
        SentenceEncoder.load(copy)


def _edit_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / CONFIG_FILE).read_text("utf-8"))
    (folder / CONFIG_FILE).write_text(json.dumps(config | changes), "utf-8")


def test_another_format_is_refused(copy: Path) -> None:
    _edit_config(copy, format=99)
    with pytest.raises(ModelMismatchError, match="version"):
        SentenceEncoder.load(copy)


def test_a_description_without_sizes_is_refused(copy: Path) -> None:
    _edit_config(copy, bert={"hidden_size": 0})
    with pytest.raises(ModelMismatchError):
        SentenceEncoder.load(copy)


def test_weights_of_another_shape_are_refused(copy: Path) -> None:
    config = json.loads((copy / CONFIG_FILE).read_text("utf-8"))
    _edit_config(copy, bert=config["bert"] | {"num_hidden_layers": 5})
    with pytest.raises(ModelMismatchError, match="do not fit"):
        SentenceEncoder.load(copy)
