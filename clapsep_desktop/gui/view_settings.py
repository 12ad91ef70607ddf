"""How the recording is drawn; remembered between runs by the preferences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from clapsep_desktop.audio.spectrogram import Channel, SpectrogramSettings, Window
from clapsep_desktop.gui.frequency_scale import ScaleName

FFT_SIZES: Final = (512, 1024, 2048, 4096, 8192, 16384)

AmplitudeName = Literal["linear", "decibels"]

DECIBEL_RANGE: Final = 60.0
"""dB from the middle of a waveform on the decibel scale to full scale."""


@dataclass(frozen=True)
class ViewSettings:
    """How the recording is drawn.

    Attributes:
        frequency_scale: of the spectrogram.
        fft: samples of one spectrum, one of `FFT_SIZES`.
        window: what weights them.
        channel: which channel's spectrogram, from 0; "mix" for the mean of all.
        colours: one of `colour_maps.COLOUR_MAPS`.
        floor: dBFS of the darkest colour.
        ceiling: dBFS of the brightest.
        amplitude_scale: of the waveform.
        blend: how strongly the waveform is drawn over the spectrogram, 0 to 1.
    """

    frequency_scale: ScaleName = "log"
    fft: int = 2048
    window: Window = "hann"
    channel: Channel = "mix"
    colours: str = "magma"
    floor: float = -100.0
    ceiling: float = 0.0
    amplitude_scale: AmplitudeName = "linear"
    blend: float = 0.0

    def __post_init__(self) -> None:
        if self.fft not in FFT_SIZES:
            raise ValueError(f"{self.fft} is not a size of a spectrum")
        if not self.floor < self.ceiling:
            raise ValueError("the floor must lie below the ceiling")

    @property
    def analysis(self) -> SpectrogramSettings:
        """What tiles depend on."""
        return SpectrogramSettings(self.fft, self.window, self.channel)
