"""The look: the palette and style sheet made of a theme's colours, and icons.

Fusion is the base style on every system; a palette gives it its colours and a short style sheet
(``resources/themes/style.qss``) its shapes. Icons are line drawings in one colour and are tinted
here. A widget takes its own icons and its painting colours anew on `notifier().changed`.
"""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from string import Template
from typing import Literal

from PySide6.QtCore import QByteArray, QObject, QRectF, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QColor,
    QGuiApplication,
    QIcon,
    QImage,
    QPainter,
    QPalette,
    QPixmap,
)
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QApplication

from clapsep_desktop.gui.theme_colours import DARK, LIGHT, THEMES, Theme
from clapsep_desktop.resources import resource

ThemeName = Literal["dark", "light", "contrast", "system"]

THEME_NAMES: dict[ThemeName, str] = {
    "dark": "Dark",
    "light": "Light",
    "contrast": "High Contrast",
    "system": "Like the System",
}
"""Every choice and what the user reads for it."""

ICON_SIZES = (16, 20, 24, 32, 40, 48, 64, 96)
"""Pixels on a side at which icons are drawn; Qt takes the next larger one for each screen."""


class Notifier(QObject):
    """Tells widgets that the theme is another.

    Signals:
        changed(Theme): after palette and style sheet were set.
    """

    changed = Signal(object)

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self.theme = DARK
        self.choice: ThemeName = "dark"
        app.styleHints().colorSchemeChanged.connect(self._follow)

    def show(self, app: QApplication, choice: ThemeName) -> None:
        """Puts a theme on every window; raises KeyError where there is none of the name."""
        hints = app.styleHints()
        if choice == "system":
            hints.unsetColorScheme()
        self.theme = _of_system() if choice == "system" else THEMES[choice]
        self.choice = choice
        if choice != "system":  # title bars and file dialogs of the system go along
            dark = self.theme.is_dark
            hints.setColorScheme(Qt.ColorScheme.Dark if dark else Qt.ColorScheme.Light)
        self._dress(app)

    def _dress(self, app: QApplication) -> None:
        app.setStyle("Fusion")
        app.setPalette(palette(self.theme))
        app.setStyleSheet(style_sheet(self.theme))
        self.changed.emit(self.theme)

    def _follow(self, _: Qt.ColorScheme) -> None:
        app = QApplication.instance()
        if self.choice != "system" or not isinstance(app, QApplication):
            return
        if self.theme is not _of_system():
            self.theme = _of_system()
            self._dress(app)


_notifier: Notifier | None = None


def notifier() -> Notifier:
    """The application's; there must be a QApplication."""
    global _notifier  # noqa: PLW0603  # one application, one look
    app = QApplication.instance()
    assert isinstance(app, QApplication), "a theme needs an application"
    if _notifier is None or _notifier.parent() is not app:
        _notifier = Notifier(app)
    return _notifier


def apply(app: QApplication, name: ThemeName = "dark") -> Theme:
    """Dresses the application in a theme, now and while the system's own changes.

    Raises:
        KeyError: there is no such theme.
    """
    notifier().show(app, name)
    return current()


def current() -> Theme:
    """The theme that is worn now."""
    return DARK if _notifier is None else _notifier.theme


