"""Draws a recording, what was kept and what was removed.

Usage: python packaging/picture.py RECORDING KEPT REMOVED PICTURE.png [SECONDS]
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import scipy.signal
from matplotlib.figure import Figure

from clapsep_desktop.audio.files import AudioFile

RANGE = 75.0  # dB
SIZE = (10.0, 6.2)  # inches
DPI = 120
INK, PAPER = "#d8dce4", "#15171c"
TITLES = ("The recording", "Kept", "Removed")


def mono(path: Path) -> tuple[np.ndarray, int]:
    """A whole file as float32 (n,) and its rate."""
    with AudioFile(path) as file:
        return file.read(0, file.frames).mean(axis=1), file.rate


def spectrogram(samples: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frequencies, times and levels in dB (bins, frames)."""
    frequencies, times, power = scipy.signal.spectrogram(
        samples, rate, nperseg=2048, noverlap=1536, scaling="spectrum"
    )
    return frequencies, times, 10.0 * np.log10(power + 1e-14)


def draw(paths: list[Path], seconds: float | None) -> Figure:
    """One spectrogram below the other, all in one range of levels."""
    figure = Figure(SIZE, facecolor=PAPER, layout="constrained")
    rows = figure.subplots(len(paths), 1, sharex=True)
    top = None
    for axes, path, title in zip(rows, paths, TITLES, strict=True):
        frequencies, times, levels = spectrogram(*mono(path))
        top = float(np.percentile(levels, 99.95)) if top is None else top
        mesh = axes.pcolormesh(
            times, frequencies, levels, cmap="magma", vmin=top - RANGE, vmax=top, rasterized=True
        )
        mesh.set_edgecolor("face")
        axes.set(yscale="symlog", ylim=(60.0, 16_000.0), ylabel="Hz", facecolor="black")
        axes.set_yticks([100, 300, 1_000, 3_000, 10_000], ["100", "300", "1k", "3k", "10k"])
        axes.set_title(title, loc="left", color=INK, fontsize=11)
        axes.minorticks_off()
        axes.tick_params(colors=INK)
        axes.yaxis.label.set_color(INK)
        if seconds is not None:
            axes.set_xlim(0.0, seconds)
    rows[-1].set_xlabel("s", color=INK)
    return figure


def main(arguments: list[str]) -> None:
    """Draws the picture that the arguments ask for."""
    if len(arguments) not in (4, 5):
        raise SystemExit(__doc__)
    *paths, target = (Path(argument) for argument in arguments[:4])
    seconds = float(arguments[4]) if len(arguments) == 5 else None
    mpl.use("agg")
    draw(paths, seconds).savefig(target, dpi=DPI, facecolor=PAPER)


if __name__ == "__main__":
    main(sys.argv[1:])
