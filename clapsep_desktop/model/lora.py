"""Low-rank adaptation of the separator's audio encoder (arXiv 2106.09685), by peft.

The encoder learns through two thin matrices beside each projection of its window attentions.
For training they stay apart; for inference they are added to the weights they adapt. Loading a
model for inference adds them itself, `updated`: importing peft takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from clapsep_desktop.model.config import BaseConfig

TARGETS = r"layers\.\d+\.blocks\.\d+\.attn\.(qkv|proj)"
"""The adapted layers of an audio tower, as a regular expression over their names."""

_ADAPTER = "default"  # what peft calls an adapter that was given no name


def updated(weight: Tensor, lora_A: Tensor, lora_B: Tensor, scale: float) -> Tensor:
    """The weight with its update: W + scale * B A (section 4.1)."""
    return torch.addmm(weight.float(), lora_B.float(), lora_A.float(), alpha=scale)


def attach(tower: nn.Module, config: BaseConfig) -> None:
    """Puts a trainable adapter beside every adapted layer; all other weights are frozen.

    A new adapter changes nothing: its B is zero.
    """
    from peft import LoraConfig, inject_adapter_in_model

    adapter = LoraConfig(
        r=config.lora_rank, lora_alpha=config.lora_alpha, target_modules=TARGETS, bias="none"
    )
    inject_adapter_in_model(adapter, tower)


def load(tower: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Fills an attached adapter from ``<layer>.lora_A`` (rank, in) and ``.lora_B`` (out, rank)."""
    with torch.no_grad():
        for name, parameter in _parameters(tower).items():
            parameter.copy_(weights[name])


def weights(tower: nn.Module) -> dict[str, Tensor]:
    """An attached adapter's matrices by the names that `load` takes."""
    return {name: parameter.detach() for name, parameter in _parameters(tower).items()}


def merge(tower: nn.Module) -> None:
    """Adds the adapter to the weights beside it and takes it away."""
    from peft.tuners.lora import LoraLayer

    for name, module in list(tower.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge()
            parent, _, child = name.rpartition(".")
            setattr(tower.get_submodule(parent), child, module.get_base_layer())


def _parameters(tower: nn.Module) -> dict[str, nn.Parameter]:
    """``<layer>.lora_A`` -> parameter, for peft's ``<layer>.lora_A.<adapter>.weight``."""
    return {
        name.removesuffix(f".{_ADAPTER}.weight"): parameter
        for name, parameter in tower.named_parameters()
        if ".lora_A." in name or ".lora_B." in name
    }
