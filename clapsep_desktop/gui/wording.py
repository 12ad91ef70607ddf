"""Times, sizes and levels in words, as short as they can be read."""

from __future__ import annotations

import math
from typing import Final

MINUS: Final = "−"
"""The minus of print, which is as wide as a plus."""

_WIDEST: Final = 60  # characters of an entry in a menu


def short_time(seconds: float) -> str:
    """A time in as few places as it needs.

    >>> short_time(5.25), short_time(3725)
    ('0:05.250', '1:02:05.000')
    """
    minutes, rest = divmod(round(seconds * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    clock = f"{rest // 1000:02d}.{rest % 1000:03d}"
    return f"{hours}:{minutes:02d}:{clock}" if hours else f"{minutes}:{clock}"


def size_text(amount: int) -> str:
    """Bytes in words.

    >>> size_text(512), size_text(4_300_000), size_text(12_000_000_000)
    ('1 kB', '4.3 MB', '12 GB')
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if amount >= factor:
            number = amount / factor
            return f"{number:.1f} {unit}" if number < 10 else f"{number:.0f} {unit}"
    return f"{math.ceil(amount / 1e3)} kB"


def rounded(value: float, digits: int = 0) -> str:
    """A number with some decimals and, below zero, the minus of print; zero has none.

    >>> rounded(-23), rounded(-2.31, 1), rounded(-0.01, 1)
    ('−23', '−2.3', '0.0')
    """
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", MINUS)


def menu_words(text: str) -> str:
    """A text of the user's as a menu can show it: not too wide, and with its ampersands.

    >>> menu_words("rain & wind"), len(menu_words("a very long text " * 20))
    ('rain && wind', 60)
    """
    short = text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1].rstrip()}…"
    return short.replace("&", "&&")
