"""The windows beside the main one, each made when it is first wanted."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QDialog

from clapsep_desktop.audio.export_plan import ExportMaterial, ExportSettings
from clapsep_desktop.audio.export_sources import ExportReport
from clapsep_desktop.gui.menus import MENUS
from clapsep_desktop.gui.message_bar import Choice
from clapsep_desktop.gui.model_choices import model_choices
from clapsep_desktop.gui.operations.exporting import material_of
from clapsep_desktop.gui.questions import open_folder
from clapsep_desktop.model import registry

if TYPE_CHECKING:
    from clapsep_desktop.gui.export_dialog import ExportDialog
    from clapsep_desktop.gui.main_window import MainWindow
    from clapsep_desktop.gui.models_dialog import ModelsDialog


class Windows(QObject):
    """Opens dialogs over the main window; none of them blocks it for longer than it is open.

    Args:
        window: the main window.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._editor = window.editor
        self._exported: ExportSettings | None = None  # the last time
        self._models: ModelsDialog | None = None  # while it is open
        self._editor.operations.exported.connect(self._on_exported)

    # -- Export --------------------------------------------------------------------------------

    def export(self) -> None:
        """Ask what is to be written where, and write it."""
        from clapsep_desktop.gui.export_dialog import ExportDialog

        folder = self._editor.settings.values.export_folder
        material = material_of(self._editor.document, self._editor.timeline.selection)
        dialog = ExportDialog(
            material,
            folder=Path(folder) if folder and Path(folder).is_dir() else None,
            last=self._exported,
            ask=self._window.dialogs.ask,
            parent=self._window,
        )
        dialog.accepted.connect(partial(self._export, dialog, material))
        self._open(dialog)

    def _export(self, dialog: ExportDialog, material: ExportMaterial) -> None:
        settings = dialog.settings
        assert settings is not None
        self._exported = settings
        self._editor.settings.update(export_folder=str(settings.folder))
        self._editor.operations.export(material, settings)

    @Slot(object)
    def _on_exported(self, report: ExportReport) -> None:
        names = ", ".join(f"“{file.path.name}”" for file in report.files)
        folder = report.files[0].path.parent
        self._window.messages.say(
            " ".join([f"Written to “{folder}”: {names}.", *report.notes]),
            title="Exported",
            choices=[Choice("Show Folder", partial(open_folder, folder))],
        )

    # -- The others ----------------------------------------------------------------------------

    def show_preferences(self) -> None:
        """Show the preferences."""
        from clapsep_desktop.gui.preferences_dialog import PreferencesDialog

        outputs = [output.name for output in self._editor.player.devices()]
        models = model_choices([model.name for model in registry.installed()])
        dialog = PreferencesDialog(self._editor.settings, outputs, models, self._window)
        dialog.results_folder_wanted.connect(self._window.move_results)
        self._open(dialog)

    def show_keys(self) -> None:
        """Show every command and its keys."""
        from clapsep_desktop.gui.shortcuts_dialog import PANEL_KEYS, ShortcutsDialog, entries_of

        actions = self._window.actions_
        entries = [
            entry
            for title, names in MENUS
            for entry in entries_of(
                title.replace("&", ""), [actions[name] for name in names if name in actions]
            )
        ]
        self._open(ShortcutsDialog([*entries, *PANEL_KEYS], self._window))

    def show_about(self) -> None:
        """Show versions, models and credits."""
        from clapsep_desktop.gui.about_dialog import AboutDialog

        self._open(AboutDialog(self._window))

    def show_models(self, name: str = "base") -> None:
        """Show the models, with one of them chosen; the editor can be used meanwhile."""
        from clapsep_desktop.gui.models_dialog import ModelsDialog

        if self._models is None:
            self._models = ModelsDialog(ask=self._window.dialogs.ask, parent=self._window)
            self._models.changed.connect(self._on_models)
            self._models.finished.connect(self._forget_models)
        self._models.choose(name)
        self._models.show()
        self._models.raise_()
        self._models.activateWindow()

    def close(self) -> None:
        """Stop what is being installed; what was downloaded is kept."""
        if self._models is not None:
            self._models.done(0)

    @Slot()
    def _on_models(self) -> None:
        self._editor.operations.forget_models()
        self._window.query_link.refresh_models()

    @Slot()
    def _forget_models(self) -> None:
        if self._models is not None:
            self._models.deleteLater()
            self._models = None

    def _open(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
