"""Reading the files in which LAION-CLAP and CLAPSep were published.

Both are pickles, and a pickle can run any program when it is opened. Only tensors, plain
containers and NumPy's numbers are let through here; whatever else a file holds is refused by
name. What a file is, its keys decide, not its name.
"""

from __future__ import annotations

import pickle
import pickletools
import re
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from clapsep_desktop.errors import ModelDamagedError, ModelError, ModelMismatchError

CLAP = "LAION-CLAP"
CLAPSEP = "CLAPSep"

_NUMPY_SCALAR = np.float64(0).__reduce__()[0]  # what any NumPy number is unpickled by

_SAFE_TYPES: list[Any] = [
    np.dtype,
    *{type(np.dtype(kind)) for kind in "?bBhHiIlLqQefd"},
    (_NUMPY_SCALAR, "numpy.core.multiarray.scalar"),
    (_NUMPY_SCALAR, "numpy._core.multiarray.scalar"),
]
"""What a training loop leaves beside its weights: epochs and losses as NumPy numbers."""

_NAMES: tuple[tuple[str, str], ...] = (
    (r"^audio\.", "audio_branch."),
    (r"^text\.", "text_branch."),
    (r"^decoder\.bottom\.", "decoder_model.film."),
    (r"^decoder\.levels\.(\d+)\.skip\.", r"decoder_model.skip.\1."),
    (r"^decoder\.levels\.(\d+)\.block\.", r"decoder_model.layers.\1.blocks.0."),
    (r"^decoder\.levels\.(\d+)\.expansion\.", r"decoder_model.layers.\1.downsample."),
    (r"^(decoder_model\.(?:film|skip\.\d+))\.film\.", r"\1.skip_conv."),
    (r"^(decoder_model\.(?:film|skip\.\d+))\.project\.", r"\1.feature_proj."),
    (r"^decoder\.patch_inverse\.", "decoder_model.inverse_patch_embed."),
    (r"^decoder\.spectrum_norm\.", "decoder_model.spec_norm."),
    (r"^decoder\.mask_net\.enter\.", "decoder_model.mask_net.0."),
    (r"^decoder\.mask_net\.norm\.", "decoder_model.mask_net.1."),
    (r"^decoder\.mask_net\.leave\.", "decoder_model.mask_net.3."),
    (r"^decoder\.mask_net\.layers\.", "decoder_model.mask_net.2.layers."),
    (r"^(decoder_model\.mask_net\.2\..*)\.qkv\.", r"\1.self_attn.in_proj_"),
    (r"^(decoder_model\.mask_net\.2\..*)\.proj\.", r"\1.self_attn.out_proj."),
    (r"^(decoder_model\.mask_net\.2\..*)\.enter\.", r"\1.linear1."),
    (r"^(decoder_model\.mask_net\.2\..*)\.leave\.", r"\1.linear2."),
)
"""Our names to the published ones, applied in this order."""


_ALWAYS_TUNED = ("attn.qkv.bias", "attn.proj.bias")
"""Learned beside LoRA, so that CLAPSep's file always brings them; see `_sort_of`."""

_PICKLED = (b"PK\x03\x04", b"\x80")
"""How checkpoints of torch begin: zipped ones, and older ones."""

_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "a note that stands for the file in a Git repository"),
    (b"<!doctype", "a web page, as servers send it in place of a file"),
    (b"<html", "a web page, as servers send it in place of a file"),
    (b"RIFF", "a sound or a film"),
    (b"fLaC", "a sound"),
    (b"OggS", "a sound or a film"),
    (b"ID3", "a sound"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"%PDF", "a document"),
    (b"GGUF", "a language model"),
)
"""What else a file may be that somebody gives, by its first bytes."""

_TORCH_MARK = 0x1950A86A20F9469CFC6C
"""The number that older checkpoints of torch begin with."""


@dataclass(frozen=True)
class PublishedFile:
    """One checkpoint, opened: what it is and the weights it holds."""

    path: Path
    kind: str  # `CLAP` or `CLAPSEP`
    weights: Mapping[str, Tensor]  # by published names, without wrappers' prefixes

    @property
    def complete(self) -> bool:
        """Whether CLAPSep's file brings the whole of CLAP along, as it may."""
        return any(name.startswith("clap_model.") for name in self.weights)


