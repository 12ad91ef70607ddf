"""What the export dialog offers for a recording, and how it is worded; no widgets."""

from __future__ import annotations

import math

from clapsep_desktop.audio.export_plan import LOUDNESS_TARGETS
from clapsep_desktop.audio.formats import (
    CONTAINERS,
    DEPTHS,
    INTEGER_BITS,
    AudioInfo,
    Container,
    closest_subtype,
)
from clapsep_desktop.audio.loudness import Loudness
from clapsep_desktop.gui.wording import rounded

RATES = (8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000)
"""Hz that are offered beside the recording's own."""

_DEPTH_NAMES = {"float": "32-bit float", "double": "64-bit float"}
_TARGET_NAMES = {-16.0: "podcast, stereo", -19.0: "podcast, mono", -23.0: "broadcast"}


def containers(info: AudioInfo) -> list[Container]:
    """The kinds of file that can hold a recording's channels."""
    return [one for one in CONTAINERS if info.channels <= one.max_channels]


def own_container(info: AudioInfo) -> Container:
    """The kind of file that is closest to the recording's own; WAV where that cannot be written."""
    offered = containers(info)
    if info.subtype == "OPUS":
        return next(one for one in offered if one.title == "Opus")
    suffix = info.path.suffix.lower()
    return next((one for one in offered if suffix in one.extensions), CONTAINERS[0])


def rates(container: Container, info: AudioInfo) -> list[tuple[str, int | None]]:
    """The rates that a kind of file can have, each with its words; None is the recording's own."""
    own: list[tuple[str, int | None]] = []
    if container.holds_rate(info.rate):
        own = [(f"As the recording ({info.rate / 1000:g} kHz)", None)]
    others = [rate for rate in RATES if rate != info.rate and container.holds_rate(rate)]
    return own + [(f"{rate / 1000:g} kHz", rate) for rate in others]


def nearest_rate(container: Container, info: AudioInfo) -> int | None:
    """The rate to begin with: the recording's own, or the next that can be held."""
    offered = [rate for _, rate in rates(container, info)]
    if None in offered:
        return None
    held = [rate for rate in offered if rate is not None]
    higher = [rate for rate in held if rate >= info.rate]
    return min(higher) if higher else max(held)


def depths(container: Container, info: AudioInfo) -> list[tuple[str, str | None]]:
    """The depths that a kind of file can have, each with its words; None is the recording's own.

    Empty for files without a depth.
    """
    held = [key for key, names in DEPTHS.items() if set(names) & set(container.subtypes)]
    if not held:
        return []
    subtype = closest_subtype(container, info)
    closest = next(key for key in held if subtype in DEPTHS[key])
    exact = subtype == info.subtype or INTEGER_BITS.get(subtype) == info.bits is not None
    words = "As the recording" if exact else "Closest to the recording"
    return [(f"{words} ({depth_name(closest)})", None), *((depth_name(key), key) for key in held)]


def depth_name(key: str) -> str:
    """A depth in words.

    >>> depth_name("24"), depth_name("float")
    ('24-bit', '32-bit float')
    """
    return _DEPTH_NAMES.get(key, f"{key}-bit")


def loudness_targets() -> list[tuple[str, float | None]]:
    """The loudness that can be met, each with its words; None leaves it as it is."""
    named = [
        (f"{rounded(target)} LUFS ({_TARGET_NAMES[target]})", target) for target in LOUDNESS_TARGETS
    ]
    return [("As it is", None), *named]


def loudness_text(loudness: Loudness) -> str:
    """What was measured, in words.

    >>> loudness_text(Loudness(-18.04, -2.31, -2.4))
    'Loudness −18.0 LUFS, true peak −2.3 dBTP.'
    """
    if not math.isfinite(loudness.true_peak):
        return "Silence."
    integrated = (
        f"{rounded(loudness.integrated, 1)} LUFS"
        if math.isfinite(loudness.integrated)
        else "too low to measure"
    )
    return f"Loudness {integrated}, true peak {rounded(loudness.true_peak, 1)} dBTP."
