"""What a run is made of; saved as JSON beside its weights, and read from a file of one's own."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from clapsep_desktop.errors import DataError
from clapsep_desktop.model.mini_net import MiniConfig

T = TypeVar("T")

SHORTEST = 0.1
"""Seconds; a clip holds a few frames at least."""


def _check(settings: object, names: tuple[str, ...], low: float, high: float = math.inf) -> None:
    """Raises ValueError where a setting lies outside its range."""
    for name in names:
        value = getattr(settings, name)
        if not low <= value <= high:
            limits = f"from {low:g} to {high:g}" if math.isfinite(high) else f"{low:g} or more"
            raise ValueError(f"{name} must be {limits}, not {value:g}")


@dataclass(frozen=True)
class JointConfig:
    """Stage one: clips held against captions."""

    clips: int = 48  # in one batch
    seconds: float = 3.0
    mixed: float = 0.5  # share of clips with a second sound
    level_deviation: float = 4.0  # dB between the sounds of a clip
    masked: float = 0.5  # share of clips with silent stripes of time and frequency
    temperature: float = 0.07

    def __post_init__(self) -> None:
        _check(self, ("clips",), 1)
        _check(self, ("seconds",), SHORTEST)
        _check(self, ("mixed", "masked"), 0, 1)
        _check(self, ("level_deviation",), 0)
        _check(self, ("temperature",), 1e-3)


@dataclass(frozen=True)
class MixingConfig:
    """Stage two: mixtures and what is asked of them."""

    seconds: float = 3.19  # length of a mixture; 320 frames
    mixtures: int = 8  # in one batch
    queries: int = 2  # asked of each mixture
    sources: tuple[float, ...] = (0.08, 0.64, 0.28)  # shares of mixtures of 1, 2, 3 ... sounds
    level_deviation: float = 4.0  # dB between the sounds of a mixture
    modes: tuple[float, float, float] = (0.25, 0.25, 0.50)  # positive only, negative only, both
    absent: float = 0.06  # share of queries for a sound that is not there
    unlisted: float = 0.3  # share of "both" queries that name only one of several to remove
    examples: int = 8  # sounds of a batch that are also heard as an example
    example_seconds: float = 2.55  # 256 frames
    masked: float = 0.5  # share of examples with silent stripes of time and frequency
    embedding_noise: float = 0.25  # norm of the noise on an embedding, against its own of 1
    snr_weight: float = 0.9  # of SNR against SI-SNR, as in the paper
    joint_weight: float = 2.0  # dB that one nat of the joint space is worth
    temperature: float = 0.07  # of the joint space

    def __post_init__(self) -> None:
        _check(self, ("mixtures", "queries", "examples"), 1)
        _check(self, ("seconds", "example_seconds"), SHORTEST)
        _check(self, ("absent", "unlisted", "masked", "snr_weight"), 0, 1)
        _check(self, ("level_deviation", "embedding_noise", "joint_weight"), 0)
        _check(self, ("temperature",), 1e-3)
        for name in ("sources", "modes"):
            shares = getattr(self, name)
            if not (all(share >= 0 for share in shares) and math.isclose(sum(shares), 1.0)):
                raise ValueError(f"the shares of {name} must add up to 1")
        if len(self.modes) != 3:
            raise ValueError("modes are three: positive only, negative only, both")


@dataclass(frozen=True)
class PlateauConfig:
    """When the learning rate falls for want of progress, as in the paper."""

    factor: float = 0.3  # by which it falls
    patience: int = 5  # validations without a better one that are borne
    floor: float = 0.05  # of its peak, below which it does not fall

    def __post_init__(self) -> None:
        _check(self, ("factor", "floor"), 0, 1)
        _check(self, ("patience",), 0)


BASE_MIXING = MixingConfig(
    seconds=10.0, mixtures=32, queries=1, sources=(0.0, 1.0), level_deviation=0.0, absent=0.0,
    unlisted=0.0, embedding_noise=0.0, joint_weight=0.0,
)  # fmt: skip
"""The paper's mixtures: two sounds at 0 dB in windows of 10 s."""


