"""RoBERTa's tokenizer, from two files in the model's own folder and from nowhere else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.processors import RobertaProcessing

from clapsep_desktop.errors import ModelDamagedError, ModelMismatchError, ModelMissingError
from clapsep_desktop.model.towers import END_TOKEN, PAD_TOKEN, START_TOKEN, UNKNOWN_TOKEN

VOCABULARY_FILE = "vocab.json"
MERGES_FILE = "merges.txt"

_SPECIAL = {"<s>": START_TOKEN, "<pad>": PAD_TOKEN, "</s>": END_TOKEN, "<unk>": UNKNOWN_TOKEN}


class TextTokenizer:
    """Texts to token ids by byte-level byte pair encoding (arXiv 1907.11692, section 4.4).

    Args:
        vocabulary: vocab.json, a JSON object from token to id.
        merges: merges.txt, one pair of tokens a line, the most frequent first.
        size: number of tokens the text encoder knows.
        max_tokens: longer texts are cut to this many, both ends' marks included.

    Raises:
        ModelMissingError: a file is not there.
        ModelDamagedError: a file cannot be read.
        ModelMismatchError: a file is intact, but not of this text encoder.
    """

    def __init__(self, vocabulary: Path, merges: Path, size: int, max_tokens: int) -> None:
        ids = read_vocabulary(vocabulary)
        if len(ids) != size or any(ids.get(token) != i for token, i in _SPECIAL.items()):
            raise ModelMismatchError(
                f"{vocabulary.name} is not the vocabulary of roberta-base: it has {len(ids)} "
                f"tokens instead of {size}, or other marks. Get the file from roberta-base."
            )
        self._tokenizer = Tokenizer(BPE(ids, _read_merges(merges, ids), unk_token="<unk>"))
        self._tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
        self._tokenizer.post_processor = RobertaProcessing(
            ("</s>", END_TOKEN), ("<s>", START_TOKEN), add_prefix_space=False
        )
        self._tokenizer.enable_truncation(max_tokens)
        self._tokenizer.enable_padding(pad_id=PAD_TOKEN, pad_token="<pad>")

    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        """Token ids int64 (len(texts), L), padded to the longest text's L."""
        return torch.tensor([text.ids for text in self._tokenizer.encode_batch(list(texts))])


def read_vocabulary(path: Path) -> dict[str, int]:
    """A vocab.json as a dict from token to id; see `TextTokenizer` for errors."""
    try:
        ids = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelMissingError(f"{path} is missing. Install the model again.") from None
    except (OSError, ValueError) as error:
        raise ModelDamagedError(f"{path} cannot be read ({error}). Get the file again.") from error
    if not isinstance(ids, dict) or not all(isinstance(i, int) for i in ids.values()):
        raise ModelMismatchError(
            f"{path.name} is not a vocabulary, as the vocab.json of roberta-base is. "
            "Get that file instead."
        )
    return ids


def _read_merges(path: Path, ids: dict[str, int]) -> list[tuple[str, str]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise ModelMissingError(f"{path} is missing. Install the model again.") from None
    except (OSError, ValueError) as error:
        raise ModelDamagedError(f"{path} cannot be read ({error}). Get the file again.") from error
    merges = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
    pairs = [(pair[0], pair[1]) for pair in merges if len(pair) == 2]
    known = all(first in ids and second in ids and first + second in ids for first, second in pairs)
    if not pairs or len(pairs) != len(merges) or not known:
        raise ModelMismatchError(
            f"{path.name} does not belong to the vocabulary beside it. "
            "Get both files from roberta-base."
        )
    return pairs
