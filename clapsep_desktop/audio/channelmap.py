"""Which channel of a recording is heard from which output of a device."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

Layout = Literal["mix", "first", "direct"]
"""How a recording of more than two channels is heard: mixed into a stereo pair, its first two
channels alone, or each channel from an output of its own."""

LAYOUTS: tuple[Layout, ...] = get_args(Layout)


def outputs_wanted(channels: int, layout: Layout) -> int:
    """How many outputs to ask a device for.

    >>> outputs_wanted(1, "mix"), outputs_wanted(6, "mix"), outputs_wanted(6, "direct")
    (2, 2, 6)
    """
    return channels if layout == "direct" and channels > 2 else 2


def channel_map(channels: int, outputs: int, layout: Layout) -> np.ndarray:
    """Weights of each channel in each output: float32 (channels, outputs).

    One channel is heard from both sides. More than two are mixed as field recorders arm them, in
    pairs: odd ones left, even ones right, a last one without a partner on both sides. Each side
    then is a mean, so that a mix is never louder than its loudest channel and cannot clip.

    >>> channel_map(3, 2, "mix")
    array([[0.5, 0. ],
           [0. , 0.5],
           [0.5, 0.5]], dtype=float32)
    """
    weights = np.zeros((channels, outputs), np.float32)
    if channels == 1:
        weights[0, :2] = 1
    elif (layout == "mix" and outputs <= 2 < channels) or outputs == 1:
        heard = min(channels, 2) if layout == "first" else channels
        weights[:heard] = _pairs(heard, outputs)
    else:
        np.fill_diagonal(weights, 1)
        if layout == "first":
            weights[2:] = 0
    return weights


def _pairs(channels: int, outputs: int) -> np.ndarray:
    weights = np.zeros((channels, outputs), np.float32)
    for channel in range(channels):
        unpaired = channel == channels - 1 and channels % 2 == 1
        if unpaired or outputs == 1:
            weights[channel] = 1
        else:
            weights[channel, channel % 2] = 1
    mean: np.ndarray = weights / weights.sum(axis=0)
    return mean
