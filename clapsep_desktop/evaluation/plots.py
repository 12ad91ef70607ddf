"""Pictures of a run: distributions, curves, concepts, a map of the joint space, spectrograms.

The only module that imports matplotlib and scikit-learn (the optional extra ``evaluate``).
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from sklearn.manifold import TSNE

from clapsep_desktop.evaluation.items import RATE
from clapsep_desktop.evaluation.summary import ConceptFigure, extremes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH = 9.0  # inches
_DPI = 110
_RANGE = 80.0  # dB of a spectrogram
_SI_SDRI = "SI-SDRi (dB)"


@dataclass(frozen=True)
class Example:
    """One item to look at; sounds are float32 (n,) at `RATE`."""

    title: str
    mixture: np.ndarray
    target: np.ndarray
    estimate: np.ndarray


@dataclass(frozen=True)
class JointMap:
    """Points of a joint space.

    Attributes:
        outputs: embeddings of separated sounds, (n, D).
        queries: embeddings of the captions that asked for them, (n, D).
        concepts: of each, n names.
    """

    outputs: np.ndarray
    queries: np.ndarray
    concepts: Sequence[str]


def png(figure: Figure) -> bytes:
    """A figure as a PNG file, the same bytes for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()


def distributions(values: Mapping[str, Sequence[float]]) -> Figure:
    """A box for each title: quartiles, mean, and whiskers to the 5th and 95th percentile."""
    figure, axes = _figure(0.9 + 0.42 * len(values))
    titles = list(values)
    axes.boxplot(
        [list(values[title]) for title in titles],
        orientation="horizontal",
        whis=(5, 95),
        widths=0.6,
        showfliers=False,
        showmeans=True,
        meanprops={"marker": "D", "markersize": 4},
    )
    axes.set_yticks(range(1, len(titles) + 1), titles)
    axes.invert_yaxis()
    axes.axvline(0.0, color="0.6", linewidth=0.8)
    axes.set_xlabel(_SI_SDRI)
    return figure


def curves(lines: Mapping[str, Mapping[float, float]], label: str) -> Figure:
    """Mean SI-SDRi over something that was varied: a line for each title."""
    figure, axes = _figure(3.5 + 0.09 * len(lines))
    colours = mpl.colormaps["tab20"]
    for number, (title, points) in enumerate(lines.items()):
        colour = colours(number % colours.N)
        axes.plot(list(points), list(points.values()), marker="o", color=colour, label=title)
    axes.set_xticks(sorted({x for points in lines.values() for x in points}))
    axes.set_xlabel(label)
    axes.set_ylabel(_SI_SDRI)
    axes.grid(alpha=0.3)
    figure.legend(fontsize=8, loc="outside lower left", ncols=2)
    return figure


def concept_bars(figures: Sequence[ConceptFigure]) -> Figure:
    """The best and the worst concepts."""
    best, worst = extremes(figures)
    shown = [*best, *reversed(worst)]
    figure, axes = _figure(0.9 + 0.24 * len(shown))
    colours = ["C0"] * len(best) + ["C1"] * len(worst)
    axes.barh(range(len(shown)), [f.si_sdri for f in shown], color=colours)
    axes.set_yticks(range(len(shown)), [f"{f.concept} ({f.count})" for f in shown], fontsize=8)
    axes.invert_yaxis()
    axes.axvline(0.0, color="0.6", linewidth=0.8)
    axes.set_xlabel(_SI_SDRI)
    return figure


def joint_map(points: JointMap, seed: int = 0) -> Figure:
    """Separated sounds (dots) and the words that asked for them (crosses), by t-SNE."""
    count = len(points.outputs)
    both = np.concatenate([points.outputs, points.queries]).astype(np.float64)
    flat = TSNE(
        init="random",
        metric="cosine",
        perplexity=min(30.0, (2 * count - 1) / 3),
        random_state=seed,
    ).fit_transform(both)
    figure, axes = _figure(6.5)
    colours = mpl.colormaps["tab20"]
    for number, concept in enumerate(sorted(set(points.concepts))):
        members = np.array([name == concept for name in points.concepts])
        outputs, queries = flat[:count][members], flat[count:][members]
        colour = colours(number % colours.N)
        axes.scatter(outputs[:, 0], outputs[:, 1], s=16, color=colour, label=concept)
        axes.scatter(queries[:, 0], queries[:, 1], s=60, color=colour, marker="x")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def spectrograms(example: Example) -> Figure:
    """Mixture, target and estimate of one item beneath each other."""
    figure = Figure(figsize=(_WIDTH, 6.0), layout="constrained")
    rows = {
        "mixture": example.mixture,
        "target": example.target,
        "separated": example.estimate,
    }
    top = _decibels(example.mixture).max()
    for place, (name, samples) in enumerate(rows.items(), start=1):
        axes = figure.add_subplot(len(rows), 1, place)
        axes.imshow(
            _decibels(samples),
            origin="lower",
            aspect="auto",
            extent=(0.0, len(samples) / RATE, 0.0, RATE / 2_000),
            vmin=top - _RANGE,
            vmax=top,
            cmap="magma",
        )
        axes.set_ylabel(f"{name}\nkHz")
    axes.set_xlabel("s")
    return figure


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    return figure, figure.add_subplot()


def _decibels(samples: np.ndarray) -> np.ndarray:
    """A power spectrogram in dB, (bins, frames)."""
    size, hop = 1024, 320
    padded = np.pad(samples, size // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(size)))).T
    return np.asarray(10.0 * np.log10(power + 1e-10))
