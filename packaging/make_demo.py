"""Mixes the demo recording from sounds of a manifest: python packaging/make_demo.py MANIFEST.

A man speaks, rain falls all along and a dog barks into it; stereo, 48 kHz, 16 bit. All of it was
left out of training. Writes resources/demo/demo.flac, demo.json and CREDITS.md.
"""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

RATE = 48_000
SECONDS = 22.0
FADE = 0.02  # s, at both ends of every part
DITHER = np.random.default_rng(0)
FOLDER = Path(__file__).resolve().parent.parent / "resources" / "demo"


@dataclass(frozen=True)
class Part:
    """One sound of the recording."""

    path: str  # in the manifest
    starts: tuple[float, ...]  # s
    level: float  # dB re full scale, root mean square over the sound
    pan: float  # -1 left, 1 right


PARTS = (
    Part("audio/speech_male/vctk-p232-9f123b.ogg", (1.0,), -22.0, -0.1),
    Part("audio/speech_male/vctk-p232-5-9a9289.ogg", (11.5,), -22.0, -0.1),
    Part("audio/rain/noisekun-rain-on-tent-5d05c2.ogg", (0.0, 7.5, 15.0), -27.0, 0.2),
    Part("audio/dog_bark/esc-10-3-163459-a-1ce49a.ogg", (4.2, 9.3, 14.1, 19.4), -23.0, 0.5),
)


def stereo(part: Part, manifest: Path) -> np.ndarray:
    """One sound at its level and place, (n, 2)."""
    samples, rate = soundfile.read(manifest.parent / part.path, dtype="float64")
    samples = soxr.resample(samples, rate, RATE, "VHQ")
    samples *= 10.0 ** (part.level / 20.0) / np.sqrt(np.mean(samples**2))
    size = int(FADE * RATE) if "rain" not in part.path else RATE // 2
    ramp = np.sin(np.linspace(0.0, np.pi / 2, size))
    samples[:size] *= ramp
    samples[-size:] *= ramp[::-1]
    angle = (part.pan + 1.0) * np.pi / 4
    return np.asarray(samples[:, None] * np.array([np.cos(angle), np.sin(angle)]) * np.sqrt(2.0))


def credits_of(parts: list[Part], rows: dict[str, dict[str, str]]) -> str:
    """A Markdown list of where the sounds come from."""
    lines = ["# Credits of the demo recording", "", "Mixed from these recordings:", ""]
    lines += [
        f"- {row['captions'].split('|')[0]}: {row['author']}, {row['license']}, {row['url']}"
        for row in (rows[part.path] for part in parts)
    ]
    lines += ["", "The mixture itself may be used under CC BY 4.0.", ""]
    return "\n".join(lines)


def main(manifest: Path) -> None:
    """Makes the three files."""
    mixed = np.zeros((int(SECONDS * RATE), 2))
    for part in PARTS:
        sound = stereo(part, manifest)
        for start in part.starts:
            first = int(start * RATE)
            piece = sound[: len(mixed) - first]
            mixed[first : first + len(piece)] += piece
    mixed *= 0.7 / np.max(np.abs(mixed))
    mixed += DITHER.triangular(-1.0, 0.0, 1.0, mixed.shape) / 2**15
    FOLDER.mkdir(parents=True, exist_ok=True)
    soundfile.write(FOLDER / "demo.flac", mixed, RATE, "PCM_16")
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    (FOLDER / "CREDITS.md").write_text(credits_of(list(PARTS), rows), encoding="utf-8")
    description = {
        "file": "demo.flac",
        "title": "A man speaks in the rain, a dog barks",
        "keep": ["a man speaking"],
        "remove": ["rain", "a dog barking"],
    }
    (FOLDER / "demo.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
