"""The model folder of "base": written once from the published files, then mapped into memory.

    config.json                what it is, its sizes, and each file's size and SHA-256
    separator.safetensors      decoder, LoRA, and what the separator's encoder has for its own
    clap_audio.safetensors     CLAP's audio encoder and projection, for audio queries
    clap_text.safetensors      CLAP's text encoder and projection, for text queries
    vocab.json, merges.txt     the text encoder's tokenizer

A weight of the separator's audio encoder that equals CLAP's is stored once, with CLAP's. Optimizer
state, classification heads and constants that are cheap to compute are left behind.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from clapsep_desktop.errors import ModelDamagedError, ModelMismatchError, ModelMissingError
from clapsep_desktop.model import folder as folders
from clapsep_desktop.model import lora
from clapsep_desktop.model.base_net import BaseNet
from clapsep_desktop.model.config import ARCHITECTURE, FORMAT_VERSION, BaseConfig
from clapsep_desktop.model.published import published_name
from clapsep_desktop.model.towers import AudioEmbedder, TextEmbedder

SEPARATOR_FILE = "separator.safetensors"
AUDIO_FILE = "clap_audio.safetensors"
TEXT_FILE = "clap_text.safetensors"

STORED_TYPES = {"fp32": torch.float32, "fp16": torch.float16}

Weights = dict[str, Tensor]

_Module = TypeVar("_Module", bound=nn.Module)


class _NoDraws(TorchFunctionMode):
    """Leaves new weights as the allocator gives them: memory nobody has touched yet."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in (Tensor.uniform_, Tensor.normal_, Tensor.erfinv_):
            return args[0]
        if getattr(func, "__module__", None) in ("torch.nn.init", "transformers.initialization"):
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def unfilled(build: Callable[[], _Module]) -> _Module:
    """A module whose weights are still to be assigned, ready for inference otherwise.

    Drawing 200 million random numbers only to replace them takes seconds, and moves the random
    state of the whole program.
    """
    with _NoDraws():
        module = build()
    return module.eval().requires_grad_(requires_grad=False)


def expected(config: BaseConfig) -> dict[str, torch.Size]:
    """Every weight that the published files must hold, by its published name."""
    shapes: dict[str, torch.Size] = {}
    net = unfilled(lambda: BaseNet(config))
    for name, weight in stored(net).items():
        shapes[published_name(name)] = weight.shape
    for name in adapted(config):
        out, inputs = net.get_parameter(f"audio.{name}.weight").shape
        shapes[f"audio_branch.{name}.lora_A"] = torch.Size((config.lora_rank, inputs))
        shapes[f"audio_branch.{name}.lora_B"] = torch.Size((out, config.lora_rank))
    for embedder in _embedders(config):
        for name, weight in stored(embedder).items():
            shapes[_clap_name(name)] = weight.shape
    return shapes


def split(weights: Mapping[str, Tensor], config: BaseConfig) -> dict[str, Weights]:
    """Published weights, complete and checked, as the contents of our files by our names."""
    audio_embedder, text_embedder = _embedders(config)
    audio = {name: weights[_clap_name(name)] for name in stored(audio_embedder)}
    text = {name: weights[_clap_name(name)] for name in stored(text_embedder)}
    separator: Weights = {}
    for name in stored(unfilled(lambda: BaseNet(config))):
        weight = weights[published_name(name)]
        if name not in audio or not torch.equal(weight, audio[name]):
            separator[name] = weight
    for name in adapted(config):
        for matrix in ("lora_A", "lora_B"):
            separator[f"audio.{name}.{matrix}"] = weights[f"audio_branch.{name}.{matrix}"]
    return {SEPARATOR_FILE: separator, AUDIO_FILE: audio, TEXT_FILE: text}


def write_weights(path: Path, weights: Mapping[str, Tensor], stored_as: str) -> None:
    """Writes one safetensors file and flushes it to the disk; the same weights, the same bytes."""
    dtype = STORED_TYPES[stored_as]
    content = {name: weights[name].to(dtype).contiguous() for name in sorted(weights)}
    try:
        save_file(content, path)
    except SafetensorError as error:
        # The disk's own error, which safetensors gives as text only.
        number = re.search(r"os error (\d+)", str(error))
        raise OSError(int(number[1]) if number else errno.EIO, str(error), str(path)) from error
    path.chmod(0o644)  # safetensors writes for the owner alone; a folder of models may be shared
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def read_weights(path: Path) -> Weights:
    """All weights of one safetensors file, as they are stored.

    Raises:
        ModelMissingError: it is not there.
        ModelDamagedError: it cannot be read.
    """
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def write_config(
    folder: Path, config: BaseConfig, stored_as: str, files: Mapping[str, Mapping[str, Any]]
) -> None:
    """Writes config.json; ``files`` gives each file's bytes and SHA-256."""
    content = {
        "architecture": ARCHITECTURE,
        "version": FORMAT_VERSION,
        "stored_as": stored_as,
        "sizes": config.to_json(),
        "files": dict(files),
    }
    folders.write_config(folder, content)


