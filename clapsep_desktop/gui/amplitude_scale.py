"""How amplitudes are laid out over the height of a waveform: linear or in decibels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from clapsep_desktop.gui.ticks import Tick, amplitude_ticks, decibel_ticks

AmplitudeName = Literal["linear", "decibels"]

AMPLITUDES: Final[dict[AmplitudeName, str]] = {"linear": "Linear", "decibels": "Decibels"}
"""Names and what the user reads for them."""

DECIBEL_RANGE: Final = 60.0
"""dB from the middle of a waveform on the decibel scale to full scale."""

CLOSEST: Final = 1000.0
"""The strongest vertical zoom: full height for -60 dBFS."""


@dataclass(frozen=True)
class AmplitudeScale:
    """Amplitudes on a scale; a place is 0 in the middle and 1 at the upper edge.

    Attributes:
        name: "linear", or "decibels" with `DECIBEL_RANGE` from the middle to the edge.
        zoom: how much smaller the amplitude at the edge is than full scale.
    """

    name: AmplitudeName = "linear"
    zoom: float = 1.0

    def places(self, values: np.ndarray) -> np.ndarray:
        """The places of amplitudes, -1 to 1; what is louder lies at the edge."""
        scaled = np.clip(values * self.zoom, -1.0, 1.0)
        if self.name == "linear":
            return scaled
        loudness = np.log10(np.maximum(np.abs(scaled), 1e-9)) * (20 / DECIBEL_RANGE) + 1
        return np.copysign(np.maximum(loudness, 0.0), scaled)

    def place(self, value: float) -> float:
        """The place of one amplitude."""
        return float(self.places(np.array(value)))

    def zoomed(self, factor: float) -> AmplitudeScale:
        """Zoomed in by a factor above 1, or out, down to full scale."""
        return replace(self, zoom=min(max(self.zoom * factor, 1.0), CLOSEST))

    def ticks(self, half: float, room: float) -> list[Tick]:
        """Lines above the middle, by amplitude, over ``half`` pixels."""

        def y_of(value: float) -> float:
            return half * self.place(value)

        make = amplitude_ticks if self.name == "linear" else decibel_ticks
        return make(y_of, room, 1 / self.zoom)


def decibels(amplitude: float) -> float:
    """DBFS of an amplitude; minus infinity for silence."""
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf
