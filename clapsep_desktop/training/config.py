"""What a run is made of; saved as JSON beside its weights."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from clapsep_desktop.model.mini_net import MiniConfig


@dataclass(frozen=True)
class JointConfig:
    """Stage one: clips held against captions."""

    clips: int = 48  # in one batch
    seconds: float = 3.0
    mixed: float = 0.5  # share of clips with a second sound
    level_deviation: float = 4.0  # dB between the sounds of a clip
    temperature: float = 0.07


@dataclass(frozen=True)
class MixingConfig:
    """Stage two: mixtures and what is asked of them."""

    seconds: float = 3.19  # length of a mixture; 320 frames
    mixtures: int = 8  # in one batch
    queries: int = 2  # asked of each mixture
    sources: tuple[float, ...] = (0.08, 0.64, 0.28)  # shares of mixtures of 1, 2, 3 sounds
    level_deviation: float = 4.0  # dB between the sounds of a mixture
    modes: tuple[float, float, float] = (0.25, 0.25, 0.50)  # positive only, negative only, both
    absent: float = 0.06  # share of queries for a sound that is not there
    unlisted: float = 0.3  # share of "both" queries that name only one of several to remove
    examples: int = 8  # sounds of a batch that are also heard as an example
    example_seconds: float = 2.55  # 256 frames
    embedding_noise: float = 0.25  # norm of the noise on an embedding, against its own of 1
    snr_weight: float = 0.9  # of SNR against SI-SNR, as in the paper
    joint_weight: float = 2.0  # dB that one nat of the joint space is worth
    temperature: float = 0.07  # of the joint space


@dataclass(frozen=True)
class TrainingConfig:
    """One run of either stage."""

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
    validation_pairs: int = 80


def to_json(config: TrainingConfig) -> str:
    """A run's settings as JSON text."""
    return json.dumps(asdict(config), indent=2) + "\n"


def from_json(text: str) -> TrainingConfig:
    """Settings from `to_json`; raises TypeError, KeyError or ValueError for anything else."""
    stored: dict[str, Any] = json.loads(text)
    model, mixing = stored.pop("model"), stored.pop("mixing")
    model["widths"] = tuple(model["widths"])
    for name in ("sources", "modes"):
        mixing[name] = tuple(mixing[name])
    return TrainingConfig(
        model=MiniConfig(**model),
        joint=JointConfig(**stored.pop("joint")),
        mixing=MixingConfig(**mixing),
        **stored,
    )
