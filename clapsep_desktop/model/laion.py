"""The one place that touches laion_clap.

``import laion_clap`` appends to sys.path, sets up loggers and fetches three tokenizers from a
hub. None of that is needed for the layers of its audio encoder, so its source folder is entered
under a private name of ours: ordinary imports of single files, without either ``__init__``. A
later genuine ``import laion_clap`` finds nothing of this.
"""

from __future__ import annotations

import sys
import warnings
from functools import cache
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import nn

from clapsep_desktop.errors import ModelError
from clapsep_desktop.model.config import AudioTowerConfig

_PRIVATE = "_clapsep_desktop_clap_module"


def patch_embedding(config: AudioTowerConfig) -> Any:
    """HTSAT's patch embedding, (B, 1, image, image) -> (B, grid^2, width)."""
    return _layer(
        "PatchEmbed",
        img_size=config.image,
        patch_size=config.patch,
        in_chans=1,
        embed_dim=config.width,
        norm_layer=nn.LayerNorm,
        patch_stride=(config.patch, config.patch),
    )


def stage(config: AudioTowerConfig, index: int, *, depth: int, merging: bool) -> Any:
    """A stage of Swin blocks, every other one shifted; ``downsample`` merges patches at its end."""
    resolution = config.resolutions[index]
    return _layer(
        "BasicLayer",
        dim=config.widths[index],
        input_resolution=(resolution, resolution),
        depth=depth,
        num_heads=config.heads[index],
        window_size=config.window,
        mlp_ratio=float(config.mlp_ratio),
        downsample=_htsat().PatchMerging if merging else None,
    )


def whole_tower(config: AudioTowerConfig, classes: int = 527) -> Any:
    """HTSAT as LAION runs it, head, attention maps and all: a yardstick for tests."""
    return _layer(
        "HTSAT_Swin_Transformer",
        spec_size=config.image,
        patch_size=config.patch,
        patch_stride=(config.patch, config.patch),
        num_classes=classes,
        embed_dim=config.width,
        depths=config.depths,
        num_heads=config.heads,
        window_size=config.window,
        mlp_ratio=float(config.mlp_ratio),
        config=SimpleNamespace(
            mel_bins=config.mels,
            sample_rate=config.rate,
            window_size=config.n_fft,
            hop_size=config.hop,
            fmin=config.mel_low,
            fmax=config.mel_high,
        ),
    )


def _layer(class_name: str, **sizes: Any) -> Any:
    """A layer of htsat.py; its weights are for the caller to fill or replace."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.meshgrid", category=UserWarning)
        return getattr(_htsat(), class_name)(**sizes)


@cache
def _htsat() -> ModuleType:
    """laion_clap/clap_module/htsat.py, imported by itself."""
    package = ModuleType(_PRIVATE)
    package.__path__ = [str(_source_folder())]
    package.__spec__ = ModuleSpec(_PRIVATE, None, is_package=True)
    # Of its utils, htsat.py takes two small helpers, one for training and one for the head. The
    # file would import torchvision and h5py for the rest of it, two seconds in all.
    utils = ModuleType(f"{_PRIVATE}.utils")
    utils.__dict__.update(do_mixup=None, interpolate=_repeat_frames)
    sys.modules[_PRIVATE] = package
    sys.modules[utils.__name__] = utils
    try:
        return import_module(f"{_PRIVATE}.htsat")
    except ImportError as error:
        raise ModelError(
            f"The package laion-clap in this installation cannot be used ({error}). "
            "Install CLAPSep Desktop again."
        ) from error


def _repeat_frames(x: torch.Tensor, ratio: int) -> torch.Tensor:
    return x.repeat_interleave(ratio, dim=1)


def _source_folder() -> Path:
    spec = find_spec("laion_clap")  # finds a top-level package without running it
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("The package laion-clap is missing. Install CLAPSep Desktop again.")
    return Path(spec.submodule_search_locations[0]) / "clap_module"
