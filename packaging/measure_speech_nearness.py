"""Find how near to texts about speech an example must lie to count as speech.

    python packaging/measure_speech_nearness.py MANIFEST [--model FOLDER] [--write]

To be run whenever the mini model's weights change. Recordings that mini never learned from, those
for validation and of unseen concepts, are placed by its audio encoder: speech as it is, speech
with another sound 5 dB below it, as users cut it out of their recordings, and the other sounds.
The threshold parts speech from the others with the fewest errors, both classes counting alike.
``--write`` puts it into the speech model's probe.json, where `clapsep_desktop.separation.about`
reads it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from clapsep_desktop.evaluation.manifest import Sound, read_manifest  # noqa: E402
from clapsep_desktop.model import registry  # noqa: E402
from clapsep_desktop.model.folder import describe_file  # noqa: E402
from clapsep_desktop.model.interface import QueryModel  # noqa: E402
from clapsep_desktop.resources import resource  # noqa: E402
from clapsep_desktop.separation.about import PROBE, SPOKEN, nearness  # noqa: E402
from clapsep_desktop.training.data import RATE, decode  # noqa: E402

SPEECH = ("speech", "speech_male", "speech_female")
EITHER = ("radio_chatter",)
"""Concepts whose recordings may hold speech or not."""

SECONDS = 4
LEAST = 1.0  # s; shorter recordings are no examples
OVER_OTHER = 5.0  # dB of speech over the sound it is mixed with
MOST = 200  # recordings of each class
SEED = 5


def main() -> None:
    """Measure, print, perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--model", default="mini", help="a folder, or the shipped mini")
    parser.add_argument("--write", action="store_true", help="keep the threshold in probe.json")
    options = parser.parse_args()
    model = registry.load(options.model, "cpu")
    if not isinstance(model, QueryModel):
        raise SystemExit(f"{options.model} places no examples")
    centre = model.embed_text(SPOKEN)
    clips = [heard(some) for some in chosen(read_manifest(options.manifest))]
    noisy = [mixed(*both) for both in zip(*clips, strict=False)]
    alone, others, disturbed = (
        nearness(model.embed_audio(some), centre) for some in (*clips, noisy)
    )
    speech = np.concatenate([alone, disturbed])
    near = threshold(speech, others)
    print(f"speech: {len(alone)} recordings, {quartiles(alone)}")
    print(f"speech with another sound: {len(disturbed)} mixtures, {quartiles(disturbed)}")
    print(f"others: {len(others)} recordings, {quartiles(others)}")
    print(
        f"from {near:.2f} on an example is speech: {np.mean(speech >= near):.1%} of speech are "
        f"found, {np.mean(others >= near):.1%} of the others are taken for it"
    )
    if options.write:
        path = resource("models", "speech", PROBE)
        probe = json.loads(path.read_text(encoding="utf-8")) | {"near": near}
        path.write_text(json.dumps(probe) + "\n", encoding="utf-8", newline="\n")
        describe_file(path.parent, PROBE)
        print(f"written to {path}")


def chosen(sounds: Sequence[Sound]) -> tuple[list[Sound], list[Sound]]:
    """Recordings of speech, and of anything else, that no model has learned from."""
    random = np.random.default_rng(SEED)
    unheard = [s for s in sounds if s.split != "train" and s.concept not in EITHER]
    drawn = [unheard[index] for index in random.permutation(len(unheard))]
    speech = [sound for sound in drawn if sound.concept in SPEECH]
    return speech[:MOST], [sound for sound in drawn if sound.concept not in SPEECH][:MOST]


def heard(sounds: Sequence[Sound]) -> list[np.ndarray]:
    """The first seconds of recordings that are long enough, float32 (n,) each."""
    clips = (decode(sound.path)[: SECONDS * RATE] for sound in sounds)
    return [clip for clip in clips if len(clip) >= LEAST * RATE]


def mixed(speech: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Speech with another sound below it, as long as the speech."""
    below = np.resize(other, len(speech))
    ratio = np.sqrt(np.mean(speech**2) / (np.mean(below**2) + 1e-12))
    return np.asarray(speech + below * ratio * 10 ** (-OVER_OTHER / 20), np.float32)


def threshold(speech: np.ndarray, others: np.ndarray) -> float:
    """The middle of the range of thresholds with the fewest errors, to two digits."""
    tried = np.round(np.arange(-1.0, 1.0, 0.01), 2)
    right = [np.mean(speech >= near) + np.mean(others < near) for near in tried]
    return float(np.round(np.median(tried[np.array(right) >= max(right) - 1e-9]), 2))


def quartiles(cosines: np.ndarray) -> str:
    """The spread of cosines, for a person."""
    low, middle, high = np.percentile(cosines, (25, 50, 75))
    return f"cosines {low:.2f} to {high:.2f}, {middle:.2f} in the middle"


if __name__ == "__main__":
    main()