def read_sizes(config: Mapping[str, Any], folder: Path) -> BaseConfig:
    """The sizes in a folder's config.json.

    Raises:
        ModelMismatchError: it was written by a later version, or its sizes do not fit together.
    """
    if config.get("version") != FORMAT_VERSION:
        raise ModelMismatchError(
            f"The model in {folder} was written by another version of CLAPSep Desktop. "
            "Update the program, or import the model's files again."
        )
    sizes = config.get("sizes")
    return BaseConfig.from_json(sizes if isinstance(sizes, dict) else {})


def load_separator(folder: Path, config: BaseConfig, *, merge: bool = True) -> BaseNet:
    """The separator in float32 on the CPU.

    Args:
        folder: a model folder.
        config: its sizes.
        merge: adds LoRA to the weights it adapts, for inference; else it stands beside them as
            peft's adapter, for training.
    """
    net = unfilled(lambda: BaseNet(config))
    layers = {f"audio.{layer}.weight": layer for layer in adapted(config)}
    matrices: Weights = {}
    with _separator_files(folder) as read:
        weights = {name: read(name) for name in stored(net) if not (merge and name in layers)}
        if not merge:
            matrices = {
                f"{layer}.{matrix}": read(f"audio.{layer}.{matrix}")
                for layer in layers.values()
                for matrix in ("lora_A", "lora_B")
            }
    if merge:
        # Mapped by themselves, so that the memory of what is adapted is given back.
        with _separator_files(folder) as read:
            for name, layer in layers.items():
                A, B = read(f"audio.{layer}.lora_A"), read(f"audio.{layer}.lora_B")
                weights[name] = lora.updated(read(name), A, B, config.lora_scale)
    _assign(net, weights, folder)
    if not merge:
        lora.attach(net.audio, config)
        lora.load(net.audio, matrices)
    return net


@contextmanager
def _separator_files(folder: Path) -> Iterator[Callable[[str], Tensor]]:
    """Reads the separator's weights by name, float32: its own, or those it shares with CLAP."""
    with _opened(folder / SEPARATOR_FILE) as own, _opened(folder / AUDIO_FILE) as clap:
        own_names, clap_names = set(own.keys()), set(clap.keys())

        def read(name: str) -> Tensor:
            _require(name in own_names or name in clap_names, folder, name)
            weight: Tensor = (own if name in own_names else clap).get_tensor(name)
            return weight.float()

        yield read


def load_audio_embedder(folder: Path, config: BaseConfig) -> AudioEmbedder:
    """CLAP's audio side in float32 on the CPU."""
    module = unfilled(lambda: AudioEmbedder(config.audio, config.embedding))
    return _filled(module, folder / AUDIO_FILE)


def load_text_embedder(folder: Path, config: BaseConfig) -> TextEmbedder:
    """CLAP's text side in float32 on the CPU."""
    module = unfilled(lambda: TextEmbedder(config.text, config.embedding))
    return _filled(module, folder / TEXT_FILE)


def adapted(config: BaseConfig) -> list[str]:
    """Layers of the separator's audio tower that LoRA adapts."""
    return [
        f"layers.{stage}.blocks.{block}.attn.{layer}"
        for stage, depth in enumerate(config.audio.depths)
        for block in range(depth)
        for layer in ("qkv", "proj")
    ]


def stored(module: nn.Module) -> dict[str, Tensor]:
    """A module's state without what no inference reads."""
    return {
        name: weight
        for name, weight in module.state_dict().items()
        if not name.endswith(("num_batches_tracked", "position_ids", "token_type_ids"))
    }


def _embedders(config: BaseConfig) -> tuple[AudioEmbedder, TextEmbedder]:
    return (
        unfilled(lambda: AudioEmbedder(config.audio, config.embedding)),
        unfilled(lambda: TextEmbedder(config.text, config.embedding)),
    )


def _clap_name(name: str) -> str:
    """The published name of a weight of one of CLAP's two sides."""
    return f"clap_model.model.{published_name(name)}"


def _filled(module: _Module, path: Path) -> _Module:
    with _opened(path) as file:
        names = set(file.keys())
        for name in stored(module):
            _require(name in names, path.parent, name)
        weights = {name: file.get_tensor(name).float() for name in stored(module)}
    _assign(module, weights, path.parent)
    return module


def _assign(module: nn.Module, weights: Mapping[str, Tensor], folder: Path) -> None:
    """Puts tensors in a module's place for them, without a copy."""
    try:
        module.load_state_dict(weights, strict=False, assign=True)
    except RuntimeError as error:
        raise ModelMismatchError(
            f"The weights in {folder} are not of the sizes in its config.json. "
            "Install the model again."
        ) from error


def _require(present: bool, folder: Path, name: str) -> None:
    if not present:
        raise ModelDamagedError(f"The model in {folder} lacks {name}. Install it again.")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A safetensors file, mapped into memory."""
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError:
        raise ModelMissingError(f"{path} is missing. Install the model again.") from None
    except (SafetensorError, OSError) as error:
        raise ModelDamagedError(f"{path} is damaged ({error}). Install the model again.") from error