def looks_like_checkpoint(path: Path) -> bool:
    """Whether a file begins as checkpoints do, whatever its name; False where it is unreadable."""
    with suppress(OSError), path.open("rb") as file:
        return file.read(4).startswith(_PICKLED)
    return False


def published_name(name: str) -> str:
    """The published name of a weight of ours, within its own file.

    >>> published_name("decoder.levels.2.skip.film.gamma.weight")
    'decoder_model.skip.2.skip_conv.gamma.weight'
    """
    for ours, published in _NAMES:
        name = re.sub(ours, published, name)
    return name


def open_file(path: Path) -> PublishedFile:
    """Opens a checkpoint safely.

    Raises:
        ModelDamagedError: it cannot be read, is cut off, or holds anything but numbers.
        ModelMismatchError: it holds weights, but of another model.
    """
    weights = _weights(path, _unpickle(path))
    names = weights.keys()
    if any(name.startswith("decoder_model.") or ".lora_" in name for name in names):
        return PublishedFile(path, CLAPSEP, weights)
    if any(name.startswith(("text_branch.", "audio_branch.")) for name in names):
        return PublishedFile(path, CLAP, weights)
    shown = ", ".join(list(names)[:3]) or "none at all"
    raise ModelMismatchError(
        f"{path.name} holds neither LAION-CLAP nor CLAPSep: its weights are {shown}. "
        "Choose the files that the model's authors publish."
    )


def merged(files: Iterable[PublishedFile]) -> dict[str, Tensor]:
    """All weights by the names of the complete published model.

    CLAP's own weights stand under ``clap_model.model.``. What training left alone in the
    separator's copy of the audio encoder, CLAPSep's file does not bring: it comes from CLAP. What
    training tuned never does, so a file that lacks some of it is found to be incomplete.
    """
    weights: dict[str, Tensor] = {}
    tuned = set(_ALWAYS_TUNED)
    for file in sorted(files, key=lambda file: file.kind == CLAPSEP):
        prefix = "clap_model.model." if file.kind == CLAP else ""
        weights.update({prefix + name: weight for name, weight in file.weights.items()})
        if file.kind == CLAPSEP:
            tuned |= {_sort_of(name) for name in file.weights if name.startswith("audio_branch.")}
    for name in [name for name in weights if name.startswith("clap_model.model.audio_branch.")]:
        own = name.removeprefix("clap_model.model.")
        if _sort_of(own) not in tuned:
            weights.setdefault(own, weights[name])
    return weights


def _sort_of(name: str) -> str:
    """What training tunes together in an audio encoder: a file brings all of a sort, or none.

    >>> _sort_of("audio_branch.layers.0.blocks.1.attn.qkv.bias")
    'attn.qkv.bias'
    >>> _sort_of("audio_branch.layers.0.blocks.1.mlp.fc1.bias")
    'bias'
    """
    attention = re.search(r"attn\.(?:qkv|proj)\.\w+$", name)
    return attention[0] if attention else name.rpartition(".")[2]


def check(weights: Mapping[str, Tensor], expected: Mapping[str, torch.Size], where: str) -> None:
    """Compares weights with what a model needs; ``where`` names the files for the message.

    Raises:
        ModelMismatchError: naming what is missing or has another shape.
        ModelDamagedError: naming what is not a finite number.
    """
    missing = [name for name in expected if name not in weights]
    shapes = [
        f"{name} {_form(weights[name])} instead of {tuple(shape)}"
        for name, shape in expected.items()
        if name in weights and _form(weights[name]) != str(tuple(shape))
    ]
    if missing or shapes:
        parts = [_several("missing", missing)] if missing else []
        parts += [_several("of another shape", shapes)] if shapes else []
        raise ModelMismatchError(
            f"{where} do not make up the published CLAPSep: {' and '.join(parts)}. "
            "Choose the files that the model's authors publish."
        )
    broken = [name for name in expected if not bool(weights[name].isfinite().all())]
    if broken:
        raise ModelDamagedError(
            f"{where} hold values that are not numbers: {_several('affected', broken)}. "
            "Download the files again."
        )


