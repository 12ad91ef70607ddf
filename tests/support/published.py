"""Files as the authors of LAION-CLAP and CLAPSep publish them, with made-up weights."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from clapsep_desktop.model import checkpoint
from clapsep_desktop.model.base_net import pair
from clapsep_desktop.model.config import AudioTowerConfig, BaseConfig, TextTowerConfig

CLAP_FILE, CLAPSEP_FILE = "music_audioset_epoch_15_esc_90.14.pt", "best_model.ckpt"

WORDS = ["dog", "bark", "rain", "wind", "speech", "birds", "car", "keyboard"]


def tokenizer(folder: Path, size: int = 0) -> int:
    """A byte-level vocab.json and merges.txt that know a few words, and the vocabulary's size.

    With ``size``, tokens that no text has fill the vocabulary up to it.
    """
    printable = [chr(i) for i in (*range(33, 127), *range(161, 173), *range(174, 256))]
    letters = printable + [chr(256 + i) for i in range(256 - len(printable))]
    tokens, merges = ["<s>", "<pad>", "</s>", "<unk>", *letters], []
    for word in WORDS:
        for end in range(2, len(word) + 1):
            if word[:end] not in tokens:
                tokens.append(word[:end])
                merges.append(f"{word[: end - 1]} {word[end - 1]}")
        tokens.append(f"Ġ{word}")  # after a space
        merges.append(f"Ġ {word}")
    tokens += [f"unused {i}" for i in range(len(tokens), size)]
    (folder / "vocab.json").write_text(
        json.dumps({token: i for i, token in enumerate(tokens)}), encoding="utf-8"
    )
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")
    return len(tokens)


def tiny_config(vocabulary: int = 340) -> BaseConfig:
    """Every part of the published model, at two seconds and a few channels."""
    return BaseConfig(
        seconds=2,
        embedding=16,
        mask_width=24,
        mask_layers=2,
        mask_heads=2,
        lora_rank=2,
        audio=AudioTowerConfig(mels=16, image=64, width=8, depths=(2, 2, 4, 2), heads=(1, 2, 2, 4)),
        text=TextTowerConfig(
            vocabulary=vocabulary, width=16, layers=2, heads=2, mlp_width=32, positions=34,
            max_tokens=12,
        ),
    )  # fmt: skip


def made_up(name: str, shape: torch.Size) -> torch.Tensor:
    """A weight drawn from its name alone, of a size that keeps signals alive through the layers."""
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    drawn = generator.standard_normal(tuple(shape), dtype=np.float32)
    if name.endswith("running_var"):
        values = 1 + 0.1 * np.abs(drawn)
    elif name.endswith("running_mean"):
        values = 0.1 * drawn
    elif len(shape) == 1:
        values = 1 + 0.1 * drawn if name.endswith("weight") else 0.05 * drawn
    else:
        values = drawn * np.float32(0.7 / np.sqrt(drawn[0].size))
    return torch.from_numpy(values.astype(np.float32))


def made_up_weights(config: BaseConfig) -> dict[str, torch.Tensor]:
    """All weights of the published model that matter, by their published names."""
    return {name: made_up(name, shape) for name, shape in checkpoint.expected(config).items()}


def write_files(folder: Path, config: BaseConfig, *, complete: bool = False) -> list[Path]:
    """Both checkpoints and the tokenizer, as a user has them after downloading by hand.

    LAION-CLAP's comes from a training loop: wrapped names, an optimizer, NumPy numbers. CLAPSep's
    holds what was tuned, or with ``complete`` everything.
    """
    weights = made_up_weights(config)
    clap = {
        f"module.{name.removeprefix('clap_model.model.')}": weight
        for name, weight in weights.items()
        if name.startswith("clap_model.model.")
    }
    clap["module.text_branch.embeddings.position_ids"] = torch.arange(config.text.positions)[None]
    clap["module.logit_scale_a"] = torch.tensor(14.3)
    checkpoint_ = {
        "epoch": 15,
        "name": "tiny",
        "state_dict": clap,
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(8)}}, "param_groups": [{"lr": 1e-4}]},
        "metric": np.float64(0.9014),
        "best": {"step": np.int64(7), "loss": np.float32(1.5)},
    }
    torch.save(checkpoint_, folder / CLAP_FILE)
    tuned = {name: weight for name, weight in weights.items() if complete or _is_tuned(name)}
    torch.save(tuned, folder / CLAPSEP_FILE)
    tokenizer(folder, config.text.vocabulary)
    return [folder / name for name in (CLAP_FILE, CLAPSEP_FILE, "vocab.json", "merges.txt")]


def _is_tuned(name: str) -> bool:
    tuned_in_the_tower = "lora_" in name or name.endswith("bias")
    return name.startswith("decoder_model.") or (
        name.startswith("audio_branch.") and tuned_in_the_tower
    )


def sound(seed: int = 0, seconds: float = 2) -> torch.Tensor:
    """A beating tone in noise at 32 kHz, float32 (1, n)."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(int(seconds * 32_000)) / 32_000
    tone = torch.sin(6.2831853 * 440 * time) * (1 + torch.sin(6.2831853 * 3 * time))
    return 0.1 * (tone + torch.randn(time.shape, generator=generator))[None]


def condition(mode: str = "both", size: int = 16) -> torch.Tensor:
    """A pair of embeddings (1, 2 * size) for the query mode both, positive or negative."""
    generator = torch.Generator().manual_seed(7)
    positive, negative = F.normalize(torch.randn(2, 1, size, generator=generator), dim=-1)
    silent = torch.zeros_like(positive)
    return pair(
        positive if mode != "negative" else silent, negative if mode != "positive" else silent
    )
