"""Where rulers put their lines, and what they write beside them.

Lines lie at round values. What is labelled depends on how much room a label needs, so that labels
never touch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from clapsep_desktop.gui.wording import rounded

_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600)
_MINOR_PARTS = {1: 10, 2: 4, 5: 5, 10: 10, 15: 3, 30: 6, 60: 6, 120: 4, 300: 5, 600: 10, 900: 3}
_DECIBELS = (0, -6, -12, -3, -18, -24, -36, -48, -9, -30, -42, -54)  # the first have precedence
_FEW = 4  # labels of a frequency ruler


@dataclass(frozen=True)
class Tick:
    """A line of a ruler; a minor one has no label."""

    value: float
    label: str = ""

    @property
    def is_major(self) -> bool:
        """Whether it is labelled."""
        return bool(self.label)


def time_step(seconds_per_pixel: float, room: float) -> float:
    """The least round number of seconds whose lines lie at least ``room`` pixels apart."""
    needed = seconds_per_pixel * room
    if needed <= 1:
        return _round_up(needed)
    return next((step for step in _TIME_STEPS if step >= needed), 43_200.0)


def time_ticks(start: float, stop: float, width: float, room: float) -> list[Tick]:
    """Lines of a time ruler from ``start`` to ``stop`` seconds over ``width`` pixels."""
    if stop <= start or width <= 0:
        return []
    step = time_step((stop - start) / width, room)
    parts = _parts(step)
    first, last = math.floor(start / step), math.ceil(stop / step)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    ticks = []
    for index in range(first * parts, last * parts + 1):
        value = index * step / parts
        major = index % parts == 0 and value >= 0
        ticks.append(Tick(value, time_label(value, decimals) if major else ""))
    return ticks


def time_label(seconds: float, decimals: int) -> str:
    """``hh:mm:ss``, with ``.mmm`` where decimals are needed, and more of them far in.

    >>> time_label(3725.25, 2), time_label(5, 0)
    ('01:02:05.250', '00:00:05')
    """
    if decimals:
        decimals = max(3, decimals)
    units = round(seconds * 10**decimals)
    whole, fraction = divmod(units, 10**decimals)
    minutes, whole = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours:02d}:{minutes:02d}:{whole:02d}"
    return f"{clock}.{fraction:0{decimals}d}" if decimals else clock


def frequency_ticks(
    low: float, high: float, y_of: Callable[[float], float], room: float, *, even: bool
) -> list[Tick]:
    """Lines of a frequency ruler from ``low`` to ``high`` Hz; ``y_of`` gives a line's pixel.

    On an even (linear) scale labels keep one distance. Otherwise ones are labelled first, then
    twos and fives, where there is room; where these are too few to read by, even steps as well.
    """
    if even:
        step = _round_up((high - low) * room / max(abs(y_of(low) - y_of(high)), 1.0))
        return [Tick(value, frequency_label(value)) for value in _multiples(step, low, high)]
    decades = [10.0**decade for decade in range(int(math.log10(max(high, 10))) + 1)]
    wanted = [digit * decade for digit in (1, 2, 5) for decade in decades]
    chosen = [0.0] if low <= 0 else []
    _choose(chosen, wanted, low, high, y_of, room)
    if len(chosen) < _FEW:
        even_steps = _multiples(_round_up((high - low) / 8), low, high)
        _choose(chosen, even_steps, low, high, y_of, room)
    minor = {digit * decade for decade in decades for digit in range(1, 10)} - set(chosen)
    ticks = [Tick(value, frequency_label(value)) for value in chosen]
    ticks += [Tick(value) for value in minor if low <= value <= high]
    return sorted(ticks, key=lambda tick: tick.value)


def frequency_label(hertz: float) -> str:
    """A frequency in Hz, or in kHz with a k.

    >>> frequency_label(250), frequency_label(12_500)
    ('250', '12.5k')
    """
    return f"{hertz / 1000:g}k" if hertz >= 1000 else f"{hertz:g}"


def amplitude_ticks(y_of: Callable[[float], float], room: float, top: float) -> list[Tick]:
    """Lines of one polarity of a linear amplitude ruler, at round steps from 0 on.

    Args:
        y_of: the pixel of an amplitude.
        room: pixels between two labels at least.
        top: the largest amplitude that is seen.
    """
    step = _round_up(top * room / max(abs(y_of(0) - y_of(top)), 1e-6))
    values = (index * step for index in range(int(top / step * (1 + 1e-9)) + 1))
    return [Tick(value, f"{value:.6g}") for value in values]


def decibel_ticks(y_of: Callable[[float], float], room: float, top: float) -> list[Tick]:
    """Lines of one polarity of a ruler in dBFS, of the rounder values first while there is room.

    Args:
        y_of: the pixel of an amplitude.
        room: pixels between two labels at least.
        top: the largest amplitude that is seen.
    """
    chosen: list[float] = []
    for decibels in _DECIBELS:
        amplitude = 10 ** (decibels / 20)
        far = abs(y_of(amplitude) - y_of(0)) >= room
        if amplitude <= top * 1.0001 and far and _has_room(amplitude, chosen, y_of, room):
            chosen.append(amplitude)
    return [Tick(value, rounded(20 * math.log10(value))) for value in chosen]


def _round_up(value: float) -> float:
    """The least 1, 2 or 5 times a power of ten that is not smaller."""
    power = 10.0 ** math.floor(math.log10(value))
    for digit in (1, 2, 5, 10):
        if digit * power >= value * (1 - 1e-9):
            return digit * power
    raise AssertionError("unreachable")


def _parts(step: float) -> int:
    """Minor steps of a major one."""
    if step >= 1:
        return _MINOR_PARTS.get(round(step), 6)
    digit = round(step / 10.0 ** math.floor(math.log10(step) + 1e-9))
    return _MINOR_PARTS.get(digit, 5)


def _has_room(
    value: float, others: Iterable[float], y_of: Callable[[float], float], room: float
) -> bool:
    return all(abs(y_of(value) - y_of(other)) >= room for other in others)


def _choose(
    chosen: list[float],
    values: Iterable[float],
    low: float,
    high: float,
    y_of: Callable[[float], float],
    room: float,
) -> None:
    """Add the values that are seen and have room."""
    for value in values:
        if low <= value <= high and _has_room(value, chosen, y_of, room):
            chosen.append(value)


def _multiples(step: float, low: float, high: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]
