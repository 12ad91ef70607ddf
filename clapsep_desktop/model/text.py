"""The sentence encoder of the mini model: all-MiniLM-L6-v2, its weights in few bits.

A folder holds ``config.json`` (the shape of the network), ``tokenizer.json`` and
``weights.safetensors``, where every matrix stands as two tensors, ``NAME.planes`` and
``NAME.scale`` (see `clapsep_desktop.model.lowbit`), and every vector as one. It is made by
``packaging/compress_text.py``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file

from clapsep_desktop.errors import ModelDamagedError, ModelMismatchError, ModelMissingError
from clapsep_desktop.model.lowbit import unpacked

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import BertModel

FORMAT = 1
CONFIG_FILE = "config.json"
TOKENIZER_FILE = "tokenizer.json"
WEIGHTS_FILE = "weights.safetensors"
_FILES = (CONFIG_FILE, TOKENIZER_FILE, WEIGHTS_FILE)
_BATCH = 64  # texts embedded at once


class SentenceEncoder:
    """Sentences to points on a sphere, near each other where their meanings are.

    The mean of the last layer's token states, as sentence-transformers takes it for this model
    (Reimers and Gurevych 2019, section 3), scaled to length 1.
    """

    def __init__(self, bert: BertModel, tokenizer: Tokenizer, max_tokens: int) -> None:
        bert.requires_grad_(False).train(False)
        self._bert = bert
        self._tokenizer = tokenizer
        self._tokenizer.enable_truncation(max_tokens)
        self._tokenizer.no_padding()
        self.max_tokens = max_tokens  # of one text; what follows is not heard
        self.embedding_size: int = bert.config.hidden_size

    @classmethod
    def load(cls, folder: Path | str, device: torch.device | str = "cpu") -> SentenceEncoder:
        """The encoder in a folder.

        Raises:
            ModelMissingError: a file is absent.
            ModelDamagedError: a file cannot be read as what it should be.
            ModelMismatchError: the files are sound, but belong to another kind of encoder.
        """
        folder = Path(folder)
        for name in _FILES:
            if not (folder / name).is_file():
                raise ModelMissingError(
                    f"The sentence encoder's file {name} is missing in {folder}. "
                    "Install the application again, or choose another model."
                )
        config = _read_config(folder / CONFIG_FILE)
        bert = _build_bert(config["bert"], _read_weights(folder / WEIGHTS_FILE))
        torch.nn.Module.to(bert, device)  # transformers' own wrapper of it has no sound type
        tokenizer = _read_tokenizer(folder / TOKENIZER_FILE)
        return cls(bert, tokenizer, config["max_tokens"])

    @torch.inference_mode()
    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """L2-normalised embeddings, float32 (len(texts), embedding_size)."""
        result = np.empty((len(texts), self.embedding_size), np.float32)
        encodings = self._tokenizer.encode_batch(list(texts))
        by_length = sorted(range(len(texts)), key=lambda index: len(encodings[index].ids))
        for start in range(0, len(texts), _BATCH):
            chosen = by_length[start : start + _BATCH]
            result[chosen] = self._embed_tokens([encodings[index].ids for index in chosen])
        return result

    def _embed_tokens(self, ids: Sequence[Sequence[int]]) -> np.ndarray:
        longest = max(map(len, ids))
        tokens = torch.tensor([[*row, *[0] * (longest - len(row))] for row in ids])  # (B, T)
        lengths = torch.tensor([len(row) for row in ids])
        heard = (torch.arange(longest) < lengths[:, None]).to(self._bert.device)  # (B, T)
        output = self._bert(input_ids=tokens.to(heard.device), attention_mask=heard.long())
        states = output.last_hidden_state * heard[..., None]  # (B, T, D)
        mean = states.sum(1) / heard.sum(1, keepdim=True)  # (B, D)
        embedded: np.ndarray = torch.nn.functional.normalize(mean, dim=1).float().cpu().numpy()
        return embedded


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelDamagedError(f"The sentence encoder's {path} cannot be read: {error}") from error
    if (
        isinstance(config, dict)
        and config.get("format") == FORMAT
        and isinstance(config.get("bert"), dict)
        and isinstance(config.get("max_tokens"), int)
    ):
        return config
    raise ModelMismatchError(f"{path} does not describe a sentence encoder of this version.")


def _read_tokenizer(path: Path) -> Tokenizer:
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise ModelDamagedError(f"The tokenizer {path} cannot be read: {error}") from error


def _read_weights(path: Path) -> dict[str, np.ndarray]:
    """Every weight by its name in the network, float32."""
    try:
        return dict(unpacked(load_file(path)))
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise ModelDamagedError(
            f"The sentence encoder's weights {path} are damaged ({error}). "
            "Install the application again."
        ) from error


def _build_bert(sizes: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> BertModel:
    # transformers takes seconds to import, so only a text query waits for it.
    from transformers.models.bert.configuration_bert import BertConfig
    from transformers.models.bert.modeling_bert import BertModel

    try:
        with torch.device("meta"):  # no time is lost on random weights that are replaced at once
            bert = BertModel(BertConfig(**sizes), add_pooling_layer=False)
        _fill_buffers(bert)
        bert.load_state_dict({key: torch.from_numpy(w) for key, w in weights.items()}, assign=True)
    except (ArithmeticError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ModelMismatchError(
            f"The sentence encoder's weights do not fit its description: {error}"
        ) from error
    return bert


def _fill_buffers(bert: BertModel) -> None:
    """Make the positions and token types, which no file holds."""
    for name, buffer in bert.named_buffers():
        owner, _, attribute = name.rpartition(".")
        fresh = torch.zeros_like(buffer, device="cpu")
        if attribute == "position_ids":
            fresh += torch.arange(buffer.shape[-1])
        bert.get_submodule(owner).register_buffer(attribute, fresh, persistent=False)
