"""The colours of the three themes."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QColor


@dataclass(frozen=True)
class Theme:
    """Colours as ``#rrggbb``, or ``#aarrggbb`` where something shines through.

    Attributes:
        name: "dark", "light" or "contrast".
        window: behind panels.
        base: behind text that can be edited, and lists.
        raised: cards and buttons that lie on the window.
        hover: a raised thing under the pointer.
        border: between two surfaces; decoration only.
        outline: around fields and boxes, strong enough to find them by.
        text: main text and icons.
        muted: secondary text.
        disabled: what cannot be used now.
        accent: the main button, the checked, the focused, the progress.
        accent_text: on `accent`.
        keep: the Keep side, what was kept.
        remove: the Remove side, what was removed.
        warning: something to look at.
        error: something went wrong.
        canvas: behind the waveform and the spectrogram.
        grid: lines across the canvas.
        ruler: behind the rulers.
        waveform: the waveform of the original.
        selection: the selected time; translucent.
        selection_edge: its edges.
        cursor: the edit cursor.
        playhead: what is heard now.
        marker: markers and their names.
        clip: a sample at full scale.
        focus: the ring around what has the keyboard.
    """

    name: str
    window: str
    base: str
    raised: str
    hover: str
    border: str
    outline: str
    text: str
    muted: str
    disabled: str
    accent: str
    accent_text: str
    keep: str
    remove: str
    warning: str
    error: str
    canvas: str
    grid: str
    ruler: str
    waveform: str
    selection: str
    selection_edge: str
    cursor: str
    playhead: str
    marker: str
    clip: str
    focus: str

    def color(self, role: str) -> QColor:
        """One of the colours by its name; raises AttributeError."""
        return QColor(getattr(self, role))

    def heard(self, role: str) -> QColor:
        """The waveform's colour while "original", "kept" or "removed" is heard."""
        return self.color({"kept": "keep", "removed": "remove"}.get(role, "waveform"))

    @property
    def is_dark(self) -> bool:
        """Whether text is lighter than what it stands on."""
        return self.color("window").lightness() < self.color("text").lightness()


DARK = Theme(
    name="dark",
    window="#1d2025",
    base="#14161a",
    raised="#282c33",
    hover="#333942",
    border="#363c45",
    outline="#77818f",
    text="#e7eaee",
    muted="#a3acb8",
    disabled="#6f7884",
    accent="#5aa9ff",
    accent_text="#06131f",
    keep="#62d08f",
    remove="#ff8a80",
    warning="#f2b84b",
    error="#ff8a80",
    canvas="#101216",
    grid="#2a2f37",
    ruler="#1d2025",
    waveform="#7fb2e5",
    selection="#405aa9ff",
    selection_edge="#8cc4ff",
    cursor="#ffffff",
    playhead="#ffd24a",
    marker="#f2b84b",
    clip="#ff5c50",
    focus="#8cc4ff",
)

LIGHT = Theme(
    name="light",
    window="#eff1f4",
    base="#ffffff",
    raised="#fafbfc",
    hover="#e4e8ed",
    border="#cdd3da",
    outline="#7b8591",
    text="#1a1e24",
    muted="#545d69",
    disabled="#98a0aa",
    accent="#1763c6",
    accent_text="#ffffff",
    keep="#18743a",
    remove="#c02a1e",
    warning="#8a5a00",
    error="#c02a1e",
    canvas="#ffffff",
    grid="#dfe3e8",
    ruler="#eff1f4",
    waveform="#2f6fae",
    selection="#401763c6",
    selection_edge="#1763c6",
    cursor="#1a1e24",
    playhead="#c02a7a",
    marker="#8a5a00",
    clip="#d3180c",
    focus="#1763c6",
)

CONTRAST = Theme(
    name="contrast",
    window="#000000",
    base="#000000",
    raised="#000000",
    hover="#2b2b2b",
    border="#ffffff",
    outline="#ffffff",
    text="#ffffff",
    muted="#d4d4d4",
    disabled="#9e9e9e",
    accent="#ffe14d",
    accent_text="#000000",
    keep="#5dff9b",
    remove="#ff9d94",
    warning="#ffc94d",
    error="#ff9d94",
    canvas="#000000",
    grid="#4d4d4d",
    ruler="#000000",
    waveform="#66d9ff",
    selection="#66ffe14d",
    selection_edge="#ffe14d",
    cursor="#ffffff",
    playhead="#ff7af0",
    marker="#ffc94d",
    clip="#ff5c50",
    focus="#ffe14d",
)

THEMES = {theme.name: theme for theme in (DARK, LIGHT, CONTRAST)}
