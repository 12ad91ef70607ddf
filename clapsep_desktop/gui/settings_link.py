"""Between the preferences and the main window: what is remembered is shown, and the other way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QApplication

from clapsep_desktop.gui import theme
from clapsep_desktop.gui.view_settings import ViewSettings

if TYPE_CHECKING:
    from clapsep_desktop.gui.main_window import MainWindow


class SettingsLink(QObject):
    """Shows the preferences in the window, and remembers what is chosen there.

    Args:
        window: with all its parts.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._settings = window, window.editor.settings
        values = self._settings.values
        window.track.set_settings(ViewSettings.of(values))
        window.status.show_model(values.model)
        window.keeping.autosave_every(values.autosave_minutes)
        self._settings.changed.connect(self._on_settings)
        window.track.settings_changed.connect(self._remember_view)
        window.transport.device_chosen.connect(self._choose_device)
        window.themes.chosen.connect(self._choose_theme)
        self._tell_of_other_folder()

    def _tell_of_other_folder(self) -> None:
        """Results lie elsewhere where the folder for them cannot be written."""
        chosen = self._settings.values.results_folder
        folder = self._window.editor.document.store.folder.parent
        if chosen and Path(chosen) != folder:
            self._window.troubles.warn(
                f"Results cannot be written in “{chosen}”: they lie in “{folder}” for now. Choose "
                "another folder in the preferences."
            )

    @Slot(object)
    def _on_settings(self, changed: frozenset[str]) -> None:
        window, values = self._window, self._settings.values
        if "model" in changed:
            window.status.show_model(values.model)
        if "autosave_minutes" in changed:
            window.keeping.autosave_every(values.autosave_minutes)
        if "theme" in changed:
            app = QApplication.instance()
            assert isinstance(app, QApplication)
            theme.apply(app, values.theme)
            window.themes.show_theme(values.theme)
        shown = window.track.settings
        views = replace(ViewSettings.of(values), channel=shown.channel)  # that is not remembered
        if views != shown:
            window.track.set_settings(views)

    @Slot(object)
    def _remember_view(self, settings: ViewSettings) -> None:
        self._settings.update(**settings.changes())

    @Slot(str)
    def _choose_theme(self, name: theme.ThemeName) -> None:
        self._settings.update(theme=name)

    @Slot(str)
    def _choose_device(self, name: str) -> None:
        self._settings.update(output_device=name)