def _form(weight: Tensor) -> str:
    """A weight's shape; its type too where that is no plain array of floats."""
    shape = str(tuple(weight.shape))
    plain = weight.is_floating_point() and weight.layout is torch.strided
    return shape if plain else f"{shape} {str(weight.dtype).removeprefix('torch.')}"


def _several(what: str, names: list[str], shown: int = 3) -> str:
    listed = ", ".join(names[:shown])
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    plural = "weight is" if len(names) == 1 else "weights are"
    return f"{len(names)} {plural} {what} ({listed}{more})"


def _unpickle(path: Path) -> Any:
    start = _first_bytes(path)
    if len(start) >= 4 and not start.startswith(_PICKLED):
        raise ModelMismatchError(
            f"{path.name} is {_nature(start)}, not a checkpoint of LAION-CLAP or CLAPSep. "
            "Choose the files that the model's authors publish."
        )
    try:
        # Mapped into memory, a checkpoint's optimizer state is never read.
        mapped = zipfile.is_zipfile(path)
        with torch.serialization.safe_globals(_SAFE_TYPES), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a pickle's protocol, of sparse tensors
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
        if mapped:
            _check_sums(path)
        return content
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        raise (_refused(path, named[1]) if named else _bare_pickle(path)) from error
    except Exception as error:  # fed damaged bytes, an unpickler may stumble over anything
        raise _damaged(path) from error


def _check_sums(path: Path) -> None:
    """Raises BadZipFile where bytes of a zipped checkpoint were altered; torch does not look."""
    with zipfile.ZipFile(path) as archive:
        altered = archive.testzip()
    if altered is not None:
        raise zipfile.BadZipFile(altered)


def _bare_pickle(path: Path) -> ModelError:
    """What to say of a file that torch refuses for its form, before it comes to what it holds.

    The file's operations are read here, and none is carried out.
    """
    strings: list[str] = []
    try:
        with path.open("rb") as file:
            for operation, argument, _ in pickletools.genops(file):
                if argument == _TORCH_MARK:
                    return _damaged(path)
                if operation.name in ("GLOBAL", "INST"):
                    return _refused(path, str(argument).replace(" ", "."))
                if operation.name == "STACK_GLOBAL":
                    return _refused(path, ".".join(strings[-2:]))
                if isinstance(argument, str):
                    strings.append(argument)
    except Exception:  # a pickle that breaks off, or is none
        return _damaged(path)
    return ModelMismatchError(f"{path.name} holds no weights. Choose another file.")


def _refused(path: Path, what: str) -> ModelDamagedError:
    return ModelDamagedError(
        f"{path.name} holds a Python object ({what}) that no model needs and that could run a "
        "program, so it was not opened. Get the file from the model's authors."
    )


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(64)
    except FileNotFoundError:
        raise ModelMismatchError(f"There is no file {path}.") from None
    except OSError as error:
        raise ModelDamagedError(
            f"{path} cannot be read ({error.strerror or error}). Check its permissions."
        ) from error


def _nature(start: bytes) -> str:
    """What a file that begins like this is, for a message."""
    for beginning, nature in _OTHERS:
        if start.lstrip().lower().startswith(beginning.lower()):
            return nature
    if start[8:10] == b'{"':
        return "a safetensors file"
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start):
        return "a text"
    return "of an unknown kind"


def _damaged(path: Path) -> ModelDamagedError:
    return ModelDamagedError(
        f"{path.name} is damaged or cut off ({path.stat().st_size} bytes). Download it again."
    )


def _weights(path: Path, content: Any) -> dict[str, Tensor]:
    """The state dict inside a checkpoint, its wrappers' prefixes taken off."""
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        raise ModelMismatchError(f"{path.name} holds no weights. Choose another file.")
    weights = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    for prefix in ("module.", "model."):  # DataParallel's and Lightning's
        if weights and all(name.startswith(prefix) for name in weights):
            weights = {name.removeprefix(prefix): value for name, value in weights.items()}
    return weights