@dataclass(frozen=True)
class TrainingConfig:
    """One run of either stage of mini, or of base."""

    model: MiniConfig = field(default_factory=MiniConfig)
    joint: JointConfig = field(default_factory=JointConfig)
    mixing: MixingConfig = field(default_factory=MixingConfig)
    seed: int = 1
    concept_power: float = 0.5  # 1 draws every recording alike, 0 every concept alike
    rate: float = 1.5e-3  # peak learning rate of vectors, by AdamW
    matrix_rate: float = 3e-3  # peak learning rate of matrices, by Muon
    warmup: int = 100  # steps
    steps: int = 2_000  # at which training ends
    decay: int = 600  # last steps, over which the learning rate falls to zero
    weight_decay: float = 0.02
    clip: float = 5.0  # norm of the gradient
    averaging: float = 0.998  # of the weights, for validation and release
    log_steps: int = 50
    save_seconds: float = 240.0
    validate_seconds: float = 900.0
    validate_steps: int = 0  # between validations, where not 0; else the clock decides
    validation_pairs: int = 80
    kind: Literal["joint", "mini", "base"] = "mini"  # stage one or two of mini, or base
    precision: Literal["float32", "bfloat16"] = "float32"  # of most layers while learning
    schedule: Literal["linear", "plateau"] = "linear"
    plateau: PlateauConfig = field(default_factory=PlateauConfig)

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self)).items():
            if get_origin(kind) is Literal and getattr(self, name) not in get_args(kind):
                raise ValueError(f"{name} is one of {', '.join(get_args(kind))}")
        _check(self, ("steps", "log_steps", "validation_pairs"), 1)
        _check(self, ("seed", "warmup", "decay", "validate_steps", "weight_decay"), 0)
        _check(self, ("rate", "matrix_rate", "clip", "save_seconds", "validate_seconds"), 0)
        _check(self, ("concept_power", "averaging"), 0, 1)
        if self.schedule == "plateau" and not self.validate_steps:
            raise ValueError("the plateau schedule needs validate_steps: a clock repeats nothing")


BASE_RECIPE = TrainingConfig(
    mixing=BASE_MIXING, rate=1e-4, warmup=0, steps=150_000, decay=0, weight_decay=0.01,
    averaging=0.0, precision="bfloat16", schedule="plateau", validate_steps=1_000, kind="base",
    concept_power=1.0,
)  # fmt: skip
"""As the paper trains (arXiv 2402.17455, section IV-B)."""


def to_json(config: TrainingConfig) -> str:
    """A run's settings as JSON text."""
    return json.dumps(asdict(config), indent=2) + "\n"


def from_json(text: str) -> TrainingConfig:
    """Settings from `to_json`, of this version or an earlier one.

    Raises TypeError, KeyError or ValueError for anything else.
    """
    return _filled(TrainingConfig(), json.loads(text))


def read(path: Path, start: TrainingConfig) -> TrainingConfig:
    """Settings from a file that names the ones to change: TOML, or JSON as a run saves it.

    Args:
        path: the file.
        start: what holds where the file says nothing.

    Raises:
        DataError: it cannot be read, or sets what does not exist or what makes no sense.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return _filled(start, json.loads(text) if path.suffix == ".json" else tomllib.loads(text))
    except OSError as error:
        raise DataError(f"The settings {path} could not be read: {error.strerror}.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"The settings {path} cannot be used: {error}. The config.json that every run keeps "
            "shows what can be set."
        ) from error


def _filled(start: T, values: object) -> T:
    """A dataclass with some of its fields replaced, those that are dataclasses field by field."""
    known = {each.name for each in fields(start)}  # type: ignore[arg-type]
    if not isinstance(values, Mapping) or not set(values) <= known:
        unknown = sorted(set(values) - known) if isinstance(values, Mapping) else values
        raise ValueError(f"there is no setting {unknown}")
    return replace(start, **{name: _like(getattr(start, name), values[name]) for name in values})  # type: ignore[type-var]


def _like(present: Any, value: Any) -> Any:
    """A value of the type that stands in its place."""
    if is_dataclass(present):
        return _filled(present, value)
    if isinstance(present, tuple):
        return tuple(value)
    if isinstance(present, float) and isinstance(value, int):
        return float(value)
    if type(value) is not type(present):
        raise TypeError(f"{value!r} cannot stand where {present!r} does")
    return value
