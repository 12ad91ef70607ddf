"""The look: colours that can be read, and icons in them."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QColor, QIcon
from PySide6.QtWidgets import QToolButton

from clapsep_desktop.gui import theme
from clapsep_desktop.gui.theme_colours import CONTRAST, DARK, LIGHT, THEMES
from clapsep_desktop.resources import resource

ICONS = sorted(path.stem for path in resource("icons").glob("*.svg"))


@pytest.fixture(autouse=True)
def as_before(qapp):
    yield
    if theme.current() is not DARK:
        theme.apply(qapp, "dark")


def luminance(color: QColor) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = (color.redF(), color.greenF(), color.blueF())
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: QColor, other: QColor) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("worn", THEMES.values(), ids=THEMES)
class TestEveryTheme:
    @pytest.mark.parametrize("ink", ["text", "muted", "keep", "remove", "warning", "error"])
    def test_text_can_be_read(self, worn, ink):
        least = 7.0 if worn.name == "contrast" else 4.5
        for ground in ("window", "base", "raised", "hover"):
            assert contrast(worn.color(ink), worn.color(ground)) >= least, ground

    def test_the_main_button_can_be_read(self, worn):
        assert contrast(worn.color("accent_text"), worn.color("accent")) >= 4.5

    @pytest.mark.parametrize("line", ["outline", "focus"])
    def test_borders_of_controls_can_be_seen(self, worn, line):
        for ground in ("window", "base", "raised"):
            assert contrast(worn.color(line), worn.color(ground)) >= 3.0, ground

    def test_what_is_drawn_can_be_seen(self, worn):
        inks = ("waveform", "keep", "remove", "cursor", "playhead", "marker", "selection_edge")
        for ink in inks:
            assert contrast(worn.color(ink), worn.color("canvas")) >= 3.0, ink

    def test_the_grid_stays_behind_the_waveform(self, worn):
        canvas = worn.color("canvas")
        assert contrast(worn.color("grid"), canvas) < contrast(worn.color("waveform"), canvas)

    def test_a_selection_lets_the_sound_show_through(self, worn):
        assert 0 < worn.color("selection").alpha() < 128

    def test_every_color_is_one(self, worn):
        for field in fields(worn):
            if field.name != "name":
                assert re.fullmatch(r"#([0-9a-f]{2})?[0-9a-f]{6}", getattr(worn, field.name))

    def test_the_style_sheet_is_whole_and_its_drawings_are_there(self, worn):
        sheet = theme.style_sheet(worn)
        assert "$" not in sheet
        drawings = re.findall(r'url\("(.*?)"\)', sheet)
        assert drawings
        for path in drawings:
            assert path.startswith(resource("themes", worn.name).as_posix())
            assert Path(path).is_file()

    def test_it_is_put_on(self, qapp, worn):
        assert theme.apply(qapp, worn.name) is worn
        assert theme.current() is worn
        assert qapp.palette().window().color() == worn.color("window")
        assert qapp.palette().text().color() == worn.color("text")


def test_a_theme_that_is_not_there_changes_nothing(qapp):
    theme.apply(qapp, "light")
    with pytest.raises(KeyError):
        theme.apply(qapp, "pink")
    assert theme.current() is LIGHT
    assert theme.notifier().choice == "light"


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [(Qt.ColorScheme.Light, LIGHT), (Qt.ColorScheme.Dark, DARK)],
)
def test_the_system_is_followed(qapp, monkeypatch, scheme, expected):
    worn = {LIGHT: DARK, DARK: LIGHT}[expected]
    monkeypatch.setattr(theme, "_of_system", lambda: worn)
    assert theme.apply(qapp, "system") is worn
    monkeypatch.setattr(theme, "_of_system", lambda: expected)

    qapp.styleHints().colorSchemeChanged.emit(scheme)

    assert theme.current() is expected


def test_the_system_is_not_followed_where_a_theme_was_chosen(qapp):
    theme.apply(qapp, "contrast")
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert theme.current() is CONTRAST


def ink(icon: QIcon, mode: QIcon.Mode = QIcon.Mode.Normal, state: QIcon.State = QIcon.State.Off):
    """The colour of an icon's fullest pixel, so far as 8 bits and its edge's alpha leave it."""
    image = icon.pixmap(QSize(32, 32), 1.0, mode, state).toImage()
    pixels = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    fullest = max(pixels, key=QColor.alpha)
    assert fullest.alpha() > 200
    return fullest


def alike(color: QColor, name: str) -> bool:
    other = QColor(name)
    return all(
        abs(getattr(color, part)() - getattr(other, part)()) <= 2
        for part in ("red", "green", "blue")
    )


def test_there_are_icons():
    assert len(ICONS) > 50


def test_every_drawing_shows_in_the_color_of_text(qapp):
    theme.apply(qapp, "light")
    for name in ICONS:
        assert alike(ink(theme.icon(name)), LIGHT.text), name
        assert alike(ink(theme.icon(name), QIcon.Mode.Disabled), LIGHT.disabled), name


def test_a_drawing_that_is_not_there_is_told(qapp):
    with pytest.raises(FileNotFoundError):
        theme.icon("no such drawing")


def test_the_programs_icon_tells_keep_from_remove_in_any_theme(qapp):
    for name in THEMES:
        theme.apply(qapp, name)
        image = theme.app_icon().pixmap(QSize(256, 256), 1.0).toImage()
        assert image.width() == 256
        assert alike(image.pixelColor(80, 128), DARK.keep)
        assert alike(image.pixelColor(175, 128), DARK.remove)


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0, 3.0])
def test_icons_are_sharp_at_any_scale(qapp, scale):
    pixmap = theme.icon("play").pixmap(QSize(16, 16), scale)
    assert pixmap.size() == QSize(16, 16) * scale
    assert pixmap.devicePixelRatio() == scale


@pytest.mark.parametrize("kind", [QToolButton, QAction])
def test_a_dressed_thing_goes_along_with_the_theme(qapp, qtbot, kind):
    thing = kind()
    theme.apply(qapp, "dark")
    theme.dress(thing, "play", "keep")
    assert alike(ink(thing.icon()), DARK.keep)
    theme.apply(qapp, "light")
    assert alike(ink(thing.icon()), LIGHT.keep)
    theme.dress(thing, "stop")
    theme.apply(qapp, "contrast")
    assert alike(ink(thing.icon()), CONTRAST.text)
    thing.deleteLater()
