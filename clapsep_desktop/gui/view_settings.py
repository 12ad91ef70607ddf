"""How the recording is drawn; remembered between runs by the preferences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from clapsep_desktop.audio.spectrogram import Channel, SpectrogramSettings, Window
from clapsep_desktop.gui.amplitude_scale import AmplitudeName
from clapsep_desktop.gui.frequency_scale import ScaleName
from clapsep_desktop.gui.preferences import FFT_SIZES, Preferences

WINDOWS: Final[dict[Window, str]] = {
    "hann": "Hann",
    "hamming": "Hamming",
    "blackmanharris": "Blackman-Harris",
}
"""Names and what the user reads for them."""


LOWEST: Final = -150
"""The lowest floor that can be chosen, dBFS."""

NARROWEST: Final = 10
"""dB between floor and ceiling at least, where they are chosen."""


@dataclass(frozen=True)
class ViewSettings:
    """How the recording is drawn.

    Attributes:
        frequency_scale: of the spectrogram.
        fft: samples of one spectrum, one of `preferences.FFT_SIZES`.
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

    @classmethod
    def of(cls, preferences: Preferences) -> ViewSettings:
        """What the preferences remember."""
        return cls(
            frequency_scale=preferences.spectrogram_scale,
            fft=preferences.spectrogram_fft,
            window=preferences.spectrogram_window,
            colours=preferences.spectrogram_colors,
            floor=preferences.spectrogram_floor,
            ceiling=preferences.spectrogram_ceiling,
            amplitude_scale=preferences.amplitude_scale,
            blend=preferences.view_blend,
        )

    def changes(self) -> dict[str, object]:
        """The preferences' fields that remember this, for `Settings.update`."""
        return {
            "spectrogram_scale": self.frequency_scale,
            "spectrogram_fft": self.fft,
            "spectrogram_window": self.window,
            "spectrogram_colors": self.colours,
            "spectrogram_floor": self.floor,
            "spectrogram_ceiling": self.ceiling,
            "amplitude_scale": self.amplitude_scale,
            "view_blend": self.blend,
        }
