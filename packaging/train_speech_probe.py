"""Learn which queries are about speech: a linear probe on the sentence encoder's space.

    python packaging/train_speech_probe.py [--manifest FILE] [--held-out FILE] [--to FILE]

The phrases are built from the lists in ``speech_phrases.toml``; a corpus manifest (see
`clapsep_desktop.evaluation.manifest`) adds its captions of other sounds. Phrases of the held-out
file are left out of the training, so that it can tell how well unseen wordings are understood.

Speech is anyone speaking, in any voice and language. Whispering, singing, laughter, crying,
cheering and crowds are not: the speech specialist would not keep them, and so a query for them, or
for speech together with another sound in one phrase, is for a model that takes queries.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import sys
import tomllib
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from clapsep_desktop.evaluation.manifest import read_manifest  # noqa: E402
from clapsep_desktop.model import folder as folders  # noqa: E402
from clapsep_desktop.model.text import SentenceEncoder  # noqa: E402
from clapsep_desktop.resources import resource  # noqa: E402
from clapsep_desktop.separation.about import FORMAT, PROBE  # noqa: E402

WORDS = tomllib.loads((REPOSITORY / "packaging/speech_phrases.toml").read_text(encoding="utf-8"))
CARRIERS = ("a {} {}", "the {} {}", "{} {}", "a {} is {}")
UNDER = ("under", "beneath", "in the background of")
RIDGE = 5e-3
SEED = 7


def spoken() -> list[str]:
    """Phrases about speech."""
    random = np.random.default_rng(SEED)
    pairs = [
        carrier.format(who, says)
        for carrier, who, says in itertools.product(CARRIERS, WORDS["who"], WORDS["says"])
    ]
    chosen = [pairs[index] for index in random.choice(len(pairs), 1500, replace=False)]
    plural = [f"{who} {says}" for who, says in itertools.product(WORDS["many"], WORDS["says"][:14])]
    voices = [f"{who}'s voice" for who in WORDS["who"]] + [f"voice of a {w}" for w in WORDS["who"]]
    return [*chosen, *plural, *voices, *8 * WORDS["speech"]]


def others() -> list[str]:
    """Phrases about anything else, and about speech together with something else."""
    speaking = ("speech", "a man speaking", "a woman talking", "people talking", "voice")
    joints = ("and", "with", "over", "while there is")
    both = [f"{a} {j} {b}" for a, j, b in itertools.product(speaking, joints, WORDS["along"])]
    beneath = [f"{b} {j} {a}" for b, j, a in itertools.product(WORDS["along"], UNDER, WORDS["it"])]
    voices = [form.format(a) for form, a in itertools.product(WORDS["voiced"], WORDS["singer"])]
    sung = [f"{who} {sings}" for who, sings in itertools.product(WORDS["song"], WORDS["sings"])]
    singing = [*voices, *sung, *WORDS["sung"]]
    return [*3 * WORDS["people"], *2 * WORDS["other"], *both, *beneath, *4 * singing]


def fit(points: np.ndarray, spoken: np.ndarray) -> tuple[np.ndarray, float]:
    """Logistic regression with both classes of equal weight; the weights and the offset."""
    shares = np.where(spoken, 0.5 / spoken.sum(), 0.5 / (~spoken).sum())
    signs = np.where(spoken, 1.0, -1.0)

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        weights, offset = parameters[:-1], parameters[-1]
        margins = signs * (points @ weights + offset)
        pull = -signs * shares * expit(-margins)
        gradient = np.append(points.T @ pull + RIDGE * weights / 30, pull.sum())
        value = shares @ np.logaddexp(0.0, -margins) + RIDGE / 60 * weights @ weights
        return float(value), gradient

    found = minimize(loss, np.zeros(points.shape[1] + 1), jac=True, method="L-BFGS-B")
    return found.x[:-1], float(found.x[-1])


def main() -> None:
    """Train, measure, save."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--manifest", type=Path, help="a corpus whose captions are learned too")
    parser.add_argument(
        "--held-out", type=Path, default=REPOSITORY / "tests/separation/speech_queries.csv"
    )
    parser.add_argument("--to", type=Path, default=resource("models", "speech", PROBE))
    arguments = parser.parse_args()
    with arguments.held_out.open(encoding="utf-8", newline="") as file:
        held_out = [(row["text"], row["about"] == "speech") for row in csv.DictReader(file)]
    positive, negative = spoken(), others()
    if arguments.manifest:
        rows = read_manifest(arguments.manifest)
        captions = {(c, row.concept.startswith("speech")) for row in rows for c in row.captions}
        positive += sorted(caption for caption, about in captions if about)
        negative += sorted(caption for caption, about in captions if not about)
    unseen = {text.casefold() for text, _ in held_out}
    phrases = [
        (text, about)
        for texts, about in ((positive, True), (negative, False))
        for text in texts
        if text.casefold() not in unseen
    ]
    encoder = SentenceEncoder.load(resource("models", "mini", "text"))
    known = sorted({text for text, _ in phrases})
    place = {text: index for index, text in enumerate(known)}
    points = encoder.embed(known)[[place[text] for text, _ in phrases]].astype(np.float64)
    weights, offset = fit(points, np.array([about for _, about in phrases]))
    kept = json.loads(arguments.to.read_text(encoding="utf-8")) if arguments.to.exists() else {}
    description = {
        "format": FORMAT,
        "space": "all-MiniLM-L6-v2",
        "weights": [round(float(weight), 3) for weight in weights],
        "offset": round(offset, 3),
        "near": kept.get("near", 0.5),  # see measure_speech_nearness.py
    }
    arguments.to.write_text(json.dumps(description) + "\n", encoding="utf-8", newline="\n")
    if (arguments.to.parent / folders.CONFIG_NAME).exists():
        folders.describe_file(arguments.to.parent, arguments.to.name)
    scores = encoder.embed([text for text, _ in held_out]) @ weights + offset
    right = (scores > 0) == np.array([about for _, about in held_out])
    print(f"{len(known)} phrases; {right.mean():.1%} of {len(held_out)} held-out queries right")
    for (text, about), score in sorted(zip(held_out, scores, strict=True), key=lambda x: x[1]):
        if (score > 0) != about or abs(score) < 1.0:
            print(f"{score:7.2f}  {'speech' if about else 'other':<7} {text}")


if __name__ == "__main__":
    main()
