"""What a model hears of a recording with several channels."""

from __future__ import annotations

from typing import Literal

import numpy as np

ChannelMode = Literal["linked", "independent"]
"""One filter for all channels, so that the stereo image stays, or one for each."""

_CANCELLED = 0.1
"""A mix with less power than this part of what channels without correlation give has cancelled."""


def heard(channels: np.ndarray, mode: ChannelMode) -> np.ndarray:
    """The mono signals from which a window's filters are estimated.

    Linked channels are heard as their mean. Where that cancels, as in a recording with one
    channel's polarity reversed, the loudest channel speaks for all.

    Args:
        channels: float32 (n, channels).
        mode: "linked" or "independent".

    Returns:
        float32 (1, n) or (channels, n).
    """
    if mode == "independent" or channels.shape[1] == 1:
        return channels.T
    mix: np.ndarray = channels.mean(axis=1)
    powers = np.einsum("nc,nc->c", channels, channels) / len(channels)  # (channels,)
    uncorrelated = powers.sum() / len(powers) ** 2
    if np.vdot(mix, mix) / len(mix) < _CANCELLED * uncorrelated:
        mix = channels[:, np.argmax(powers)]
    return mix[np.newaxis]
