"""Options that several commands have, spelled alike in all of them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Device(StrEnum):
    """Where a model computes."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Channels(StrEnum):
    """One filter for all channels, so that the stereo image stays, or one for each."""

    linked = "linked"
    independent = "independent"


class Depth(StrEnum):
    """Sample formats."""

    int8 = "8"
    int16 = "16"
    int24 = "24"
    int32 = "32"
    float32 = "float"
    float64 = "double"


OnDevice = Annotated[Device, typer.Option(help="Where to compute.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]
OverwriteOne = Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")]
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")]