def palette(theme: Theme) -> QPalette:
    """The palette of a theme, which Qt's own dialogs keep to as well."""
    colors = QPalette()
    roles = {
        QPalette.ColorRole.Window: theme.window,
        QPalette.ColorRole.WindowText: theme.text,
        QPalette.ColorRole.Base: theme.base,
        QPalette.ColorRole.AlternateBase: theme.raised,
        QPalette.ColorRole.Text: theme.text,
        QPalette.ColorRole.PlaceholderText: theme.muted,
        QPalette.ColorRole.Button: theme.raised,
        QPalette.ColorRole.ButtonText: theme.text,
        QPalette.ColorRole.BrightText: theme.error,
        QPalette.ColorRole.Highlight: theme.accent,
        QPalette.ColorRole.HighlightedText: theme.accent_text,
        QPalette.ColorRole.Accent: theme.accent,
        QPalette.ColorRole.Link: theme.accent,
        QPalette.ColorRole.LinkVisited: theme.accent,
        QPalette.ColorRole.ToolTipBase: theme.raised,
        QPalette.ColorRole.ToolTipText: theme.text,
        QPalette.ColorRole.Light: theme.hover,
        QPalette.ColorRole.Midlight: theme.hover,
        QPalette.ColorRole.Mid: theme.border,
        QPalette.ColorRole.Dark: theme.border,
        QPalette.ColorRole.Shadow: theme.base,
    }
    for role, color in roles.items():
        colors.setColor(role, QColor(color))
    for role in (
        QPalette.ColorRole.WindowText,
        QPalette.ColorRole.Text,
        QPalette.ColorRole.ButtonText,
        QPalette.ColorRole.HighlightedText,
    ):
        colors.setColor(QPalette.ColorGroup.Disabled, role, QColor(theme.disabled))
    colors.setColor(
        QPalette.ColorGroup.Disabled, QPalette.ColorRole.Highlight, QColor(theme.border)
    )
    return colors


def style_sheet(theme: Theme) -> str:
    """The style sheet of a theme."""
    template = Template(resource("themes", "style.qss").read_text(encoding="utf-8"))
    colors = {field.name: getattr(theme, field.name) for field in fields(theme)}
    marks = resource("themes", theme.name).as_posix()
    return template.substitute(colors, marks=marks)


def icon(name: str, role: str = "text") -> QIcon:
    """An icon in the colours of the theme that is worn now.

    Args:
        name: of a drawing in ``resources/icons``.
        role: the theme's colour for it; a checked button shows it in the accent.

    Raises:
        FileNotFoundError: there is no such drawing.
    """
    return _tinted(name, current(), role)


def app_icon() -> QIcon:
    """The program's own icon, the same in every theme."""
    renderer = QSvgRenderer(str(resource("app.svg")))
    made = QIcon()
    for size in (*ICON_SIZES, 128, 256):
        made.addPixmap(QPixmap.fromImage(_drawn(renderer, size)))
    return made


def dress(target: QAbstractButton | QAction, name: str, role: str = "text") -> None:
    """Gives a button or an action an icon that goes along with the theme."""
    _Dresser(target, name, role)


class _Dresser(QObject):
    """Lives as long as what it dresses."""

    def __init__(self, target: QAbstractButton | QAction, name: str, role: str) -> None:
        for former in target.findChildren(_Dresser):
            former.setParent(None)
            former.deleteLater()
        super().__init__(target)
        self._target, self._name, self._role = target, name, role
        notifier().changed.connect(self._show)
        self._show(current())

    def _show(self, theme: Theme) -> None:
        self._target.setIcon(_tinted(self._name, theme, self._role))


@lru_cache(maxsize=512)
def _tinted(name: str, theme: Theme, role: str) -> QIcon:
    colors = {
        (QIcon.Mode.Normal, QIcon.State.Off): getattr(theme, role),
        (QIcon.Mode.Selected, QIcon.State.Off): theme.accent_text,
        (QIcon.Mode.Disabled, QIcon.State.Off): theme.disabled,
    }
    if role == "text":
        colors[QIcon.Mode.Normal, QIcon.State.On] = theme.accent
    made = QIcon()
    for mask in _masks(name):
        for (mode, state), color in colors.items():
            made.addPixmap(_filled(mask, color), mode, state)
    return made


@lru_cache(maxsize=256)
def _masks(name: str) -> tuple[QImage, ...]:
    """A drawing at every size; only the alpha counts."""
    drawing = resource("icons", f"{name}.svg").read_bytes()
    renderer = QSvgRenderer(QByteArray(drawing))
    return tuple(_drawn(renderer, size) for size in ICON_SIZES)


def _drawn(renderer: QSvgRenderer, size: int) -> QImage:
    image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return image


def _filled(mask: QImage, color: str) -> QPixmap:
    image = mask.copy()
    painter = QPainter(image)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    painter.fillRect(image.rect(), QColor(color))
    painter.end()
    return QPixmap.fromImage(image)


def _of_system() -> Theme:
    scheme = QGuiApplication.styleHints().colorScheme()
    return LIGHT if scheme == Qt.ColorScheme.Light else DARK
